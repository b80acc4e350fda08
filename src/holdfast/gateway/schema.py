"""The door's reading of JSON, and the check of a body against its schema.

Stricter than most readers, because two readers that disagree about a body are how checks get
bypassed: UTF-8 only, no NaN, no second value, no number beyond a double, no key twice, no nesting
deeper than `DEPTH_MAX`. The body itself is kept as it came; what is read here is only judged.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import jsonschema_rs
import orjson

DEPTH_MAX: Final = 64
"""Real webhooks stay under ten. orjson reads 1024 levels but writes 254, pydantic follows 255: this
keeps whoever reads the body after us far from any limit of theirs."""

VIOLATIONS_MAX: Final = 20
"""More would not help whoever reads the answer."""

COMMAS_MAX: Final = 1_000
"""Beyond this many commas only the first violation is told. Collecting all of them costs about
18 us each, and a megabyte of `[1,1,1,...]` would hold the door for nine seconds."""

MESSAGE_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that does not fit: where (a JSON pointer), which rule, and what it asked for."""

    path: str
    message: str
    keyword: str
    expected: Any = None


class BodySchema:
    """A JSON Schema 2020-12, compiled once. Raises ValueError where it is not a valid one."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        # Values are masked in messages: they are the sender's, may be large, and are kept in notes
        # of refusals. References to other hosts are never followed. RFC 5321, which the standard
        # names for `email`, knows no display names.
        self._validator = jsonschema_rs.Draft202012Validator(
            dict(schema),
            validate_formats=True,
            mask="value",
            offline=True,
            email_options=jsonschema_rs.EmailOptions(allow_display_text=False),
        )

    def violations(self, body: bytes) -> tuple[Violation, ...]:
        """Everything wrong with these bytes, at most `VIOLATIONS_MAX`. Empty: they fit."""
        try:
            value = read(body)
        except NotStrict as error:
            return (error.violation,)
        if self._validator.is_valid(value):
            return ()
        errors = self._validator.iter_errors(value) if body.count(b",") <= COMMAS_MAX else ()
        found = tuple(_violation(error) for error in islice(errors, VIOLATIONS_MAX))
        return found or (self._first(value),)

    def _first(self, value: Any) -> Violation:
        try:
            self._validator.validate(value)
        except jsonschema_rs.ValidationError as error:
            return _violation(error)
        raise AssertionError("the validator found the value invalid and then valid")


class NotStrict(ValueError):
    """These bytes are not JSON as the door reads it."""

    def __init__(
        self, message: str, keyword: str = "json", path: str = "", expected: Any = None
    ) -> None:
        super().__init__(message)
        self.violation = Violation(path, message, keyword, expected)


def read(body: bytes) -> Any:
    """The value that these bytes hold. Raises NotStrict."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if not body.strip():
            raise NotStrict("the body is empty, and JSON is expected") from None
        raise NotStrict(f"not JSON: {error}") from None
    if body.count(b"[") + body.count(b"{") > DEPTH_MAX and _deep(value):
        raise NotStrict(f"nested deeper than {DEPTH_MAX} levels", "depth", "", DEPTH_MAX)
    if _keys_may_repeat(body, value):
        _refuse_repeated(body)
    return value


def pointer(path: Iterable[str | int]) -> str:
    """A JSON pointer (RFC 6901), cut where a sender's key makes it absurdly long."""
    text = "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)
    return _short(text)


def _keys_may_repeat(body: bytes, value: Any) -> bool:
    """False only if no key is given twice in one object.

    orjson drops all but the last, and with each drop one colon that the bytes had is not written
    again. A colon in a string is written as it was read, except for its escape, `\\u003a`: so
    equal counts rule repetition out, at 0.4 us instead of the 3 us of a second reading.
    """
    return b"\\u003" in body or body.count(b":") != orjson.dumps(value).count(b":")


class _Twice(dict[str, Any]):
    """An object in which a key is given twice."""

    key: str


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    keys = [key for key, _ in pairs]
    twice = _Twice(members)
    twice.key = next(key for place, key in enumerate(keys) if key in keys[:place])
    return twice


def _refuse_repeated(body: bytes) -> None:
    left: list[tuple[tuple[str | int, ...], Any]] = [
        ((), json.loads(body.decode("utf-8"), object_pairs_hook=_object))
    ]
    while left:
        path, node = left.pop()
        if isinstance(node, _Twice):
            place = pointer((*path, node.key))
            raise NotStrict("the key is given more than once", "uniqueKeys", place)
        if isinstance(node, dict):
            left.extend(((*path, key), child) for key, child in node.items())
        elif isinstance(node, list):
            left.extend(((*path, index), child) for index, child in enumerate(node))


def _deep(value: Any) -> bool:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(DEPTH_MAX):
        level = [
            child
            for node in level
            for child in (node.values() if type(node) is dict else node)
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return False
    return True


_EXPECTED: Final = {
    "limit", "types", "format", "pattern", "property", "options", "expected_value", "multiple_of",
    "content_encoding", "content_media_type",
}  # fmt: skip
"""What the validator calls the value of a keyword, where that value says what would fit."""


def _violation(error: jsonschema_rs.ValidationError) -> Violation:
    facts = error.kind.as_dict()
    expected = next((value for name, value in facts.items() if name in _EXPECTED), None)
    if isinstance(expected, list) and len(expected) == 1:
        expected = expected[0]
    return Violation(pointer(error.instance_path), _short(error.message), error.kind.name, expected)


def _short(text: str) -> str:
    return text if len(text) <= MESSAGE_MAX else text[: MESSAGE_MAX - 3] + "..."
