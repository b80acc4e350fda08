"""What is kept of a history: bounds on its bytes and its events, whatever the execution did."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import orjson
import pytest

from holdfast.workflow import machine
from holdfast.workflow.retained import EVENTS_MAX, VALUE_BYTES_MAX, WHOLE_BYTES, retained
from workflow_kit import a_lease, a_webhook, an_express, run_one


def an_event(id: int, **details: Any) -> dict[str, Any]:
    return {
        "id": id,
        "previousEventId": id - 1,
        "timestamp": "2026-01-01T00:00:00.000Z",
        "type": "TaskStateEntered",
        "details": {"name": "Work", **details},
    }


def mapping(items: int, **fields: Any) -> dict[str, Any]:
    """Every item gets the whole input; the last one fails."""
    work = {"Type": "Task", "Resource": "${work}", "End": True}
    make = {"Type": "Pass", "Result": {"l": list(range(items)), "all": "x" * 9_000}, "Next": "M"}
    each = {
        "Type": "Map",
        "ItemsPath": "$.l",
        "ItemSelector": {"n.$": "$$.Map.Item.Value", "all.$": "$.all"},
        "ItemProcessor": {"StartAt": "W", "States": {"W": work}},
        "MaxConcurrency": 1,
        "End": True,
        **fields,
    }
    return {"StartAt": "Make", "States": {"Make": make, "M": each}}


async def work(given: dict[str, Any]) -> int:
    if given["n"] == 199:
        raise LookupError("the last")
    return int(given["n"])


def test_an_ordinary_history_is_kept_whole() -> None:
    """What the budget has room for is kept to the last byte, wherever its large event stands."""
    size = WHOLE_BYTES - 5_000
    for place in range(3):
        history = [an_event(id, input="x" * (size if id == place else 9)) for id in range(3)]

        assert retained(history) == tuple(history)
    assert retained([]) == ()


def test_large_values_between_the_ends_are_left_out() -> None:
    """Both ends are whole as far as the budget reaches; between, only small values are there."""
    history = [an_event(id, input={"v": "x" * 50_000}, output=id) for id in range(100)]
    before = json.dumps(history)

    kept = retained(history)

    whole = [event["id"] for event in kept if "input" in event["details"]]
    assert whole == [*range(10), *range(90, 100)]
    assert kept[50] == an_event(50, output=50) | {
        "details": {"name": "Work", "inputDetails": {"truncated": True}, "output": 50}
    }
    assert len(orjson.dumps(kept)) < WHOLE_BYTES + 100 * 300
    assert json.dumps(history) == before


@pytest.mark.parametrize("place", [0, 1, 2], ids=["first", "between", "last"])
@pytest.mark.parametrize("what", ["deep", "surrogate", "integer"])
def test_what_cannot_be_written_is_left_out(what: str, place: int) -> None:
    """A value that no store takes costs its event that value alone, and no other event anything."""
    values: dict[str, Any] = {"deep": 1, "surrogate": "\ud800", "integer": 2**70}
    for _ in range(300):
        values["deep"] = [values["deep"]]
    large = "x" * (WHOLE_BYTES // 2 - 1_000)
    history = [an_event(id, input=large if id != 1 else id, output=id) for id in range(3)]
    history[place]["details"]["output"] = values[what]

    kept = retained(history)

    assert orjson.loads(orjson.dumps(kept)) == list(kept)
    for event, was in zip(kept, history, strict=True):
        told = (
            {"outputDetails": {"truncated": True}}
            if event["id"] == place
            else {"output": event["id"]}
        )
        assert event["details"] == {"name": "Work", "input": was["details"]["input"], **told}


@pytest.mark.parametrize("place", [0, 1], ids=["first", "between"])
def test_what_is_kept_can_be_shown_too(place: int) -> None:
    """However deep a value lies in it, whoever shows a history within other things can write them."""
    for depth in range(240, 256):
        value: Any = 1
        for _ in range(depth):
            value = [value]
        large = "x" * (WHOLE_BYTES // 2 - 1_000)
        history = [an_event(id, input=large if id != 1 else id) for id in range(3)]
        history[place]["details"]["output"] = value

        kept = retained(history)

        assert orjson.dumps({"events": [{"executions": [{"history": kept}]}]})


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ("x" * (VALUE_BYTES_MAX - 2), True),
        ("x" * (VALUE_BYTES_MAX - 1), False),
        ("é" * (VALUE_BYTES_MAX // 2), False),
        ("\ud800", False),
        ([1] * 300, True),
        ([1] * 600, False),
        ({"a": {"b": ["x" * 900]}}, True),
        ({"a": {"b": ["x" * 2_000]}, "c": 1}, False),
        ({"x" * 2_000: 1}, False),
        ({str(n): None for n in range(500)}, False),
        ([10**2_000], False),
        (None, True),
    ],
)
def test_a_value_between_is_measured(value: Any, *, fits: bool) -> None:
    """Text, names, numbers and what is nested count as their JSON does."""
    ends = [an_event(0, input="x" * WHOLE_BYTES)] * 2
    middle = an_event(1, output=value)

    kept = retained([ends[0], middle, ends[1], *ends])[1]

    expected = {"output": value} if fits else {"outputDetails": {"truncated": True}}
    assert kept["details"] == {"name": "Work", **expected}


def test_a_value_without_end_is_not_walked_through() -> None:
    """Depth beyond Python's own is a large value like any other."""
    value: Any = 1
    for _ in range(100_000):
        value = [value]
    end = an_event(0, input="x" * WHOLE_BYTES)

    kept = retained([end, an_event(1, output=value), end])

    assert kept[1]["details"] == {"name": "Work", "outputDetails": {"truncated": True}}


def test_the_middle_of_very_many_events_gives_way() -> None:
    """The first and the last are kept, as many as AWS keeps, and one says how many are not."""
    history = [an_event(id) for id in range(1, EVENTS_MAX + 1_001)]

    kept = retained(history)

    assert len(kept) == EVENTS_MAX
    (gap,) = (place for place, event in enumerate(kept) if event["type"] == "EventsLeftOut")
    count = kept[gap]["details"]["count"]
    assert count == 1_001
    assert [event["id"] for event in kept[: gap + 1]] == list(range(1, gap + 2))
    assert kept[gap + 1]["id"] == gap + 1 + count
    assert kept[-1] == history[-1]
    assert len(retained(history[:EVENTS_MAX])) == EVENTS_MAX
    assert retained(history[:EVENTS_MAX])[-1] == history[EVENTS_MAX - 1]


def test_a_failed_map_over_much_is_kept_within_bounds() -> None:
    """A run hands on a history with its failure whole, and not its input many hundred times."""
    webhook = a_webhook(work, takes="input", workflow=mapping(200))

    result = run_one(webhook)

    assert result.error == "LookupError"
    assert len(orjson.dumps(result.history)) < 2 * WHOLE_BYTES
    assert result.history[-1]["type"] == "ExecutionFailed"
    failed = [event for event in result.history if event["type"] == "LambdaFunctionFailed"]
    assert "the last" in failed[0]["details"]["cause"]
    cut = [event for event in result.history if "inputDetails" in event["details"]]
    assert cut
    assert "output" in result.history[2]["details"]


@pytest.mark.parametrize(("items", "apart"), [(3, False), (200, True)])
def test_a_long_history_is_told_in_a_thread(
    items: int, *, apart: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replay of very many events leaves the loop to others; an ordinary one is told at once."""
    threads: list[int] = []
    history = machine.history

    def telling(*given: Any) -> Any:
        threads.append(threading.get_ident())
        return history(*given)

    monkeypatch.setattr(machine, "history", telling)
    webhook = a_webhook(work, takes="input", workflow=mapping(items), log_level="ALL")

    async def scene() -> int:
        with an_express(webhook) as express:
            await express.run(a_lease())
        return threading.get_ident()

    loop = asyncio.run(scene())

    assert [thread != loop for thread in threads] == [apart]
