"""Verify, Settle and the tasks, called as Lambda calls them, over a real SQS and DynamoDB."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from holdfast import providers
from holdfast.aws.contract import DUPLICATE, GREETING, HELD, SETTLE, message_in
from holdfast.aws.worker.setting import Setting
from holdfast.compile import compile_app, load
from holdfast.envelope import decode, encode
from holdfast.errors import NotFound
from holdfast.message import Headers, Message, Request
from holdfast.testing import sign
from holdfast.verify import basic
from holdfast.workflow import sqs_send
from holdfast.workflow.asl import VERIFY
from sqs_kit import Cloud, cloud  # noqa: F401 - a fixture
from worker_kit import NOW_MS, SECRET, Shop, a_record, a_user, opened, raised


@pytest.fixture
def shop(
    tmp_path: Path,
    cloud: Cloud,  # noqa: F811 - the fixture
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Shop]:
    with opened(tmp_path, cloud, monkeypatch) as made:
        yield made


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


WORKFLOW: Final = {
    "ApproximateReceiveCount": "1",
    "SentTimestamp": str(NOW_MS),
    "SenderId": "AROAX:run",
}
"""Of a record that the state machine in the role AROAX has sent."""


def a_body(body: str, attributes: dict[str, str] = WORKFLOW) -> dict[str, Any]:
    named = {"X-Delivery": {"stringValue": "d-9", "dataType": "String"}}
    return {
        "messageId": "sqs-9",
        "body": body,
        "attributes": attributes,
        "messageAttributes": named,
    }


def test_what_another_workflow_sends_is_what_it_is_here(shop: Shop) -> None:
    """Its text is the body, its attributes are headers, it counts as verified, and it has a delivery id."""
    verify = shop.function("users", VERIFY, senders={"AROAX": "orders"})
    settle = shop.function("users", SETTLE, senders={"AROAX": "orders"})
    record = a_body('{"name":"ada","age":36}')
    users = compile_app(load(shop.definition)).webhook("users")
    assert users is not None
    written = {"X-Delivery": {"DataType": "String", "StringValue": "d-9"}}
    given = {
        "QueueUrl": "",
        "MessageBody": {"name": "ada", "age": 36},
        "MessageAttributes": written,
    }
    local = sqs_send.message(
        sqs_send.read(given, "r"), users, id="sqs-9", now_ms=NOW_MS, source="orders", request_id="r"
    )

    built = verify(record, None)

    assert message_in(built) == local
    assert (built["id"], built["deliveryId"], built["body"]) == (
        "sqs-9",
        "d-9",
        {"name": "ada", "age": 36},
    )
    settle(record, None)
    assert raised(verify, record)[0] == DUPLICATE


def test_what_another_workflow_sends_is_held_against_the_schema(shop: Shop) -> None:
    """An envelope in it is a body too: a stranger may have written it, and is not believed."""
    verify = shop.function("users", VERIFY, senders={"AROAX": "orders"})

    assert "[quarantine: schema_invalid]" in raised(verify, a_body('{"name":"ada","age":17}'))[1]
    assert "[quarantine: schema_invalid]" in raised(verify, a_body(encode(a_user())))[1]


def test_what_was_sent_again_by_hand_is_a_body_still(shop: Shop) -> None:
    """Whoever redrives it is somebody else; only where workflows send, a text is more than garbage."""
    by_hand = {**WORKFLOW, "SenderId": "AIDAOPERATOR"}
    record = a_body('{"name":"ada","age":36}', by_hand)

    assert (
        shop.function("users", VERIFY, senders={"AROAX": "orders"})(record, None)["id"] == "sqs-9"
    )
    assert "[quarantine: envelope_invalid]" in raised(shop.function("users", VERIFY), record)[1]


def test_a_broken_envelope_is_no_body_of_a_workflow(shop: Shop) -> None:
    """A stranger may spell a header twice, and his envelope is one no more: it is quarantined, and not
    taken for what a workflow has sent, which counts as verified."""
    verify = shop.function("github", VERIFY, senders={"AROAX": "orders"})
    head, _, rest = encode(a_user()).partition('"h":{')
    twice = f'{head}"h":{{"x-a":"eA==","x-a":"eQ==",{rest}'
    from_the_api = {**WORKFLOW, "SenderId": "AROAAPI:BackplaneAssumeRoleSession"}

    assert "[quarantine: envelope_invalid]" in raised(verify, a_body(twice, from_the_api))[1]


@pytest.mark.parametrize(
    ("secret", "told"), [(SECRET, GREETING), ("a guess", "VerificationFailed")]
)
def test_a_ping_ends_with_verify(shop: Shop, secret: str, told: str) -> None:
    """Once it is known to be genuine, where its sender signs it; any other event goes on."""
    verify = shop.function("github", VERIFY)
    github = providers.github("env:USERS_SECRET")

    def sent(kind: str) -> dict[str, Any]:
        headers = {"X-GitHub-Event": kind, "X-GitHub-Delivery": f"d-{kind}"}
        request = sign(
            github, {"zen": "Design for failure."}, secret=secret, now=NOW_MS / 1000,
            headers=headers, url="https://hooks.example/github",
        )  # fmt: skip
        return a_record(Message(f"m-{kind}", "github", NOW_MS, request))

    assert raised(verify, sent("ping"))[0] == told
    if secret == SECRET:
        assert verify(sent("push"), None)["type"] == "push"


def test_an_unsigned_ping_ends_with_verify_too(shop: Shop) -> None:
    """Its sender has nothing to prove by it."""
    lines = Headers.of({"content-type": "application/x-www-form-urlencoded"})
    request = Request("POST", "/woo", "", lines, b"webhook_id=7")

    record = a_record(Message("m-1", "woo", NOW_MS, request))

    assert raised(shop.function("woo", VERIFY), record)[0] == GREETING


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


def test_a_function_reads_its_environment() -> None:
    """What the stack sets; what it does not set has a meaning of its own."""
    given = {
        "HOLDFAST_DEFINITION": "definition/hooks.py",
        "HOLDFAST_WEBHOOK": "users",
        "HOLDFAST_TASK": VERIFY,
        "HOLDFAST_SENDERS": "orders=AROAX mails=AROAY",
    }

    assert Setting.of(given).senders == {"AROAX": "orders", "AROAY": "mails"}
    assert Setting.of({**given, "HOLDFAST_SENDERS": ""}).senders == {}
    assert Setting.of(given).definition.name == "hooks.py"


def test_a_task_that_is_not_there_is_named(shop: Shop) -> None:
    """A function of a stack that is older than the definition says so while it starts."""
    with pytest.raises(NotFound, match="gone"):
        shop.function("users", "gone")


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
