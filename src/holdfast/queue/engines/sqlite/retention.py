"""What time alone does: the waiting expire, the dead and the finished are removed, in small steps."""

from __future__ import annotations

from typing import Final

import apsw

from holdfast.queue.contract import DUPLICATE_WINDOW_SECONDS
from holdfast.queue.engines.sqlite.dead import remove
from holdfast.queue.engines.sqlite.handout import EXPIRED
from holdfast.queue.engines.sqlite.query import select, select_value
from holdfast.queue.engines.sqlite.shelf import (
    Shelf,
    forget,
    lay_to_rest,
    numbers,
)

STEP: Final = 200
# A step's share of bodies: freeing their pages holds up whoever wants to send.
STEP_BYTES: Final = 8 * 1024 * 1024


def step(shelf: Shelf, now: int, removed: list[int]) -> bool:
    """A little of each; True if there may be more. What is removed for good joins `removed`.

    `now` is a time that `ClockWatch.look` has judged.
    """
    more = expire(shelf, now)
    more = remove_old_dead(shelf, now) or more
    forget_deliveries(shelf, now)
    finished = remove_finished(shelf, now)
    removed += finished
    return bool(finished) or more


def expire(shelf: Shelf, now: int) -> bool:
    """Waiting messages past their retention become dead letters; True if there may be more."""
    more = False
    with shelf.ledger.read() as ledger:
        queues = select(ledger, "SELECT webhook, position, retention FROM queue")
    for webhook, position, retention in queues:
        returned = _expire_returned(shelf, webhook, now - retention, now)
        fresh = _expire_fresh(shelf, webhook, position, now - retention, now)
        if count := returned + (fresh or 0):
            shelf.telemetry.emit("message.expired", webhook=webhook, count=count)
        more = more or count > 0 or fresh is None
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
        with shelf.inbox.read() as inbox:
            ids = dict(
                select(
                    inbox,
                    "SELECT n, id FROM message WHERE n IN (SELECT value FROM json_each(?))",
                    (numbers(found),),
                )
            )
        for n, id in ids.items():
            _rest(ledger, n, id, webhook, now)
        forget(ledger, [n for n in found if n not in ids])
    return len(found)


def _expire_fresh(
    shelf: Shelf, webhook: str, position: int, oldest_alive: int, now: int
) -> int | None:
    """How many; None where somebody received meanwhile: look again."""
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
            return None
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
    lay_to_rest(ledger, n=n, id=id, webhook=webhook, reason=EXPIRED, now_ms=now)


def remove_old_dead(shelf: Shelf, now: int) -> bool:
    """Dead letters past their own retention; those that are put aside have none."""
    # CROSS JOIN: webhook by webhook, each by its index, and not every dead letter each time.
    query = (
        "SELECT x.n FROM queue AS q CROSS JOIN dead AS x INDEXED BY dead_resting"
        " ON x.webhook = q.webhook AND x.since <= ? - q.dead_retention"
        " WHERE x.parked_at IS NULL LIMIT ?"
    )
    with shelf.ledger.read() as ledger:
        if not select(ledger, query, (now, 1)):
            return False
    with shelf.ledger.write(durable=True) as ledger:
        remove(ledger, [n for (n,) in select(ledger, query, (now, STEP))])
    return True


def remove_finished(shelf: Shelf, now: int) -> list[int]:
    """Bodies of what is done and past its retention, and of what was purged: which they were.

    First the ledger is on disk saying so, then the body goes, then the ledger's row: a power cut
    between any two of these leaves a body too many, never one too few.
    """
    finished = _finished(shelf, now)
    if not finished:
        return []
    which = numbers(finished)
    # On disk with this, whoever committed it.
    with shelf.ledger.write(durable=True) as ledger:
        ledger.execute("INSERT OR REPLACE INTO meta VALUES ('removed_to', ?)", (finished[-1],))
        _remember_deliveries(shelf, ledger, which, now)
    with shelf.outbox.write() as inbox:
        inbox.execute("DELETE FROM message WHERE n IN (SELECT value FROM json_each(?))", (which,))
    with shelf.ledger.write() as ledger:
        ledger.execute(
            "DELETE FROM claim WHERE until IS NULL AND n IN (SELECT value FROM json_each(?))",
            (which,),
        )
        for table in ("attempt", "execution", "yielded", "redrive", "delivery"):
            ledger.execute(
                f"DELETE FROM {table} WHERE n IN (SELECT value FROM json_each(?))",
                (which,),
            )
    return finished


def _remember_deliveries(shelf: Shelf, ledger: apsw.Connection, which: str, now: int) -> None:
    """A retention shorter than the window of duplicates must not make a repetition look new."""
    window_ms = round(DUPLICATE_WINDOW_SECONDS * 1000)
    rows = select(
        ledger,
        "SELECT d.n, d.finished_at + ?1 FROM delivery AS d JOIN claim AS c ON c.n = d.n"
        " WHERE d.state = 1 AND d.finished_at + ?1 > ?2"
        " AND d.n IN (SELECT value FROM json_each(?3))",
        (window_ms, now, which),
    )
    for n, until in rows:
        with shelf.inbox.read() as inbox:
            id = select_value(inbox, "SELECT id FROM message WHERE n = ?", (n,))
        ledger.execute("UPDATE claim SET done_id = ?, until = ? WHERE n = ?", (id, until, n))


def forget_deliveries(shelf: Shelf, now: int) -> None:
    """Those whose window has passed."""
    with shelf.ledger.read() as ledger:
        query = "SELECT EXISTS (SELECT 1 FROM claim WHERE until <= ?)"
        if not select_value(ledger, query, (now,)):
            return
    with shelf.ledger.write() as ledger:
        ledger.execute("DELETE FROM claim WHERE until <= ?", (now,))


def _finished(shelf: Shelf, now: int) -> list[int]:
    """A few that are to go, and no more than one step's bytes of them."""
    with shelf.ledger.read() as ledger:
        rows = select(
            ledger,
            "SELECT d.n FROM queue AS q CROSS JOIN delivery AS d INDEXED BY delivery_finished"
            " ON d.webhook = q.webhook AND d.finished_at <= ? - q.retention"
            " WHERE d.state IN (1, 3) LIMIT ?",
            (now, STEP),
        )
    with shelf.inbox.read() as inbox:
        sizes = select(
            inbox,
            "SELECT j.value, coalesce(length(m.body), 0) FROM json_each(?) AS j"
            " LEFT JOIN message AS m ON m.n = j.value",
            (numbers([n for (n,) in rows]),),
        )
    chosen: list[int] = []
    held = 0
    for n, size in sizes:
        if chosen and held + size > STEP_BYTES:
            break
        chosen.append(n)
        held += size
    return chosen
