"""The intrinsic functions themselves, `States.Format` and the others, as plain functions.

Each takes its arguments' values and the context, and raises ValueError where AWS answers with
States.IntrinsicFailure. Where AWS and the specification differ (an object in a Format, an empty
text in StringToJson) this is what was recorded from AWS.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import random
import re
import uuid
from collections.abc import Callable
from typing import Any, Final

import orjson

from holdfast.workflow.filters import same
from holdfast.workflow.limits import stays_whole
from holdfast.workflow.paths import Context

TEXT_MAX: Final = 10_000
"""Characters that Base64Encode, Base64Decode and Hash take."""

ARRAY_MAX: Final = 1_000
"""Items that ArrayRange makes."""

Function = Callable[..., Any]
"""`(context, *arguments)`"""

_HASHES: Final = {
    "MD5": "md5",
    "SHA-1": "sha1",
    "SHA-256": "sha256",
    "SHA-384": "sha384",
    "SHA-512": "sha512",
}
_HOLE: Final = re.compile(r"\\([\\'{}])|(\{\})|([\\{}])")


def fill(text: Any, values: list[Any]) -> str:
    """The text with each `{}` replaced in turn. Raises ValueError, TypeError."""
    pieces: list[str] = []
    left = iter(values)
    template, position = _text(text), 0
    for match in _HOLE.finditer(template):
        pieces.append(template[position : match.start()])
        position = match.end()
        if match[3]:
            raise ValueError(f"{match[3]!r} must be escaped in {template!r}")
        pieces.append(match[1] or _next(left, template))
    if list(left):
        raise ValueError(f"there are more values than {{}} in {template!r}")
    pieces.append(template[position:])
    return "".join(pieces)


def _next(values: Any, template: str) -> str:
    for value in values:
        return value if isinstance(value, str) else java_text(value)
    raise ValueError(f"there are fewer values than {{}} in {template!r}")


def java_text(value: Any) -> str:
    """A value as AWS, written in Java, puts it into a text: `{a=1, b=[x, null]}`."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={java_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(java_text, value)) + "]"
    return value if isinstance(value, str) else json.dumps(value)


def _text(value: Any, limit: int | None = None) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a string, not {_kind(value)}")
    if limit is not None and len(value) > limit:
        raise ValueError(f"a string has at most {limit} characters here")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"expected an array, not {_kind(value)}")
    return value


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"expected an object, not {_kind(value)}")
    return value


def _whole(value: Any) -> int:
    """A number, rounded as Java does: halves go up, also below zero (recorded)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"expected a number, not {_kind(value)}")
    if isinstance(value, int):
        return _fitting(value)
    # One half less an ulp would be rounded up by the addition itself.
    return _fitting(math.floor(value) + (value - math.floor(value) >= 0.5))


def _fitting(number: int) -> int:
    """The number; one that the next task could not be given is the failure of this function."""
    if not stays_whole(number):
        raise ValueError("a whole number does not fit into 64 bits")
    return number


def _kind(value: Any) -> str:
    return "null" if value is None else type(value).__name__


def _string_to_json(_context: Context, text: Any) -> Any:
    return orjson.loads(text) if _text(text).strip() else None


def _json_to_string(_context: Context, value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _partition(_context: Context, items: Any, size: Any) -> list[Any]:
    step = _whole(size)
    if step < 1:
        raise ValueError("the size of a chunk must be positive")
    return [_list(items)[start : start + step] for start in range(0, len(_list(items)), step)]


def _contains(_context: Context, items: Any, wanted: Any) -> bool:
    return any(same(item, wanted) for item in _list(items))


def _range(_context: Context, first: Any, last: Any, step: Any) -> list[int]:
    by = _whole(step)
    if by == 0:
        raise ValueError("the step of a range must not be zero")
    numbers = range(_whole(first), _whole(last) + (1 if by > 0 else -1), by)
    if numbers[ARRAY_MAX : ARRAY_MAX + 1]:
        raise ValueError(f"a range has at most {ARRAY_MAX} items")
    return list(numbers)


def _add(_context: Context, left: Any, right: Any) -> int:
    return _fitting(_whole(left) + _whole(right))


def _get_item(_context: Context, items: Any, index: Any) -> Any:
    place = _whole(index)
    if not 0 <= place < len(_list(items)):
        raise ValueError(f"there is no item {place}")
    return items[place]


def _unique(_context: Context, items: Any) -> list[Any]:
    seen: dict[str, Any] = {}
    for item in _list(items):
        seen.setdefault(json.dumps(item, sort_keys=True), item)
    return list(seen.values())


def _encode(_context: Context, text: Any) -> str:
    return base64.b64encode(_text(text, TEXT_MAX).encode()).decode()


def _decode(_context: Context, text: Any) -> str:
    return base64.b64decode(_text(text, TEXT_MAX), validate=True).decode()


def _hash(_context: Context, text: Any, algorithm: Any) -> str:
    return digest(_text(text, TEXT_MAX), _text(algorithm))


def digest(text: str, algorithm: str | None) -> str:
    """Of the text in UTF-8, in lower-case hex. Raises ValueError."""
    if algorithm not in _HASHES:
        raise ValueError(f"the algorithm must be one of {', '.join(_HASHES)}")
    return hashlib.new(_HASHES[algorithm], text.encode(), usedforsecurity=False).hexdigest()


def _merge(_context: Context, first: Any, second: Any, deep: Any) -> dict[str, Any]:
    if deep is not False:
        raise ValueError("only the shallow merge is supported: the third argument is false")
    return {**_object(first), **_object(second)}


def _random(context: Context, start: Any, end: Any, seed: Any = None) -> int:
    low, high = _whole(start), _whole(end)
    if low >= high:
        raise ValueError("the start of a random number must be below its end")
    source = context.draw() if seed is None else _whole(seed)
    return random.Random(source).randrange(low, high)


def _split(_context: Context, text: Any, splitter: Any) -> list[str]:
    if not _text(splitter):
        return [text] if _text(text) else []
    # Every character of the splitter divides; what is empty in between is dropped (recorded).
    return [part for part in re.split(f"[{re.escape(splitter)}]", _text(text)) if part]


def _uuid(context: Context) -> str:
    return str(uuid.UUID(int=context.draw(), version=4))


FUNCTIONS: Final[dict[str, tuple[int, int, Function]]] = {
    "States.Format": (1, 1_000, lambda _context, text, *values: fill(text, list(values))),
    "States.StringToJson": (1, 1, _string_to_json),
    "States.JsonToString": (1, 1, _json_to_string),
    "States.Array": (0, 1_000, lambda _context, *items: list(items)),
    "States.ArrayPartition": (2, 2, _partition),
    "States.ArrayContains": (2, 2, _contains),
    "States.ArrayRange": (3, 3, _range),
    "States.ArrayGetItem": (2, 2, _get_item),
    "States.ArrayLength": (1, 1, lambda _context, items: len(_list(items))),
    "States.ArrayUnique": (1, 1, _unique),
    "States.Base64Encode": (1, 1, _encode),
    "States.Base64Decode": (1, 1, _decode),
    "States.Hash": (2, 2, _hash),
    "States.JsonMerge": (3, 3, _merge),
    "States.MathRandom": (2, 3, _random),
    "States.MathAdd": (2, 2, _add),
    "States.StringSplit": (2, 2, _split),
    "States.UUID": (0, 0, _uuid),
}
"""Fewest arguments, most arguments, function."""
