"""Where moto's parser comes to something else than ours: every known difference."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final

from bench.differences import Difference
from bench.documents import Sample
from bench.moto_parser import Ending, Refused

Of = Difference[Sample, Any]
"""Here an `Ending`; there one, or `Refused`."""


def _same_fault(_sample: Sample, here: Ending, there: Any) -> bool:
    if here.fault is None or not isinstance(there, Ending) or there.fault is None:
        return False
    return here.fault.state == there.fault.state


def _fault(there: Any, pattern: str) -> bool:
    fault = getattr(there, "fault", None)
    return fault is not None and re.search(pattern, fault.cause) is not None


def _of_state(sample: Sample, name: str) -> dict[str, Any]:
    """The state of that name, wherever it stands."""
    todo: list[Any] = [sample.document]
    while todo:
        value = todo.pop()
        if isinstance(value, dict):
            states = value.get("States")
            if isinstance(states, dict) and name in states:
                return dict(states[name])
            todo += value.values()
        elif isinstance(value, list):
            todo += value
    return {}


def _lists_of_one(sample: Sample, here: Ending, there: Any) -> bool:
    if not isinstance(there, Ending) or not _INDEXED.search(json.dumps(sample.document)):
        return False
    return bool(_unwrapped([here.output, here.calls]) == _unwrapped([there.output, there.calls]))


def _others_apart(sample: Sample, here: Ending, there: Any) -> bool:
    if not isinstance(there, Ending) or not re.search(
        '"(?:Map|Parallel)"', json.dumps(sample.document)
    ):
        return False
    ends = [(one.status, one.error, one.output) for one in (here, there)]
    return ends[0] == ends[1] and here.fault is None is there.fault and here.waits == there.waits


_INDEXED: Final = re.compile(r"\[-?\d+\][.\[]|\[-\d+\]|\.\.|\.\*")


def _unwrapped(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _unwrapped(below) for name, below in value.items()}
    if isinstance(value, list | tuple):
        items = [_unwrapped(item) for item in value]
        return items[0] if len(items) == 1 else items
    return value


def _choice_missed(sample: Sample, here: Ending, there: Any) -> bool:
    if here.fault is None or _of_state(sample, here.fault.state).get("Type") != "Choice":
        return False
    return "invalid value" in here.fault.cause and not _same_fault(sample, here, there)


def _task_failed(sample: Sample, here: Ending, there: Any) -> bool:
    """A task failed with that very name, somebody asks for it, and nothing else went wrong."""
    if here.fault is not None or getattr(there, "fault", None) is not None:
        return False
    failed = any(call.get("error") == "States.TaskFailed" for call in sample.calls)
    return failed and '["States.TaskFailed"]' in json.dumps(sample.document)


_INDEFINITE: Final = r"(?:path '\$[^']*|JSONPath '\$[^' ]*)(?:\.\.|\.\*|\[\?)"
_PYTHON: Final = (
    "pop from empty list|list indices must be|does not support item assignment"
    "|object has no attribute|unhashable type|not subscriptable"
)
_SEVERAL: Final = re.compile(r"\$[^\" ]*\['\w+','\w+'\]")
_UNREAD: Final = re.compile("Expected the first argument for function type|ToleratedFailurePerc")


def _cases(names: str) -> frozenset[str]:
    return frozenset(names.split())


DOCUMENTS: Final[Sequence[Of]] = (
    Difference(
        "failures-without-names",
        "both fail in the same state; moto calls its own failures States.Runtime, or Exception in "
        "a task, where the specification has names that can be caught",
        "holdfast",
        "specification, Appendix A; AWS's guide says States.Runtime for some, see docs/decisions",
        applies=_same_fault,
    ),
    Difference(
        "lists-of-one",
        "an index that is not the last step of a path, or is negative, gives a list of one; and "
        "`..` or a wildcard that finds one value gives that value, not a list",
        "holdfast",
        "specification, Reference Paths: $['store'][0]['book'] names one place; Jayway: an "
        "indefinite path gives a list",
        applies=_lists_of_one,
    ),
    Difference(
        "index-past-end",
        "an index beyond its list is an error, also at the end of a path in a payload template",
        "holdfast",
        "seen on AWS: it gives null there (docs/workflow.md)",
        _cases("path-index-outside"),
        lambda _sample, _here, there: _fault(there, r"\[\d+\]' (?:specified|could)"),
    ),
    Difference(
        "choice-path-missing",
        "a comparison whose Variable leads nowhere is false, not an error",
        "holdfast",
        "specification, Data-test Expression: only IsPresent raises no exception there",
        applies=_choice_missed,
    ),
    Difference(
        "nothing-selected",
        "a filter, `..` or a wildcard over an object that selects nothing is an error, not []",
        "holdfast",
        "Jayway: an indefinite path gives a list, empty where nothing matches; AWS recorded [] for "
        "wildcards and slices",
        applies=lambda _sample, _here, there: _fault(there, _INDEFINITE),
    ),
    Difference(
        "several-names",
        "several names at the end of a path give a list of values, and fail where all are missing",
        "holdfast",
        "Jayway: they give one object of those that there are",
        applies=lambda sample, _here, _there: bool(_SEVERAL.search(json.dumps(sample.document))),
    ),
    Difference(
        "result-path-through-values",
        "a ResultPath through something that is no object replaces it",
        "holdfast",
        "specification, Runtime Errors: it cannot apply, States.ResultPathMatchFailure",
        applies=lambda _sample, here, _there: (
            here.fault is not None and here.fault.error == "States.ResultPathMatchFailure"
        ),
    ),
    Difference(
        "predefined-names-from-within",
        "a predefined error cannot leave a Parallel or a Map: moto fails to name it",
        "holdfast",
        "specification, Parallel State: its error is that of the branch",
        applies=lambda _sample, _here, there: _fault(there, "Custom Error Names MUST NOT begin"),
    ),
    Difference(
        "paths-it-cannot-read",
        "escapes, double quotes, =~, in, nin, size and the like, functions, .., some scripts",
        "holdfast",
        "specification, Reference Paths; Jayway, which AWS uses: Filter Operators, Functions",
        applies=lambda _sample, _here, there: _fault(
            there, r"JsonPath(?:Parser|Lexer)|Parse error"
        ),
    ),
    Difference(
        "comparison-of-kinds",
        "comparing values of different kinds by a Path operator is an exception, not false",
        "holdfast",
        "specification, Data-test Expression: values of another kind compare as false",
        applies=lambda _sample, _here, there: _fault(
            there, "not supported between|Expected type bool"
        ),
    ),
    Difference(
        "exceptions-of-python",
        "moto's own mistakes: a ResultPath through a list pops an empty stack, objects are hashed",
        "holdfast",
        "no specification has Python's exceptions",
        applies=lambda _sample, _here, there: _fault(there, _PYTHON),
    ),
    Difference(
        "how-far-others-got",
        "which tasks of other branches and items had begun when one failed",
        "open",
        "specification, Parallel State: as concurrently as possible",
        _cases("parallel-retry map-retry"),
        _others_apart,
    ),
    Difference(
        "timestamps",
        "a date alone is a timestamp; offsets and fractions are not",
        "holdfast",
        "specification, Timestamps: RFC 3339 with a capital T and a capital Z or an offset",
        _cases("choice-timestamp-offsets choice-IsTimestamp"),
    ),
    Difference(
        "string-matches",
        "brackets and question marks are wildcards, backslashes are not understood",
        "holdfast",
        "specification, StringMatches: no character but * means anything, \\\\* and \\\\\\\\ escape",
        _cases(
            "choice-StringMatches-plain choice-StringMatches-star choice-StringMatches-backslash "
            "choice-StringMatches-open"
        ),
    ),
    Difference(
        "task-failed",
        "States.TaskFailed matches errors that are not predefined only",
        "holdfast",
        "AWS's guide, Handling errors: it matches any error but States.Timeout",
        _cases("task-failed-matches"),
        _task_failed,
    ),
    Difference(
        "heartbeats",
        "a function of Lambda has none in moto, so its time runs out instead",
        "holdfast",
        "specification, Task State",
        _cases("timeout-matches-heartbeat heartbeat-own-name task-heartbeat task-heartbeat-path"),
    ),
    Difference(
        "timeout-from-path",
        "what TimeoutSecondsPath finds is not checked",
        "holdfast",
        "specification, Task State: positive integers",
        _cases("task-timeout-path-unfit"),
    ),
    Difference(
        "five-minutes",
        "moto does not end Express executions after five minutes",
        "holdfast",
        "AWS's guide, Choosing workflow type",
        _cases("timeout-express"),
    ),
    Difference(
        "jitter",
        "moto draws the wait; a test here is told the most that it may be",
        "holdfast",
        "run_workflow's own documentation",
        _cases("retry-jitter"),
    ),
    Difference(
        "what-it-does-not-read",
        "End: false beside Next, names that begin with States., ToleratedFailurePercentage as a "
        "whole number, broken numbers in functions, a template from a function in States.Format",
        "holdfast",
        "specification: States, Error representation, Map State Failure Tolerance, Intrinsic Functions",
        _cases(
            "end-false-next catch-case catch-predefined map-tolerated-all map-tolerated-both function-numbers"
        ),
        lambda _sample, _here, there: (
            isinstance(there, Refused) and bool(_UNREAD.search(str(there)))
        ),
    ),
    Difference(
        "tolerated-failures",
        "an inline Map tolerates no failure",
        "open",
        "specification, Map State Failure Tolerance; AWS's guide has it for the Distributed Map",
        _cases(
            "map-tolerated-count map-tolerated-percentage map-tolerated-paths map-tolerated-caught"
        ),
    ),
    Difference(
        "null-arguments",
        "null among the arguments of a function is dropped",
        "holdfast",
        "specification, States.Array: its example has null",
        _cases("array format-kinds"),
    ),
    Difference(
        "escapes-in-functions",
        "escaped apostrophes and braces end the text; a stray backslash is no error",
        "holdfast",
        "specification, Intrinsic Functions: reserved characters",
        _cases("format-escapes open-backslash"),
    ),
    Difference(
        "format-count",
        "States.Format takes more arguments than it has {}",
        "holdfast",
        "specification, States.Format: as many as there are {}",
        _cases("format-too-many"),
    ),
    Difference(
        "json-texts",
        "NaN is JSON; what is not ASCII is escaped; a text that is not Base64 is an empty one",
        "holdfast",
        "RFC 8259; AWS's guide, Base64Decode",
        _cases("string-to-json-bad json-to-string base64-bad base64-unicode"),
        lambda _sample, _here, there: _fault(there, "UnicodeEncodeError"),
    ),
    Difference(
        "array-edges",
        "a negative index counts from the end, true is the number 1, objects cannot be unique",
        "holdfast",
        "AWS's guide, Intrinsic functions; RFC 8259",
        _cases("array-get-item-bad array-contains-deep math-add-bad array-unique"),
        lambda _sample, here, _there: _fault(here, "there is no item -|a number, not bool"),
    ),
    Difference(
        "array-range-down",
        "States.ArrayRange takes no negative step",
        "open",
        "AWS's guide asks for a step that is not zero",
        _cases("array-range-down"),
        lambda _sample, _here, there: _fault(there, "step argument to be non negative"),
    ),
    Difference(
        "empty-splitter",
        "States.StringSplit by an empty text gives every character",
        "open",
        "AWS's guide, Intrinsic functions: each character of the splitter divides; here there is none",
        _cases("string-split-empty"),
    ),
    Difference(
        "null-text",
        "States.StringToJson of null is null",
        "open",
        "specification, States.StringToJson: the value must be a string",
        applies=lambda _sample, here, _there: _fault(
            here, "StringToJson.*expected a string, not null"
        ),
    ),
    Difference(
        "fractional-concurrency",
        "MaxConcurrencyPath may find 1.5",
        "holdfast",
        "specification, Map State concurrency: a non-negative integer",
        _cases("map-concurrency-unfit"),
    ),
    Difference(
        "null-error",
        "an ErrorPath may find what is no string; an empty one is as good as none",
        "holdfast",
        "specification, Fail State: string values",
        _cases("fail-paths-unfit"),
        lambda _sample, here, there: (
            _fault(here, "does not reference a string")
            or (here.error == "" and getattr(there, "error", "") is None)
        ),
    ),
)
