"""What exactly is signed, written as a template: `v0:{header:X-Timestamp}:{body}`.

Placeholders: `{body}` `{timestamp}` `{method}` `{path}` `{url}`, and any locator, such as
`{header:X}` `{query:x}` `{form:x}` `{json:a.b}` `{sig:t}`. Everything else stands for itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from holdfast.verify.locate import Locator
from holdfast.verify.reading import Reading, header_bytes

_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_WORDS: Final = ("body", "timestamp", "method", "path", "url")


@dataclass(frozen=True, slots=True)
class Content:
    """A template, parsed once: literal bytes, locators, and the words of the request itself."""

    parts: tuple[bytes | str | Locator, ...]

    @classmethod
    def parse(cls, template: str) -> Content:
        """From the text of a template. Raises ValueError, naming the placeholder it cannot read."""
        parts: list[bytes | str | Locator] = []
        for position, text in enumerate(_PLACEHOLDER.split(template)):
            if position % 2:
                parts.append(text if text in _WORDS else _locator(text))
            elif "{" in text or "}" in text:
                raise ValueError(f"{template!r} has a brace without its partner")
            elif text:
                parts.append(text.encode("utf-8"))
        if not any(not isinstance(part, bytes) for part in parts):
            raise ValueError(f"{template!r} signs nothing of the request; did you mean {{body}}?")
        return cls(tuple(parts))

    @property
    def locators(self) -> tuple[Locator, ...]:
        return tuple(part for part in self.parts if isinstance(part, Locator))

    def fill(self, reading: Reading) -> bytes:
        """The bytes that are signed. Raises VerificationFailed where something is not there."""
        if self.parts == ("body",):
            return reading.request.body
        return b"".join([_bytes(part, reading) for part in self.parts])


def _bytes(part: bytes | str | Locator, reading: Reading) -> bytes:
    request = reading.request
    if isinstance(part, bytes):
        return part
    if isinstance(part, Locator):
        return reading.need_bytes(part)
    if part == "body":
        return request.body
    if part == "timestamp":
        return header_bytes(reading.timestamp, "timestamp")
    text: str = getattr(request, part)
    return text.encode("utf-8", "surrogatepass")


def _locator(text: str) -> Locator:
    try:
        return Locator.parse(text)
    except ValueError:
        words = ", ".join(f"{{{word}}}" for word in _WORDS)
        raise ValueError(
            f"{{{text}}} is not a placeholder; there are {words} and locators like {{header:X}}"
        ) from None
