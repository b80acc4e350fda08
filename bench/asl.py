"""Runs a file of recorded executions: `python -m bench.asl FILE`; exit 1 where one differs.

The file's cases hold a definition and runs: input, what the tasks come to, and what is expected.
A string with `<...>` in it stands for any text there, as recordings mask ids and times.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from holdfast.errors import DefinitionError
from holdfast.testing.workflow import WorkflowRun, run_workflow

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
    definition = run.get("definition", case["definition"])
    calls = run.get("calls", ())
    try:
        found = run_workflow(definition, run.get("input"), calls=calls, context=CONTEXT)
    except (DefinitionError, LookupError) as error:
        yield f"{type(error).__name__}: {error}"
        return
    yield from _ends(run["expect"], found)
    if len(found.calls) < len(calls) and not case.get("calls_may_be_unused"):
        yield f"{len(calls)} calls expected, {len(found.calls)} made"
    left = list(calls)
    for call in found.calls:
        like = [one for one in left if one["state"] == call["state"]]
        if run.get("label") in MISMASKED:
            continue
        match = next((one for one in like if fits(one.get("input"), call["input"])), None)
        if match is None:
            yield f"{call['state']} was called with {call['input']!r}"
        else:
            left.remove(match)


def _ends(expect: Mapping[str, Any], found: WorkflowRun) -> Iterator[str]:
    for name in ("status", "output", "error", "cause"):
        if name in expect and not fits(expect[name], getattr(found, name)):
            yield f"{name}: {expect[name]!r} expected, {getattr(found, name)!r} found"
            if name == "status":
                yield f"  {found.error}: {found.cause}"
    if "waits" in expect and list(found.waits) != expect["waits"]:
        yield f"waits: {expect['waits']} expected, {list(found.waits)} found"


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.asl", description=__doc__)
    parser.add_argument("file", type=Path, help="cases as JSON")
    cases = json.loads(parser.parse_args().file.read_text("utf-8"))["cases"]
    passed = failed = 0
    for case in cases:
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
