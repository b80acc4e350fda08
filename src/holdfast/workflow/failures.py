"""What goes wrong in a state: the exception, and values as they stand in a cause."""

from __future__ import annotations

import json
from typing import Any, Final

import orjson

CAUSE_MAX: Final = 32_768
"""Characters that AWS keeps of a cause."""

RUNTIME: Final = "States.Runtime"
QUERY: Final = "States.QueryEvaluationError"
DATA_LIMIT: Final = "States.DataLimitExceeded"


class StateFailure(Exception):
    """A state cannot go on. Never leaves the machine: there it meets Retry and Catch."""

    def __init__(self, error: str, cause: str, location: str | None = None) -> None:
        """`location`: the field whose expression it was, `Output/total`."""
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause
        self.location = location


def too_deep() -> StateFailure:
    """What Python cannot follow."""
    return StateFailure(RUNTIME, "The data is nested too deep.")


def as_json(value: Any) -> str:
    """A value as AWS quotes it in a cause: compact JSON, no longer than a cause may be."""
    try:
        text = orjson.dumps(value).decode()
    except TypeError:
        try:
            text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
            # Half of a surrogate pair is no text that could be kept.
            text = text.encode("utf-8", "replace").decode()
        except (RecursionError, ValueError):
            text = "..."
    return text[:CAUSE_MAX]
