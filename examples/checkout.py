"""A checkout in several steps, composed in Python: no JSON anywhere.

holdfast check examples/checkout.py
holdfast asl examples/checkout.py              what it compiles to
holdfast asl examples/checkout.py --mermaid    and what that looks like
holdfast run examples/checkout.py
"""

import json
from typing import Annotated, Any

from pydantic import BaseModel, Field

from holdfast import App, Event, bearer
from holdfast.steps import choose, each, fail, field, parallel, put, task, wait

app = App("checkout")


class Line(BaseModel):
    sku: str
    count: Annotated[int, Field(ge=1)]


class Order(BaseModel):
    id: str
    total: Annotated[float, Field(ge=0)]
    lines: Annotated[list[Line], Field(min_length=1)]


class CardDeclined(Exception):
    """Trying again cannot help; the customer can."""


class OutOfStock(Exception):
    """More will come in."""


def charge(event: Event[Order]) -> dict[str, Any]:
    if event.body.total > 10_000:
        raise CardDeclined(f"{event.body.total} is more than this card is good for")
    return {"id": f"pay-{event.body.id}", "amount": event.body.total}


def tell_customer(input: dict[str, Any]) -> None:
    cause = json.loads(input["declined"]["Cause"])
    print(f"declined: {cause['errorMessage']}")


def reserve(input: Line) -> str:
    if input.count > 100:
        raise OutOfStock(f"only 100 of {input.sku} are left")
    return f"{input.count} of {input.sku}"


def pack(input: dict[str, Any]) -> None:
    print(f"packing {', '.join(input['reserved'])}")


def send_receipt(input: dict[str, Any]) -> None:
    print(f"receipt for {input['payment']['amount']}, paid with {input['payment']['id']}")


pay = (
    task(charge, timeout="20s", result="payment")
    .retry(ConnectionError, attempts=2, every="1s")
    .catch(CardDeclined, tell_customer, result="declined")
)

app.webhook(
    "/orders",
    verify=bearer("env:ORDERS_TOKEN"),
    timeout="2m",
    workflow=(
        choose(
            field("body.total") == 0,
            then=put("payment", {"id": "free", "amount": field("body.total")}),
            otherwise=pay,
        )
        >> each(
            "body.lines",
            task(reserve).retry(OutOfStock, attempts=3, every="5s", jitter=True),
            at_once=5,
            result="reserved",
        ).catch(OutOfStock, fail("OutOfStock", "an order waits for its goods"))
        >> parallel(wait("1s") >> task(pack), send_receipt)
    ),
)
