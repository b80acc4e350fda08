"""Dead letters: look at them, one by one or in groups; send them back, put them aside, remove them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import apsw
import orjson

from holdfast.message import DeadLetter, Failure, Message
from holdfast.queue.contract import Filter, place
from holdfast.queue.engines.sqlite.query import select, select_value
from holdfast.queue.engines.sqlite.schema import PURGED
from holdfast.queue.engines.sqlite.shelf import Shelf, attempts_of, numbers, read_message
from holdfast.queue.views import GroupCount, Redrive, RunOutcome

# Pages are walked in id order by the index on the id. Where only a webhook is given, SQLite would
# rather sort all of its dead letters, for every page: the plus forbids that.
_TESTS: Final = {
    "x.id = ?": "id",
    "+x.webhook = ?": "webhook",
    "x.reason = ?": "reason",
    "x.error = ?": "error",
    "x.at >= ?": "since_ms",
    "x.at < ?": "until_ms",
    "x.fingerprint = ?": "group",
    "(x.parked_at IS NOT NULL) = ?": "parked",
}


def browse(shelf: Shelf, filter: Filter, after: str | None, limit: int) -> list[DeadLetter]:
    """A page of them. One whose body is gone, with a backup, is passed over and costs no place."""
    letters: list[DeadLetter] = []
    while len(letters) < limit:
        wanted = limit - len(letters)
        rows, attempts = _rows(shelf, filter, after, wanted)
        messages = messages_by_number(shelf, [row[0] for row in rows])
        later = _ids(shelf, [row[3] for row in rows if row[3] is not None])
        for n, reason, at, superseded_by, parked_at, count, _ in rows:
            if n not in messages:
                continue
            told = attempts.get(n, ())
            letters.append(
                DeadLetter(
                    message=messages[n],
                    reason=reason,
                    failure=told[-1] if told else None,
                    attempts=told,
                    died_at_ms=at,
                    receive_count=count,
                    superseded_by=later.get(superseded_by),
                    parked_at_ms=parked_at,
                )
            )
        if len(rows) < wanted:
            break
        after = place(filter, rows[-1][-1], rows[-1][2])
    return letters


def _rows(
    shelf: Shelf, filter: Filter, after: str | None, limit: int
) -> tuple[list[tuple[Any, ...]], dict[int, tuple[Failure, ...]]]:
    where, values = _where(filter, after)
    way = "DESC" if filter.newest_first else "ASC"
    order = f"x.at {way}, x.id {way}" if filter.by_death else f"x.id {way}"
    with shelf.ledger.snapshot() as ledger:
        rows = select(
            ledger,
            "SELECT x.n, x.reason, x.at, x.superseded_by, x.parked_at, d.receive_count, x.id FROM"
            # First which, and only then what else is known of them.
            f" (SELECT * FROM dead AS x WHERE {where} ORDER BY {order} LIMIT ?) AS x"
            f" JOIN delivery AS d ON d.n = x.n ORDER BY {order}",
            (*values, limit),
        )
        return rows, attempts_of(ledger, [row[0] for row in rows])


def _where(filter: Filter, after: str | None = None) -> tuple[str, tuple[Any, ...]]:
    tests: dict[str, Any] = {test: getattr(filter, name) for test, name in _TESTS.items()}
    given = {test: value for test, value in tests.items() if value is not None}
    wheres, values = list(given), list(given.values())
    if after is not None:
        sign = "<" if filter.newest_first else ">"
        at, _, id = after.rpartition(".")
        wheres.append(
            f"(x.at, x.id) {sign} (CAST(? AS INTEGER), ?)" if filter.by_death else f"x.id {sign} ?"
        )
        values += [at, id] if filter.by_death else [after]
    return " AND ".join(wheres) or "1", tuple(values)


def groups(shelf: Shelf, filter: Filter) -> list[GroupCount]:
    """All that match, by fingerprint. Letters of an older Holdfast get theirs from upkeep, soon."""
    where, values = _where(filter)
    with shelf.ledger.snapshot() as ledger:
        rows = select(
            ledger,
            "SELECT g.fingerprint, y.webhook, y.reason, g.count, g.first, g.last, g.newest FROM"
            " (SELECT x.fingerprint, count(*) AS count, min(x.at) AS first, max(x.at) AS last,"
            f"  max(x.id) AS newest FROM dead AS x WHERE x.fingerprint IS NOT NULL AND {where}"
            "  GROUP BY x.fingerprint) AS g"
            " JOIN dead AS y ON y.id = g.newest ORDER BY g.last DESC, g.fingerprint",
            values,
        )
    return [GroupCount(*row) for row in rows]


def parked(shelf: Shelf) -> dict[str, int]:
    with shelf.ledger.read() as ledger:
        return dict(
            select(
                ledger,
                "SELECT webhook, count(*) FROM dead WHERE parked_at IS NOT NULL GROUP BY webhook",
            )
        )


def set_parked(shelf: Shelf, ids: Sequence[str], now_ms: int, *, parked: bool) -> list[bool]:
    """Those that were not (or were): put aside (or back, and their retention anew)."""
    change = "parked_at = ?1" if parked else "parked_at = NULL, since = ?1"
    state = "NULL" if parked else "NOT NULL"
    with shelf.ledger.write(durable=True) as ledger:
        found = dict(
            select(
                ledger,
                "SELECT id, n FROM dead WHERE id IN (SELECT value FROM json_each(?))"
                f" AND parked_at IS {state}",
                (orjson.dumps(list(ids)).decode(),),
            )
        )
        ledger.execute(
            f"UPDATE dead SET {change} WHERE n IN (SELECT value FROM json_each(?2))",
            (now_ms, numbers(list(found.values()))),
        )
    return _each_once(ids, found)


def _ids(shelf: Shelf, wanted: list[int]) -> dict[int, str]:
    with shelf.inbox.read() as inbox:
        return dict(
            select(
                inbox,
                "SELECT n, id FROM message WHERE n IN (SELECT value FROM json_each(?))",
                (numbers(wanted),),
            )
        )


def redrive(shelf: Shelf, ids: Sequence[str], now_ms: int, run: str | None = None) -> list[bool]:
    """Count 0, retention anew; the attempt history stays, so that a second death tells it all."""
    with shelf.ledger.write(durable=True) as ledger:
        found = _dead_numbers(ledger, ids)
        which = numbers(list(found.values()))
        ledger.execute(
            "INSERT INTO redrive (n, at, run, reason, died_at) SELECT n, ?, ?, reason, at FROM dead"
            " WHERE n IN (SELECT value FROM json_each(?))",
            (now_ms, run, which),
        )
        ledger.execute(
            "UPDATE delivery SET state = 0, visible_at = ?1, receive_count = 0, token = NULL,"
            " holder = NULL, alone = 0, since = ?1, finished_at = NULL"
            " WHERE n IN (SELECT value FROM json_each(?2))",
            (now_ms, which),
        )
        ledger.execute("DELETE FROM dead WHERE n IN (SELECT value FROM json_each(?))", (which,))
    return _each_once(ids, found)


def redrives(shelf: Shelf, message_id: str) -> list[Redrive]:
    with shelf.inbox.read() as inbox:
        n = select_value(inbox, "SELECT n FROM message WHERE id = ?", (message_id,))
    with shelf.ledger.read() as ledger:
        rows = select(
            ledger, "SELECT at, died_at, reason, run FROM redrive WHERE n = ? ORDER BY k", (n,)
        )
    return [Redrive(*row) for row in rows]


def outcome(shelf: Shelf, run: str) -> RunOutcome:
    """Each letter once, however often the run sent it back. One that was sent back once more by
    somebody else since is still this run's, as long as it has not ended."""
    with shelf.ledger.read() as ledger:
        (row,) = select(
            ledger,
            "SELECT count(*), count(*) FILTER (WHERE d.state = 1),"
            " count(*) FILTER (WHERE d.state IN (2, 3)) FROM (SELECT DISTINCT n FROM redrive"
            "  INDEXED BY redrive_of_run WHERE run = ?) AS r JOIN delivery AS d ON d.n = r.n",
            (run,),
        )
    return RunOutcome(*row)


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
    for table in ("dead", "attempt", "claim", "yielded"):
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
