"""The first definition that `holdfast init` writes, and a body to try it with.

Everything in it that is not needed for the first event is there as a comment, so that the file is
also the shortest tour of what can be said.
"""

from __future__ import annotations

from typing import Final

STARTER_NAME: Final = "hooks.py"
STARTER_VARIABLE: Final = "USERS_SECRET"
"""The environment variable that the definition refers to."""

STARTER_BODY: Final = '{"name": "Ada", "age": 36, "email": "ada@example.com"}'

STARTER: Final = '''\
"""My webhooks. Check this file with `holdfast check hooks.py`, run it with `holdfast run hooks.py`."""

from typing import Annotated

from pydantic import BaseModel, EmailStr, Field

from holdfast import App, Event, hmac_sha256

app = App("my-webhooks")


# The body of an event. What does not fit is answered 400 at the door, with every reason.
class User(BaseModel):
    name: str
    age: Annotated[int, Field(ge=18)]
    email: EmailStr


# One webhook: POST /users. The sender signs the body with a secret that you both know.
# The secret itself is never written here, only where it is: env:NAME or file:PATH.
#
# `holdfast init` made one, and put it into `.env` beside this file.
#
# An event is on disk before its sender hears 200. It is worked afterwards, and again if that
# fails; after three attempts it rests in dead letters (`holdfast dead`) until you send it back.
@app.webhook("/users", verify=hmac_sha256("env:USERS_SECRET", header="X-Signature-256"))
def welcome(event: Event[User]) -> None:
    print(f"welcome {event.body.name}")


# Known senders bring their own way of signing, and name the type of their events:
#
#     from holdfast import providers
#
#     stripe = app.webhook("/stripe", provider=providers.stripe("env:STRIPE_WEBHOOK_SECRET"))
#
#     @stripe.on("invoice.paid")
#     async def mark_paid(event: Event) -> None: ...
#
#     @stripe.on("customer.subscription.*")
#     def sync_subscription(event: Event) -> None: ...
#
# Another program, in any language, can do the work; it is tried again until it answers 2xx:
#
#     app.webhook("/github", provider=providers.github("env:GITHUB_SECRET")).forward(
#         "http://localhost:3000/hooks"
#     )
#
# Every setting has a default. Here are some, as they stand when nothing is said:
#
#     from holdfast import Pipe, Queue
#
#     @app.webhook(
#         "/orders",
#         body_limit=1024 * 1024,
#         timeout="60s",
#         queue=Queue(retention="7d", dead_retention="14d", max_receive_count=3),
#         pipe=Pipe(batch=10, concurrency=10, backoff="1s"),
#     )
'''
