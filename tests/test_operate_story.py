"""What is told of one event and one execution: timeline, the way through, the graph, verification."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway_scene import users, webhook
from holdfast.compiled import CompiledWebhook
from holdfast.message import Failure, Headers, Message, Request
from holdfast.operate.graph import graph
from holdfast.operate.overview import WINDOWS, series, series_start
from holdfast.operate.passage import passage
from holdfast.operate.sent_back import SentBack
from holdfast.operate.timeline import timeline
from holdfast.operate.times import parse_time
from holdfast.operate.verification import verification_of
from holdfast.queue.contract import Entry, Execution, State
from holdfast.queue.views import Bucket, Redrive
from holdfast.testing.workflow import run_workflow
from holdfast.verify import hmac_sha256

AT = 1_700_000_000_000
SIGNED: CompiledWebhook = users(
    verification=hmac_sha256("env:X"),
    workflow={
        "StartAt": "Check",
        "States": {
            "Check": {"Type": "Task", "Resource": "${holdfast:verify}", "Next": "Handle"},
            "Handle": {"Type": "Task", "Resource": "${handle}", "End": True},
        },
    },
)


def entry(state: State = State.WAITING, **given: Any) -> Entry:
    verdict = given.pop("verdict", None)
    request = Request("POST", "/users", "", Headers.of({"a": "b"}), b"{}", "203.0.113.7")
    return Entry(Message("1" * 32, "users", AT, request, verdict=verdict), state, **given)


def failed(attempt: int, at_ms: int, state: str = "Handle", error: str = "KeyError") -> Failure:
    return Failure(error, "x", state, at_ms, attempt)


def run(attempt: int, started_ms: int, **given: Any) -> Execution:
    told = {"status": "FAILED", "error": "KeyError", "cause": "x", "state": "Handle", **given}
    return Execution("1" * 32, "users", attempt, started_ms, 10.0, **told)


def kinds(moments: list[Any]) -> list[str]:
    return [one.kind for one in moments]


START = ["received", "schema", "stored", "verification"]


def test_a_timeline_tells_every_attempt_once() -> None:
    """By its execution where that was kept, by its failure where it was not."""
    attempts = (failed(1, AT + 110), failed(2, AT + 300), failed(3, AT + 510))
    dead = entry(State.DEAD, reason="exhausted", attempts=attempts, finished_at_ms=AT + 520)

    moments = timeline(dead, [run(1, AT + 100), run(3, AT + 500)], webhook=SIGNED)

    assert kinds(moments) == [*START, "attempt", "attempt", "attempt", "dead"]
    told = [one.detail for one in moments if one.kind == "attempt"]
    assert [one["attempt"] for one in told] == [1, 2, 3]
    assert [one["duration_ms"] for one in told] == [10.0, None, 10.0]
    assert moments[-1].detail == {"reason": "exhausted"}


def test_a_timeline_tells_each_death_and_each_return() -> None:
    """In order, with who sent it back; and what was put aside or overtaken."""
    done = entry(State.DONE, finished_at_ms=AT + 900)
    redrives = [
        SentBack(Redrive(AT + 300, AT + 200, "exhausted", "r1"), "ada", "console"),
        SentBack(Redrive(AT + 600, AT + 500, "x")),
    ]
    moments = timeline(done, [run(1, AT + 100)], redrives=redrives)
    assert kinds(moments)[4:] == ["attempt", "dead", "redriven", "dead", "redriven", "done"]
    assert moments[6].detail == {"operator": "ada", "via": "console", "run": "r1"}

    letter = entry(State.DEAD, reason="x", finished_at_ms=AT + 100)
    moments = timeline(letter, parked_at_ms=AT + 300, superseded_by="2" * 32)
    assert kinds(moments)[4:] == ["dead", "parked", "superseded"]


@pytest.mark.parametrize(
    ("where", "kind"),
    [
        (entry(State.WAITING, visible_at_ms=AT), "waiting"),
        (entry(State.LEASED, visible_at_ms=AT), "leased"),
        (entry(State.PURGED), "purged"),
        (entry(State.DONE, duplicate_of="2" * 32, finished_at_ms=AT), "duplicate"),
        (entry(State.DONE, finished_at_ms=AT), "done"),
    ],
)
def test_a_timeline_ends_where_the_event_is(where: Entry, kind: str) -> None:
    """Whatever state that is."""
    assert kinds(timeline(where)) == [*START, kind]


@pytest.mark.parametrize(
    ("told", "definition", "result"),
    [
        (entry(verdict="verified"), SIGNED, ("verified", None)),
        (entry(State.DEAD, verdict="token_mismatch"), SIGNED, ("failed", "token_mismatch")),
        (entry(State.DEAD, reason="signature_mismatch"), SIGNED, ("failed", "signature_mismatch")),
        (
            entry(
                State.DEAD, reason="mine", attempts=(failed(1, AT, "Check", "VerificationFailed"),)
            ),
            SIGNED,
            ("failed", "mine"),
        ),
        (
            entry(State.DEAD, reason="exhausted", attempts=(failed(1, AT),)),
            SIGNED,
            ("verified", None),
        ),
        (
            entry(State.DEAD, reason="exhausted", attempts=(failed(1, AT, "Check"),)),
            SIGNED,
            ("unknown", None),
        ),
        (entry(State.DONE), SIGNED, ("verified", None)),
        (entry(), SIGNED, ("pending", None)),
        (entry(), replace(SIGNED, verify_at="gateway"), ("verified", None)),
        (entry(State.DONE), webhook("/users"), ("none", None)),
        (entry(State.DONE), None, ("unknown", None)),
    ],
)
def test_what_is_known_of_verification(
    told: Entry, definition: CompiledWebhook | None, result: tuple[str, str | None]
) -> None:
    """From the door's verdict, the reason of death, and how far any attempt came."""
    assert verification_of(told, definition) == result


DOCUMENT: dict[str, Any] = {
    "StartAt": "A",
    "States": {
        "A": {
            "Type": "Task",
            "Resource": "${a}",
            "Retry": [{"ErrorEquals": ["Busy"], "MaxAttempts": 1}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.e", "Next": "Choose"}],
            "Next": "Each",
        },
        "Each": {
            "Type": "Map",
            "ItemsPath": "$.items",
            "ItemProcessor": {
                "StartAt": "B",
                "States": {"B": {"Type": "Task", "Resource": "${b}", "End": True}},
            },
            "ResultPath": "$.done",
            "Next": "Both",
        },
        "Both": {
            "Type": "Parallel",
            "Branches": [
                {"StartAt": "L", "States": {"L": {"Type": "Pass", "End": True}}},
                {"StartAt": "R", "States": {"R": {"Type": "Pass", "End": True}}},
            ],
            "ResultPath": None,
            "Next": "Choose",
        },
        "Choose": {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.n", "NumericGreaterThan": 5, "Next": "Large"},
                {
                    "And": [
                        {"Variable": "$.n", "NumericEquals": 1},
                        {"Not": {"Variable": "$.x", "IsPresent": True}},
                    ],
                    "Next": "Small",
                },
            ],
            "Default": "Other",
        },
        "Large": {"Type": "Fail", "Error": "TooLarge", "Cause": "no"},
        "Small": {"Type": "Pass", "Comment": "well", "End": True},
        "Other": {"Type": "Succeed"},
    },
}


def test_a_document_is_drawn_with_all_of_its_ways() -> None:
    """States within states have their parent, every way its kind and what decides it."""
    drawn = graph(DOCUMENT)

    nodes = {one["name"]: one for one in drawn["nodes"]}
    assert nodes["A"]["start"]
    assert (nodes["A"]["retry"], nodes["B"]["retry"]) == ("Busy once", None)
    assert (nodes["B"]["parent"], nodes["B"]["end"]) == ("Each", True)
    assert (nodes["R"]["parent"], nodes["R"]["branch"]) == ("Both", 1)
    assert nodes["Small"]["comment"] == "well"
    ways = {(one["source"], one["target"], one["way"]): one["label"] for one in drawn["edges"]}
    assert ways["Choose", "Large", "choice"] == "n > 5"
    assert ways["Choose", "Small", "choice"] == "n = 1 and (x is not present)"
    assert ways["A", "Choose", "catch"] == "States.ALL"
    assert {("Each", "B", "item"), ("Both", "L", "branch"), ("Both", "R", "branch")} <= set(ways)
    targets = {one["target"] for one in drawn["edges"]}
    assert targets | {"A"} == set(nodes)


def went(input: dict[str, Any], **mocks: Any) -> Any:
    told = run_workflow(DOCUMENT, input, mocks=mocks)
    return passage(told.history, DOCUMENT)


def test_the_way_through_is_told() -> None:
    """Each state with what it came to, items and branches too, and only the ways that were gone."""
    way = went(
        {"n": 1, "items": [1, 2]},
        a=[{"error": "Busy"}, {"result": {"n": 1, "items": [1, 2]}}],
        b=[{"result": 7}],
    )

    assert [(one.state, one.came) for one in way.visits if one.state in "ABLR"] == [
        ("A", "succeeded"), ("B", "succeeded"), ("B", "succeeded"),
        ("L", "succeeded"), ("R", "succeeded"),
    ]  # fmt: skip
    first = way.visits[0]
    assert (first.tasks, first.duration_ms, first.error) == (2, 1_000, None)
    gone = {(one["source"], one["target"]) for one in way.edges}
    assert ("Choose", "Small") in gone
    assert not gone & {("Choose", "Other"), ("Choose", "Large"), ("A", "Choose")}


def test_a_caught_failure_goes_its_own_way() -> None:
    """It is caught, not failed, and the way that was not gone is not told."""
    way = went({"n": 9, "items": []}, a=[{"error": "Lost", "cause": "why"}])

    assert way.states()["A"] == "caught"
    assert (way.visits[0].error, way.visits[0].cause) == ("Lost", "why")
    assert way.states()["Large"] == "failed"
    assert (way.visits[-1].error, way.visits[-1].cause) == ("TooLarge", "no")
    gone = {(one["source"], one["target"]) for one in way.edges}
    assert gone == {("A", "Choose"), ("Choose", "Large")}


def test_a_failure_deep_within_is_found() -> None:
    """What it runs within has failed with it."""
    way = went({"n": 1, "items": [1, 2]}, a=[{"result": {"items": [1, 2]}}], b=[{"error": "Lost"}])

    assert way.states() == {"A": "succeeded", "Each": "failed", "B": "failed"}
    assert any(one.state == "B" and one.error == "Lost" for one in way.visits)


def test_half_a_history_is_told_as_far_as_it_goes() -> None:
    """Without times, without details, or without an end."""
    way = passage([{"type": "TaskStateEntered", "details": {"name": "A"}}, {"type": "x"}, {}])

    assert [(one.state, one.came, one.duration_ms) for one in way.visits] == [
        ("A", "running", None)
    ]
    assert passage([]).visits == ()


@pytest.mark.parametrize("window", WINDOWS)
def test_series_have_a_place_for_every_moment(window: str) -> None:
    """Zeros where nothing was, what is too old or unknown left out, the sum what was counted."""
    start, step, steps = series_start(AT, window)
    buckets = [
        Bucket(start, "users", "received", 3),
        Bucket(start + step * (steps - 1), "users", "received", 4),
        Bucket(start - step, "users", "received", 100),
        Bucket(start, "users", "odd", 100),
        Bucket(start, "late", "dead", 1),
    ]

    told = series(buckets, ["users"], AT, window)

    assert told.start_ms + told.step_ms * told.steps > AT >= told.start_ms + step * (steps - 1)
    received = told.counts["users"]["received"]
    assert (received[0], received[-1], sum(received), len(received)) == (3, 4, 7, steps)
    assert sum(told.counts["late"]["dead"]) == 1


def test_times_are_ages_or_moments() -> None:
    """What is neither is said, with what could be written."""
    assert parse_time("2h", AT) == AT - 7_200_000
    assert parse_time("2023-11-14T22:13:20Z", AT) == AT
    for wrong in ("", "soon", "2h ago", "2023-13-01"):
        with pytest.raises(ValueError, match="neither an age"):
            parse_time(wrong, AT)
