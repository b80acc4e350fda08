"""Runs cases of the States Language: `python -m bench.asl FILE|FOLDER...`; exit 1 where one differs.

A case holds a definition and runs. A run says what goes in (`input`, `context`), what the tasks come
to (`calls`, as `run_workflow` takes them), and what is expected: status, output, error, cause and
waits, as far as they are given, or the places of the `mistakes` that loading must tell. With `tasks`
the document is checked as that of a webhook that has those; otherwise any resource will do. A string
with `<...>` in it stands for any text there, as recordings mask ids and times.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from holdfast.errors import DefinitionError
from holdfast.testing.workflow import WorkflowRun, run_workflow
from holdfast.workflow import asl

CONTEXT: Final = {"Execution": {"RoleArn": "snf_role_arn"}}
"""The role of the recordings, which they do not mask."""

MISMASKED: Final = frozenset({"no_such_function", "no_such_function_catch"})
"""Recordings in which the input names a function otherwise than the call it leads to."""

_MASK: Final = re.compile(r"<[^<>]+>")


def fits(expected: Any, found: Any) -> bool:
    """Equal as JSON, but for masks."""
    if isinstance(expected, str) and isinstance(found, str) and _MASK.search(expected):
        pattern = ".*".join(re.escape(part) for part in _MASK.split(expected))
        return expected == found or re.fullmatch(pattern, found, re.DOTALL) is not None
    if isinstance(expected, dict) and isinstance(found, dict):
        return expected.keys() == found.keys() and all(
            fits(value, found[name]) for name, value in expected.items()
        )
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(map(fits, expected, found))
    return (type(expected) is type(found) and expected == found) or _same_number(expected, found)


def _same_number(expected: Any, found: Any) -> bool:
    numbers = {type(expected), type(found)} <= {int, float}
    return numbers and bool(expected == found)


def differences(case: Mapping[str, Any], run: Mapping[str, Any]) -> Iterator[str]:
    """What came out otherwise than expected."""
    definition, expected = run.get("definition", case["definition"]), run["expect"]
    if "mistakes" in expected:
        yield from _refusal(expected["mistakes"], definition, run.get("tasks"))
        return
    calls = run.get("calls", ())
    context = run.get("context", CONTEXT)
    try:
        found = run_workflow(definition, run.get("input"), calls=calls, context=context)
    except (DefinitionError, LookupError) as error:
        yield f"{type(error).__name__}: {error}"
        return
    yield from _ends(expected, found)
    if len(found.calls) < len(calls) and not case.get("calls_may_be_unused"):
        yield f"{len(calls)} calls expected, {len(found.calls)} made"
    left = list(calls)
    for call in found.calls:
        like = [one for one in left if one["state"] == call["state"]]
        if run.get("label") in MISMASKED:
            continue
        match = next((one for one in like if _given(one, call)), None)
        if match is None:
            yield f"{call['state']} was called with {call['input']!r}"
        else:
            left.remove(match)


def _given(expected: Mapping[str, Any], call: Mapping[str, Any]) -> bool:
    return "input" not in expected or fits(expected["input"], call["input"])


def _refusal(
    places: Sequence[str], definition: Mapping[str, Any], tasks: Sequence[str] | None
) -> Iterator[str]:
    """`tasks`: those of the webhook; None where any resource will do."""
    try:
        if tasks is None:
            asl.load(definition, foreign=True)
        found = [] if tasks is None else asl.check(definition, tasks)
    except DefinitionError as error:
        found = list(error.mistakes)
    if sorted(places) != sorted(mistake.place for mistake in found):
        told = "; ".join(map(str, found)) or "none"
        yield f"mistakes expected at {', '.join(places) or 'no place'}, found: {told}"


def _ends(expect: Mapping[str, Any], found: WorkflowRun) -> Iterator[str]:
    for name in ("status", "output", "error", "cause"):
        if name in expect and not fits(expect[name], getattr(found, name)):
            yield f"{name}: {expect[name]!r} expected, {getattr(found, name)!r} found"
            if name == "status":
                yield f"  {found.error}: {found.cause}"
    if "waits" in expect and list(found.waits) != expect["waits"]:
        yield f"waits: {expect['waits']} expected, {list(found.waits)} found"


def read_cases(path: Path) -> list[dict[str, Any]]:
    """Those of one file, or of every file of a folder."""
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    return [case for file in files for case in json.loads(file.read_text("utf-8"))["cases"]]


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.asl", description=__doc__)
    parser.add_argument("path", type=Path, nargs="+", help="cases as JSON, or a folder of them")
    passed = failed = 0
    for case in [case for path in parser.parse_args().path for case in read_cases(path)]:
        found = [(run, list(differences(case, run))) for run in case["runs"]]
        bad = [(run, lines) for run, lines in found if lines]
        passed += len(found) - len(bad)
        failed += len(bad)
        print(
            f"{'FAILED' if bad else 'passed'}  {case['id']}  {len(found) - len(bad)}/{len(found)}"
        )
        for run, lines in bad:
            print(f"    {run.get('label', 'run')}")
            print("\n".join(f"        {line[:300]}" for line in lines))
    print(f"\n{passed} runs passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
