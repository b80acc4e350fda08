"""What is known of where independent interpreters differ from ours: who is right, and why.

A difference belongs to an entry by the name of its case in the table, or by what `applies` sees in
the case and both results. `applies` is kept narrow: what it covers is no longer looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

Asked = TypeVar("Asked")
Told = TypeVar("Told")


@dataclass(frozen=True, slots=True)
class Difference(Generic[Asked, Told]):
    """`right`: who is, by the evidence; `open` where neither page nor recording says."""

    id: str
    reason: str
    right: Literal["holdfast", "the other", "open"]
    evidence: str
    cases: frozenset[str] = frozenset()
    applies: Callable[[Asked, Told, Told], bool] | None = None


def explain(
    table: Sequence[Difference[Asked, Told]], name: str, asked: Asked, here: Told, there: Told
) -> str | None:
    """The id of the known difference that this is."""
    for difference in table:
        if name in difference.cases:
            return difference.id
        if difference.applies is not None and difference.applies(asked, here, there):
            return difference.id
    return None
