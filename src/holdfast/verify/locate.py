"""Where something stands in a request: `header:X-Id`, `json:data.items.0.id`, `query:sig`.

The kinds are those of `KINDS`. A JSON path is field names and list positions joined by dots.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from holdfast.message import Headers

KINDS: Final = {
    "header": "a header of the request",
    "json": "a field of a JSON body, by its path",
    "form": "a field of a form-encoded body",
    "query": "a parameter of the query string",
    "sig": "another entry of the signature's own header, by its key",
}


@dataclass(frozen=True, slots=True)
class Locator:
    """One place in a request: `kind` one of `KINDS`, `name` the header, path, field or key."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"

    @classmethod
    def parse(cls, text: str) -> Locator:
        """From `header:X-Id`. Raises ValueError, naming the kinds there are."""
        kind, colon, name = text.partition(":")
        if not colon or kind not in KINDS or not name:
            kinds = ", ".join(f"{known}:..." for known in KINDS)
            raise ValueError(f"{text!r} does not say where to look; write one of {kinds}")
        return cls(kind, name)


def locate(locators: Sequence[str], headers: Headers, body: Callable[[], Any]) -> str | None:
    """The first of these `header:` and `json:` locators that leads to a text or a whole number.

    `body` gives the parsed JSON, or None; it is called at most once, and only if needed. An empty
    text counts as absent: as a delivery id it would make strangers look like duplicates. So does a
    fraction, because JSON numbers past 64 bits are read as one, and lose digits.
    """
    document: Any = None
    parsed = False
    for text in locators:
        kind, _, name = text.partition(":")
        if kind == "header":
            found: Any = headers.get(name)
        elif kind == "json":
            if not parsed:
                document, parsed = body(), True
            found = json_at(document, name)
        else:
            continue
        if isinstance(found, str) and found:
            return found
        if isinstance(found, int) and not isinstance(found, bool):
            return str(found)
    return None


def locator_mistakes(locators: Sequence[str]) -> list[str]:
    """What is wrong with locators meant for `locate`, in words."""
    return [
        f"{text!r} is not a locator; write header:NAME or json:path.to.field"
        for text in locators
        if not text.startswith(("header:", "json:")) or text.endswith(":")
    ]


def json_at(document: Any, path: str) -> Any:
    """What stands at `path`; None where the path leads nowhere."""
    for step in path.split("."):
        if isinstance(document, dict):
            document = document.get(step)
        elif isinstance(document, list) and step.isascii() and step.isdigit() and len(step) < 10:
            position = int(step)
            document = document[position] if position < len(document) else None
        else:
            return None
    return document
