"""The ledger's row of each webhook: its numbers, and whether it is paused."""

from __future__ import annotations

from collections.abc import Mapping

import apsw

from holdfast.queue.contract import QueueLimits
from holdfast.queue.engines.sqlite.query import select
from holdfast.queue.engines.sqlite.shelf import Shelf


def configure(shelf: Shelf, limits: Mapping[str, QueueLimits]) -> None:
    """Set these numbers, and keep them."""
    with shelf.ledger.write(durable=True) as ledger:
        for webhook, one in limits.items():
            introduce(ledger, webhook)
            ledger.execute(
                "UPDATE queue SET retention = ?, dead_retention = ?, max_receive_count = ?"
                " WHERE webhook = ?",
                (*_row(one), webhook),
            )


def introduce(ledger: apsw.Connection, webhook: str) -> None:
    """See to it that there is a row, in the caller's transaction."""
    ledger.execute(
        "INSERT INTO queue (webhook, retention, dead_retention, max_receive_count)"
        " VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (webhook, *_row(QueueLimits())),
    )


def numbers_of(ledger: apsw.Connection, webhook: str) -> tuple[bool, int, int, int]:
    """Paused, position, retention in ms and max_receive_count; the defaults where nobody set any."""
    query = "SELECT paused, position, retention, max_receive_count FROM queue WHERE webhook = ?"
    if not (rows := select(ledger, query, (webhook,))):
        introduce(ledger, webhook)
        rows = select(ledger, query, (webhook,))
    paused, position, retention, max_receive_count = rows[0]
    return bool(paused), position, retention, max_receive_count


def set_paused(shelf: Shelf, webhook: str, *, paused: bool) -> None:
    """Also of a webhook that nothing was ever sent to: the pause is then there before the mail."""
    with shelf.ledger.write(durable=True) as ledger:
        introduce(ledger, webhook)
        ledger.execute("UPDATE queue SET paused = ? WHERE webhook = ?", (paused, webhook))


def pauses(shelf: Shelf) -> list[str]:
    with shelf.ledger.read() as ledger:
        rows = select(ledger, "SELECT webhook FROM queue WHERE paused ORDER BY webhook")
    return [webhook for (webhook,) in rows]


def _row(limits: QueueLimits) -> tuple[int, int, int]:
    return (
        round(limits.retention_seconds * 1000),
        round(limits.dead_retention_seconds * 1000),
        limits.max_receive_count,
    )
