"""The comparison with independent interpreters, as far as it goes without them."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bench import differential, documents, expressions
from bench.asl import read_cases
from bench.differences import explain
from bench.document_differences import DOCUMENTS
from bench.documents import Sample
from bench.expression_differences import EXPRESSIONS
from bench.moto_parser import Ending, Fault, Refused
from bench.node_jsonata import Answer, Expression

PASS: Any = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}
SEEDS = [f"tests:{number}" for number in range(150)]


def test_made_documents_load_and_end() -> None:
    """Whatever chance makes is a document that runs to an end, in more ways than one."""
    endings = {differential.play_here(documents.make(seed)).status for seed in SEEDS}

    assert endings == {"SUCCEEDED", "FAILED"}


def test_the_same_seed_makes_the_same() -> None:
    """A difference can be shown to somebody by its seed alone."""
    assert [documents.make(seed) for seed in SEEDS] == [documents.make(seed) for seed in SEEDS]
    assert [expressions.make(seed) for seed in SEEDS] == [expressions.make(seed) for seed in SEEDS]
    assert len({json.dumps(documents.make(seed).document) for seed in SEEDS}) > 100
    assert len({expressions.make(seed).text for seed in SEEDS}) > 100


def test_made_expressions_mostly_have_a_value() -> None:
    """An expression that fails says little; most of them do not, and none is too deep to read."""
    told = [expressions.evaluate_here(expressions.make(seed)) for seed in SEEDS]

    assert sum(answer.instead == "" for answer in told) > len(told) / 2
    assert {answer.instead for answer in told} >= {"", "error"}


def test_expressions_of_the_table_are_compared_too() -> None:
    """Those of every case, but for AWS's own functions and what never ends."""
    texts = [each.text for _, each in expressions.of_the_table(differential.TABLE)]

    assert "$states.input.a + 1" in texts
    assert not [text for text in texts if "$uuid" in text or "$f($n" in text]


@pytest.mark.parametrize("table", [DOCUMENTS, EXPRESSIONS])
def test_every_known_difference_says_why(table: Any) -> None:
    """Ids are unique, cases exist, and reason and evidence are there."""
    ids = [each.id for each in table]
    cases = {case["id"] for case in read_cases(differential.TABLE)}

    assert len(set(ids)) == len(ids)
    assert [each.id for each in table if not each.reason or not each.evidence] == []
    assert [name for each in table for name in each.cases if name not in cases] == []
    assert [each.id for each in table if not each.cases and each.applies is None] == []


@pytest.mark.parametrize(
    "there",
    [
        Ending("SUCCEEDED", 2),
        Ending("SUCCEEDED", True),
        Ending("FAILED", None, "E"),
        Ending("SUCCEEDED", 1, waits=(1.0,)),
        Ending("SUCCEEDED", 1, calls=(("A", {}),)),
        Refused("no"),
    ],
)
def test_what_nobody_explained_is_a_difference(there: Any) -> None:
    """Output, error, waits, calls and refusal all count, and no entry covers a plain document."""
    here, sample = Ending("SUCCEEDED", 1), Sample(PASS, {}, [])

    assert differential.agree(here, replace(here))
    assert not differential.agree(here, there)
    assert explain(DOCUMENTS, "1:1", sample, here, there) is None


def test_a_known_difference_is_found() -> None:
    """By what both results show, or by the name of its case."""
    sample = Sample(PASS, {}, [])
    here = Ending("FAILED", None, "States.IntrinsicFailure", fault=Fault("A", "x", "y"))
    there = Ending("FAILED", None, "States.Runtime", fault=Fault("A", "States.Runtime", "z"))
    elsewhere = replace(there, fault=Fault("B", "States.Runtime", "z"))

    assert explain(DOCUMENTS, "", sample, here, there) == "failures-without-names"
    assert explain(DOCUMENTS, "", sample, here, elsewhere) is None
    assert explain(DOCUMENTS, "array", sample, here, elsewhere) == "null-arguments"


def test_values_of_expressions_are_compared_as_json() -> None:
    """1 and 1.0 are the same, 1 and true are not, and an error has a code."""
    assert expressions.agree(Answer(1), Answer(1.0))
    assert not expressions.agree(Answer(1), Answer(True))
    assert not expressions.agree(Answer(None), Answer(instead="undefined"))
    here, there = Answer(instead="error", code="T2001"), Answer(instead="error", code="D3030")
    assert explain(EXPRESSIONS, "", Expression("1"), here, there) == "which-error"
    assert explain(EXPRESSIONS, "", Expression("1"), Answer(1), Answer(2)) is None


def test_the_first_failure_of_the_interpreter_itself_is_noticed() -> None:
    """Though it was caught; what a task failed with does not count."""
    caught = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.e", "Next": "B"}]
    task = {"Type": "Task", "Resource": "${work}", "Catch": caught, "Next": "B"}
    states = {"A": {**task, "Parameters": {"x.$": "$.x"}}, "B": {"Type": "Succeed"}}
    sample = Sample({"StartAt": "A", "States": states}, {}, [{"state": "A", "error": "E"}])

    there, missing = replace(sample, input={"x": 1}), differential.play_here(sample).fault

    assert missing is not None
    assert (missing.state, missing.error) == ("A", "States.ParameterPathFailure")
    assert differential.play_here(there).fault is None


def test_documents_out_of_reach_are_counted() -> None:
    """JSONata, variables and the time of day are not moto's to answer."""
    states: list[dict[str, Any]] = [
        {"QueryLanguage": "JSONata"},
        {"Assign": {}},
        {"InputPath": "$$.State.EnteredTime"},
    ]
    for state in states:
        document = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True, **state}}}
        assert differential.out_of_reach(Sample(document, {}, [])) is not None
    assert differential.out_of_reach(Sample(PASS, {}, [])) is None


def test_without_moto_it_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The extra by its name, and exit code 2."""
    monkeypatch.setitem(sys.modules, "moto", None)
    monkeypatch.setattr(sys, "argv", ["bench.differential", "jsonpath", "--cases", "1"])

    assert differential.main() == 2
    assert "pip install 'holdfast[differential]'" in capsys.readouterr().out


@pytest.mark.parametrize("path", ["", None])
def test_without_node_or_its_package_it_says_how_to_get_them(
    path: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The command that installs the pinned version, and exit code 2."""
    if path is not None:
        monkeypatch.setenv("PATH", path)
    arguments = ["bench.differential", "jsonata", "--cases", "1", "--modules", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", arguments)

    assert differential.main() == 2
    assert "npm install jsonata@2.2.2" in capsys.readouterr().out
