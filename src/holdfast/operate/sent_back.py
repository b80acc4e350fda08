"""Each time that a dead letter was sent back: when, and by whom, as far as the store knows."""

from __future__ import annotations

from dataclasses import dataclass

from holdfast.operate.abilities import Able, desk_of
from holdfast.operate.runs import from_record
from holdfast.queue.views import Redrive


@dataclass(frozen=True, slots=True)
class SentBack:
    """`operator` and `via`: whose run it was; None where no run did it, as a program may."""

    redrive: Redrive
    operator: str | None = None
    via: str | None = None


def sent_back(bench: Able, message_id: str) -> list[SentBack]:
    """Oldest first; none where the engine does not remember any."""
    desk = desk_of(bench)
    if desk is None:
        return []
    found = []
    for one in desk.redrives(message_id):
        record = desk.run(one.run) if one.run is not None else None
        run = from_record(record) if record is not None else None
        found.append(SentBack(one, run.operator if run else None, run.via if run else None))
    return found
