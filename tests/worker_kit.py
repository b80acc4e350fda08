"""The functions of a stack, as Lambda has them and calls them, over a real SQS and DynamoDB."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from holdfast.aws.worker.functions import function_of
from holdfast.aws.worker.setting import Setting
from holdfast.clock import ManualClock
from holdfast.envelope import encode
from holdfast.message import Message, Request
from holdfast.queue.engines.sqs.engine import SQSEngine
from holdfast.testing import sign
from holdfast.verify import hmac_sha256
from sqs_kit import Cloud, new_prefix

NOW_MS: Final = 1_700_000_000_000
SECRET: Final = "the shop's own secret"
HMAC: Final = hmac_sha256("env:USERS_SECRET", header="X-Sig")
DEFINITION: Final = """
from typing import Annotated, Any
from pydantic import BaseModel, Field
from holdfast import App, Event, Permanent, basic, hmac_sha256, providers

app = App("shop")

class User(BaseModel):
    name: str
    age: Annotated[int, Field(ge=18)]

@app.webhook("/users", verify=hmac_sha256("env:USERS_SECRET", header="X-Sig"),
             delivery_id="header:X-Delivery")
def welcome(event: Event[User]) -> dict[str, Any]:
    if event.body.name == "alan":
        raise ConnectionError("the tape is torn [quarantine: forged]")
    if event.body.name == "eve":
        raise Permanent("nobody called eve")
    return {"name": event.body.name, "attempt": event.attempt, "delivery": event.delivery_id}

@app.webhook("/basic", verify=basic("ada", "env:BASIC_SECRET"))
async def kept(event: Event) -> str:
    return event.headers["authorization"]

@app.webhook("/door", verify=hmac_sha256("env:USERS_SECRET", header="X-Sig"), verify_at="gateway")
def at_the_door(event: Event) -> None: ...

@app.webhook("/notion", provider=providers.notion("env:NOTION_SECRET"))
def noted(event: Event) -> None: ...

@app.webhook("/asana", provider=providers.asana("aws-ssm:/shop/asana"))
def assigned(event: Event) -> None: ...

@app.webhook("/github", provider=providers.github("env:USERS_SECRET"))
def pushed(event: Event) -> None: ...

@app.webhook("/woo", provider=providers.woocommerce("env:USERS_SECRET"))
def ordered(event: Event) -> None: ...

@app.webhook("/sns", provider=providers.aws_sns())
def notified(event: Event) -> None: ...
"""


class Shop:
    """The functions of one stack, by webhook and task."""

    def __init__(self, folder: Path, running: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
        self.definition = folder / "hooks.py"
        self.definition.write_text(DEFINITION)
        self.made: list[Any] = []
        self.clock = ManualClock(NOW_MS)
        running.follow(self.clock)
        self.engine: SQSEngine = running.engine(new_prefix(), self.clock)
        self.engine._ledger.create()
        monkeypatch.setenv("AWS_ENDPOINT_URL", running.endpoint)
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        monkeypatch.setenv("USERS_SECRET", SECRET)
        monkeypatch.setenv("BASIC_SECRET", "a password")

    def function(self, webhook: str, task: str, **more: Any) -> Callable[..., Any]:
        prefix = self.engine.location.prefix
        given: dict[str, Any] = {
            "definition": self.definition,
            "webhook": webhook,
            "task": task,
            "secrets": {},
            "stack": prefix,
            "table": self.engine.location.ledger,
            "execution_seconds": 65.0,
            "queue": "",
            **more,
        }
        made = function_of(Setting(**given), self.clock)
        self.made.append(made)
        return made

    def close(self) -> None:
        """What Lambda leaves to the end of the process."""
        for each in self.made:
            loop = getattr(each, "_loop", None)
            if loop is not None:
                loop.close()
            for api in _apis(each):
                api.close()
        self.engine.close()


def _apis(function: Any) -> list[Any]:
    ledger, door = getattr(function, "_ledger", None), getattr(function, "_door", None)
    return [each._api for each in (ledger, door and door._sender) if each is not None]


@contextmanager
def opened(folder: Path, running: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    made = Shop(folder, running, monkeypatch)
    yield made
    made.close()


def a_user(name: str = "ada", age: int = 36, **fields: Any) -> Message:
    """Signed by its sender."""
    given = {"secret": SECRET, "id": "m-1", "delivery": "d-1", **fields}
    headers = {"X-Delivery": given["delivery"]}
    request = sign(
        HMAC,
        {"name": name, "age": age},
        secret=given["secret"],
        now=NOW_MS / 1000,
        headers=headers,
        url="https://hooks.example/users",
    )
    return Message(given["id"], "users", NOW_MS, request)


def a_record(message: Message | str, receives: int = 1) -> dict[str, Any]:
    body = message if isinstance(message, str) else encode(message)
    attributes = {"ApproximateReceiveCount": str(receives), "SentTimestamp": str(NOW_MS)}
    return {"messageId": "sqs-1", "receiptHandle": "r", "body": body, "attributes": attributes}


def raised(function: Callable[..., Any], given: Any) -> tuple[str, str]:
    """The name and the message under which Lambda would tell it."""
    with pytest.raises(Exception) as told:  # noqa: PT011 - its name is what is looked at
        function(given, None)
    return type(told.value).__name__, str(told.value)


def proxied(request: Request, path: str = "/door") -> dict[str, Any]:
    """As API Gateway hands a request to a function."""
    return {
        "httpMethod": request.method,
        "path": path,
        "multiValueHeaders": {name.title(): [value] for name, value in request.headers},
        "multiValueQueryStringParameters": None,
        "requestContext": {
            "path": f"/live{path}",
            "domainName": "abc.execute-api.example",
            "identity": {"sourceIp": "192.0.2.7"},
        },
        "body": request.body.decode(),
        "isBase64Encoded": False,
    }
