"""The table of the language: what the specification and AWS say, held against the machine.

`tests/data/language` has a file for each group of cases. A case says in a sentence what it shows
and by which page; its runs say what goes in, what tasks come to, and what has to come out.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from bench.asl import differences, read_cases

from holdfast.errors import DefinitionError
from holdfast.workflow import asl, choice, conditions, filters, functions, jsonata, paths
from holdfast.workflow.events import UNBORN, Thread
from holdfast.workflow.fields import Fields
from holdfast.workflow.flow import View

FOLDER: Final = Path(__file__).parent / "data" / "language"
SOURCE: Final = Path(asl.__file__).parent
EVIDENCE: Final = {"spec", "aws-docs", "aws-recorded", "jayway", "jsonata", "decision"}
CASES: Final = read_cases(FOLDER)
TEXT: Final = json.dumps(CASES)


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])
def test_the_machine_does_as_the_table_says(case: dict[str, Any]) -> None:
    """Status, output, error, cause, waits and calls of every run, or the places of the mistakes."""
    found = [line for run in case["runs"] for line in differences(case, run)]

    assert found == [], case["shows"]


def test_a_difference_would_be_found() -> None:
    """Every expectation of a run, made wrong, is told as a difference."""
    case = next(case for case in CASES if case["id"] == "retry-complex")
    run = case["runs"][0]
    wrong: list[dict[str, Any]] = [
        {"expect": run["expect"] | {name: value}}
        for name, value in (("status", "FAILED"), ("output", 1), ("waits", [1]), ("error", "E"))
    ]
    wrong += [{"calls": [*run["calls"], run["calls"][0]]}, {"calls": run["calls"][:1]}]
    wrong += [{"calls": [{**call, "input": 5} for call in run["calls"]]}]
    wrong += [{"expect": {"mistakes": []} | {"mistakes": ["States.A"]}}]

    assert [bool(list(differences(case, run | change))) for change in wrong] == [True] * 8


def test_every_case_says_what_it_shows_and_where_that_is_written() -> None:
    """Ids are unique, sentences end, and evidence is of a known kind with its place."""
    ids = [case["id"] for case in CASES]

    assert len(set(ids)) == len(ids) >= 250
    assert [case["id"] for case in CASES if not case["shows"].endswith(".")] == []
    assert [case["id"] for case in CASES if case["evidence"] not in EVIDENCE] == []
    assert [case["id"] for case in CASES if not all(case["origin"]) or not case["runs"]] == []
    assert [file for file in FOLDER.iterdir() if read_group(file) != file.stem] == []


def read_group(file: Path) -> str:
    return str(json.loads(file.read_text("utf-8"))["group"])


def test_every_field_occurs(monkeypatch: pytest.MonkeyPatch) -> None:
    """What loading asks of each object stands in a case that runs; what it refuses, in one that does not."""
    known, refused = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    raw, refuse = Fields.raw, Fields.refuse

    def asking(fields: Fields, name: str) -> Any:
        if name:
            known[kind(fields)].add(name)
        return raw(fields, name)

    def refusing(fields: Fields, names: tuple[str, ...], reason: str) -> None:
        refused[kind(fields)] |= set(names)
        refuse(fields, names, reason)

    monkeypatch.setattr(Fields, "raw", asking)
    monkeypatch.setattr(Fields, "refuse", refusing)
    running, failing = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    for case in CASES:
        goes = "mistakes" not in case["runs"][0]["expect"]
        for place, names in objects(case["definition"]):
            (running if goes else failing)[place] |= names
        try:
            asl.load(case["definition"], foreign=True)
        except DefinitionError:
            assert not goes
    known.pop("States")
    for place in ("None", "pass"):
        known.pop(place)  # no types of states
    known["ProcessorConfig"].remove("ExecutionType")  # of the Distributed Map alone

    assert missing(known, running, but=refused) == []
    # A field that its state has in the other language; of the rest one place will do.
    both = {place: names & known[place] for place, names in refused.items()}
    assert missing(both, failing, but={}) == []
    assert set().union(*refused.values()) - set().union(*failing.values()) == set()


def kind(fields: Fields) -> str:
    """A state's type, or the field that the object stands in."""
    return kind_of(fields.place, fields.value)


def kind_of(place: str, value: Mapping[str, Any]) -> str:
    if re.search(r"(?:^|\.)States(?:\.[\w-]+|\['.*'\])$", place):
        return str(value.get("Type"))
    field = re.sub(r"\[\d+\]$", "", place).rpartition(".")[2]
    return {"And": "Choices", "Or": "Choices", "Not": "Choices"}.get(field, field)


def objects(value: Any, place: str = "") -> Iterator[tuple[str, set[str]]]:
    """Every object of a document, by kind, and the names of its fields."""
    if isinstance(value, dict):
        yield kind_of(place, value), set(value)
        for name, below in value.items():
            yield from objects(below, f"{place}.{name}" if name.isidentifier() else f"{place}['']")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from objects(item, f"{place}[{index}]")


def missing(
    wanted: Mapping[str, set[str]], found: Mapping[str, set[str]], but: Mapping[str, set[str]]
) -> list[str]:
    """What is wanted of each kind and was not found; `but`: what stands nowhere else is excused."""
    return sorted(
        f"{place or 'the document'}: {name}"
        for place, names in wanted.items()
        for name in names - found.get(place, set())
        if name not in but.get(place, set())
    )


@cache
def strings() -> frozenset[str]:
    """Every string of the table, keys as well."""
    found: set[str] = set()
    todo: list[Any] = [CASES]
    while todo:
        value = todo.pop()
        if isinstance(value, str):
            found.add(value)
        elif isinstance(value, dict):
            found |= set(value)
            todo += value.values()
        elif isinstance(value, list):
            todo += value
    return frozenset(found)


def absent(names: Collection[str]) -> list[str]:
    return sorted(name for name in names if name not in TEXT)


def test_every_operator_of_a_choice_occurs() -> None:
    """All comparisons, their Path forms, the tests of kinds, and And, Or and Not."""
    assert (choice.OPERATORS | set(conditions._COMPOUND)) - strings() == set()


def test_every_function_occurs() -> None:
    """Intrinsic functions, those that a path ends in, operators of filters, and AWS's JSONata."""
    added = {*jsonata._PURE, *jsonata._CHANCE, "parse"} - {"parse_json"}

    assert absent([f"{name}(" for name in functions.FUNCTIONS]) == []
    assert absent([f".{name}()" for name in paths.FUNCTIONS]) == []
    assert absent([f" {operator} " for operator in filters._OPERATORS]) == []
    assert absent([f"${name}(" for name in added]) == []


def test_every_error_name_occurs() -> None:
    """Whatever name the code can fail with, or knows in ErrorEquals."""
    texts = [file.read_text("utf-8") for file in SOURCE.glob("*.py")]
    names = {name for text in texts for name in re.findall(r'"(States\.[A-Z]\w+)"', text)}

    assert len(names) > 10
    assert names - set(functions.FUNCTIONS) - strings() == set()


def test_every_part_of_the_context_object_occurs() -> None:
    """In JSONPath, and where it is there the same in JSONata."""
    thread: Thread = {
        "state": "A",
        "input": None,
        "size": 4,
        "entered_ms": 0,
        "entered_id": 0,
        "last_id": 0,
        "retries": [],
        "awaits": "turn",
        "scope": {
            "fork": "",
            "index": 0,
            "variables": {},
            "weight": 2,
            "item": {"Index": 0, "Value": None},
        },
    }
    context = View(UNBORN, thread, 0, 0).object()
    parts = [f"{name}.{part}" for name, below in context.items() for part in below]

    assert "Map.Item" in parts
    assert absent([f"$$.{part}" for part in parts]) == []
