"""Whether a message holds what somebody looks for. Pure; an index only proposes, this decides.

text     anywhere in path, query, the values of headers, or the body; letters' case aside
paths    `data.object.customer = cus_4711`: a value at a place in a JSON body
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import orjson

from holdfast.message import Message
from holdfast.queue.contract import Refusal
from holdfast.queue.views import Query

BODY_CHARACTERS: Final = 1_048_576
"""As much of a body's text is looked at: what a webhook accepts where it says nothing else."""

_STEP: Final = re.compile(
    r"""\.?(?:(?P<key>[^.\[\]'"]+)|\[(?P<place>-?\d+|\*)\]|\[(?P<quote>['"])(?P<name>.*?)(?P=quote)\])"""
)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a path: a key, a place in a list, or (both None) all of its items."""

    key: str | None = None
    place: int | None = None


def read_path(path: str) -> tuple[Step, ...]:
    """`data.lines[0].sku`, `data.lines[*].sku`, `['a.b'].c`, with or without `$.` in front.

    Raises ValueError, saying what cannot be read.
    """
    text = path.removeprefix("$")
    steps, at = [], 0
    while at < len(text) and (match := _STEP.match(text, at)):
        at = match.end()
        key = match["key"] if match["key"] is not None else match["name"]
        if key is not None:
            steps.append(Step(key=key))
        else:
            steps.append(Step(place=None if match["place"] == "*" else int(match["place"])))
    if not steps or at < len(text):
        raise ValueError(f"{path!r} is no path; write data.lines[0].sku, or ['a.b'] for odd keys")
    return tuple(steps)


def values_at(value: Any, steps: tuple[Step, ...]) -> Iterator[Any]:
    """Every value that the path leads to."""
    if not steps:
        yield value
        return
    step, rest = steps[0], steps[1:]
    if step.key is not None:
        if isinstance(value, dict) and step.key in value:
            yield from values_at(value[step.key], rest)
    elif isinstance(value, list):
        if step.place is None:
            for item in value:
                yield from values_at(item, rest)
        elif -len(value) <= step.place < len(value):
            yield from values_at(value[step.place], rest)


class Matcher:
    """What is looked for, ready. Raises ValueError where a path cannot be read."""

    def __init__(self, query: Query) -> None:
        self._texts = [text.lower() for text in query.texts if text]
        self._paths = [(read_path(path), _wanted(value)) for path, value in query.paths]

    def holds(self, message: Message) -> bool:
        if self._texts:
            told = text_of(message).lower()
            if not all(text in told for text in self._texts):
                return False
        return not self._paths or self._fits(message.request.body)

    def holds_refusal(self, refusal: Refusal) -> bool:
        if self._texts:
            told = [refusal.path, refusal.detail, refusal.remote]
            told += [_header(value) for _, value in refusal.headers]
            told.append(body_text(refusal.body))
            whole = "\n".join(told).lower()
            if not all(text in whole for text in self._texts):
                return False
        return not self._paths or self._fits(refusal.body)

    def _fits(self, body: bytes) -> bool:
        try:
            value = orjson.loads(body)
        except orjson.JSONDecodeError:
            return False
        return all(
            any(_same(found, wanted) for found in values_at(value, steps))
            for steps, wanted in self._paths
        )


def proposed(query: Query) -> tuple[list[str], list[str]]:
    """Texts whose words all stand in whatever holds what is looked for, and texts that may go on
    in the middle of their last word."""
    whole: list[str] = []
    for path, value in query.paths:
        whole += [step.key for step in read_path(path) if step.key is not None]
        whole.append(str(_wanted(value)[0]))
    return whole, [text for text in query.texts if text]


def text_of(message: Message) -> str:
    """All that is searched of a message."""
    request = message.request
    told = [f"{request.path}?{request.query}" if request.query else request.path, request.remote]
    told += [_header(value) for _, value in request.headers]
    told.append(body_text(request.body))
    return "\n".join(told)


def body_text(body: bytes) -> str:
    """The body as text, none where it is binary. JSON with escapes is there without them too."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return "" if b"\0" in body else body.decode("latin-1")[:BODY_CHARACTERS]
    if "\\" in text:
        try:
            plain = orjson.dumps(orjson.loads(body)).decode().replace('\\"', '"')
            text = f"{text}\n{plain}"
        except (orjson.JSONDecodeError, orjson.JSONEncodeError):
            return text[:BODY_CHARACTERS]
    return text[:BODY_CHARACTERS]


def _header(value: str) -> str:
    """Header values hold the bytes on the wire read as latin-1."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value


def _wanted(value: str) -> tuple[str, Any]:
    """What is looked for, as text and as JSON. `"12"` is a text, `12` a text or a number."""
    try:
        parsed = orjson.loads(value)
    except orjson.JSONDecodeError:
        return value, value
    if isinstance(parsed, str):
        return parsed, parsed
    return value, value if isinstance(parsed, dict | list) else parsed


def _same(found: Any, wanted: tuple[str, Any]) -> bool:
    text, value = wanted
    if isinstance(found, str):
        return found == text
    if isinstance(found, bool) or isinstance(value, bool):
        return found is value
    return bool(found == value)
