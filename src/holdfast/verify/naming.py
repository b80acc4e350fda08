"""The name of a delivery and the type of an event, found where the sender puts them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from holdfast.definition import Verification
from holdfast.errors import VerificationFailed
from holdfast.message import Request
from holdfast.verify.locate import Locator, json_all
from holdfast.verify.reading import Reading, text_of, utf8
from holdfast.verify.signed import Signed
from holdfast.verify.transforms import transform, transform_mistake

_LONGEST: Final = 256
"""Characters; a batch is named by all of its items, and a longer name by its hash."""


@dataclass(frozen=True, slots=True)
class Naming:
    """Places whose texts, joined by dots, are the name: each must hold one.

    Written `json:id`, or `json:object + json:event` where one alone would not tell two apart.
    """

    parts: tuple[Locator, ...]

    @classmethod
    @lru_cache(maxsize=1024)
    def parse(cls, text: str) -> Naming:
        """Raises ValueError, naming what it cannot read."""
        parts = tuple(Locator.parse(part) for part in text.split(" + "))
        for part in parts:
            if part.kind in ("sig", "json-text"):
                raise ValueError(f"{part} does not name a delivery or its type")
            for name in part.transforms:
                if wrong := transform_mistake(name):
                    raise ValueError(wrong)
        return cls(parts)


def reading_of(request: Request, verification: Verification | None) -> Reading:
    """A request as names are found in it: unpacked, where its sender packs it."""
    reading = Reading(request)
    if isinstance(verification, Signed) and verification.gunzip:
        with suppress(VerificationFailed):
            reading.unpack()
    return reading


def delivery_id(places: Sequence[str], reading: Reading) -> str | None:
    """The first of these places that names the delivery.

    A batch is named by all of its items together: by one of them, a later batch that holds it too
    would look like a duplicate, and its other items would be lost.
    """
    name = _first(places, reading, agree=False)
    if name is not None and len(name) > _LONGEST:
        return f"sha256:{hashlib.sha256(utf8(name)).hexdigest()}"
    return name


def event_type(places: Sequence[str], reading: Reading) -> str | None:
    """The first of these places that names the type. A batch of several types has none."""
    return _first(places, reading, agree=True)


def naming_mistakes(places: Sequence[str]) -> list[str]:
    """What is wrong with the places of a delivery id or an event type, in words."""
    wrong = []
    for place in places:
        try:
            Naming.parse(place)
        except ValueError as error:
            wrong.append(str(error))
    return wrong


def _first(places: Sequence[str], reading: Reading, *, agree: bool) -> str | None:
    for place in places:
        try:
            parts = Naming.parse(place).parts
        except ValueError:
            continue
        # True is no name, but in a longer one it can tell two deliveries apart.
        flags = len(parts) > 1
        texts = [_text(part, reading, agree=agree, flags=flags) for part in parts]
        found = [text for text in texts if text]
        if len(found) == len(parts):
            return ".".join(found)
    return None


def _text(part: Locator, reading: Reading, *, agree: bool, flags: bool) -> str | None:
    """An empty text counts as absent: as a delivery id it would make strangers look alike."""
    if part.several and part.kind == "json":
        texts = [_name(value, flags=flags) for value in json_all(reading.document, part.name)]
        found = [text for text in texts if text]
        if len(found) < len(texts) or not found:
            return None
        distinct = list(dict.fromkeys(found))
        return ",".join(found) if not agree else distinct[0] if len(distinct) == 1 else None
    if part.kind == "json":
        (value,) = json_all(reading.document, part.name)
        text = _name(value, flags=flags)
    else:
        text = reading.find(part)
    if text is None:
        return None
    if part.transforms:
        try:
            text = transform(utf8(text), part.transforms, reading).decode("utf-8", "replace")
        except ValueError:
            return None
    # Half of a surrogate pair cannot be stored.
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _name(value: Any, *, flags: bool) -> str | None:
    """A text or a whole number. Not a fraction: JSON numbers past 64 bits are read as one, and lose
    digits."""
    if isinstance(value, float) or (isinstance(value, bool) and not flags):
        return None
    return text_of(value)
