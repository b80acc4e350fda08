"""The definition behind the browser tests and the screenshots: a shop with a few senders."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field

from holdfast import (
    Alert,
    App,
    Event,
    Permanent,
    Pipe,
    Queue,
    SignedWebhook,
    bearer,
    hmac_sha256,
    providers,
)
from holdfast.steps import choose, each, field, parallel, task

app = App(
    "storefront",
    alerts=[
        Alert.dead(),
        Alert.depth(over=1_000, severity="critical"),
        Alert.oldest(over="10m"),
        Alert.silence(after="1h", webhook="stripe"),
    ],
    notify=[SignedWebhook("http://127.0.0.1:1/alerts", "env:ALERTS_SECRET")],
)
HERE = Path.cwd()
QUICK = Pipe(backoff="10ms", max_backoff="20ms")
STOCK = {"sku-1": 12, "sku-2": 3, "sku-7": 40}


class Order(BaseModel):
    id: str
    type: str = "order.placed"
    customer: str
    total: Annotated[float, Field(ge=0)]
    card: str = "visa"
    lines: list[str]


class CardDeclined(Exception): ...


def charge(event: Event[Order]) -> dict[str, Any]:
    if event.body.card == "declined":
        raise CardDeclined(f"card of {event.body.customer} was declined")
    return {"charged": event.body.total, "by": "terminal-3"}


def tell_customer(input: dict[str, Any]) -> None: ...
def ship(event: Event[Order]) -> dict[str, Any]:
    return {"parcel": f"P-{event.body.id}"}


def send_receipt(event: Event[Order]) -> None: ...


def pick(input: str) -> int:
    if input not in STOCK and not (HERE / "mended").exists():
        raise KeyError(f"{input} is not in stock")
    return STOCK.get(input, 0)


app.webhook(
    "/orders",
    body=Order,
    verify=hmac_sha256("env:ORDERS_SECRET", header="X-Signature"),
    event_type="json:type",
    delivery_id="header:X-Delivery",
    queue=Queue(max_receive_count=2),
    pipe=QUICK,
    log_level="ALL",
    workflow=(
        choose(
            field("body.total") == 0,
            then=task(send_receipt),
            otherwise=task(charge, timeout="20s", result="payment")
            .retry(ConnectionError, attempts=2, every="1s")
            .catch(CardDeclined, tell_customer, result="declined"),
        )
        >> parallel(ship, send_receipt)
        >> each("body.lines", pick, at_once=2)
    ),
)


stripe = app.webhook(
    "/stripe",
    provider=providers.stripe("env:STRIPE_SECRET"),
    queue=Queue(max_receive_count=1),
    pipe=QUICK,
)


@stripe.on("invoice.paid")
def mark_paid(event: Event[Any]) -> None: ...


@stripe.on("invoice.payment_failed")
def remind(event: Event[Any]) -> None:
    if not (HERE / "mended").exists():
        number = event.body["data"]["object"]["number"]
        raise TimeoutError(f"mail.example.com did not answer within 5 seconds, attempt {number}")


@stripe.on("customer.deleted")
def forget(event: Event[Any]) -> None:
    raise Permanent(f"customer {event.body['data']['object']['id']} has open orders")


@app.webhook(
    "/anything",
    content_types=["*/*"],
    body_limit=2 * 1024 * 1024,
    event_type="json:type",
    queue=Queue(max_receive_count=1),
    pipe=QUICK,
)
def anything(event: Event[bytes]) -> None:
    """Whatever anybody may send; what names an error fails with it."""
    if b"fail with " in event.raw:
        raise RuntimeError(event.raw.partition(b"fail with ")[2].decode("utf-8", "replace"))


@app.webhook("/partner/{tenant}", verify=bearer("env:PARTNER_TOKEN"), verify_at="gateway")
def partner(event: Event[Any]) -> None: ...
