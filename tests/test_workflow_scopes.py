"""Checking documents that have documents within: Parallel, Map, and where their states may go."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.workflow import asl

END: dict[str, Any] = {"Type": "Pass", "End": True}


def scope(**states: Any) -> dict[str, Any]:
    return {"StartAt": next(iter(states)), "States": states}


def mapping(**fields: Any) -> dict[str, Any]:
    return {"Type": "Map", "ItemProcessor": scope(I=END), "End": True, **fields}


def parallel(*branches: Any, **fields: Any) -> dict[str, Any]:
    return {"Type": "Parallel", "Branches": list(branches), "End": True, **fields}


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (parallel(scope(I=END)), []),
        (parallel(), ["States.S.Branches: must not be empty"]),
        ({"Type": "Parallel", "End": True}, ["States.S.Branches: is missing"]),
        (parallel(5), ["States.S.Branches[0]: must be an object"]),
        (parallel({}), ["Branches[0].StartAt: is missing", "Branches[0].States: is missing"]),
        (parallel({**scope(I=END), "X": 1}), ["States.S.Branches[0].X: is not a field"]),
        (
            parallel(scope(I={"Type": "Pass", "Next": "S"})),
            ['States.S.Branches[0].States.I.Next: no state "S"'],
        ),
        (parallel(scope(I=END), scope(I=END)), ["Branches[1].States.I: another state of the doc"]),
        (parallel(scope(S=END)), ["States.S: another state of the document has this name"]),
        (parallel(scope(I=END, J=END)), ["States.J: cannot be reached from StartAt"]),
        (parallel({**scope(I=END), "StartAt": "X"}), ['Branches[0].StartAt: no state "X"']),
        (mapping(), []),
        ({**mapping(), "Iterator": scope(J=END)}, ["cannot stand together"]),
        ({"Type": "Map", "Iterator": scope(J=END), "End": True}, []),
        ({"Type": "Map", "End": True}, ["States.S: needs one of ItemProcessor, Iterator"]),
        (
            mapping(ItemProcessor={**scope(I=END), "ProcessorConfig": {"Mode": "DISTRIBUTED"}}),
            ["ItemProcessor.ProcessorConfig.Mode: the Distributed Map is not part of Express"],
        ),
        (mapping(ItemBatcher={}), ["States.S.ItemBatcher: belongs to the Distributed Map"]),
        (mapping(ItemReader={}), ["States.S.ItemReader: belongs to the Distributed Map"]),
        (mapping(ResultWriter={}), ["States.S.ResultWriter: belongs to the Distributed Map"]),
        (mapping(ItemSelector={}, Parameters={}), ["cannot stand together"]),
        (mapping(ItemSelector=5), ["States.S.ItemSelector: must be an object"]),
        (mapping(MaxConcurrency=-1), ["States.S.MaxConcurrency: must be a whole number"]),
        (mapping(MaxConcurrency=1, MaxConcurrencyPath="$.a"), ["cannot stand together"]),
        (mapping(MaxConcurrencyPath="$[*]"), ["must name one place"]),
        (mapping(ToleratedFailurePercentage=101), ["must be a number from 0 to 100"]),
        (mapping(ToleratedFailureCount=1.5), ["States.S.ToleratedFailureCount: must be a whole"]),
        (mapping(ItemsPath="x"), ["States.S.ItemsPath: 'x' is not a JSONPath"]),
        (mapping(Retry=[{}]), ["States.S.Retry[0].ErrorEquals: is missing"]),
    ],
)
def test_every_mistake_has_its_path(state: dict[str, Any], expected: list[str]) -> None:
    """Branches and processors are checked as the document is, down to the last state."""
    found = [str(mistake) for mistake in asl.check(scope(S=state), [])]

    assert len(found) == len(expected), found
    for part, line in zip(expected, found, strict=True):
        assert part in line


def test_documents_within_documents_have_a_depth() -> None:
    """Nesting without an end is a mistake, not a crash."""
    for levels, told in ((35, "more than 30 Parallel and Map deep"), (100, "is nested more than")):
        state = END
        for depth in range(levels):
            state = parallel(scope(**{f"I{depth}": state}))

        assert any(told in str(mistake) for mistake in asl.check(scope(S=state), []))
