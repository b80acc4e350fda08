"""What must be done now and then: free what the dead held, keep the counts and the logs right."""

from __future__ import annotations

from typing import Final

import orjson

from holdfast.message import Failure
from holdfast.queue.engines.sqlite.holders import DeadHolder, inherit, others
from holdfast.queue.engines.sqlite.query import select, select_value
from holdfast.queue.engines.sqlite.shelf import (
    MINUTE_MS,
    Shelf,
    add_attempt,
    attempts_of,
    numbers,
)
from holdfast.queue.fingerprint import VERSION, fingerprint

WORKER_DIED: Final = "Holdfast.WorkerDied"
LOG_BYTES: Final = 4 * 1024 * 1024
TALLY_DAYS: Final = 8
GROUP_STEP: Final = 200


def checkpoint(shelf: Shelf) -> None:
    """Write long logs out in the background, so that a committing connection need not."""
    for file in (shelf.inbox, shelf.ledger):
        if file.log_bytes() > LOG_BYTES:
            file.checkpoint()


def free_dead_holders(shelf: Shelf, own: str) -> None:
    """Whatever a holder that no longer lives had in its hands, and its bell."""
    holders, bells = shelf.store.path / "holders", shelf.store.path / "bells"
    for path in others(holders, own):
        with inherit(path) as dead:
            if dead is not None:
                free(shelf, dead)
    if bells.exists():
        for bell in bells.iterdir():
            if not (holders / bell.name).exists():
                bell.unlink(missing_ok=True)


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
        ledger.execute("DELETE FROM state_running WHERE holder = ?", (dead.name,))
        for n, count in begun:
            cause = "the worker process ended while this message was being worked"
            add_attempt(ledger, n, Failure(WORKER_DIED, cause, "", now, count))
    shelf.telemetry.emit("worker.dead", holder=dead.name, begun=len(begun), released=len(idle))


def bring_forward(shelf: Shelf, by_ms: int) -> None:
    """The clock was set back: what waits for a time, and is in nobody's hands, waits that much less.

    Otherwise it would wait until the clock is where it was, a year if the clock was a year ahead.
    What is being worked is left alone: its holder's heartbeat goes by the new time.
    """
    now = shelf.clock.now_ms()
    living = [path.name for path in others(shelf.store.path / "holders", "")]
    with shelf.ledger.write() as ledger:
        ledger.execute(
            "UPDATE delivery SET visible_at = max(?1, visible_at - ?2)"
            " WHERE state = 0 AND visible_at > ?1"
            " AND (holder IS NULL OR holder NOT IN (SELECT value FROM json_each(?3)))",
            (now, by_ms, orjson.dumps(living).decode()),
        )


def square_counts(shelf: Shelf) -> None:
    """Where a webhook's position is at the end of the inbox, all that was sent to it has passed.

    Otherwise only a ledger from a backup has counted: what was worked and removed since would
    count as waiting for ever.
    """
    with shelf.ledger.read() as ledger:
        queues = select(ledger, "SELECT webhook, position, passed FROM queue")
    for webhook, position, passed in queues:
        with shelf.inbox.read() as inbox:
            total, more = select(
                inbox,
                "SELECT (SELECT total FROM sent WHERE webhook = ?1),"
                " EXISTS (SELECT 1 FROM message WHERE webhook = ?1 AND n > ?2)",
                (webhook, position),
            )[0]
        if more or (total or 0) == passed:
            continue
        with shelf.ledger.write() as ledger:
            ledger.execute(
                "UPDATE queue SET passed = ? WHERE webhook = ? AND position = ?",
                (total or 0, webhook, position),
            )


def name_groups(shelf: Shelf) -> bool:
    """Fingerprints for letters that another Holdfast laid to rest; True if there may be more."""
    with shelf.ledger.read() as ledger:
        if select_value(ledger, "SELECT value FROM meta WHERE key = 'fingerprints'") == VERSION:
            return False
    with shelf.ledger.write() as ledger:
        rows = select(
            ledger,
            "SELECT n, webhook, reason FROM dead"
            # By the index: each step would look through all that have their name already.
            " WHERE fingerprint IS NULL OR fingerprint < ?1 OR fingerprint > ?1 || '~' LIMIT ?2",
            (VERSION, GROUP_STEP),
        )
        attempts = attempts_of(ledger, [n for n, *_ in rows])
        for n, webhook, reason in rows:
            name = fingerprint(webhook, reason, attempts[n][-1] if n in attempts else None)
            ledger.execute("UPDATE dead SET fingerprint = ? WHERE n = ?", (name, n))
        if not rows:
            ledger.execute("INSERT OR REPLACE INTO meta VALUES ('fingerprints', ?)", (VERSION,))
    return bool(rows)


def trim(shelf: Shelf) -> None:
    """Minutes that no rate asks for."""
    minute = shelf.clock.now_ms() // MINUTE_MS - TALLY_DAYS * 1440
    for reader, writer in ((shelf.inbox, shelf.outbox), (shelf.ledger, shelf.ledger)):
        with reader.read() as connection:
            old = select_value(
                connection, "SELECT EXISTS (SELECT 1 FROM tally WHERE minute < ?)", (minute,)
            )
        if old:
            with writer.write() as connection:
                connection.execute("DELETE FROM tally WHERE minute < ?", (minute,))
                if writer is shelf.ledger:
                    connection.execute("DELETE FROM state_tally WHERE minute < ?", (minute,))
