"""What was kept, in the order in which it was kept: for whoever wants all of it, once.

The order is that of the numbers, which commits hand out one after the other. Ids are made before,
by several gateways: one that is smaller may be kept later, and who went on from an id would miss it.
"""

from __future__ import annotations

from typing import Final

import apsw

from holdfast.errors import CursorUnknown
from holdfast.queue.contract import Filter
from holdfast.queue.engines.sqlite.history import entries, is_dated
from holdfast.queue.engines.sqlite.query import select, select_value
from holdfast.queue.engines.sqlite.shelf import Shelf
from holdfast.queue.views import Arrivals

STORE_DIGITS: Final = 8
"""As much of the store's id stands in a cursor, so that another store's is noticed."""

_EVERY: Final = Filter()


def arrivals(
    shelf: Shelf,
    store_id: str,
    cursor: str | None,
    webhook: str | None,
    since_ms: int | None,
    limit: int,
    now_ms: int,
) -> Arrivals:
    with shelf.inbox.snapshot() as inbox:
        query = "SELECT seq FROM sqlite_sequence WHERE name = 'message'"
        last = int(select_value(inbox, query) or 0)
        if cursor is not None:
            after = _read(cursor, store_id)
        else:
            after = last if since_ms is None else _before(inbox, since_ms, last)
        if after > last:
            raise CursorUnknown(
                f"the cursor {cursor} is ahead of this store, which an older backup may have replaced"
            )
        of_one = "" if webhook is None else " AND webhook = ?2"
        rows = [
            (n, id, name)
            for n, id, name in select(
                inbox,
                f"SELECT n, id, webhook FROM message WHERE n > ?1{of_one} ORDER BY n LIMIT {limit}",
                (after,) if webhook is None else (after, webhook),
            )
        ]
    more = len(rows) == limit
    here = rows[-1][0] if more else last
    found = entries(shelf, rows, _EVERY, len(rows), now_ms)
    return Arrivals(_cursor(here, store_id), tuple(found), more)


def _before(inbox: apsw.Connection, since_ms: int, last: int) -> int:
    """The number before the first that came in then or later; `last`: there is none yet."""
    if is_dated(inbox):
        # The index of ids holds the numbers too: no message is read.
        query, given = "SELECT min(n) FROM message WHERE id >= ?", f"{since_ms:012x}"
        first = select_value(inbox, query, (given,))
    else:
        query = "SELECT min(n) FROM message WHERE received_at >= ?"
        first = select_value(inbox, query, (since_ms,))
    return last if first is None else first - 1


def _cursor(n: int, store_id: str) -> str:
    return f"{n}.{store_id[:STORE_DIGITS]}"


def _read(cursor: str, store_id: str) -> int:
    n, _, store = cursor.partition(".")
    if store != store_id[:STORE_DIGITS] or not (n.isascii() and n.isdigit() and len(n) < 19):
        raise CursorUnknown(f"the cursor {cursor} is of another store than this one")
    return int(n)
