"""What operators look at beside the messages themselves: depth, refusals, executions, rates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import orjson

from holdfast.queue.contract import (
    REFUSAL_BODY_BYTES,
    Depth,
    Execution,
    Filter,
    Refusal,
)
from holdfast.queue.engines.sqlite.query import select, select_value
from holdfast.queue.engines.sqlite.shelf import MINUTE_MS, Shelf, storable, tally

REFUSALS_KEPT: Final = 10_000


def depth(shelf: Shelf, now_ms: int) -> list[Depth]:
    # The ledger first, and all of it at one moment: what is sent or handed out meanwhile is then
    # counted once, as it was at that moment.
    with shelf.ledger.snapshot() as ledger:
        known = {
            webhook: (position, passed)
            for webhook, position, passed in select(
                ledger, "SELECT webhook, position, passed FROM queue"
            )
        }
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
    with shelf.inbox.read() as inbox:
        sent = dict(select(inbox, "SELECT webhook, total FROM sent"))
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


def record(shelf: Shelf, executions: Sequence[Execution]) -> None:
    with shelf.inbox.read() as inbox:
        known = dict(
            select(
                inbox,
                "SELECT id, n FROM message WHERE id IN (SELECT value FROM json_each(?))",
                (orjson.dumps([one.message_id for one in executions]).decode(),),
            )
        )
    rows = [
        (
            known[one.message_id],
            one.attempt,
            one.started_at_ms,
            one.duration_ms,
            one.status,
            one.error and storable(one.error),
            one.cause and storable(one.cause),
            one.state and storable(one.state),
            orjson.dumps(one.history),
        )
        for one in executions
        if one.message_id in known
    ]
    with shelf.ledger.write() as ledger:
        ledger.executemany(
            "INSERT INTO execution (n, attempt, started_at, duration_ms, status, error, cause,"
            " state, history) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
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
            "INSERT OR IGNORE INTO refusal (id, at, webhook, method, path, remote, status, reason,"
            " detail, headers, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    one.id,
                    one.at_ms,
                    one.webhook,
                    storable(one.method),
                    storable(one.path),
                    one.remote,
                    one.status,
                    one.reason,
                    storable(one.detail),
                    orjson.dumps([(storable(name), storable(x)) for name, x in one.headers]),
                    one.body[:REFUSAL_BODY_BYTES],
                )
                for one in refusals
            ],
        )
        inbox.execute(
            "DELETE FROM refusal WHERE k <= (SELECT max(k) FROM refusal) - ?", (REFUSALS_KEPT,)
        )
        for webhook, count in Counter(one.webhook or "" for one in refusals).items():
            tally(inbox, now_ms, webhook, "refused", count)


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
