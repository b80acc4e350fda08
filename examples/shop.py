"""A shop's webhooks: four providers, another program, and an order worked in several steps.

holdfast check examples/shop.py
holdfast run examples/shop.py
"""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from holdfast import Answer, App, Event, Pipe, Queue, RateLimit, bearer, hmac_sha256, providers

app = App("shop")

# Payments. Each function works the events of one type; other types are kept and left alone.
stripe = app.webhook("/stripe", provider=providers.stripe("env:STRIPE_WEBHOOK_SECRET"))


@stripe.on("invoice.paid")
async def mark_paid(event: Event) -> None:
    print(f"paid: {event.body['data']['object']['id']}")


@stripe.on("customer.subscription.*")
def sync_subscription(event: Event) -> None:
    print(f"{event.type}: {event.body['data']['object']['id']}")


# Pushes go to a program in another language, signed anew with a secret that the two of us share.
app.webhook("/github", provider=providers.github("env:GITHUB_SECRET")).forward(
    "http://localhost:3000/hooks",
    sign=hmac_sha256("env:FORWARD_SECRET", header="X-Signature-256"),
    timeout="10s",
)

# Slack shakes hands by itself, and gives up on whoever does not answer within three seconds: it
# never has to wait for this function.
slack = app.webhook("/slack", provider=providers.slack("env:SLACK_SIGNING_SECRET"))


@slack.on("app_mention")
def reply(event: Event) -> None:
    print(f"mentioned in {event.body['event']['channel']}")


# One shop at a time: Shopify's updates of the same product should not overtake each other.
shopify = app.webhook(
    "/shopify",
    provider=providers.shopify("env:SHOPIFY_SECRET"),
    pipe=Pipe(concurrency=1),
)


@shopify.on("products/*")
def reindex(event: Event) -> None:
    print(f"{event.type}: {event.body['id']}")


@shopify
def note(event: Event) -> None:
    print(f"{event.type} from {event.headers.get('X-Shopify-Shop-Domain')}")


# Orders are charged and shipped: the steps stand in orders.asl.json, the work is done here.
class Line(BaseModel):
    sku: str
    count: Annotated[int, Field(ge=1)]


class Order(BaseModel):
    id: str
    total: Annotated[float, Field(ge=0)]
    lines: Annotated[list[Line], Field(min_length=1)]


class CardDeclined(Exception):
    """The workflow catches this one by its name."""


def charge(event: Event[Order]) -> dict[str, Any]:
    if event.body.total > 10_000:
        raise CardDeclined(f"{event.body.total} is more than this card is good for")
    return {"charged": event.body.total}


def ship(event: Event[Order]) -> None:
    print(f"shipping {len(event.body.lines)} lines of order {event.body.id}")


def tell_customer(input: dict[str, Any]) -> None:
    print(f"declined: {input['declined']['Cause']}")


orders = app.webhook(
    "/tenants/{tenant}/orders",
    verify=bearer("env:ORDERS_TOKEN"),
    workflow="orders.asl.json",
    tasks=[charge, ship, tell_customer],
    rate_limit=RateLimit(per_second=50),
    queue=Queue(retention="14d", max_receive_count=5),
    answer=Answer(status=202),
)
