"""Dead letters: look at them, send them back, remove them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw

from holdfast.message import DeadLetter, Failure, Message
from holdfast.queue.contract import Filter
from holdfast.queue.engines.sqlite.query import select, select_value
from holdfast.queue.engines.sqlite.schema import PURGED
from holdfast.queue.engines.sqlite.shelf import Shelf, attempts_of, numbers, read_message


def browse(shelf: Shelf, filter: Filter, after: str | None, limit: int) -> list[DeadLetter]:
    tests: dict[str, Any] = {
        "x.id = ?": filter.id,
        "x.webhook = ?": filter.webhook,
        "x.reason = ?": filter.reason,
        "x.error = ?": filter.error,
        "x.at >= ?": filter.since_ms,
        "x.at < ?": filter.until_ms,
        ("x.id < ?" if filter.newest_first else "x.id > ?"): after,
    }
    given = {test: value for test, value in tests.items() if value is not None}
    where = " AND ".join(given) or "1"
    order = "DESC" if filter.newest_first else "ASC"
    with shelf.ledger.read() as ledger:
        rows = select(
            ledger,
            "SELECT x.n, x.reason, x.error, x.cause, x.failed_state, x.at, x.attempt,"
            " x.superseded_by, d.receive_count FROM dead AS x JOIN delivery AS d ON d.n = x.n"
            f" WHERE {where} ORDER BY x.id {order} LIMIT ?",
            (*given.values(), limit),
        )
        attempts = {row[0]: attempts_of(ledger, row[0]) for row in rows}
    messages = messages_by_number(shelf, [n for row in rows for n in (row[0], row[7]) if n])
    letters = []
    for n, reason, error, cause, state, at, attempt, superseded_by, count in rows:
        if n not in messages:
            continue
        failure = Failure(error or "", cause or "", state or "", at, attempt, reason)
        later = messages.get(superseded_by)
        letters.append(
            DeadLetter(
                message=messages[n],
                reason=reason,
                failure=failure if error else None,
                attempts=attempts[n],
                died_at_ms=at,
                receive_count=count,
                superseded_by=later.id if later else None,
            )
        )
    return letters


def redrive(shelf: Shelf, ids: Sequence[str], now_ms: int) -> list[bool]:
    """Count 0, retention anew; the attempt history stays, so that a second death tells it all."""
    with shelf.ledger.write(durable=True) as ledger:
        found = _dead_numbers(ledger, ids)
        which = numbers(list(found.values()))
        ledger.execute(
            "UPDATE delivery SET state = 0, visible_at = ?1, receive_count = 0, token = NULL,"
            " holder = NULL, alone = 0, since = ?1, finished_at = NULL"
            " WHERE n IN (SELECT value FROM json_each(?2))",
            (now_ms, which),
        )
        ledger.execute("DELETE FROM dead WHERE n IN (SELECT value FROM json_each(?))", (which,))
    return _each_once(ids, found)


def purge(shelf: Shelf, ids: Sequence[str]) -> list[bool]:
    with shelf.ledger.write(durable=True) as ledger:
        found = _dead_numbers(ledger, ids)
        remove(ledger, list(found.values()))
    return _each_once(ids, found)


def remove(ledger: apsw.Connection, dead: list[int]) -> None:
    """Dead letters become purged, finished at the beginning of time: upkeep takes them next."""
    which = numbers(dead)
    ledger.execute(
        "UPDATE delivery SET state = ?, finished_at = 0"
        " WHERE n IN (SELECT value FROM json_each(?))",
        (PURGED, which),
    )
    for table in ("dead", "attempt", "claim"):
        ledger.execute(
            f"DELETE FROM {table} WHERE n IN (SELECT value FROM json_each(?))",
            (which,),
        )


def messages_by_number(shelf: Shelf, wanted: list[int]) -> dict[int, Message]:
    """Those that the inbox still has."""
    with shelf.inbox.read() as inbox:
        rows: list[tuple[Any, ...]] = select(
            inbox,
            "SELECT n, id, webhook, received_at, head, body FROM message"
            " WHERE n IN (SELECT value FROM json_each(?))",
            (numbers(wanted),),
        )
    return {n: read_message(tuple(parts)) for n, *parts in rows}


def _dead_numbers(ledger: apsw.Connection, ids: Sequence[str]) -> dict[str, int]:
    found = {}
    for id in ids:
        n = select_value(ledger, "SELECT n FROM dead WHERE id = ?", (id,))
        if n is not None:
            found[id] = n
    return found


def _each_once(ids: Sequence[str], found: dict[str, int]) -> list[bool]:
    left = set(found)
    answers = []
    for id in ids:
        answers.append(id in left)
        left.discard(id)
    return answers
