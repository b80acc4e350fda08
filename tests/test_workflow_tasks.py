"""Tasks: what they are called with, and what becomes of what they return or raise."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
from collections.abc import Callable
from typing import Annotated, Any

import orjson
import pytest
from pydantic import AfterValidator, BaseModel, Field

from holdfast.errors import Permanent, Retryable, SchemaInvalid, StoreBusy
from holdfast.message import Event, Lease, Receipt
from holdfast.operate.rehearsal import rehearse
from holdfast.pipe.disposition import GiveBack, dispose
from holdfast.queue.contract import Claim, ClaimAnswer
from holdfast.secrets import Secrets
from holdfast.workflow.input import Delivery, Validator, read_body
from holdfast.workflow.limits import DATA_LIMIT_BYTES, measure
from workflow_kit import VERIFY_HANDLE, a_lease, a_message, a_webhook, run_one


class User(BaseModel):
    name: str
    age: Annotated[int, Field(ge=18)]


@dataclasses.dataclass
class Measured:
    value: float


class Oops(Exception):
    """A handler's own error."""


def test_a_handler_gets_the_event() -> None:
    """Verify builds the input, and the handler receives the validated model in its event."""
    seen: list[Event[User]] = []

    def handle(event: Event[User]) -> User:
        seen.append(event)
        return event.body

    webhook = a_webhook(
        handle, body_model=User, event_type=("json:name",), delivery_id=("header:x-id",)
    )
    result = run_one(webhook, a_lease(b'{"name": "Ada", "age": 36}', {"x-id": "d1"}))

    assert (result.status, result.output) == ("SUCCEEDED", {"name": "Ada", "age": 36})
    assert seen[0].body == User(name="Ada", age=36)
    assert (seen[0].type, seen[0].delivery_id, seen[0].attempt) == ("Ada", "d1", 1)


def test_a_handler_that_takes_input_gets_a_copy() -> None:
    """A handler may change its input; the retry still sees it as it was."""
    seen: list[Any] = []

    def handle(given: dict[str, Any]) -> None:
        seen.append(json.dumps(given["body"]))
        given["body"]["n"] = "changed"
        if len(seen) == 1:
            raise Oops

    retry = [{"ErrorEquals": ["Oops"]}]
    document = json.loads(json.dumps(VERIFY_HANDLE))
    document["States"]["Handle"]["Retry"] = retry

    async def at_once(_seconds: float) -> None: ...

    webhook = a_webhook(handle, takes="input", workflow=document)
    result = run_one(webhook, a_lease(b'{"n": 1}'), wait=at_once)

    assert result.status == "SUCCEEDED"
    assert seen == ['{"n": 1}', '{"n": 1}']


def test_a_handler_that_takes_input_gets_whatever_a_state_holds() -> None:
    """However deep the sender nested it, and whatever became of its numbers on the way."""
    seen: list[Any] = []

    def handle(given: dict[str, Any]) -> None:
        seen.append(given)

    document = json.loads(json.dumps(VERIFY_HANDLE))
    document["States"]["Handle"]["Parameters"] = {"deep.$": "$.body.deep", "n.$": "$.body.n.sum()"}
    webhook = a_webhook(handle, takes="input", workflow=document)
    deep = b"[" * 400 + b"]" * 400
    result = run_one(webhook, a_lease(b'{"n": [%d, %d], "deep": %s}' % (2**63, 2**63, deep)))

    assert result.status == "SUCCEEDED", result.cause
    assert seen == [{"deep": orjson.loads(deep), "n": 2.0**64}]


def test_a_dry_run_goes_as_deep() -> None:
    """No history holds such an input, so nothing recorded is looked for under it."""

    def handle(given: dict[str, Any]) -> None:
        raise AssertionError(given)

    webhook = a_webhook(handle, takes="input", workflow=VERIFY_HANDLE)
    went = rehearse(webhook, a_message(b"[" * 400 + b"]" * 400), Secrets(), 0)

    assert (went.status, [call.source for call in went.calls]) == ("SUCCEEDED", ["assumed"])


def raises(error: BaseException) -> Callable[[], None]:
    def handle() -> None:
        raise error

    return handle


async def _raise(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize("is_async", [True, False])
@pytest.mark.parametrize(
    ("error", "quarantine", "after"),
    [
        (Oops("why"), None, None),
        (Permanent("no"), "permanent", None),
        (Retryable("later", after_seconds=5), None, 5),
        (SystemExit(1), None, None),
        (KeyboardInterrupt(), None, None),
        (TimeoutError("mine"), None, None),
        (asyncio.CancelledError(), None, None),
    ],
)
def test_whatever_a_task_raises_is_its_failure(
    error: BaseException, quarantine: str | None, after: float | None, *, is_async: bool
) -> None:
    """The error is named after its class, says why in Lambda's form, and steers the queue."""
    if is_async:

        async def handle() -> None:
            await _raise(error)

        webhook = a_webhook(handle, takes="nothing")
    else:
        sync = raises(error)
        sync.__name__ = "handle"
        webhook = a_webhook(sync, takes="nothing")
    result = run_one(webhook)
    cause = json.loads(result.cause or "")

    assert (result.status, result.error, result.state) == (
        "FAILED",
        type(error).__name__,
        "Handle",
    )
    assert (cause["errorType"], cause["errorMessage"]) == (type(error).__name__, str(error))
    assert (result.quarantine, result.retry_after_seconds) == (quarantine, after)


def test_a_trace_shows_the_users_frames_and_has_an_end() -> None:
    """The stack trace holds the handler's frames, none of ours, and stays within bounds."""

    def handle(depth: int = 200) -> None:
        if depth:
            handle(depth - 1)
        raise Oops("x" * 100_000)

    result = run_one(a_webhook(handle, takes="nothing"))
    cause = json.loads(result.cause or "")

    assert len(result.cause or "") < 32_768
    assert 'raise Oops("x" * 100_000)' in cause["stackTrace"][-1]
    assert not any("holdfast/workflow" in frame for frame in cause["stackTrace"])


def test_a_trace_reads_as_lambdas_does() -> None:
    """A frame is its place and its line, without the marks that Python puts below a part of it."""

    def handle() -> int:
        return int("five") + 1

    result = run_one(a_webhook(handle, takes="nothing"))
    place, line, *more = json.loads(result.cause or "")["stackTrace"][-1].split("\n")

    assert place.startswith('  File "')
    assert place.endswith(", in handle")
    assert (line, more) == ('    return int("five") + 1', [""])


@pytest.mark.parametrize(
    "wrong", [sys.stdout, float("nan"), [None, float("inf")], Measured(float("nan"))], ids=str
)
def test_a_result_that_is_not_json_is_named(wrong: Any) -> None:
    """What cannot travel to the next state fails the task and says what it was."""

    def handle() -> object:
        return {"socket": wrong}

    result = run_one(a_webhook(handle, takes="nothing"))

    assert result.error == "States.Runtime"
    assert "not JSON" in (result.cause or "")


def test_a_body_that_does_not_fit_the_model_is_quarantined() -> None:
    """The cause lists where and why, without a value of the body; the handler is not called."""

    def handle(_event: Event[User]) -> None:
        raise AssertionError("not to be called")

    webhook = a_webhook(handle, body_model=User)
    result = run_one(webhook, a_lease(b'{"name": "s3cret", "age": 17}'))

    assert (result.error, result.quarantine) == ("SchemaInvalid", "schema_invalid")
    assert result.state == "Verify"
    assert "/age: Input should be greater than or equal to 18" in (result.cause or "")
    assert "17" not in (result.cause or "")


def test_what_a_models_own_rule_says_stands_alone() -> None:
    """A sentence of the user's is the cause, without pydantic's word for the class of it."""

    def lucky(value: int) -> int:
        if value == 13:
            raise ValueError("thirteen is not sold")
        assert value > 0, "none are not sold"
        return value

    class Order(BaseModel):
        count: Annotated[int, AfterValidator(lucky)]

    def handle(_event: Event[Order]) -> None:
        raise AssertionError("not to be called")

    webhook = a_webhook(handle, body_model=Order)
    causes = [run_one(webhook, a_lease(b'{"count": %d}' % n)).cause or "" for n in (13, 0)]

    assert ["/count: thirteen is not sold" in causes[0], "/count: none are" in causes[1]] == [
        True
    ] * 2


def test_the_doors_verdict_is_acted_on() -> None:
    """A message that the door found wanting is quarantined under the door's reason."""
    message = dataclasses.replace(a_message(), verdict="credentials_wrong")

    result = run_one(a_webhook(), Lease(message, Receipt("r"), 1))

    assert (result.error, result.quarantine) == ("VerificationFailed", "credentials_wrong")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (ClaimAnswer.DUPLICATE, ("SUCCEEDED", "m2", None)),
        (ClaimAnswer.HELD, ("FAILED", None, "held by m2")),
    ],
)
def test_a_delivery_of_another_message_ends_here(
    answer: ClaimAnswer, expected: tuple[str, str | None, str | None]
) -> None:
    """What another message holds or has done is not worked again."""

    def handle() -> None:
        raise AssertionError("not to be called")

    async def claim(_lease: Lease, delivery_id: str) -> Claim:
        return Claim(answer, "m2" if delivery_id == "d1" else None)

    webhook = a_webhook(handle, takes="nothing", delivery_id=("header:x-id",))
    result = run_one(webhook, a_lease(headers={"x-id": "d1"}), claim=claim)

    assert (result.status, result.duplicate_of, result.unworked) == expected


def test_a_claim_that_the_store_cannot_answer_costs_no_attempt() -> None:
    """Nothing of the event was worked: it goes back, however often that happens."""

    def handle() -> None:
        raise AssertionError("not to be called")

    async def claim(_lease: Lease, _delivery_id: str) -> Claim:
        raise StoreBusy("the disk is slow")

    webhook = a_webhook(handle, takes="nothing", delivery_id=("header:x-id",))
    result = run_one(webhook, a_lease(headers={"x-id": "d1"}), claim=claim)

    assert result.unworked == "not claimed: the disk is slow"
    last = webhook.queue.max_receive_count
    assert isinstance(dispose(result, last, webhook.queue, webhook.pipe, max), GiveBack)


def test_a_replay_claims_nothing() -> None:
    """An event that is sent through again has no delivery id, so it is nobody's duplicate."""
    message = dataclasses.replace(a_message(headers={"x-id": "d1"}), replay_of="m0")
    delivery = Delivery(a_webhook(delivery_id=("header:x-id",)), message, 1, None)

    assert delivery.delivery_id is None


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        ("application/json", b'{"a": 1}', ({"a": 1}, "json")),
        ("application/cloudevents+json; charset=utf-8", b"[1]", ([1], "json")),
        ("application/json", b"{oops", ("{oops", "text")),
        ("application/json", b"", ("", "text")),
        (None, b"", ("", "text")),
        ("application/x-www-form-urlencoded", b"a=1&b=2", ("a=1&b=2", "text")),
        ("text/xml", "<a>é</a>".encode(), ("<a>é</a>", "text")),
        ("text/plain; charset=iso-8859-1", b"\xe9", ("é", "text")),
        ("text/plain; charset=zip", b"a", ("a", "text")),
        ("text/plain", b"\xff", ("/w==", "base64")),
        ("image/png", b"abc", ("YWJj", "base64")),
    ],
)
def test_a_body_is_json_text_or_base64(
    content_type: str | None, body: bytes, expected: tuple[Any, str]
) -> None:
    """The content type and the bytes decide how a body is shown to the workflow."""
    assert read_body(content_type, body, expect_json=False) == expected


@pytest.mark.parametrize(
    ("model", "content_type", "body", "expected"),
    [
        (bytes, "application/json", b'{"a": 1}', b'{"a": 1}'),
        (bytes, "text/plain", b"\xff", b"\xff"),
        (bytes, "", b"", b""),
        (str, "application/json", b'{"a": 1}', '{"a": 1}'),
        (str, "text/plain; charset=iso-8859-1", b"\xe9", "é"),
    ],
)
def test_a_handler_of_bytes_or_text_gets_the_body_as_it_came(
    model: type, content_type: str, body: bytes, expected: Any
) -> None:
    """`Event[bytes]` is bytes and `Event[str]` is text, whatever the sender calls the body."""
    message = a_message(body, {"content-type": content_type})
    delivery = Delivery(a_webhook(body_model=model), message, 1, Validator(model))

    delivery.validate()

    assert delivery.event().body == expected


def test_bytes_that_are_no_text_do_not_fit_a_handler_of_text() -> None:
    """They are quarantined as `schema_invalid`, and the error does not repeat them."""
    message = a_message(b"\xff\xfe", {"content-type": "text/plain"})
    delivery = Delivery(a_webhook(body_model=str), message, 1, Validator(str))

    with pytest.raises(SchemaInvalid, match=r"^the body: not text in utf-8$"):
        delivery.validate()


def test_the_input_of_an_execution() -> None:
    """Its nine fields, as the design lists them."""
    webhook = a_webhook(event_type=("json:type",))
    delivery = Delivery(webhook, a_message(b'{"type": "t"}', {"X-A": "1"}), 2, None)

    built, size = delivery.input()

    assert built == {
        "id": "0" * 32,
        "webhook": "users",
        "type": "t",
        "deliveryId": None,
        "receivedAt": "2023-11-14T22:13:20.000Z",
        "attempt": 2,
        "headers": {"content-type": "application/json", "x-a": "1"},
        "body": {"type": "t"},
        "bodyEncoding": "json",
    }
    assert measure(built) <= size <= DATA_LIMIT_BYTES


@pytest.mark.parametrize("length", [40_000, 200_000, 261_700, 262_200, 900_000])
def test_a_body_too_large_for_an_input_is_left_out(length: int) -> None:
    """A body is inlined while the whole input fits 262,144 bytes; handlers get it all the same."""
    body = b'"' + b"x" * length + b'"'
    delivery = Delivery(a_webhook(), a_message(body), 1, None)
    built, size = delivery.input()
    omitted = built.get("bodyOmitted", False)

    assert measure(built) <= size <= DATA_LIMIT_BYTES
    assert omitted is (measure({**built, "body": "x" * length}) - 19 * omitted > DATA_LIMIT_BYTES)
    assert len(delivery.event().body) == length
