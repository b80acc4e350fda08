"""What a function raises: under the name, and with the message, that the state machine looks for."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Final

import orjson

from holdfast.aws.contract import plain, quarantined
from holdfast.workflow.outcome import Failed, of_exception

_OURS: Final = str(Path(__file__).parents[2])


def named(name: str, message: str) -> Exception:
    """An exception whose class has this name: Lambda tells the class, and the class alone."""
    made: Exception = type(name, (Exception,), {})(message)
    return made


def raised(error: BaseException) -> Exception:
    """The error as it leaves the function, with the user's own frames."""
    made = _told(of_exception(error))
    return made.with_traceback(_from_the_user(error.__traceback__))


def failed(outcome: Failed) -> Exception:
    """What did not succeed, without an exception of its own."""
    return _told(outcome)


def _told(outcome: Failed) -> Exception:
    try:
        message = str(orjson.loads(outcome.cause)["errorMessage"])
    except (ValueError, TypeError, KeyError):
        message = outcome.cause
    reason = outcome.quarantine
    return named(outcome.error, plain(message) if reason is None else quarantined(message, reason))


def _from_the_user(frame: TracebackType | None) -> TracebackType | None:
    """Without our frames at the beginning; none where there are no others."""
    while frame is not None and frame.tb_frame.f_code.co_filename.startswith(_OURS):
        frame = frame.tb_next
    return frame
