"""What must be done now and then, in small steps so that nobody waits: free what the dead held,
expire, remove, keep the logs short."""

from __future__ import annotations

from typing import Final

import apsw

from holdfast.message import Failure
from holdfast.queue.engines.sqlite.archive import REFUSALS_KEPT
from holdfast.queue.engines.sqlite.dead import messages_by_number, remove
from holdfast.queue.engines.sqlite.handout import EXPIRED
from holdfast.queue.engines.sqlite.holders import DeadHolder, inherit
from holdfast.queue.engines.sqlite.query import select, select_value
from holdfast.queue.engines.sqlite.shelf import (
    MINUTE_MS,
    Shelf,
    add_attempt,
    attempts_of,
    lay_to_rest,
    numbers,
)

STEP: Final = 200
WORKER_DIED: Final = "Holdfast.WorkerDied"
# Beyond this, wall time and monotonic time do not tell the same story.
JUMP_SECONDS: Final = 60
# A machine that was off looks like a clock that jumped ahead; only a long gap is worth a warning.
GAP_SECONDS: Final = 86_400
SUSPEND_SECONDS: Final = 3_600
LOG_BYTES: Final = 4 * 1024 * 1024
TALLY_DAYS: Final = 8


class ClockWatch:
    """Tells when the wall clock jumped, and holds expiry off for an hour after."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._wall_ms: int | None = None
        self._monotonic = 0.0
        self._suspended_until = float("-inf")

    def may_expire(self) -> bool:
        return self._shelf.clock.monotonic() >= self._suspended_until

    def look(self) -> None:
        """Compare; call at least once before anything expires, and then often."""
        clock = self._shelf.clock
        wall, monotonic = clock.now_ms(), clock.monotonic()
        if self._wall_ms is None:
            with self._shelf.ledger.read() as ledger:
                seen = select_value(ledger, "SELECT value FROM meta WHERE key = 'seen_at'")
            by = (wall - seen) / 1000 if seen is not None else 0.0
            jumped = by > GAP_SECONDS or by < -JUMP_SECONDS
        else:
            by = (wall - self._wall_ms) / 1000 - (monotonic - self._monotonic)
            jumped = abs(by) > JUMP_SECONDS
        self._wall_ms, self._monotonic = wall, monotonic
        if jumped:
            self._suspended_until = monotonic + SUSPEND_SECONDS
            self._shelf.telemetry.emit("store.clock_jumped", by_seconds=round(by))


def sync(shelf: Shelf) -> None:
    """The ledger up to here is on disk when this returns."""
    with shelf.ledger.write(durable=True) as ledger:
        ledger.execute("INSERT OR REPLACE INTO meta VALUES ('seen_at', ?)", (shelf.clock.now_ms(),))


def checkpoint(shelf: Shelf) -> None:
    """Write long logs out in the background, so that a committing connection need not."""
    for file in (shelf.inbox, shelf.ledger):
        if file.log_bytes() > LOG_BYTES:
            file.checkpoint()


def free_dead_holders(shelf: Shelf, own: str | None) -> None:
    """Whatever a holder that no longer lives had in its hands."""
    directory = shelf.store.path / "holders"
    try:
        paths = [path for path in directory.iterdir() if path.name != own]
    except FileNotFoundError:
        return
    for path in paths:
        with inherit(path) as dead:
            if dead is not None:
                free(shelf, dead)


def free(shelf: Shelf, dead: DeadHolder) -> None:
    """What it had begun comes again, alone and counted; the rest at once, and uncounted."""
    now = shelf.clock.now_ms()
    with shelf.ledger.write() as ledger:
        rows = select(
            ledger,
            "SELECT n, receive_count FROM delivery WHERE state = 0 AND holder = ?",
            (dead.name,),
        )
        begun = [row for row in rows if dead.begun is None or row[0] in dead.begun]
        idle = [n for n, _ in rows if dead.begun is not None and n not in dead.begun]
        ledger.execute(
            "UPDATE delivery SET alone = 1, visible_at = ?, token = NULL, holder = NULL"
            " WHERE n IN (SELECT value FROM json_each(?))",
            (now, numbers([n for n, _ in begun])),
        )
        ledger.execute(
            "UPDATE delivery SET receive_count = receive_count - 1, visible_at = ?, token = NULL,"
            " holder = NULL WHERE n IN (SELECT value FROM json_each(?))",
            (now, numbers(idle)),
        )
        for n, count in begun:
            cause = "the worker process ended while this message was being worked"
            add_attempt(ledger, n, Failure(WORKER_DIED, cause, "", now, count))
    (shelf.store.path / "bells" / dead.name).unlink(missing_ok=True)
    shelf.telemetry.emit("worker.dead", holder=dead.name, begun=len(begun), released=len(idle))


def expire(shelf: Shelf) -> bool:
    """Waiting messages past their retention become dead letters; True if there may be more."""
    now = shelf.clock.now_ms()
    more = False
    with shelf.ledger.read() as ledger:
        queues = select(ledger, "SELECT webhook, position, retention FROM queue")
    for webhook, position, retention in queues:
        count = _expire_returned(shelf, webhook, now - retention, now)
        count += _expire_fresh(shelf, webhook, position, now - retention, now)
        if count:
            shelf.telemetry.emit("message.expired", webhook=webhook, count=count)
            more = True
    return more


def _expire_returned(shelf: Shelf, webhook: str, oldest_alive: int, now: int) -> int:
    query = (
        "SELECT n FROM delivery WHERE webhook = ? AND state = 0 AND visible_at <= ? AND since <= ?"
        " LIMIT ?"
    )
    with shelf.ledger.read() as ledger:
        if not select(ledger, query, (webhook, now, oldest_alive, 1)):
            return 0
    with shelf.ledger.write(durable=True) as ledger:
        found = [n for (n,) in select(ledger, query, (webhook, now, oldest_alive, STEP))]
        messages = messages_by_number(shelf, found)
        for n in found:
            _rest(ledger, n, messages[n].id if n in messages else "", webhook, now)
    return len(found)


def _expire_fresh(shelf: Shelf, webhook: str, position: int, oldest_alive: int, now: int) -> int:
    with shelf.inbox.read() as inbox:
        rows = select(
            inbox,
            "SELECT n, id, received_at FROM message WHERE webhook = ? AND n > ? ORDER BY n LIMIT ?",
            (webhook, position, STEP),
        )
    expired = []
    for n, id, received_at in rows:
        if received_at > oldest_alive:
            break
        expired.append((n, id, received_at))
    if not expired:
        return 0
    with shelf.ledger.write(durable=True) as ledger:
        at = select_value(ledger, "SELECT position FROM queue WHERE webhook = ?", (webhook,))
        if at != position:
            return 1  # somebody received meanwhile; look again
        for n, id, received_at in expired:
            ledger.execute(
                "INSERT INTO delivery (n, webhook, state, visible_at, receive_count, since)"
                " VALUES (?, ?, 0, ?, 0, ?)",
                (n, webhook, now, received_at),
            )
            _rest(ledger, n, id, webhook, now)
        ledger.execute(
            "UPDATE queue SET position = ?, passed = passed + ? WHERE webhook = ?",
            (expired[-1][0], len(expired), webhook),
        )
    return len(expired)


def _rest(ledger: apsw.Connection, n: int, id: str, webhook: str, now: int) -> None:
    attempts = attempts_of(ledger, n)
    lay_to_rest(
        ledger,
        n=n,
        id=id,
        webhook=webhook,
        reason=EXPIRED,
        failure=attempts[-1] if attempts else None,
        now_ms=now,
    )


def remove_old_dead(shelf: Shelf) -> bool:
    """Dead letters past their own retention."""
    now = shelf.clock.now_ms()
    query = (
        "SELECT x.n FROM queue AS q JOIN dead AS x ON x.webhook = q.webhook"
        " AND x.at <= ? - q.dead_retention LIMIT ?"
    )
    with shelf.ledger.read() as ledger:
        if not select(ledger, query, (now, 1)):
            return False
    with shelf.ledger.write(durable=True) as ledger:
        remove(ledger, [n for (n,) in select(ledger, query, (now, STEP))])
    return True


def remove_finished(shelf: Shelf) -> bool:
    """Bodies of what is done and past its retention, and of what was purged.

    First the ledger is on disk saying so, then the body goes, then the ledger's row: a power cut
    between any two of these leaves a body too many, never one too few.
    """
    now = shelf.clock.now_ms()
    with shelf.ledger.read() as ledger:
        finished = [
            n
            for (n,) in select(
                ledger,
                "SELECT d.n FROM delivery AS d INDEXED BY delivery_finished"
                " JOIN queue AS q ON q.webhook = d.webhook"
                " WHERE d.state IN (1, 3) AND d.finished_at <= CASE d.state WHEN 3 THEN 0"
                " ELSE ? - q.retention END ORDER BY d.finished_at LIMIT ?",
                (now, STEP),
            )
        ]
    if not finished:
        return False
    sync(shelf)
    which = numbers(finished)
    with shelf.outbox.write() as inbox:
        inbox.execute("DELETE FROM message WHERE n IN (SELECT value FROM json_each(?))", (which,))
    with shelf.ledger.write() as ledger:
        for table in ("attempt", "execution", "claim", "delivery"):
            ledger.execute(
                f"DELETE FROM {table} WHERE n IN (SELECT value FROM json_each(?))",
                (which,),
            )
    return True


def trim(shelf: Shelf) -> None:
    """Refusals beyond the newest, and minutes that no rate asks for."""
    minute = shelf.clock.now_ms() // MINUTE_MS - TALLY_DAYS * 1440
    with shelf.inbox.read() as inbox:
        edge = select_value(
            inbox, "SELECT id FROM refusal ORDER BY id DESC LIMIT 1 OFFSET ?", (REFUSALS_KEPT,)
        )
        old = select_value(inbox, "SELECT EXISTS (SELECT 1 FROM tally WHERE minute < ?)", (minute,))
    if edge is not None or old:
        with shelf.outbox.write() as inbox:
            inbox.execute("DELETE FROM refusal WHERE id <= ?", (edge or "",))
            inbox.execute("DELETE FROM tally WHERE minute < ?", (minute,))
    with shelf.ledger.read() as ledger:
        old = select_value(
            ledger, "SELECT EXISTS (SELECT 1 FROM tally WHERE minute < ?)", (minute,)
        )
    if old:
        with shelf.ledger.write() as ledger:
            ledger.execute("DELETE FROM tally WHERE minute < ?", (minute,))
