"""What happens, for those who watch: counts over time, and what is new since a moment.

Nothing here is written for the watchers' sake but what the tasks of each state came to, once a
second from each worker. The rest is read from what reception and work leave behind anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from holdfast.queue.contract import Execution, State
from holdfast.queue.engines.sqlite.query import select, select_value
from holdfast.queue.engines.sqlite.schema import PURGED
from holdfast.queue.engines.sqlite.shelf import MINUTE_MS, Shelf, numbers
from holdfast.queue.views import Arrived, Bucket, Changes, Ended, StateCount, Turned

OVERLAP_MS: Final = 1_000
"""What ended carries the time at which that was decided, and is committed a moment later."""

RUNNING_MS: Final = 5_000
"""A process that runs something says so every second; what is older was said by one that died."""


def series(shelf: Shelf, since_ms: int, step_ms: int) -> list[Bucket]:
    step = max(1, step_ms // MINUTE_MS)
    first = since_ms // MINUTE_MS
    found = []
    for file in (shelf.inbox, shelf.ledger):
        with file.read() as connection:
            rows = select(
                connection,
                "SELECT (minute - ?1) / ?2, webhook, outcome, sum(count) FROM tally"
                " WHERE minute >= ?1 GROUP BY 1, 2, 3",
                (first, step),
            )
        found += [Bucket((first + at * step) * MINUTE_MS, *told) for at, *told in rows]
    return sorted(found, key=lambda one: (one.at_ms, one.webhook, one.outcome))


def last_seen(shelf: Shelf) -> dict[str, int]:
    with shelf.inbox.read() as inbox:
        webhooks = [name for (name,) in select(inbox, "SELECT webhook FROM sent")]
        minutes = dict(
            select(
                inbox,
                "SELECT webhook, max(minute) FROM tally WHERE outcome = 'received'"
                " GROUP BY webhook",
            )
        )
        query = "SELECT received_at FROM message WHERE webhook = ? ORDER BY n DESC LIMIT 1"
        found = {name: select_value(inbox, query, (name,)) for name in webhooks}
    # Where retention has removed the message itself, its minute is known for a while.
    seen = {name: at or minutes.get(name, 0) * MINUTE_MS for name, at in found.items()}
    return {name: at for name, at in seen.items() if at}


def changes(shelf: Shelf, cursor: str | None, limit: int, now_ms: int) -> Changes:
    here = _read_cursor(cursor)
    with shelf.inbox.snapshot() as inbox:
        last = _sequence(inbox, "message"), _sequence(inbox, "refusal")
        if here is None or here[0] > last[0] or here[1] > last[1]:
            return Changes(_cursor(*last, now_ms))
        n, k, since = here
        arrived = [
            Arrived(id, webhook, at, size, replay_of)
            for id, webhook, at, size, replay_of in select(
                inbox,
                "SELECT id, webhook, received_at, length(body), json_extract(head, '$[8]')"
                " FROM message WHERE n > ? ORDER BY n DESC LIMIT ?",
                (n, limit),
            )
        ]
        refused = [
            Turned(*row)
            for row in select(
                inbox,
                "SELECT id, webhook, at, status, reason FROM refusal WHERE k > ?"
                " ORDER BY k DESC LIMIT ?",
                (k, limit),
            )
        ]
    ended, more = _ended(shelf, since - OVERLAP_MS, limit)
    missed = max(0, last[0] - n - len(arrived)) + max(0, last[1] - k - len(refused)) + more
    return Changes(
        _cursor(*last, now_ms),
        tuple(reversed(arrived)),
        tuple(ended),
        tuple(reversed(refused)),
        missed,
    )


def _ended(shelf: Shelf, since: int, limit: int) -> tuple[list[Ended], int]:
    """The newest of what ended since, oldest first, and how many there were beside."""
    with shelf.ledger.snapshot() as ledger:
        # CROSS JOIN: webhook by webhook, each by its index. What retention is about to remove is
        # finished at the beginning of time.
        rows = select(
            ledger,
            "SELECT d.n, d.webhook, d.finished_at, d.state, NULL, d.duplicate_of FROM queue AS q"
            " CROSS JOIN delivery AS d INDEXED BY delivery_finished ON d.webhook = q.webhook"
            " AND d.finished_at > ?1 WHERE d.state IN (1, 3)"
            " UNION ALL SELECT x.n, x.webhook, x.at, 2, x.reason, NULL FROM queue AS q"
            " CROSS JOIN dead AS x INDEXED BY dead_of_webhook ON x.webhook = q.webhook"
            " AND x.at > ?1 ORDER BY 3 DESC LIMIT ?2",
            (since, limit + 1),
        )
        more = 0
        if len(rows) > limit:
            (more,) = select(
                ledger,
                "SELECT (SELECT count(*) FROM queue AS q CROSS JOIN delivery AS d"
                "  INDEXED BY delivery_finished ON d.webhook = q.webhook AND d.finished_at > ?1"
                "  WHERE d.state IN (1, 3)) + (SELECT count(*) FROM queue AS q CROSS JOIN dead AS x"
                "  INDEXED BY dead_of_webhook ON x.webhook = q.webhook AND x.at > ?1) - ?2",
                (since, limit),
            )[0]
    rows = rows[:limit]
    with shelf.inbox.read() as inbox:
        ids = dict(
            select(
                inbox,
                "SELECT n, id FROM message WHERE n IN (SELECT value FROM json_each(?))",
                (numbers([row[0] for row in rows]),),
            )
        )
    ended = [
        Ended(ids[n], webhook, at, _STATES[state], reason, duplicate_of)
        for n, webhook, at, state, reason, duplicate_of in reversed(rows)
        if n in ids
    ]
    return ended, more


_STATES: Final = {1: State.DONE, 2: State.DEAD, PURGED: State.PURGED}


def count_states(shelf: Shelf, holder: str, counts: Sequence[StateCount], now_ms: int) -> None:
    with shelf.ledger.write() as ledger:
        ledger.executemany(
            "INSERT INTO state_tally VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " succeeded = succeeded + excluded.succeeded, failed = failed + excluded.failed,"
            " milliseconds = milliseconds + excluded.milliseconds",
            [
                (
                    now_ms // MINUTE_MS,
                    one.webhook,
                    one.state,
                    one.succeeded,
                    one.failed,
                    one.milliseconds,
                )
                for one in counts
                if one.succeeded or one.failed
            ],
        )
        ledger.execute("DELETE FROM state_running WHERE holder = ?", (holder,))
        ledger.executemany(
            "INSERT INTO state_running VALUES (?, ?, ?, ?, ?)",
            [
                (holder, one.webhook, one.state, one.running, now_ms)
                for one in counts
                if one.running
            ],
        )


def states(shelf: Shelf, since_ms: int, now_ms: int) -> list[StateCount]:
    with shelf.ledger.snapshot() as ledger:
        rows = select(
            ledger,
            "SELECT webhook, state, sum(running), sum(succeeded), sum(failed), sum(spent) FROM ("
            " SELECT webhook, state, 0 AS running, succeeded, failed, milliseconds AS spent"
            "  FROM state_tally WHERE minute >= ?1"
            " UNION ALL SELECT webhook, state, running, 0, 0, 0.0 FROM state_running WHERE at > ?2)"
            " GROUP BY webhook, state ORDER BY webhook, state",
            (since_ms // MINUTE_MS, now_ms - RUNNING_MS),
        )
    return [StateCount(*row) for row in rows]


def latest_executions(
    shelf: Shelf, webhook: str | None, status: str | None, after: str | None, limit: int
) -> list[tuple[str, Execution]]:
    tests: dict[str, Any] = {
        "d.webhook = ?": webhook,
        "e.status = ?": status,
        "e.k < ?": _whole(after) if after else None,
    }
    given = {test: value for test, value in tests.items() if value is not None}
    where = " AND ".join(given) or "1"
    with shelf.ledger.read() as ledger:
        # CROSS JOIN: newest first, and not every delivery of the webhook first.
        rows = select(
            ledger,
            "SELECT e.k, e.n, d.webhook, e.attempt, e.started_at, e.duration_ms, e.status, e.error,"
            " e.cause, e.state FROM execution AS e CROSS JOIN delivery AS d ON d.n = e.n"
            f" WHERE {where} ORDER BY e.k DESC LIMIT ?",
            (*given.values(), limit),
        )
    with shelf.inbox.read() as inbox:
        ids = dict(
            select(
                inbox,
                "SELECT n, id FROM message WHERE n IN (SELECT value FROM json_each(?))",
                (numbers([row[1] for row in rows]),),
            )
        )
    return [(str(k), Execution(ids[n], *told)) for k, n, *told in rows if n in ids]


def _sequence(connection: Any, table: str) -> int:
    query = "SELECT seq FROM sqlite_sequence WHERE name = ?"
    return int(select_value(connection, query, (table,)) or 0)


def _cursor(n: int, k: int, at_ms: int) -> str:
    return f"{n}.{k}.{at_ms}"


def _read_cursor(cursor: str | None) -> tuple[int, int, int] | None:
    parts = (cursor or "").split(".")
    numbers = [_whole(part) for part in parts]
    if len(numbers) != 3 or min(numbers) < 0:
        return None
    n, k, at = numbers
    return n, k, at


def _whole(text: str) -> int:
    """A number; -1 for what is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else -1
