"""The reference of the workflow language says what the code does."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest

from holdfast.workflow import asl, chronicle
from holdfast.workflow.bounds import SIZE_MAX_BYTES
from holdfast.workflow.choice import OPERATORS
from holdfast.workflow.functions import FUNCTIONS
from holdfast.workflow.limits import DATA_LIMIT_BYTES, VARIABLES_BYTES_MAX
from holdfast.workflow.recovery import ERRORS
from test_docs import ROOT, rows, section

PAGE: Final = ROOT / "docs/workflow.md"

_NAME: Final = re.compile(r"`([A-Za-z][\w.]*)`")
_REFUSALS: Final = ("is not a field of this", "belongs to", "a Succeed", "a Fail", "a Choice")

FIELDS: Final = [
    "Arguments",
    "Assign",
    "Branches",
    "Catch",
    "Cause",
    "CausePath",
    "Choices",
    "Comment",
    "Condition",
    "Credentials",
    "Default",
    "End",
    "Error",
    "ErrorPath",
    "HeartbeatSeconds",
    "HeartbeatSecondsPath",
    "InputPath",
    "ItemBatcher",
    "ItemProcessor",
    "ItemReader",
    "ItemSelector",
    "Items",
    "ItemsPath",
    "Iterator",
    "Label",
    "MaxConcurrency",
    "MaxConcurrencyPath",
    "Next",
    "Output",
    "OutputPath",
    "Parameters",
    "QueryLanguage",
    "Resource",
    "Result",
    "ResultPath",
    "ResultSelector",
    "ResultWriter",
    "Retry",
    "Seconds",
    "SecondsPath",
    "TimeoutSeconds",
    "TimeoutSecondsPath",
    "Timestamp",
    "TimestampPath",
    "ToleratedFailureCount",
    "ToleratedFailureCountPath",
    "ToleratedFailurePercentage",
    "ToleratedFailurePercentagePath",
    "Type",
    "Variable",
]
"""Every field of any state in the language."""

KINDS: Final = ("Task", "Pass", "Choice", "Wait", "Succeed", "Fail", "Parallel", "Map")


def names(text: str) -> set[str]:
    return set(_NAME.findall(text))


def accepted(kind: str, language: str) -> set[str]:
    """The fields that such a state may have, whatever their values."""

    def refused(field: str) -> bool:
        state: dict[str, Any] = {"Type": kind, field: None} | {"Type": kind}
        document = {"QueryLanguage": language, "StartAt": "S", "States": {"S": state}}
        found = [each for each in asl.check(document, []) if each.place == f"States.S.{field}"]
        return any(each.message.startswith(_REFUSALS) for each in found)

    return {field for field in FIELDS if not refused(field)}


@pytest.mark.parametrize("kind", KINDS)
def test_the_fields_of_each_state(kind: str) -> None:
    """What stands in the table may stand in a document, in that language, and nothing else may."""
    (everywhere,) = [names(row[1]) for row in rows(section(PAGE, "States")) if row[0] == "all"]
    (row,) = [row for row in rows(section(PAGE, "States")) if row[0] == f"`{kind}`"]
    _, both, in_paths, in_queries = row

    assert accepted(kind, "JSONPath") == everywhere | names(both) | names(in_paths)
    assert accepted(kind, "JSONata") == everywhere | names(both) | names(in_queries)


def test_the_operators_of_a_choice() -> None:
    """Every operator of a rule is in the table."""
    told: set[str] = set()
    for kind, operators, literals in rows(section(PAGE, "Choice rules")):
        for name in names(operators):
            told |= {f"{kind}{name}", f"{kind}{name}Path"}
        told |= names(literals)

    assert told == OPERATORS


def test_the_intrinsic_functions() -> None:
    """Every function, and how many arguments it takes."""
    told = {}
    for name, count, _ in rows(section(PAGE, "Intrinsic functions")):
        few, _, many = count.partition(" to ")
        told[name.strip("`")] = (int(few), int(many or few)) if "more" not in count else few

    assert told.keys() == FUNCTIONS.keys()
    for name, (fewest, most, _) in FUNCTIONS.items():
        expected = (fewest, most) if most < 1_000 else f"{fewest} or more"
        assert told[name] == expected, name


def test_the_errors() -> None:
    """Every name that begins with `States.`."""
    assert {row[0].strip("`") for row in rows(section(PAGE, "Errors"))} == ERRORS


def test_what_each_log_level_keeps() -> None:
    """The types of events by level, as AWS has them."""
    told = {row[0].strip("`"): names(row[1]) for row in rows(section(PAGE, "Log levels"))}

    assert told["FATAL"] == chronicle.FATAL
    assert told["ERROR"] == chronicle.ERROR - chronicle.FATAL


def test_the_limits() -> None:
    """The numbers in the table are those in the code."""
    told = {row[0]: row[1] for row in rows(section(PAGE, "Limits"))}

    assert told["any input or output"].startswith(f"{DATA_LIMIT_BYTES:,} bytes")
    assert told["all variables together"].startswith(f"{VARIABLES_BYTES_MAX:,} bytes")
    assert told["a document"].startswith(f"{SIZE_MAX_BYTES:,} bytes")
    assert told["an execution"].startswith(f"{asl.EXPRESS_SECONDS} seconds")


def test_every_field_is_known() -> None:
    """The list of fields above misses none that the table has, so that each was tried."""
    told = {
        name for row in rows(section(PAGE, "States")) for cell in row[1:] for name in names(cell)
    }

    assert told <= set(FIELDS)
