"""Where in the user's code something was written, so that a mistake in it can be told there."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from itertools import islice
from typing import Any


def caller_place() -> str:
    """File and line of whoever called the function that asks: `/home/ada/hooks.py:12`."""
    frame = sys._getframe(2)
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def function_place(function: Callable[..., Any]) -> str | None:
    """Where it is written, also under decorators of others; None: not a function of Python's."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code is not None else None


def operand_place() -> str:
    """File and line where the right operand ends, asked from within an operator such as `>>`.

    The frame itself only knows where the whole expression begins, which may be lines above.
    """
    frame = sys._getframe(2)
    code = frame.f_code
    end = next(islice(code.co_positions(), frame.f_lasti // 2, None))[1]
    return f"{code.co_filename}:{end or frame.f_lineno}"
