"""A definition to be deployed. What its handlers do can be seen from outside: they write to a queue."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from holdfast import App, Event, hmac_sha256, providers
from holdfast.steps import field, send

app = App("hooks")

WORKED = "worked"
OUTAGE = "outage"


class User(BaseModel):
    name: str
    age: Annotated[int, Field(ge=18)]
    needs: str = ""


def _sqs() -> Any:
    from botocore.session import Session  # noqa: PLC0415 - only where it runs in Lambda

    return Session().create_client("sqs")


def _exists(sqs: Any, name: str) -> bool:
    return bool(sqs.list_queues(QueueNamePrefix=name).get("QueueUrls"))


@app.webhook(
    "/users",
    verify=hmac_sha256("env:USERS_SECRET", header="X-Signature-256"),
    delivery_id="header:X-Delivery",
    body_limit=2048,
)
def welcome(event: Event[User]) -> None:
    """Fails while there is a queue called `outage`, for those who need what is out."""
    sqs = _sqs()
    if event.body.needs and _exists(sqs, event.body.needs):
        raise ConnectionError(f"{event.body.needs} is out")
    url = sqs.get_queue_url(QueueName=WORKED)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=event.body.name)


slack = app.webhook("/slack", provider=providers.slack("env:SLACK_SIGNING_SECRET"))


@slack
def reply(event: Event) -> None:
    """Any message."""


app.webhook(
    "/orders",
    verify=hmac_sha256("aws-ssm:/hooks/ORDERS_SECRET", header="X-Signature-256"),
    workflow=send(
        "users", {"name": field("body.buyer"), "age": 36}, attributes={"X-Delivery": field("id")}
    ),
)
