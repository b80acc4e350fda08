"""Every message that the inbox still has, and what became of it.

A filter may leave few rows of millions. So rows are looked at without head and body until it is
known that they match; and where the ledger alone knows who matches (the dead, the leased, those that
failed in some way), it is asked first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import apsw

from holdfast.message import Failure
from holdfast.queue.contract import Entry, Filter, State
from holdfast.queue.engines.sqlite.query import select, select_value
from holdfast.queue.engines.sqlite.schema import DEAD, DONE, PURGED
from holdfast.queue.engines.sqlite.shelf import Shelf, attempts_of, numbers, read_message

# How many rows are looked at in one go where a filter may leave few of them.
PAGE: Final = 500
# A webhook with no more messages than this is sorted as a whole; the pages of a larger one are
# found by walking everybody's ids.
FEW: Final = 20_000

Row = tuple[int, str, str]
"""n, id, webhook."""


def events(shelf: Shelf, filter: Filter, after: str | None, limit: int, now_ms: int) -> list[Entry]:
    """Newest (or oldest) first; rows that do not match are passed over page by page."""
    found: list[Entry] = []
    only = narrow(shelf, filter, now_ms)
    selective = any(one is not None for one in (filter.state, filter.reason, filter.error))
    page = PAGE if selective else min(PAGE, limit)
    while len(found) < limit:
        rows = _candidates(shelf, filter, only, after, page)
        found += entries(shelf, rows, filter, limit - len(found), now_ms)
        if len(rows) < page:
            break
        after = rows[-1][1]
    return found


def narrow(shelf: Shelf, filter: Filter, now_ms: int) -> list[int] | None:
    """The only messages that can match, where the ledger has them at hand; None: any may."""
    with shelf.ledger.read() as ledger:
        if filter.reason is not None:
            rows = select(ledger, "SELECT n FROM dead WHERE reason = ?", (filter.reason,))
        elif filter.state is State.DEAD:
            rows = select(ledger, "SELECT n FROM dead")
        elif filter.error is not None:
            rows = select(ledger, "SELECT DISTINCT n FROM attempt WHERE error = ?", (filter.error,))
        elif filter.state is State.LEASED:
            rows = select(
                ledger,
                "SELECT n FROM delivery WHERE state = 0 AND visible_at > ? AND token IS NOT NULL",
                (now_ms,),
            )
        elif filter.state is not None:
            return _few(shelf, ledger, filter, now_ms)
        else:
            return None
    return [n for (n,) in rows]


def _few(shelf: Shelf, ledger: apsw.Connection, filter: Filter, now_ms: int) -> list[int] | None:
    """All in this state, where they are few: then nobody need walk over all the others."""
    with shelf.inbox.read() as inbox:
        # Also those that nobody configured: all of theirs is waiting.
        positions = dict(select(inbox, "SELECT webhook, 0 FROM sent"))
    positions |= dict(select(ledger, "SELECT webhook, position FROM queue"))
    found: list[int] = []
    for webhook, position in positions.items():
        if filter.webhook not in (None, webhook):
            continue
        if filter.state is State.WAITING:
            query = (
                "SELECT n FROM delivery WHERE webhook = ?1 AND state = 0"
                " AND (visible_at <= ?2 OR token IS NULL) LIMIT ?3"
            )
            rows = select(ledger, query, (webhook, now_ms, FEW + 1))
            query = "SELECT n FROM message WHERE webhook = ? AND n > ? LIMIT ?"
            with shelf.inbox.read() as inbox:
                rows += select(inbox, query, (webhook, position, FEW + 1))
        else:
            if filter.state is State.DONE and _taken_as_done(shelf, ledger, webhook, position):
                return None
            query = (
                "SELECT n FROM delivery INDEXED BY delivery_finished WHERE webhook = ?"
                " AND state IN (1, 3) AND state = ? LIMIT ?"
            )
            state = DONE if filter.state is State.DONE else PURGED
            rows = select(ledger, query, (webhook, state, FEW + 1))
        found += [n for (n,) in rows]
        if len(found) > FEW:
            return None
    return found


def _taken_as_done(shelf: Shelf, ledger: apsw.Connection, webhook: str, position: int) -> bool:
    """Whether a new ledger was made that says nothing of this webhook's oldest messages."""
    query = "SELECT n FROM message WHERE webhook = ? ORDER BY n LIMIT 1"
    with shelf.inbox.read() as inbox:
        oldest = select_value(inbox, query, (webhook,))
    if oldest is None or oldest > position:
        return False
    return not select_value(ledger, "SELECT EXISTS (SELECT 1 FROM delivery WHERE n = ?)", (oldest,))


def _candidates(
    shelf: Shelf, filter: Filter, only: list[int] | None, after: str | None, page: int
) -> list[Row]:
    with shelf.inbox.read() as inbox:
        few = only is not None or _has_few(inbox, filter.webhook)
        tests: dict[str, Any] = {
            "id = ?": filter.id,
            ("webhook = ?" if few else "+webhook = ?"): filter.webhook,
            "received_at >= ?": filter.since_ms,
            "received_at < ?": filter.until_ms,
            **_bounds(inbox, filter, after),
            "n IN (SELECT value FROM json_each(?))": None if only is None else numbers(only),
        }
        given = {test: value for test, value in tests.items() if value is not None}
        where = " AND ".join(given) or "1"
        order = "DESC" if filter.newest_first else "ASC"
        return [
            (n, id, webhook)
            for n, id, webhook in select(
                inbox,
                f"SELECT n, id, webhook FROM message WHERE {where} ORDER BY id {order} LIMIT {page}",
                tuple(given.values()),
            )
        ]


def _bounds(inbox: apsw.Connection, filter: Filter, after: str | None) -> dict[str, str | None]:
    """Between which ids. Times are among them where ids begin with the time of arrival: then the
    index finds the place, and not everything that is newer or older is looked at."""
    since, until = filter.since_ms, filter.until_ms
    low = high = None
    if (since is not None or until is not None) and is_dated(inbox):
        low = None if since is None else f"{since:012x}"
        high = None if until is None else f"{until:012x}"
    if filter.newest_first:
        return {
            "id >= ?": low,
            "id < ?": min((one for one in (after, high) if one is not None), default=None),
        }
    if after is not None and (low is None or after >= low):
        return {"id > ?": after, "id < ?": high}
    return {"id >= ?": low, "id < ?": high}


def is_dated(inbox: apsw.Connection) -> bool:
    """Whether ids begin with the time of arrival, as `new_message_id` makes them."""
    ends = select(
        inbox,
        "SELECT id, received_at FROM (SELECT id, received_at FROM message ORDER BY id LIMIT 1)"
        " UNION ALL SELECT id, received_at FROM"
        "  (SELECT id, received_at FROM message ORDER BY id DESC LIMIT 1)",
    )
    return all(id.startswith(f"{received_at:012x}") for id, received_at in ends)


def _has_few(inbox: apsw.Connection, webhook: str | None) -> bool:
    total = select_value(inbox, "SELECT total FROM sent WHERE webhook = ?", (webhook,))
    return (total or 0) <= FEW


def entries(
    shelf: Shelf, rows: Sequence[Row], filter: Filter, limit: int, now_ms: int
) -> list[Entry]:
    """Those that match, no more than the limit, with head and body."""
    if not rows:
        return []
    which = [n for n, *_ in rows]
    with shelf.ledger.snapshot() as ledger:
        known = {
            n: columns
            for n, *columns in select(
                ledger,
                "SELECT d.n, d.state, d.visible_at, d.receive_count, d.token, d.finished_at,"
                " d.duplicate_of, x.reason FROM json_each(?) AS j"
                " JOIN delivery AS d ON d.n = j.value LEFT JOIN dead AS x ON x.n = d.n",
                (numbers(which),),
            )
        }
        positions = dict(select(ledger, "SELECT webhook, position FROM queue"))
        attempts = attempts_of(ledger, which)
    states = {
        n: _state(n, known.get(n), positions.get(webhook, 0), now_ms) for n, _, webhook in rows
    }
    matching = [n for n in which if _matches(filter, states[n], known.get(n), attempts.get(n, ()))][
        :limit
    ]
    with shelf.inbox.read() as inbox:
        messages = {
            n: read_message(tuple(parts))
            for n, *parts in select(
                inbox,
                "SELECT n, id, webhook, received_at, head, body FROM message"
                " WHERE n IN (SELECT value FROM json_each(?))",
                (numbers(matching),),
            )
        }
    found = []
    for n in matching:
        if n not in messages:
            continue  # removed since
        _, visible_at, count, _, finished_at, duplicate_of, reason = known.get(n) or _UNSEEN
        over = states[n] in (State.DONE, State.DEAD, State.PURGED)
        found.append(
            Entry(
                messages[n],
                states[n],
                count,
                None if over else visible_at,
                finished_at if over else None,
                duplicate_of if over else None,
                attempts.get(n, ()),
                reason,
            )
        )
    return found


_UNSEEN: Final = (None, None, 0, None, None, None, None)
"""What the ledger says of a message that it has no row for."""


def _state(n: int, delivery: Sequence[Any] | None, position: int, now_ms: int) -> State:
    if delivery is None:
        return State.DONE if n <= position else State.WAITING
    state, visible_at, _, token, *_ = delivery
    if state in _OVER:
        return _OVER[state]
    return State.LEASED if token is not None and visible_at > now_ms else State.WAITING


_OVER: Final = {DONE: State.DONE, DEAD: State.DEAD, PURGED: State.PURGED}


def _matches(
    filter: Filter, state: State, delivery: Sequence[Any] | None, attempts: tuple[Failure, ...]
) -> bool:
    if filter.state not in (None, state):
        return False
    if filter.reason is not None and (delivery is None or delivery[-1] != filter.reason):
        return False
    return filter.error is None or any(one.error == filter.error for one in attempts[-1:])
