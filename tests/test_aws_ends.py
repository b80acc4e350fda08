"""How a record ends on AWS: quarantined, repeated, exhausted, kept; and what may fail on the way."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from aws_kit import (
    BODIES,
    HANDLED,
    PAID,
    SQS,
    WEBHOOKS,
    Batch,
    a_lease_of,
    letters,
    record,
    said_by_verify,
    set_secrets,
)
from holdfast.aws.contract import DUPLICATE, GREETING, SETTLE
from holdfast.errors import Permanent, SchemaInvalid, VerificationFailed
from holdfast.queue.contract import ClaimAnswer
from workflow_kit import a_webhook


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every secret that an example names."""
    set_secrets(monkeypatch)


@pytest.fixture(autouse=True)
def quiet(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    """The examples print."""
    yield
    capsys.readouterr()


def fails(error: Exception) -> Any:
    def handle(_event: Any) -> None:
        raise error

    return handle


class OutOfStock(Permanent):
    """A user's own error that retrying cannot help."""


class NotForUs(VerificationFailed):
    """And another."""


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Permanent("an invoice without a customer"), "permanent"),
        (OutOfStock(""), "permanent"),
        (NotForUs('foreign ] "tenant"'), "foreign _ _tenant_"),
        (SchemaInvalid("no"), "schema_invalid"),
        (ValueError("no"), None),
        (ValueError("[quarantine: permanent]"), None),
        (ValueError('x [quarantine: permanent]", "errorType"'), None),
        (ValueError("é😀 \ufffe"), None),
    ],
)
def test_the_worker_says_whether_retrying_can_help(error: Exception, reason: str | None) -> None:
    """By a mark at the end of the message that no other message can have, whatever is in it; a class
    of a user's own keeps its name."""
    webhook = a_webhook(fails(error), workflow=HANDLED)

    batch = Batch(webhook, [a_lease_of(webhook, 1, {})]).work()

    assert batch.kept_on_aws() == batch.kept
    assert letters(batch) == ({f"{1:032x}": (reason, type(error).__name__)} if reason else {})


@pytest.mark.parametrize("answer", [ClaimAnswer.DUPLICATE, ClaimAnswer.HELD])
@pytest.mark.parametrize("receives", [1, 3])
def test_a_repeated_delivery_ends_as_it_does_locally(answer: ClaimAnswer, receives: int) -> None:
    """A duplicate is done without work. One that is held comes back; after its last receive it rests,
    since SQS cannot leave a receive uncounted."""
    webhook = a_webhook(
        fails(ValueError("never called")),
        workflow=HANDLED,
        delivery_id=("json:id",),
    )
    batch = Batch(
        webhook, [a_lease_of(webhook, 1, {"id": "d1"}, receives=receives)], claims={"d1": answer}
    )

    batch.work()

    assert not any(call["state"] == "Handle" for call in batch.calls)
    if answer is ClaimAnswer.DUPLICATE or receives == 1:
        assert batch.kept_on_aws() == batch.kept
        assert letters(batch) == {}
    else:
        assert letters(batch) == {f"{1:032x}": ("exhausted", "Holdfast.Held")}


def test_what_was_worked_is_settled_and_no_more_needs_to_go_well() -> None:
    """Where delivery ids are known Settle is told each record; if it fails, the event was worked."""
    webhook = WEBHOOKS["stripe"]
    lease = a_lease_of(webhook, 1, PAID)
    batch = Batch(webhook, [lease]).work()

    settled = [call for call in batch.on_aws().calls if call["resource"] == SETTLE]

    given = {key: record(lease)[key] for key in ("messageId", "body", "attributes")}
    given["messageAttributes"] = {}
    assert [call["input"] for call in settled] == [given]
    assert batch.kept_on_aws({SETTLE: [{"error": "Lambda.Unknown", "cause": "no"}]}) == set()


@pytest.mark.parametrize("receives", [1, 3])
def test_a_letter_that_cannot_be_sent_keeps_its_record(receives: int) -> None:
    """Quarantined or exhausted: SQS itself then moves the original, and nothing is lost."""
    webhook = WEBHOOKS["users"]
    forged = a_lease_of(webhook, 1, BODIES["users"][0], secret="wrong", receives=receives)
    good = a_lease_of(webhook, 2, BODIES["users"][0], receives=receives)
    batch = Batch(webhook, [forged, good]).work()
    failing = {SQS: [{"error": "SQS.AmazonSQSException", "cause": "too large"}]}

    assert batch.kept == set()
    assert batch.kept_on_aws(failing) == {forged.message.id}


def test_a_function_that_lambda_did_not_run_is_asked_again() -> None:
    """Twice, within the execution, so that a throttle costs no receive."""
    webhook = WEBHOOKS["users"]
    lease = a_lease_of(webhook, 1, BODIES["users"][0])
    batch = Batch(webhook, [lease]).work()
    error = {"error": "Lambda.TooManyRequestsException", "cause": "{}"}
    throttled = {"state": "Verify", "input": record(lease), **error}

    batch.calls = [throttled, throttled, *batch.calls]
    assert batch.kept_on_aws() == set()

    batch.calls = [throttled, *batch.calls]
    assert batch.kept_on_aws() == {lease.message.id}


def test_what_nothing_may_catch_keeps_the_whole_batch() -> None:
    """`States.Runtime` ends the execution on AWS; `plan` says so where batches are larger than one."""
    document = {
        "StartAt": "Verify",
        "TimeoutSeconds": 30,
        "States": {
            "Verify": {"Type": "Task", "Resource": "${holdfast:verify}", "Next": "Pick"},
            "Pick": {"Type": "Pass", "InputPath": "$.body.inner", "End": True},
        },
    }
    webhook = a_webhook(workflow=document)
    leases = [a_lease_of(webhook, 1, {"inner": 1}), a_lease_of(webhook, 2, {"outer": 1})]

    batch = Batch(webhook, leases).work()

    assert batch.kept == {leases[1].message.id}
    assert batch.kept_on_aws() == {lease.message.id for lease in leases}


def test_only_the_largest_letters_lose_some_of_their_cause() -> None:
    """A cause is cut so that message and reason fit into one call together."""

    def verbose(_event: Any) -> None:
        raise ValueError("é" * 8_000)

    webhook = a_webhook(verbose, workflow=HANDLED)
    webhook = dataclasses.replace(webhook, tasks={"handle": next(iter(webhook.tasks.values()))})
    batch = Batch(webhook, [a_lease_of(webhook, 1, {}, receives=3)]).work()

    (call,) = (call for call in batch.on_aws().calls if call["resource"] == SQS)

    assert len(call["input"]["MessageAttributes"]["cause"]["StringValue"]) == 4_096


@pytest.mark.parametrize("receives", [1, 3])
def test_a_ping_is_done_without_work(receives: int) -> None:
    """As Verify says it: nothing of the document runs, nothing is kept and nothing rests."""
    webhook = a_webhook(fails(ValueError("never called")), workflow=HANDLED)
    batch = Batch(webhook, [a_lease_of(webhook, 1, {"zen": "."}, receives=receives)])
    batch.calls.append({"state": "Verify", **said_by_verify(GREETING)})

    assert batch.kept_on_aws() == set()
    assert letters(batch) == {}
    assert [call["state"] for call in batch.on_aws().calls] == ["Verify"]


@pytest.mark.parametrize("error", [DUPLICATE, GREETING])
def test_a_workflow_that_fails_under_a_name_of_ours_is_not_done(error: str) -> None:
    """A Fail state may take its error's name from the event: a sender who wrote ours into it has his
    event tried again and put into dead letters, as it is here, and not thrown away."""
    stop = {"Type": "Fail", "ErrorPath": "$.body.code", "Cause": "no"}
    webhook = a_webhook(workflow=failing(stop))
    body = {"code": error}
    first = Batch(webhook, [a_lease_of(webhook, 1, body)]).work()
    last = Batch(webhook, [a_lease_of(webhook, 1, body, receives=3)]).work()

    assert first.kept_on_aws() == first.kept == {f"{1:032x}"}
    assert last.kept_on_aws() == last.kept == set()
    assert letters(last) == {f"{1:032x}": ("exhausted", error)}


def test_a_failure_without_error_and_cause_rests_with_its_reason() -> None:
    """A Fail state need not say anything; what SQS refuses to take empty is filled in."""
    webhook = a_webhook(workflow=failing({"Type": "Fail"}))
    batch = Batch(webhook, [a_lease_of(webhook, 1, {}, receives=3)]).work()
    (call,) = (call for call in batch.on_aws().calls if call["resource"] == SQS)

    told = call["input"]["MessageAttributes"]

    assert told["reason"]["StringValue"] == "exhausted"
    assert told["error"]["StringValue"]
    assert told["cause"]["StringValue"]


def failing(stop: dict[str, Any]) -> dict[str, Any]:
    """A document that ends in this Fail state."""
    verify = {"Type": "Task", "Resource": "${holdfast:verify}", "Next": "Stop"}
    return {
        "StartAt": "Verify",
        "TimeoutSeconds": 30,
        "States": {"Verify": verify, "Stop": stop},
    }
