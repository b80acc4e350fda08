"""What came of a task: the two shapes, and how a result or an exception becomes one of them."""

from __future__ import annotations

import json
import traceback
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, Final

import orjson
from pydantic import BaseModel

from holdfast.errors import Permanent, Quarantined, Retryable

_HOLDFAST: Final = str(Path(__file__).resolve().parent.parent)
_FRAMES_MAX: Final = 20
_MESSAGE_MAX: Final = 8_192
_FRAME_MAX: Final = 1_024
"""Together below the 32,768 characters that AWS keeps of a cause."""

_ERROR_MAX: Final = 256


@dataclass(frozen=True, slots=True)
class Succeeded:
    """`size`: the bytes of `output` as JSON."""

    output: Any
    size: int


@dataclass(frozen=True, slots=True)
class Failed:
    """`quarantine` and `retry_after_seconds` are for the pipe, as in `Result`."""

    error: str
    cause: str
    quarantine: str | None = None
    retry_after_seconds: float | None = None


Outcome = Succeeded | Failed

NOTHING: Final = Succeeded(None, 4)


def of_result(value: Any) -> Outcome:
    """A task's return value as plain JSON, apart from whatever the task still holds of it."""
    if value is None:
        return NOTHING
    try:
        encoded = orjson.dumps(value, default=_plain)
        if b"null" in encoded:
            # Also what JSON has no word for, such as NaN, is written so; the slower look tells.
            json.dumps(value, allow_nan=False, default=_slowly)
    except (TypeError, ValueError) as error:
        return Failed("States.Runtime", f"The task's result is not JSON: {error}")
    return Succeeded(orjson.loads(encoded), len(encoded))


def _slowly(value: Any) -> Any:
    """What `json` does not know and orjson does."""
    if isinstance(value, BaseModel):
        return value.model_dump()
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: getattr(value, each.name) for each in fields(value)}
    return list(value) if isinstance(value, set | frozenset) else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, set | frozenset):
        return list(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def of_exception(error: BaseException) -> Failed:
    """The error's name is its class, the cause is what Lambda would say about it."""
    reason, after = None, None
    if isinstance(error, Quarantined):
        reason = error.reason
    elif isinstance(error, Permanent):
        reason = "permanent"
    elif isinstance(error, Retryable):
        after = error.after_seconds
    name = type(error).__name__[:_ERROR_MAX]
    return Failed(name, describe(name, _message(error), _user_frames(error)), reason, after)


def describe(name: str, message: str, frames: list[str]) -> str:
    """A cause in Lambda's form."""
    fields = {"errorMessage": message, "errorType": name, "stackTrace": frames}
    return orjson.dumps(fields).decode()


def _message(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:
        text = "(its message could not be made)"
    # Lone surrogates, which a handler may well get hold of, are not UTF-8.
    return text[:_MESSAGE_MAX].encode("utf-8", "replace").decode()


def _user_frames(error: BaseException) -> list[str]:
    """The last frames that are not ours, as Lambda writes them: without the marks below a line."""
    frames = [
        (frame, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if not frame.f_code.co_filename.startswith(_HOLDFAST)
    ]
    lines = traceback.StackSummary.extract(iter(frames[-_FRAMES_MAX:])).format()
    return [line[:_FRAME_MAX].encode("utf-8", "replace").decode() for line in lines]
