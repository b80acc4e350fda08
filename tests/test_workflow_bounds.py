"""Documents that no reader should have to survive: what they are is told, with the place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from holdfast.errors import DefinitionError
from holdfast.testing import run_workflow
from holdfast.workflow import asl
from holdfast.workflow.bounds import DEPTH_MAX, SIZE_MAX_BYTES, check_bounds


def passing(**fields: Any) -> dict[str, Any]:
    """A document of one state."""
    return {"StartAt": "S", "States": {"S": {"Type": "Pass", "End": True, **fields}}}


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def around() -> dict[str, Any]:
    value: dict[str, Any] = {"list": []}
    value["list"].append(value)
    return value


def own_branch() -> dict[str, Any]:
    document = passing()
    document["States"]["S"] = {"Type": "Parallel", "Branches": [document], "End": True}
    return document


def shared(times: int) -> dict[str, Any]:
    """A document that is small in memory and has no end on paper."""
    value: Any = "x"
    for _ in range(times):
        value = [value, value]
    return passing(Result=value)


CASES: list[tuple[str, Mapping[str, Any], str]] = [
    ("itself in a template", passing(Parameters=around()), "Parameters.list[0]: contains itself"),
    ("itself as a result", passing(Result=around()), "Result.list[0]: contains itself"),
    ("itself as a branch", own_branch(), "Branches[0]: contains itself"),
    ("nested", passing(Result=nested(5_000)), f"[0]...: is nested more than {DEPTH_MAX} deep"),
    ("shared parts", shared(40), "the document: has more than 524,288 values; AWS takes 1,048,576"),
    ("large", passing(Result="x" * SIZE_MAX_BYTES), "the document: has 1,048,645 bytes; AWS"),
    ("a set", passing(Result={1}), "Result: set is not JSON; write a list"),
    ("a tuple", passing(Result={"a": (1,)}), "Result.a: tuple is not JSON; write a list"),
    ("an object", passing(Result=[object()]), "Result[0]: object is not JSON"),
    ("no number", passing(Result=float("nan")), "Result: nan is not JSON"),
    ("a number as name", passing(Result={7: 1}), "Result: has a field called 7; names are strings"),
]


@pytest.mark.parametrize(
    ("document", "said"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_what_cannot_be_read_is_a_mistake(document: Mapping[str, Any], said: str) -> None:
    """One mistake with its path, from the check and from whoever would run it; never a crash."""
    (mistake,) = asl.check(document, [])

    assert said in str(mistake)
    with pytest.raises(DefinitionError):
        run_workflow(document)


def test_what_is_just_small_enough_is_read() -> None:
    """The bounds are where they say: one byte, one level and one value more would be too much."""
    frame = len('{"StartAt":"S","States":{"S":{"Type":"Pass","End":true,"Result":""}}}')
    fits = passing(Result="x" * (SIZE_MAX_BYTES - frame))

    assert check_bounds(fits) == []
    assert len(check_bounds(passing(Result="x" * (SIZE_MAX_BYTES - frame + 1)))) == 1
    assert check_bounds(passing(Result=nested(DEPTH_MAX - 3))) == []
    assert len(check_bounds(passing(Result=nested(DEPTH_MAX - 2)))) == 1


def test_the_same_part_twice_is_no_circle() -> None:
    """Parts may be shared: only what stands within itself has no end."""
    line = {"sku": "a"}

    assert check_bounds(passing(Result=[line, line, {"again": line}])) == []


def test_all_of_it_is_told_at_once() -> None:
    """One unreadable value does not hide the next."""
    found = check_bounds(passing(Result=[{1}, 2, {3}]))

    assert [mistake.place for mistake in found] == ["States.S.Result[0]", "States.S.Result[2]"]
