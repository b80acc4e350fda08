"""Our interpreters beside independent ones: `python -m bench.differential jsonpath|jsonata`.

    jsonpath   documents against moto's parser of the States Language
    jsonata    expressions against npm's jsonata, the reference implementation

Every case of the table in tests/data is played, and as many more as asked for, made by chance. What
comes out otherwise must stand with its reason in
`bench/document_differences.py` or `bench/expression_differences.py`; anything else exits 1.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from bench import documents, expressions
from bench.asl import read_cases
from bench.differences import Difference, explain
from bench.document_differences import DOCUMENTS
from bench.documents import Sample
from bench.expression_differences import EXPRESSIONS
from bench.moto_parser import CONTEXT, Ending, Fault, MotoParser, Refused
from bench.node_jsonata import PACKAGE, Expression, NodeMissing, evaluate_there
from bench.table import lines
from holdfast.errors import ExtraMissing
from holdfast.testing.workflow import run_workflow
from holdfast.workflow import machine
from holdfast.workflow.failures import StateFailure
from holdfast.workflow.filters import same
from holdfast.workflow.flow import View
from holdfast.workflow.states import State
from holdfast.workflow.turn import Turn

TABLE: Final = Path(__file__).parents[1] / "tests" / "data" / "language"

OUT_OF_REACH: Final[Sequence[tuple[str, str]]] = (
    # What stands in a document, and why moto is not asked about it.
    ('"JSONata"', "JSONata, which moto evaluates in Java"),
    ('"Assign"', "variables, which moto reads in Java"),
    ("EnteredTime", "the time of day, of which moto has its own"),
    ("StartTime", "the time of day, of which moto has its own"),
)


@dataclass(slots=True)
class Tally:
    """`told` collects what nobody has explained."""

    agreed: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    explained: Counter[str] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)

    def report(self, table: Sequence[Difference[Any, Any]]) -> str:
        named = {difference.id: difference for difference in table}
        explained = [
            (str(count), id, named[id].right, named[id].reason)
            for id, count in self.explained.most_common()
        ]
        skipped = [(str(count), reason) for reason, count in self.skipped.most_common()]
        parts = [f"{self.agreed} agree"]
        if explained:
            parts.append(lines(("cases", "known difference", "right", "reason"), explained))
        if skipped:
            parts.append(lines(("not compared", "because of"), skipped))
        parts += self.told[:20]
        parts.append(f"{self.agreed} passed, {len(self.told)} failed")
        return "\n\n".join(parts)


# Documents.


def compare_documents(samples: Iterable[tuple[str, Sample]]) -> Tally:
    """`samples` with their names. Raises ExtraMissing where moto is not installed."""
    moto, tally = MotoParser(), Tally()
    for name, sample in samples:
        reason = out_of_reach(sample)
        if reason:
            tally.skipped[reason] += 1
            continue
        here, there = play_here(sample), play_there(moto, sample)
        if agree(here, there):
            tally.agreed += 1
            continue
        known = explain(DOCUMENTS, name, sample, here, there)
        if known:
            tally.explained[known] += 1
        else:
            tally.told.append(
                f"{name}\n  {json.dumps(sample.document)}\n  input {json.dumps(sample.input)}"
                f"\n  here  {here}\n  there {there}"
            )
    return tally


def out_of_reach(sample: Sample) -> str | None:
    text = json.dumps(sample.document)
    for sign, reason in OUT_OF_REACH:
        if sign in text:
            return reason
    hangs = any(call.get("hang") for call in sample.calls)
    if sample.document.get("TimeoutSeconds") and (hangs or sample.calls):
        return "time passing, for which moto would wait"
    return None


def play_here(sample: Sample) -> Ending:
    faults: list[Fault] = []

    class Watched(Turn):
        """Tells of what the machine itself fails with, which a history does not always do."""

        __slots__ = ()

        def _told(self, state: State, view: View, failure: StateFailure) -> tuple[str, str]:
            faults.append(Fault(state.name, failure.error, failure.cause))
            return super()._told(state, view, failure)

    with patch.object(machine, "Turn", Watched):
        run = run_workflow(
            sample.document,
            sample.input,
            calls=sample.calls,
            mocks={"work": [documents.AFTERWARDS]},
            context=CONTEXT,
        )
    calls = tuple(sorted(((call["state"], call["input"]) for call in run.calls), key=json.dumps))
    fault = faults[0] if faults else None
    return Ending(run.status, run.output, run.error, run.waits, calls, fault)


def play_there(moto: MotoParser, sample: Sample) -> Ending | Refused:
    try:
        program = moto.read(sample.document)
    except Refused as refused:
        return refused
    return moto.play(program, sample.input, sample.calls, otherwise=documents.AFTERWARDS)


def agree(here: Ending, there: Ending | Refused) -> bool:
    """In all but the wording of causes."""
    if isinstance(there, Refused):
        return False
    ends = (here.status, here.error, here.waits) == (there.status, there.error, there.waits)
    calls = [list(call) for call in here.calls], [list(call) for call in there.calls]
    return ends and same(here.output, there.output) and same(*calls)


def documents_of_the_table() -> Iterator[tuple[str, Sample]]:
    for case in read_cases(TABLE):
        for run in case["runs"]:
            if "mistakes" not in run["expect"]:
                yield (
                    case["id"],
                    Sample(case["definition"], run.get("input", {}), list(run.get("calls", ()))),
                )


# Expressions.


def compare_expressions(named: Iterable[tuple[str, Expression]], modules: Path) -> Tally:
    """`modules`: where npm put its packages. Raises NodeMissing."""
    tally, asked = Tally(), list(named)
    answers = evaluate_there([expression for _, expression in asked], modules)
    for (name, expression), there in zip(asked, answers, strict=True):
        here = expressions.evaluate_here(expression)
        if expressions.agree(here, there):
            tally.agreed += 1
            continue
        known = explain(EXPRESSIONS, name, expression, here, there)
        if known:
            tally.explained[known] += 1
        else:
            tally.told.append(
                f"{name}\n  {expression.text}\n  bindings {json.dumps(expression.bindings)}"
                f"\n  here  {here}\n  there {there}"
            )
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.differential", description=__doc__)
    parser.add_argument("what", choices=("jsonpath", "jsonata"))
    parser.add_argument("--cases", type=int, default=500, help="how many to make by chance")
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same cases")
    parser.add_argument(
        "--modules",
        type=Path,
        default=Path("node_modules"),
        help=f"the node_modules folder that `npm install {PACKAGE}` made",
    )
    asked = parser.parse_args()
    names = [f"{asked.seed}:{number}" for number in range(asked.cases)]
    try:
        if asked.what == "jsonpath":
            made = ((name, documents.make(name)) for name in names)
            tally = compare_documents([*documents_of_the_table(), *made])
            print(tally.report(DOCUMENTS))
        else:
            written = expressions.of_the_table(TABLE)
            chance = ((name, expressions.make(name)) for name in names)
            tally = compare_expressions([*written, *chance], asked.modules)
            print(tally.report(EXPRESSIONS))
    except (ExtraMissing, NodeMissing) as missing:
        print(missing)
        return 2
    return 1 if tally.told else 0


if __name__ == "__main__":
    sys.exit(main())
