"""Where in the definition a check is, in the words that `holdfast check` prints."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from holdfast.errors import Mistake

_LINE: Final = re.compile(r"(.*?):(\d+)(?: |$)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in the definition, and the list to which mistakes made there are added."""

    found: list[Mistake]
    line: str
    """File and line as the definition noted them: `/home/ada/hooks.py:12`."""
    webhook: str = ""
    """The webhook's path."""
    field: str = ""

    def under(self, field: str) -> Spot:
        """The same line, one field deeper: `queue`, then `queue.retention`."""
        return replace(self, field=f"{self.field}.{field}" if self.field else field)

    def at(self, line: str, field: str) -> Spot:
        """Another line of the same webhook, such as a handler's."""
        return replace(self, line=line, field=field)

    def muted(self) -> Spot:
        """The same place, whose further mistakes only follow from one that is told."""
        return replace(self, found=[])

    @property
    def place(self) -> str:
        return " ".join(filter(None, (shown(self.line), self.webhook, self.field)))

    @property
    def directory(self) -> Path:
        """Where the definition stands: files that it names are beside it."""
        file = Path(self.line.rpartition(":")[0])
        return file.parent if file.is_file() else Path.cwd()

    def wrong(self, message: str) -> None:
        self.found.append(Mistake(self.place, message))


def by_line(mistakes: Sequence[Mistake]) -> list[Mistake]:
    """In the order of the file that they are in, as whoever mends them goes through it."""

    def line(mistake: Mistake) -> tuple[str, int]:
        found = _LINE.match(mistake.place)
        return (found[1], int(found[2])) if found else ("", 0)

    return sorted(mistakes, key=line)


def shown(place: str) -> str:
    """A place as its reader would type it: relative to the working directory when inside it."""
    path = Path(place)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        return str(path.relative_to(Path.cwd()))
    return place


def quoted(value: object, limit: int = 60) -> str:
    """A value as its writer would write it, cut where it would fill the screen."""
    text = f'"{value}"' if isinstance(value, str) and value.isprintable() else repr(value)
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
