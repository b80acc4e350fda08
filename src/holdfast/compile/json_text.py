"""JSON as people write it in files: what is wrong is said with its line."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import orjson


def parse(text: bytes) -> Any:
    """The value. Raises ValueError saying what is wrong.

    Stricter than most readers: of a name that an object has twice, they silently take the last
    one, and a whole state is gone.
    """
    try:
        value = json.loads(text.decode(), object_pairs_hook=_once, parse_constant=_refuse)
        orjson.dumps(value)
    except UnicodeDecodeError as error:
        raise ValueError(f"is not text in UTF-8: byte {error.start + 1:,}") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON: line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise ValueError("is nested too deep") from None
    except TypeError as error:
        # Half a character, a number beyond 64 bits: what nothing here could write again.
        raise ValueError(f"cannot be kept: {error}") from None
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        ((twice, _),) = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f'has "{twice}" twice in one object')
    return made


def _refuse(constant: str) -> Any:
    raise ValueError(f"is not JSON: there is no number {constant}")
