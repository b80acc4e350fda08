"""What came in and what became of it: depth, history, refusals, executions, rates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import orjson

from holdfast.message import Failure
from holdfast.queue.contract import (
    REFUSAL_BODY_BYTES,
    Depth,
    Entry,
    Execution,
    Filter,
    Refusal,
    State,
)
from holdfast.queue.engines.sqlite.query import select, select_value
from holdfast.queue.engines.sqlite.schema import DEAD, DONE, PURGED
from holdfast.queue.engines.sqlite.shelf import (
    MINUTE_MS,
    Shelf,
    attempts_of,
    numbers,
    read_message,
    tally,
)

REFUSALS_KEPT: Final = 10_000
# How many rows of history are looked at in one go when a filter leaves few of them.
PAGE: Final = 500


def depth(shelf: Shelf, now_ms: int) -> list[Depth]:
    with shelf.inbox.read() as inbox:
        sent = dict(select(inbox, "SELECT webhook, total FROM sent"))
    with shelf.ledger.read() as ledger:
        queues = select(ledger, "SELECT webhook, position, passed FROM queue")
        live = {
            webhook: (waiting, leased, oldest)
            for webhook, waiting, leased, oldest in select(
                ledger,
                "SELECT webhook, count(*) FILTER (WHERE NOT held), count(*) FILTER (WHERE held),"
                " min(since) FILTER (WHERE NOT held) FROM (SELECT webhook, since,"
                "  visible_at > ? AND token IS NOT NULL AS held FROM delivery WHERE state = 0)"
                " GROUP BY webhook",
                (now_ms,),
            )
        }
        dead = dict(select(ledger, "SELECT webhook, count(*) FROM dead GROUP BY webhook"))
    known = {webhook: (position, passed) for webhook, position, passed in queues}
    rows = []
    for webhook in sorted({*sent, *known}):
        position, passed = known.get(webhook, (0, 0))
        waiting, leased, oldest = live.get(webhook, (0, 0, None))
        unseen = sent.get(webhook, 0) - passed
        if unseen > 0:
            with shelf.inbox.read() as inbox:
                first = select_value(
                    inbox,
                    "SELECT received_at FROM message WHERE webhook = ? AND n > ?"
                    " ORDER BY n LIMIT 1",
                    (webhook, position),
                )
            oldest = min((at for at in (oldest, first) if at is not None), default=None)
        rows.append(Depth(webhook, waiting + max(0, unseen), leased, dead.get(webhook, 0), oldest))
    return rows


def events(shelf: Shelf, filter: Filter, after: str | None, limit: int, now_ms: int) -> list[Entry]:
    """Newest (or oldest) first; rows that do not match the state are passed over page by page."""
    found: list[Entry] = []
    # Every row comes with its body: no more of them than needed where all of them match.
    selective = any(one is not None for one in (filter.state, filter.reason, filter.error))
    page = PAGE if selective else min(PAGE, limit)
    while True:
        rows = _candidates(shelf, filter, after, page)
        for entry in _entries(shelf, rows, now_ms):
            if _matches(entry, filter):
                found.append(entry)
                if len(found) == limit:
                    return found
        if len(rows) < page:
            return found
        after = rows[-1][1]


def _candidates(
    shelf: Shelf, filter: Filter, after: str | None, page: int
) -> list[tuple[Any, ...]]:
    tests: dict[str, Any] = {
        "id = ?": filter.id,
        "webhook = ?": filter.webhook,
        "received_at >= ?": filter.since_ms,
        "received_at < ?": filter.until_ms,
        ("id < ?" if filter.newest_first else "id > ?"): after,
    }
    given = {test: value for test, value in tests.items() if value is not None}
    where = " AND ".join(given) or "1"
    order = "DESC" if filter.newest_first else "ASC"
    with shelf.inbox.read() as inbox:
        return select(
            inbox,
            "SELECT n, id, webhook, received_at, head, body FROM message"
            f" WHERE {where} ORDER BY id {order} LIMIT {page}",
            tuple(given.values()),
        )


def _matches(entry: Entry, filter: Filter) -> bool:
    if filter.state is not None and entry.state is not filter.state:
        return False
    if filter.reason is not None and entry.reason != filter.reason:
        return False
    return filter.error is None or any(one.error == filter.error for one in entry.attempts[-1:])


def _entries(shelf: Shelf, rows: Sequence[tuple[Any, ...]], now_ms: int) -> list[Entry]:
    if not rows:
        return []
    with shelf.ledger.read() as ledger:
        known = {
            n: columns
            for n, *columns in select(
                ledger,
                "SELECT d.n, d.state, d.visible_at, d.receive_count, d.token, d.finished_at,"
                " d.duplicate_of, x.reason FROM json_each(?) AS j"
                " JOIN delivery AS d ON d.n = j.value LEFT JOIN dead AS x ON x.n = d.n",
                (numbers([row[0] for row in rows]),),
            )
        }
        positions = dict(select(ledger, "SELECT webhook, position FROM queue"))
        attempts = {n: attempts_of(ledger, n) for n in known}
    return [
        _entry(row, known.get(row[0]), attempts.get(row[0], ()), positions, now_ms) for row in rows
    ]


def _entry(
    row: tuple[Any, ...],
    delivery: Sequence[Any] | None,
    attempts: tuple[Failure, ...],
    positions: dict[str, int],
    now_ms: int,
) -> Entry:
    n, *parts = row
    message = read_message(tuple(parts))
    if delivery is None:
        passed = n <= positions.get(message.webhook, 0)
        return Entry(message, State.DONE if passed else State.WAITING)
    state, visible_at, count, token, finished_at, duplicate_of, reason = delivery
    if state in (DONE, DEAD, PURGED):
        where = {DONE: State.DONE, DEAD: State.DEAD, PURGED: State.PURGED}[state]
        return Entry(message, where, count, None, finished_at, duplicate_of, attempts, reason)
    leased = token is not None and visible_at > now_ms
    where = State.LEASED if leased else State.WAITING
    return Entry(message, where, count, visible_at, None, None, attempts, None)


def record(shelf: Shelf, executions: Sequence[Execution]) -> None:
    with shelf.inbox.read() as inbox:
        known = {
            one.message_id: select_value(
                inbox, "SELECT n FROM message WHERE id = ?", (one.message_id,)
            )
            for one in executions
        }
    with shelf.ledger.write() as ledger:
        ledger.executemany(
            "INSERT INTO execution (n, attempt, started_at, duration_ms, status, error, cause,"
            " state, history) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    known[one.message_id],
                    one.attempt,
                    one.started_at_ms,
                    one.duration_ms,
                    one.status,
                    one.error,
                    one.cause,
                    one.state,
                    orjson.dumps(one.history),
                )
                for one in executions
                if known[one.message_id] is not None
            ],
        )


def executions(shelf: Shelf, message_id: str) -> list[Execution]:
    with shelf.inbox.read() as inbox:
        row = select(inbox, "SELECT n, webhook FROM message WHERE id = ?", (message_id,))
    if not row:
        return []
    n, webhook = row[0]
    with shelf.ledger.read() as ledger:
        rows = select(
            ledger,
            "SELECT attempt, started_at, duration_ms, status, error, cause, state, history"
            " FROM execution WHERE n = ? ORDER BY k",
            (n,),
        )
    return [
        Execution(message_id, webhook, *(*columns, tuple(orjson.loads(history))))
        for *columns, history in rows
    ]


def refuse(shelf: Shelf, refusals: Sequence[Refusal], now_ms: int) -> None:
    with shelf.outbox.write() as inbox:
        inbox.executemany(
            "INSERT OR IGNORE INTO refusal VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    one.id,
                    one.at_ms,
                    one.webhook,
                    one.method,
                    one.path,
                    one.remote,
                    one.status,
                    one.reason,
                    one.detail,
                    orjson.dumps(one.headers),
                    one.body[:REFUSAL_BODY_BYTES],
                )
                for one in refusals
            ],
        )
        for webhook in {one.webhook for one in refusals}:
            count = sum(one.webhook == webhook for one in refusals)
            tally(inbox, now_ms, webhook or "", "refused", count)


def refusals(shelf: Shelf, filter: Filter, after: str | None, limit: int) -> list[Refusal]:
    tests: dict[str, Any] = {
        "id = ?": filter.id,
        "webhook = ?": filter.webhook,
        "reason = ?": filter.reason,
        "at >= ?": filter.since_ms,
        "at < ?": filter.until_ms,
        ("id < ?" if filter.newest_first else "id > ?"): after,
    }
    given = {test: value for test, value in tests.items() if value is not None}
    where = " AND ".join(given) or "1"
    order = "DESC" if filter.newest_first else "ASC"
    with shelf.inbox.read() as inbox:
        rows = select(
            inbox,
            "SELECT id, at, webhook, method, path, remote, status, reason, detail, headers, body"
            f" FROM refusal WHERE {where} ORDER BY id {order} LIMIT ?",
            (*given.values(), limit),
        )
    return [
        Refusal(*(*columns, tuple((name, value) for name, value in orjson.loads(headers)), body))
        for *columns, headers, body in rows
    ]


def rates(shelf: Shelf, window_ms: int, now_ms: int) -> dict[str, dict[str, float]]:
    """Whole minutes, the current one included, so a window under a minute counts as one."""
    minutes = max(1, round(window_ms / MINUTE_MS))
    since = now_ms // MINUTE_MS - minutes + 1
    found: dict[str, dict[str, float]] = {}
    for file in (shelf.inbox, shelf.ledger):
        with file.read() as connection:
            rows = select(
                connection,
                "SELECT webhook, outcome, sum(count) FROM tally WHERE minute >= ?"
                " GROUP BY webhook, outcome",
                (since,),
            )
        for webhook, outcome, count in rows:
            found.setdefault(webhook, {})[outcome] = count / (minutes * 60)
    return found
