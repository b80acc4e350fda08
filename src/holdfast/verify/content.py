"""What exactly is signed, written as a template: `v0:{header:X-Timestamp}:{body}`.

    {body} {url} {method} ...   words of the request itself: `WORDS`
    {header:X} {json:a.b} ...   any locator (`holdfast.verify.locate`), with `?` where it may lack
    {form-sorted} ...           what no template can say (`holdfast.verify.canonical`)
    {body|sha256hex}            any of them transformed (`holdfast.verify.transforms`)
    {?id:{query:id};}           left out altogether where something inside is missing or empty
    {{ }}                       braces that are signed themselves

Everything else stands for itself. A template is read once and becomes one function.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from holdfast.errors import VerificationFailed
from holdfast.verify.canonical import CANONICAL
from holdfast.verify.locate import Locator
from holdfast.verify.reading import Reading, header_bytes, malformed, utf8
from holdfast.verify.transforms import transform, transform_mistake

WORDS: Final = ("body", "timestamp", "method", "path", "path-query", "url", "secret")

Fill = Callable[[Reading], bytes]

_WORD_COVERS: Final[dict[str, tuple[str, ...]]] = {"secret": (), "path-query": ("path", "query")}
"""What a word covers, where that is not the part of its name."""


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A word, a canonical content's name, or a locator, and what is done to it."""

    place: str | Locator
    transforms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Parts that are left out together."""

    parts: tuple[bytes | Placeholder, ...]


Part = bytes | Placeholder | Group


@dataclass(frozen=True, slots=True)
class Content:
    """A template, parsed once."""

    parts: tuple[Part, ...]
    fill: Fill = field(init=False, repr=False, compare=False)
    """The bytes that are signed. Raises VerificationFailed where something is not there."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "fill", _joined(self.parts))

    @classmethod
    def parse(cls, template: str) -> Content:
        """From the text of a template. Raises ValueError, naming the placeholder it cannot read."""
        content = cls(tuple(_parse(template)))
        if not content.placeholders:
            raise ValueError(f"{template!r} signs nothing of the request; did you mean {{body}}?")
        return content

    @property
    def placeholders(self) -> tuple[Placeholder, ...]:
        flat = [part.parts if isinstance(part, Group) else (part,) for part in self.parts]
        return tuple(part for parts in flat for part in parts if isinstance(part, Placeholder))

    @property
    def locators(self) -> tuple[Locator, ...]:
        """The places that must be there."""
        found = [part.place for part in self.parts if isinstance(part, Placeholder)]
        return tuple(place for place in found if isinstance(place, Locator) and not place.optional)

    @property
    def covers(self) -> frozenset[str]:
        """The parts of the request that a signature over this vouches for."""
        return frozenset(part for each in self.placeholders for part in _covered(each.place))

    def uses(self, word: str) -> bool:
        return any(part.place == word for part in self.placeholders)


def _covered(place: str | Locator) -> tuple[str, ...]:
    if isinstance(place, Locator):
        return (place.covered,)
    if place in CANONICAL:
        return CANONICAL[place].covers
    return _WORD_COVERS.get(place, (place,))


def _parse(template: str) -> list[Part]:
    parts: list[Part] = []
    text, position = "", 0
    while position < len(template):
        two = template[position : position + 2]
        if two in ("{{", "}}"):
            text += two[0]
            position += 2
        elif two == "{?":
            inside, position = _group(template, position + 2)
            parts += [text.encode(), inside]
            text = ""
        elif two[0] == "{":
            placeholder, position = _placeholder(template, position)
            parts += [text.encode(), placeholder]
            text = ""
        elif two[0] == "}":
            raise ValueError(f"{template!r} has a brace without its partner")
        else:
            text += two[0]
            position += 1
    return [part for part in (*parts, text.encode()) if part != b""]


def _group(template: str, position: int) -> tuple[Group, int]:
    parts: list[bytes | Placeholder] = []
    text = ""
    while position < len(template):
        letter = template[position]
        if letter == "}":
            return Group(tuple(part for part in (*parts, text.encode()) if part)), position + 1
        if letter == "{":
            placeholder, position = _placeholder(template, position)
            parts += [text.encode(), placeholder]
            text = ""
        else:
            text += letter
            position += 1
    raise ValueError(f"{template!r} has a brace without its partner")


def _placeholder(template: str, position: int) -> tuple[Placeholder, int]:
    end = template.find("}", position)
    inside = template[position + 1 : end]
    if end < 0 or "{" in inside:
        raise ValueError(f"{template!r} has a brace without its partner")
    word, *transforms = inside.split("|")
    for name in transforms:
        if wrong := transform_mistake(name):
            raise ValueError(wrong)
    place = word if word in WORDS or word in CANONICAL else _locator(word)
    return Placeholder(place, tuple(transforms)), end + 1


def _locator(text: str) -> Locator:
    try:
        locator = Locator.parse(text)
    except ValueError:
        words = ", ".join(f"{{{word}}}" for word in (*WORDS, *CANONICAL))
        raise ValueError(
            f"{{{text}}} is not a placeholder; there are {words} and locators like {{header:X}}"
        ) from None
    if locator.several:
        raise ValueError(f"{{{text}}} stands for several places; a content is one")
    return locator


def _joined(parts: tuple[Part, ...]) -> Fill:
    """One function for all of it. The body alone is the usual case, and costs nothing."""
    fills = [_part(part) for part in parts]
    if len(fills) == 1:
        return fills[0]
    return lambda reading: b"".join([fill(reading) for fill in fills])


def _part(part: Part) -> Fill:
    if isinstance(part, bytes):
        return lambda _reading: part
    if isinstance(part, Group):
        return _optional(part)
    return _transformed(part, _place(part.place))


def _optional(group: Group) -> Fill:
    fill = _joined(group.parts)
    places = [_place(part.place) for part in group.parts if isinstance(part, Placeholder)]

    def filled(reading: Reading) -> bytes:
        try:
            if not all(place(reading) for place in places):
                return b""
        except VerificationFailed:
            return b""
        return fill(reading)

    return filled


def _transformed(part: Placeholder, fill: Fill) -> Fill:
    if not part.transforms:
        return fill

    def transformed(reading: Reading) -> bytes:
        try:
            return transform(fill(reading), part.transforms, reading)
        except ValueError as error:
            if isinstance(part.place, Locator):
                raise malformed(part.place, str(error)) from None
            raise VerificationFailed("field_malformed", f"{part.place}: {error}") from None

    return transformed


def _place(place: str | Locator) -> Fill:
    if isinstance(place, Locator):
        return _located(place)
    if place in CANONICAL:
        return CANONICAL[place].fill
    return _FILLS[place]


def _located(place: Locator) -> Fill:
    if not place.optional:
        return lambda reading: reading.need_bytes(place)
    return lambda reading: b"" if reading.find(place) is None else reading.need_bytes(place)


_FILLS: Final[dict[str, Fill]] = {
    "body": lambda reading: reading.body,
    "timestamp": lambda reading: header_bytes(reading.timestamp, "timestamp"),
    "method": lambda reading: utf8(reading.request.method),
    "path": lambda reading: utf8(reading.request.path),
    "path-query": lambda reading: utf8(
        reading.request.path + (f"?{reading.request.query}" if reading.request.query else "")
    ),
    "url": lambda reading: utf8(reading.full_url()),
    "secret": lambda reading: reading.secret,
}
