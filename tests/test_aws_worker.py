"""What runs in Lambda, called as Lambda calls it, over a real SQS and DynamoDB."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from holdfast.aws.contract import DOOR, DUPLICATE, HELD, SETTLE, message_in
from holdfast.aws.worker.functions import function_of
from holdfast.aws.worker.setting import Setting
from holdfast.clock import ManualClock
from holdfast.envelope import decode, encode
from holdfast.errors import NotFound
from holdfast.message import Headers, Message, Request
from holdfast.queue.engines.sqs.engine import SQSEngine
from holdfast.testing import sign
from holdfast.verify import basic, hmac_sha256
from holdfast.workflow.asl import VERIFY
from sqs_kit import Cloud, cloud, new_prefix  # noqa: F401 - a fixture

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
            "claim_seconds": 125.0,
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


@pytest.fixture
def shop(
    tmp_path: Path,
    cloud: Cloud,  # noqa: F811 - the fixture
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Shop]:
    made = Shop(tmp_path, cloud, monkeypatch)
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


def test_verify_makes_the_input_that_local_executions_begin_with(shop: Shop) -> None:
    """The fields of the contract, the attempt of the record, and the event for tasks that take it."""
    message = a_user()
    built = shop.function("users", VERIFY)(a_record(message, receives=2), None)

    assert message_in(built) == message
    del built["holdfast"]
    assert built == {
        "id": "m-1",
        "webhook": "users",
        "type": None,
        "deliveryId": "d-1",
        "receivedAt": "2023-11-14T22:13:20.000Z",
        "attempt": 2,
        "headers": message.request.headers.last_values(),
        "body": {"name": "ada", "age": 36},
        "bodyEncoding": "json",
    }


def test_verify_says_under_which_reason_a_record_rests(shop: Shop) -> None:
    """A forgery, a body that does not fit and what is no envelope are quarantined, each as what it is."""
    verify = shop.function("users", VERIFY)

    assert (
        "[quarantine: body_altered_or_wrong_secret]"
        in raised(verify, a_record(a_user(secret="a guess")))[1]
    )
    name, message = raised(verify, a_record(a_user(age=17)))
    assert (name, "[quarantine: schema_invalid]" in message) == ("SchemaInvalid", True)
    assert "[quarantine: envelope_invalid]" in raised(verify, a_record("not JSON"))[1]


def test_a_missing_secret_is_tried_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is known about the event then, so it is not put away."""
    monkeypatch.delenv("USERS_SECRET")

    name, message = raised(shop.function("users", VERIFY), a_record(a_user()))

    assert name == "SecretMissing"
    assert "quarantine" not in message


def test_a_delivery_is_worked_by_one_message(shop: Shop) -> None:
    """Held by one it is held from others, not from itself; once done it is a duplicate for all."""
    verify, settle = shop.function("users", VERIFY), shop.function("users", SETTLE)
    first, second = a_record(a_user()), a_record(a_user(id="m-2"))

    verify(first, None)
    verify(first, None)
    assert raised(verify, second)[0] == HELD
    settle(first, None)
    assert raised(verify, second)[0] == DUPLICATE
    assert raised(verify, first)[0] == DUPLICATE


def test_a_claim_ends_with_the_time_that_it_was_given(shop: Shop) -> None:
    """A worker that died holds its delivery for the state machine's time and a minute, no longer."""
    verify = shop.function("users", VERIFY)
    verify(a_record(a_user()), None)

    shop.clock.advance(124)
    assert raised(verify, a_record(a_user(id="m-2")))[0] == HELD
    shop.clock.advance(2)

    assert verify(a_record(a_user(id="m-2")), None)["id"] == "m-2"


def test_a_task_is_given_the_event_that_the_input_carries(shop: Shop) -> None:
    """Its model, attempt and delivery id are those that it would see here; its result is JSON."""
    given = shop.function("users", VERIFY)(a_record(a_user(), receives=3), None)

    result = shop.function("users", "welcome")(given, None)

    assert result == {"name": "ada", "attempt": 3, "delivery": "d-1"}


def test_what_a_task_raises_keeps_its_name_and_no_mark_of_its_own(shop: Shop) -> None:
    """The class is the error's name, Permanent says its reason, and a sender's text cannot say one."""
    verify, welcome = shop.function("users", VERIFY), shop.function("users", "welcome")

    name, message = raised(welcome, verify(a_record(a_user("alan")), None))
    assert (name, "[quarantine:" in message) == ("ConnectionError", False)
    name, message = raised(welcome, verify(a_record(a_user("eve")), None))
    assert (name, "[quarantine: permanent]" in message) == ("Permanent", True)


def test_the_trace_of_a_task_is_the_users(shop: Shop) -> None:
    """Lambda writes down the frames; after ours at the entry come the definition's."""
    given = shop.function("users", VERIFY)(a_record(a_user("alan")), None)
    with pytest.raises(Exception, match="torn") as told:
        shop.function("users", "welcome")(given, None)

    frames = [frame.name for frame in traceback.extract_tb(told.value.__traceback__)]
    assert frames[-2:] == ["__call__", "welcome"]


def test_an_event_that_a_state_left_behind_is_told(shop: Shop) -> None:
    """Without it the task cannot be called, and no retry brings it back."""
    assert raised(shop.function("users", "welcome"), {"id": "m-1"})[0] == "States.Runtime"


def test_a_secret_in_a_header_goes_no_further_than_verify(shop: Shop) -> None:
    """It is checked, and what states and tasks see is redacted."""
    request = sign(
        basic("ada", "env:BASIC_SECRET"),
        b"{}",
        secret="a password",
        now=NOW_MS / 1000,
        url="/basic",
    )
    record = a_record(Message("m-1", "basic", NOW_MS, request))

    given = shop.function("basic", VERIFY)(record, None)

    assert given["headers"]["authorization"] == "[redacted]"
    assert shop.function("basic", "kept")(given, None) == "[redacted]"


def test_a_task_that_is_not_there_is_named(shop: Shop) -> None:
    """A function of a stack that is older than the definition says so while it starts."""
    with pytest.raises(NotFound, match="gone"):
        shop.function("users", "gone")


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


def signed(secret: str = SECRET, body: Any = None) -> Request:
    sent = {"n": 1} if body is None else body
    return sign(HMAC, sent, secret=secret, now=NOW_MS / 1000, url="/door")


def test_the_door_keeps_before_it_answers(shop: Shop, cloud: Cloud) -> None:  # noqa: F811 - the fixture
    """What it keeps is the envelope of what was sent, under the id that the sender is told."""
    shop.engine.create({"door": _limits()})
    url = shop.engine._queues.urls("door").queue
    door = shop.function("door", DOOR, queue=url)

    answer = door(proxied(signed()), None)

    assert answer["statusCode"] == 200
    (lease,) = shop.engine.receive("door", 1, 0, 30)
    assert lease.message.id == json.loads(answer["body"])["id"]
    assert lease.message.request.body == b'{"n":1}'
    assert lease.message.request.path == "/live/door"
    assert decode(encode(lease.message), "door") == lease.message
    assert cloud.asked("SendMessage")


def test_the_door_refuses_a_forgery_and_what_is_too_large(
    shop: Shop,
    cloud: Cloud,  # noqa: F811 - the fixture
) -> None:
    """401 with its reason, 413; neither is kept."""
    shop.engine.create({"door": _limits()})
    door = shop.function("door", DOOR, queue=shop.engine._queues.urls("door").queue)

    forged = door(proxied(signed("a guess")), None)
    large = door(proxied(signed(body={"n": "x" * 200_000})), None)

    assert (forged["statusCode"], large["statusCode"]) == (401, 413)
    assert json.loads(forged["body"])["error"] == "body_altered_or_wrong_secret"
    assert cloud.asked("SendMessage") == []


@pytest.mark.parametrize("answer", ["refused", "silent"])
def test_the_door_says_no_success_that_sqs_has_not_said(
    shop: Shop,
    cloud: Cloud,  # noqa: F811 - the fixture
    answer: str,
) -> None:
    """Where SQS refuses, or answers without an id, the sender is told to come back."""
    shop.engine.create({"door": _limits()})
    door = shop.function("door", DOOR, queue=shop.engine._queues.urls("door").queue)
    if answer == "refused":
        cloud.fail("SendMessage", "AccessDenied", status=403, times=9)
    else:
        cloud.alter("SendMessage", lambda _asked, _told: {}, times=9)

    told = door(proxied(signed()), None)

    assert told["statusCode"] == 503
    assert "retry-after" in told["multiValueHeaders"]


def _limits() -> Any:
    from holdfast.queue.contract import QueueLimits  # noqa: PLC0415 - for these tests only

    return QueueLimits()


def test_headers_of_api_gateway_are_read_as_they_were_on_the_wire() -> None:
    """It writes a header's bytes as characters, and their names percent-encoded."""
    envelope = {
        "v": 1, "id": "m", "ts": 1, "ip": "", "m": "POST", "o": "", "q": "",
        "p64": "L3VzZXJz", "params64": {"tenant": "YWNtZQ=="}, "h": {"x%7Cname": "w6k="}, "b": "e30=",
    }  # fmt: skip
    message = decode(json.dumps(envelope), "users")

    assert message.request.path == "/users"
    assert message.params == {"tenant": "acme"}
    assert message.request.headers == Headers((("x|name", "\xe9"),))
    assert message.request.body == b""
