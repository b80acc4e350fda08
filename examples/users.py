"""The reference example: new users arrive as signed webhooks and are welcomed.

holdfast run examples/users.py
holdfast send /users --json '{"name": "Ada", "age": 36, "email": "ada@example.com"}'
"""

from typing import Annotated

from pydantic import BaseModel, EmailStr, Field

from holdfast import App, Event, hmac_sha256

app = App("users")


class User(BaseModel):
    name: str
    age: Annotated[int, Field(ge=18)]
    email: EmailStr


@app.webhook("/users", verify=hmac_sha256("env:USERS_SECRET", header="X-Signature-256"))
def welcome(event: Event[User]) -> None:
    print(f"welcome {event.body.name}")
