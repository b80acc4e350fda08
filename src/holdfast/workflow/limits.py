"""AWS's limit on the size of any input or output, checked without serialising what is small."""

from __future__ import annotations

import json
from typing import Any, Final

import orjson

from holdfast.workflow.failures import DATA_LIMIT, RUNTIME, StateFailure

DATA_LIMIT_BYTES: Final = 262_144
"""UTF-8 bytes of JSON."""

VARIABLES_BYTES_MAX: Final = 10_485_760
"""Of all the variables that a line of control sees, together."""


def stays_whole(number: int) -> bool:
    """Whether JSON carries it here without loss: within 64 bits, with a sign or without."""
    return -(2**63) <= number < 2**64


def measure(value: Any) -> int:
    """The bytes of a value as compact JSON; what is nested beyond Python's depth is too large.

    Raises StateFailure, States.Runtime, where it is none.
    """
    try:
        return len(orjson.dumps(value))
    except TypeError:
        # Integers beyond 64 bits and lone surrogates are JSON all the same, and so is what is
        # nested more than 254 deep.
        try:
            text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        except RecursionError:
            return DATA_LIMIT_BYTES + 1
        except (TypeError, ValueError) as error:
            raise StateFailure(RUNTIME, f"A value is not JSON: {error}") from None
        return len(text.encode("utf-8", "surrogatepass"))


def fit(value: Any, size: int, what: str) -> int:
    """The size, made exact where the upper bound `size` leaves it open.

    Raises StateFailure, States.DataLimitExceeded, worded as AWS words it.
    """
    if size > DATA_LIMIT_BYTES:
        size = measure(value)
        if size > DATA_LIMIT_BYTES:
            raise StateFailure(
                DATA_LIMIT,
                f"{what} with a size exceeding the maximum number of bytes service limit.",
            )
    return size
