"""Where something stands in a request: `header:X-Id`, `json:data.items.0.id`, `query:sig`.

KIND:NAME               `KINDS` lists the kinds
header:X-Id,X-Old-Id    the first of these headers that is there
json:events.0.id        field names and list positions, joined by dots
json:events.*.id        every item of a list
form:payload#user.id    a path into the JSON that a form's field holds
jwt:X-Token.jti         a claim of the token in that header
...?                    may be missing, and is then empty
...|sha256hex           what stands there, transformed (`holdfast.verify.transforms`)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

KINDS: Final = {
    "header": "a header of the request",
    "json": "a field of a JSON body, by its path",
    "json-text": "the same as it is written there, without white space",
    "form": "a field of a form-encoded or multipart body",
    "query": "a parameter of the query string",
    "sig": "another entry of the signature's own header, by its key",
    "jwt": "a claim of the token in a header",
}

_SHAPE: Final = re.compile(
    r"header:[!#$%&'*+.^_`|~0-9A-Za-z-]+(,[!#$%&'*+.^_`|~0-9A-Za-z-]+)*"
    r"|json(-text)?:[^.\s]+(\.[^.\s]+)*"
    r"|(form|query|sig):[^\s#]+"
    r"|form:[^\s#]+\#[^.\s]+(\.[^.\s]+)*"
    r"|jwt:[!#$%&'*+^_`|~0-9A-Za-z-]+\.[^.\s]+"
)


@dataclass(frozen=True, slots=True)
class Locator:
    """One place in a request: `kind` one of `KINDS`, `name` the header, path, field or key."""

    kind: str
    name: str
    optional: bool = False
    transforms: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"

    @property
    def covered(self) -> str:
        """What is vouched for where this is signed: `header:x-id`, `json:data.id`."""
        if self.kind == "header":
            return f"header:{self.name.lower()}"
        return f"json:{self.name}" if self.kind == "json-text" else str(self)

    @property
    def several(self) -> bool:
        """Whether it stands for every item of a list."""
        return self.kind in ("json", "form") and "*" in self.name.rpartition("#")[-1].split(".")

    @classmethod
    def parse(cls, text: str) -> Locator:
        """From `header:X-Id`. Raises ValueError, naming the kinds there are."""
        place, *transforms = text.split("|")
        optional = place.endswith("?")
        place = place.removesuffix("?")
        if not _SHAPE.fullmatch(place):
            kinds = ", ".join(f"{known}:..." for known in KINDS)
            raise ValueError(f"{text!r} does not say where to look; write one of {kinds}")
        kind, _, name = place.partition(":")
        return cls(kind, name, optional, tuple(transforms))


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


def json_all(document: Any, path: str) -> Iterator[Any]:
    """What stands at `path`, once for every item where `*` stands for the items of a list.

    None for each item where the path leads nowhere.
    """
    before, star, after = _at_star(path)
    found = json_at(document, before) if before else document
    if not star:
        yield found
    elif isinstance(found, list):
        for item in found:
            yield from json_all(item, after) if after else (item,)
    else:
        yield None


def _at_star(path: str) -> tuple[str, bool, str]:
    steps = path.split(".")
    if "*" not in steps:
        return path, False, ""
    at = steps.index("*")
    return ".".join(steps[:at]), True, ".".join(steps[at + 1 :])
