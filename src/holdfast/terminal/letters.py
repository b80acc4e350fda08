"""A feed of dead letters, for engines that keep no history: what fails is all that they can tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from holdfast.clock import SYSTEM_CLOCK, Clock
from holdfast.errors import HoldfastError
from holdfast.terminal.feed import Counts, News, Shown
from holdfast.terminal.rows import Row

LETTERS_MAX: Final = 200
DEPTH_SECONDS: Final = 5.0
"""SQS counts, and charges for, every question."""

LETTERS_SECONDS: Final = 60.0
"""To look at dead letters in SQS is to receive them, which hides them from others meanwhile: it is
done where their number has changed, and otherwise this often."""


class LetterSource(Protocol):
    """As `Source`, of what every engine has."""

    title: str

    def letters(self, limit: int) -> list[Row]: ...
    def counts(self) -> Counts: ...
    def wait(self, seconds: float) -> None: ...
    def show(self, row: Row, width: int) -> Shown: ...
    def retry(self, row: Row) -> str: ...
    def page(self, row: Row) -> str | None: ...
    def close(self) -> None: ...


class Letters:
    """See above. `wanted`: what of the filters the engine itself does not know."""

    def __init__(
        self,
        source: LetterSource,
        note: str,
        *,
        wanted: Callable[[Row], bool] = lambda _: True,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.title = source.title
        self.note = note
        self._source = source
        self._wanted = wanted
        self._clock = clock
        self._known: dict[str, int] = {}
        self._counts: Counts | None = None
        self._counted_at = float("-inf")
        self._looked_at = float("-inf")

    def look(self) -> News:
        now = self._clock.monotonic()
        if now - self._counted_at < DEPTH_SECONDS:
            return News()
        try:
            counts = self._source.counts()
            self._counted_at = now
            changed = self._counts is None or counts.dead != self._counts.dead
            if not changed and now - self._looked_at < LETTERS_SECONDS:
                return News(counts=counts)
            found = [row for row in self._source.letters(LETTERS_MAX) if self._wanted(row)]
            self._counts, self._looked_at = counts, now
        except HoldfastError as error:
            if not error.retryable:
                raise
            return News(trouble=str(error))
        first = not self._known
        new = [row for row in found if self._known.get(row.id) != row.at_ms]
        self._known = {row.id: row.at_ms for row in found}
        new.sort(key=lambda row: row.order)
        return News(tuple(new), counts, arrived=0 if first else len(new))

    def keep(self) -> None:
        """Dead letters rest until somebody does something: all of them are told each time."""

    def wait(self, seconds: float) -> None:
        self._source.wait(seconds)

    def show(self, row: Row, width: int) -> Shown:
        return self._source.show(row, width)

    def retry(self, row: Row) -> str:
        told = self._source.retry(row)
        self._looked_at = float("-inf")
        return told

    def page(self, row: Row) -> str | None:
        return self._source.page(row)

    def close(self) -> None:
        self._source.close()
