"""The state machine's text is the local workflow and a wrapper, and settles what the pipe settles."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from aws_kit import (
    BODIES,
    WEBHOOKS,
    Batch,
    a_lease_of,
    letters,
    set_secrets,
)
from holdfast.aws.contract import message_in
from holdfast.aws.state_machine import state_machine
from holdfast.compiled import CompiledWebhook, Forward
from holdfast.message import Lease
from holdfast.pipe.disposition import Bury
from http_target import a_target
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
    """Inside stands the local document, state by state, with a limit for Verify; outside nothing of
    it but its name, its language and its limit of time."""
    for webhook in WEBHOOKS.values():
        whole = json.loads(Batch(webhook, ()).text())
        records = whole["States"]["Records"]
        inner = records["ItemProcessor"]["States"]["Record"]["Branches"]
        local = dict(webhook.workflow)

        verify = {**local["States"]["Verify"], "TimeoutSeconds": 15}
        states = {**local["States"], "Verify": verify}
        assert inner == [{"StartAt": local["StartAt"], "States": states}]
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
        leases = [a_lease_of(webhook, n, body) for n, body in enumerate(BODIES[webhook.name])]
        takers = {
            name for name, task in webhook.tasks.items()
            if isinstance(task, Forward) or task.takes == "event"
        }  # fmt: skip

        run = Batch(webhook, leases).work().on_aws()
        called = [call["input"] for call in run.calls if call["resource"] in takers]

        assert called
        for input in called:
            assert message_in(input) == leases[int(input["id"], 16)].message


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
    states = inside["Record"]["Branches"][0]["States"]
    assert states.pop("Verify").pop("TimeoutSeconds") == 15
    assert states == {name: JSONATA["States"][name] for name in states}


def test_an_empty_batch_fails_nothing() -> None:
    """Neither language trips over it."""
    for webhook in (WEBHOOKS["users"], a_webhook(handle, workflow=JSONATA)):
        assert Batch(webhook, ()).on_aws().output == {"batchItemFailures": []}


def test_names_of_states_are_found_however_deep_they_stand() -> None:
    """A state called Record inside a branch inside a list is one too."""
    inner = {"StartAt": "Record", "States": {"Record": {"Type": "Pass", "End": True}}}
    document = {
        "StartAt": "Fork",
        "TimeoutSeconds": 9,
        "States": {"Fork": {"Type": "Parallel", "Branches": [inner], "End": True}},
    }

    whole = json.loads(
        state_machine(
            document,
            timeout_seconds=9,
            concurrency=1,
            max_receive_count=1,
            settles=False,
            sent_to=False,
        )
    )

    assert set(whole["States"]["Records"]["ItemProcessor"]["States"]) == {
        *("Record'", "Failed", "Quarantined", "Exhausted", "Worked", "Kept"),
    }


@pytest.mark.parametrize(
    ("limit", "whole", "is_given"),
    [
        ({}, 65, {"TimeoutSeconds": 15}),
        ({}, 9, {"TimeoutSeconds": 9}),
        ({"TimeoutSeconds": 40}, 65, {"TimeoutSeconds": 40}),
        ({"TimeoutSecondsPath": "$.x"}, 65, {"TimeoutSecondsPath": "$.x"}),
    ],
)
def test_verify_ends_under_the_name_that_it_has_here(
    limit: dict[str, Any], whole: int, is_given: dict[str, Any]
) -> None:
    """What takes too long is States.Timeout, not what Lambda calls it; a limit of its own stays, and
    no other state is given one."""
    verify = {"Type": "Task", "Resource": "${holdfast:verify}", "Next": "Fork", **limit}
    fork = {"Type": "Parallel", "Branches": [{"StartAt": "Verify", "States": {"Verify": verify}}]}
    document = {
        "StartAt": "Verify",
        "TimeoutSeconds": whole,
        "States": {"Verify": verify, "Fork": fork},
    }
    numbers = {"timeout_seconds": whole, "concurrency": 1, "max_receive_count": 1}

    text = state_machine(document, **numbers, settles=False, sent_to=False)

    records = json.loads(text)["States"]["Records"]["ItemProcessor"]["States"]
    states = records["Record"]["Branches"][0]["States"]
    (inner,) = states["Fork"].pop("Branches")
    assert states == {"Verify": {**verify, **is_given}, "Fork": {"Type": "Parallel"}}
    assert inner["States"] == {"Verify": {**verify, **is_given}}
