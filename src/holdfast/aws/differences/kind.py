"""One difference between the two homes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Difference:
    """`topic`: one of a few words, to search by. `todo`: empty where nothing helps or none is needed."""

    topic: str
    here: str
    aws: str
    todo: str = ""
