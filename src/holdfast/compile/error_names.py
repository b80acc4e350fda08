"""Exceptions as the names that `Retry` and `Catch` know them by."""

from __future__ import annotations

from typing import Any

from holdfast.compile.spot import Spot, quoted
from holdfast.workflow.recovery import ALL


def error_names(spot: Spot, errors: Any) -> list[str]:
    """The names of one or several, as `except` takes them.

    A class stands for its subclasses too, as it does there: those of its own package, and those
    that are Python's own. Others may or may not have been imported when this is asked.
    """
    given = errors if isinstance(errors, tuple) else (errors,)
    if not given:
        spot.wrong("no error at all; leave it out for every error")
    names: list[str] = []
    for one in given:
        if isinstance(one, str):
            names.append(one)
        elif isinstance(one, type) and issubclass(one, BaseException):
            names += [ALL] if one in (Exception, BaseException) else _family(one)
        else:
            spot.wrong(
                f'{quoted(one)} is not an error; write an exception class, or "States.Timeout"; '
                "several in parentheses: (A, B)"
            )
    return list(dict.fromkeys(names)) or [ALL]


def _family(kind: type[BaseException]) -> list[str]:
    names = [kind.__name__]
    for below in sorted(kind.__subclasses__(), key=lambda one: one.__name__):
        if _package(below) in ("builtins", _package(kind)):
            names += _family(below)
    return names


def _package(kind: type) -> str:
    return kind.__module__.partition(".")[0]
