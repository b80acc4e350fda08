"""The state machine's text is the local workflow and a wrapper, and settles what the pipe settles."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from aws_kit import SQS, Batch, record
from holdfast.aws.contract import DEAD_LETTERS, SETTLE, message_in
from holdfast.aws.state_machine import state_machine
from holdfast.compile import compile_app, load
from holdfast.compiled import Compiled, CompiledWebhook, Forward
from holdfast.errors import Permanent, SchemaInvalid, VerificationFailed
from holdfast.message import Lease, Message, Receipt
from holdfast.pipe.disposition import Bury
from holdfast.queue.contract import ClaimAnswer
from holdfast.testing import delivery, sign
from http_target import a_target
from workflow_kit import VERIFY_HANDLE, a_webhook

EXAMPLES: Final = Path(__file__).parent.parent / "examples"
NOW_MS: Final = 1_700_000_000_000
SECRET: Final = "whsec_c2VjcmV0"

PAID: Final = {"id": "evt_1", "type": "invoice.paid", "data": {"object": {"id": "in_1"}}}
HANDLED: Final[dict[str, Any]] = {**VERIFY_HANDLE, "TimeoutSeconds": 30}
BODIES: Final[Mapping[str, list[Any]]] = {
    "users": [{"name": "Ada", "age": 36, "email": "ada@example.com"}, {"name": "Bob", "age": 17}],
    "stripe": [PAID, {**PAID, "data": {}}, {**PAID, "type": "other"}, {"id": "evt_2"}],
    "github": [{"action": "opened"}],
    "slack": [{"type": "event_callback", "event_id": "e", "event": {"type": "app_mention"}}],
    "shopify": [{"id": 7}, {}],
    "tenants-tenant-orders": [
        {"id": "1", "total": 0, "lines": [{"sku": "a", "count": 1}]},
        {"id": "2", "total": 5, "lines": [{"sku": "a", "count": 1}]},
        {"id": "3", "total": 20_000, "lines": [{"sku": "a", "count": 1}]},
    ],
}
"""Per webhook of the examples: some that are worked, some on which a handler fails."""

HEADERS: Final = {"X-GitHub-Event": "push", "X-Shopify-Topic": "products/update"}


def examples() -> list[tuple[Compiled, CompiledWebhook]]:
    found = [compile_app(load(EXAMPLES / name)) for name in ("users.py", "shop.py")]
    return [(compiled, webhook) for compiled in found for webhook in compiled.webhooks]


WEBHOOKS: Final = {webhook.name: webhook for _, webhook in examples()}


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every secret that an example names."""
    for webhook in WEBHOOKS.values():
        schemes = [webhook.verification]
        schemes += [task.sign for task in webhook.tasks.values() if isinstance(task, Forward)]
        for scheme in schemes:
            for reference in scheme.secrets if scheme is not None else ():
                monkeypatch.setenv(reference.name, SECRET)


@pytest.fixture(autouse=True)
def quiet(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    """The examples print."""
    yield
    capsys.readouterr()


def a_lease_of(
    webhook: CompiledWebhook, number: int, body: Any, *, secret: str = SECRET, receives: int = 1
) -> Lease:
    scheme = webhook.verification
    given: dict[str, Any] = {"headers": HEADERS, "url": webhook.path}
    if scheme is None:
        request = delivery(body, **given)
    else:
        request = sign(scheme, body, secret=secret, now=NOW_MS / 1000, **given)
    message = Message(f"{number:032x}", webhook.name, NOW_MS, request)
    return Lease(message, Receipt(f"r{number}"), receives)


def batches(webhook: CompiledWebhook) -> Iterator[list[Lease]]:
    """Batches in which all goes well, nothing does, and everything at once, at every receive."""
    bodies = BODIES[webhook.name]
    most = webhook.queue.max_receive_count
    for receives in (1, most):
        made = [
            a_lease_of(webhook, number, body, receives=receives)
            for number, body in enumerate(bodies)
        ]
        forged = a_lease_of(webhook, 90, bodies[0], secret="wrong", receives=receives)
        yield made[:1]
        yield [forged]
        yield [*made, forged, a_lease_of(webhook, 91, b"\xff", receives=most)]


def test_nothing_but_the_wrapper_differs() -> None:
    """Inside stands the local document, state by state; outside nothing of it but its name, its
    language and its limit of time."""
    for webhook in WEBHOOKS.values():
        whole = json.loads(Batch(webhook, ()).text())
        records = whole["States"]["Records"]
        inner = records["ItemProcessor"]["States"]["Record"]["Branches"]
        local = dict(webhook.workflow)

        assert inner == [{"StartAt": local["StartAt"], "States": local["States"]}]
        assert whole["TimeoutSeconds"] == local["TimeoutSeconds"]
        assert whole["Comment"] == local["Comment"]
        assert set(local) <= {"StartAt", "States", "TimeoutSeconds", "Comment"}
        assert set(whole) == set(local)


@pytest.mark.parametrize("name", WEBHOOKS)
def test_every_example_settles_what_the_local_pipe_settles(name: str) -> None:
    """Over the records of Pipes: the same stay in the queue, whoever else is in their batch, and the
    same go to dead letters, for the same reasons."""
    with a_target() as target:
        for status in (200, 503):
            target.status = status
            webhook = WEBHOOKS[name]
            tasks = {
                key: dataclasses.replace(task, url=target.url)
                if isinstance(task, Forward)
                else task
                for key, task in webhook.tasks.items()
            }
            webhook = dataclasses.replace(webhook, tasks=tasks)
            for leases in batches(webhook):
                batch = Batch(webhook, leases).work()

                assert batch.kept_on_aws() == batch.kept
                assert letters(batch) == {
                    id: (each.failure.reason, each.failure.error)
                    for id, each in batch.outcomes.items()
                    if isinstance(each, Bury)
                }


def letters(batch: Batch) -> dict[str, tuple[str, str]]:
    """What the state machine sent to dead letters: id, reason and error."""
    found = {}
    for call in batch.on_aws().calls:
        if call["resource"] == SQS:
            given = call["input"]
            assert given["QueueUrl"] == f"${{{DEAD_LETTERS}}}"
            told = {key: each["StringValue"] for key, each in given["MessageAttributes"].items()}
            assert all(told.values())
            assert set(told) == {"reason", "error", "cause", "attempt", "receive_count", "at_ms"}
            found[json.loads(given["MessageBody"])["id"]] = (told["reason"], told["error"])
    return found


def test_an_example_has_every_way_to_end() -> None:
    """The batches above do hold what is worked, tried again, quarantined and exhausted."""
    ends = set()
    for webhook in WEBHOOKS.values():
        for leases in batches(webhook):
            for each in Batch(webhook, leases).work().outcomes.values():
                reason = each.failure.reason if isinstance(each, Bury) else ""
                ends.add((type(each).__name__, reason))

    assert {
        ("Settle", ""),
        ("Retry", ""),
        ("Bury", "exhausted"),
        ("Bury", "signature_mismatch"),
    } <= ends
    assert {("Bury", "schema_invalid"), ("Bury", "token_mismatch")} <= ends


def test_the_event_travels_to_the_tasks_that_take_it() -> None:
    """In every state of the examples whose task takes the event, its input carries the message."""
    for webhook in WEBHOOKS.values():
        lease = a_lease_of(webhook, 1, BODIES[webhook.name][0])
        takers = {
            name for name, task in webhook.tasks.items()
            if isinstance(task, Forward) or task.takes == "event"
        }  # fmt: skip

        called = [
            c for c in Batch(webhook, [lease]).work().on_aws().calls if c["resource"] in takers
        ]

        assert called or webhook.name == "slack"
        assert all(message_in(call["input"]) == lease.message for call in called)


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

    assert [call["input"] for call in settled] == [record(lease)]
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


JSONATA: Final[dict[str, Any]] = {
    "QueryLanguage": "JSONata",
    "Comment": "Two lines of work, and a list",
    "StartAt": "Verify",
    "TimeoutSeconds": 30,
    "States": {
        "Verify": {"Type": "Task", "Resource": "${holdfast:verify}", "Next": "Both"},
        "Both": {
            "Type": "Parallel",
            "Branches": [
                {"StartAt": "Handle", "States": {"Handle": {"Type": "Task", "Resource": "${handle}", "End": True}}},
                {"StartAt": "Records", "States": {"Records": {
                    "Type": "Map", "Items": "{% $states.input.body.items %}", "End": True,
                    "ItemProcessor": {"StartAt": "Worked", "States": {"Worked": {"Type": "Pass", "End": True}}},
                }}},
            ],
            "Next": "Judge",
        },
        "Judge": {
            "Type": "Choice",
            "Choices": [{"Condition": "{% $count($states.input[1]) > 2 %}", "Next": "Failed"}],
            "Default": "Kept",
        },
        "Failed": {"Type": "Fail", "Error": "TooMany"},
        "Kept": {"Type": "Succeed"},
    },
}  # fmt: skip
"""With states that are called like those around it, in the other language."""


def handle(event: Any) -> None:
    """Fails where the body asks for it."""
    if event.body.get("fail"):
        raise ValueError("asked for")


def test_a_document_in_jsonata_keeps_its_language_and_its_names() -> None:
    """Forks, lists and a state for failures of its own; names around it make room for its own."""
    webhook = a_webhook(handle, workflow=JSONATA, content_types=("*/*",))
    bodies = [{"items": []}, {"items": [1, 2, 3]}, {"items": [1], "fail": True}, {"items": 7}]
    for receives in (1, 3):
        leases = [a_lease_of(webhook, n, body, receives=receives) for n, body in enumerate(bodies)]
        batch = Batch(webhook, leases).work()

        assert batch.kept_on_aws() == batch.kept
        assert len(batch.kept) == (3 if receives == 1 else 0)
    whole = json.loads(batch.text())
    assert whole["QueryLanguage"] == "JSONata"
    assert whole["StartAt"] == "Records'"
    inside = whole["States"]["Records'"]["ItemProcessor"]["States"]
    assert {"Failed'", "Kept'", "Worked'", "Record"} <= set(inside)
    assert inside["Record"]["Branches"][0]["States"] == JSONATA["States"]


def test_an_empty_batch_fails_nothing() -> None:
    """Neither language trips over it."""
    for webhook in (WEBHOOKS["users"], a_webhook(handle, workflow=JSONATA)):
        assert Batch(webhook, ()).on_aws().output == {"batchItemFailures": []}


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


def test_names_of_states_are_found_however_deep_they_stand() -> None:
    """A state called Record inside a branch inside a list is one too."""
    inner = {"StartAt": "Record", "States": {"Record": {"Type": "Pass", "End": True}}}
    document = {
        "StartAt": "Fork",
        "States": {"Fork": {"Type": "Parallel", "Branches": [inner], "End": True}},
    }

    whole = json.loads(
        state_machine(
            document, timeout_seconds=9, concurrency=1, max_receive_count=1, settles=False
        )
    )

    assert set(whole["States"]["Records"]["ItemProcessor"]["States"]) == {
        *("Record'", "Failed", "Quarantined", "Exhausted", "Worked", "Kept"),
    }
