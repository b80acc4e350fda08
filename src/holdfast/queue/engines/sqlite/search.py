"""Events by what is in them: an index of words beside the store, and the store itself.

search.db holds, for each message, which words stand in its path, headers and body: SQLite's FTS5
without the texts and without positions. The index only proposes; whatever it proposes is read and
decided by `holdfast.queue.matching`. Newest first, a page ends where it is full or has taken long
enough, and says so. What is not indexed yet is simply read.

The file can be lost, or deleted, at any time: it is made anew, and begun anew where another inbox
was put beside it, as from a backup. It is written without waiting for
the disk, in small steps by whoever does the store's upkeep, never by reception.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import apsw

from holdfast.errors import StoreError, StoreFormat, StoreMismatch
from holdfast.message import Message
from holdfast.queue.contract import Entry, Filter
from holdfast.queue.engines.sqlite import history
from holdfast.queue.engines.sqlite.files import File
from holdfast.queue.engines.sqlite.query import select, select_value
from holdfast.queue.engines.sqlite.shelf import Shelf, numbers, read_message
from holdfast.queue.matching import Matcher, proposed, text_of
from holdfast.queue.views import Found, IndexState, Query

SEARCH_FORMAT: Final = 1
SEARCH_SCHEMA: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5(
  text, content='', contentless_delete=1, detail=none, tokenize='unicode61'
);
INSERT INTO meta VALUES ('indexed_to', 0), ('indexed', 0);
"""

STEP: Final = 200
STEP_BYTES: Final = 1024 * 1024
# How many are read and decided on at once; more only wait where few of them are wanted.
PAGE: Final = 200
# A shorter beginning stands for too many words: alone it is taken as a word, otherwise left out.
PREFIX_MIN: Final = 4
ALONE_MIN: Final = 3
# Where a state leaves no more than so many messages, those are read, and the index is not asked.
FEW: Final = 2_000
# A webhook with a larger share of all messages narrows nothing down.
SHARE: Final = 0.2

_UNINDEXED: Final = "SELECT n FROM message WHERE n < ? AND n > ? ORDER BY n DESC"
_INDEXED: Final = "SELECT rowid FROM words WHERE rowid < ? AND words MATCH ? ORDER BY rowid DESC"

Row = tuple[int, str, str]


class SearchFile:
    """search.db, and a connection of its own to the inbox: indexing holds nobody up."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._file = File(shelf.store.search, synchronous="NORMAL")
        self._inbox = File(shelf.store.inbox, synchronous="FULL")
        self._opening = threading.Lock()
        self._there = False

    def index(self) -> bool:
        """The next few messages; True if there are more."""
        with self._made_anew():
            with self._opened().read() as words:
                last = self._mark(words)
            if last is None:
                self._begin_anew()
                return True
            rows = self._next(last)
            if not rows:
                return False
            texts = [(n, f"{text_of(one)}\n{_name(one.webhook)}") for n, one in rows]
            with self._file.write() as words:
                words.executemany("INSERT INTO words (rowid, text) VALUES (?, ?)", texts)
                n, newest = rows[-1]
                words.executemany(
                    "INSERT OR REPLACE INTO meta VALUES (?, ?)",
                    [("indexed_to", n), ("indexed_id", newest.id)],
                )
                words.execute(
                    "UPDATE meta SET value = value + ? WHERE key = 'indexed'", (len(rows),)
                )
            if self._file.log_bytes() > STEP_BYTES * 4:
                self._file.checkpoint()
            return True
        return True

    def forget(self, which: Sequence[int]) -> None:
        """These messages are gone. Where that fails they are proposed, and found to be gone."""
        if not self._shelf.store.search.exists():
            return
        with contextlib.suppress(StoreError), self._opened().write() as words:
            words.execute(
                "DELETE FROM words WHERE rowid IN (SELECT value FROM json_each(?))",
                (numbers(list(which)),),
            )
            words.execute(
                "UPDATE meta SET value = max(0, value - ?) WHERE key = 'indexed'",
                (words.changes(),),
            )

    def state(self) -> IndexState:
        with self._inbox.read() as inbox:
            last = select_value(inbox, "SELECT seq FROM sqlite_sequence WHERE name = 'message'")
        if not self._shelf.store.search.exists():
            return IndexState(0, int(last or 0), 0)
        with self._opened().read() as words:
            mark = self._mark(words)
            indexed = select_value(words, "SELECT value FROM meta WHERE key = 'indexed'")
        size = sum(
            path.stat().st_size
            for path in (self._shelf.store.search, Path(f"{self._shelf.store.search}-wal"))
            if path.exists()
        )
        if mark is None:
            return IndexState(0, int(last or 0), size)
        return IndexState(indexed, max(0, int(last or 0) - mark), size)

    def search(
        self,
        query: Query,
        filter: Filter,
        after: str | None,
        limit: int,
        budget_seconds: float,
        now_ms: int,
    ) -> Found:
        matcher = Matcher(query)
        clock = self._shelf.clock
        until = clock.monotonic() + budget_seconds
        found: list[Entry] = []
        only = history.narrow(self._shelf, filter, now_ms)
        for last, rows in self._candidates(query, filter, only, self._place(after)):
            for entry in self._decided(rows, matcher, filter, limit - len(found), now_ms):
                found.append(entry)
                if len(found) == limit:
                    return Found(tuple(found), entry.message.id, complete=True)
            if clock.monotonic() >= until and (id := self._id(last)) is not None:
                return Found(tuple(found), id, complete=False)
        return Found(tuple(found), None, complete=True)

    def close(self) -> None:
        self._file.close()
        self._inbox.close()

    def _candidates(
        self, query: Query, filter: Filter, only: list[int] | None, before: int | None
    ) -> Iterator[tuple[int, list[int]]]:
        """Whatever may match, newest first: what is not indexed, then what the index says. Each
        page with the number down to which nothing was left out."""
        if only is not None and len(only) <= FEW:
            left = sorted((n for n in only if before is None or n < before), reverse=True)
            pages = (left[at : at + PAGE] for at in range(0, len(left), PAGE))
            yield from ((page[-1], page) for page in pages)
            return
        match, last = (None, 0) if query.inside else self._asked(query, filter)
        kept = None if only is None else set(only)
        walks = [self._walk(self._inbox, _UNINDEXED, before, last)]
        if match:
            before = last + 1 if before is None else min(before, last + 1)
            walks.append(self._walk(self._file, _INDEXED, before, match))
        for page in itertools.chain(*walks):
            yield page[-1], page if kept is None else [n for n in page if n in kept]

    def _asked(self, query: Query, filter: Filter) -> tuple[str | None, int]:
        """What FTS5 is asked, None where it is of no help; and how far it has got."""
        if not self._shelf.store.search.exists():
            return None, 0
        with contextlib.suppress(StoreError), self._opened().read() as words:
            last = self._mark(words)
            if last is None:
                return None, 0
            match = _expression(words, query)
            if match is None or filter.webhook is None:
                return match, last if match else 0
            with self._inbox.read() as inbox:
                share = select_value(
                    inbox,
                    "SELECT sum(total) FILTER (WHERE webhook = ?) * 1.0 / sum(total) FROM sent",
                    (filter.webhook,),
                )
            return (
                match if share and share > SHARE else f"{match} AND {_name(filter.webhook)}"
            ), last
        return None, 0

    def _mark(self, words: apsw.Connection) -> int | None:
        """How far the index has got. None: in another inbox than the one that is here, whose
        numbers are given to other messages; an older one was put back."""
        told = dict(select(words, "SELECT key, value FROM meta"))
        mark = int(told["indexed_to"])
        with self._inbox.read() as inbox:
            end = select_value(inbox, "SELECT seq FROM sqlite_sequence WHERE name = 'message'")
            # Where it has been removed since, only the end tells.
            id = select_value(inbox, "SELECT id FROM message WHERE n = ?", (mark,))
        known = told.get("indexed_id", id)
        return None if mark > int(end or 0) or id not in (None, known) else mark

    def _begin_anew(self) -> None:
        with self._file.write() as words:
            words.execute("INSERT INTO words (words) VALUES ('delete-all')")
            words.execute("DELETE FROM meta WHERE key = 'indexed_id'")
            words.execute("UPDATE meta SET value = 0 WHERE key IN ('indexed_to', 'indexed')")

    def _walk(self, file: File, query: str, before: int | None, value: Any) -> Iterator[list[int]]:
        """Page after page. Between two of them nothing is held."""
        at = 2**62 if before is None else before
        while True:
            with file.read() as connection:
                rows = select(connection, f"{query} LIMIT {PAGE}", (at, value))
            if not rows:
                return
            yield [n for (n,) in rows]
            at = rows[-1][0]

    def _decided(
        self, candidates: list[int], matcher: Matcher, filter: Filter, limit: int, now_ms: int
    ) -> Iterator[Entry]:
        """Those that are what is looked for, newest first."""
        tests: dict[str, Any] = {
            "webhook = ?": filter.webhook,
            "received_at >= ?": filter.since_ms,
            "received_at < ?": filter.until_ms,
        }
        given = {test: value for test, value in tests.items() if value is not None}
        where = "".join(f" AND {test}" for test in given)
        with self._inbox.read() as inbox:
            sizes = select(
                inbox,
                "SELECT n, length(body) FROM message WHERE n IN (SELECT value FROM json_each(?))"
                f"{where} ORDER BY n DESC",
                (numbers(candidates), *given.values()),
            )
        left = limit
        for which in _portions(sizes):
            messages = self._messages(which)
            rows: list[Row] = [
                (n, one.id, one.webhook) for n, one in reversed(messages) if matcher.holds(one)
            ]
            for entry in history.entries(self._shelf, rows, filter, left, now_ms):
                yield entry
                left -= 1
            if not left:
                return

    def _place(self, after: str | None) -> int | None:
        """The number before which to go on: that of the message, or of what came before the id."""
        if after is None:
            return None
        with self._inbox.read() as inbox:
            n = select_value(inbox, "SELECT n FROM message WHERE id = ?", (after,))
            if n is not None:
                return int(n)
            query = "SELECT n FROM message WHERE id < ? ORDER BY id DESC LIMIT 1"
            n = select_value(inbox, query, (after,))
            return 0 if n is None else int(n) + 1

    def _id(self, n: int) -> str | None:
        """The id of this message, or of the next older one that is still there."""
        with self._inbox.read() as inbox:
            query = "SELECT id FROM message WHERE n <= ? ORDER BY n DESC LIMIT 1"
            id: str | None = select_value(inbox, query, (n,))
        return id

    def _next(self, last: int) -> list[tuple[int, Message]]:
        with self._inbox.read() as inbox:
            sizes = select(
                inbox,
                "SELECT n, length(body) FROM message WHERE n > ? ORDER BY n LIMIT ?",
                (last, STEP),
            )
        return self._messages(next(_portions(sizes), []))

    def _messages(self, which: list[int]) -> list[tuple[int, Message]]:
        """Those that are still there, oldest first."""
        with self._inbox.read() as inbox:
            rows = select(
                inbox,
                "SELECT n, id, webhook, received_at, head, body FROM message"
                " WHERE n IN (SELECT value FROM json_each(?)) ORDER BY n",
                (numbers(which),),
            )
        return [(n, read_message(tuple(parts))) for n, *parts in rows]

    def _opened(self) -> File:
        with self._opening:
            if not self._there:
                store = self._shelf.store
                try:
                    store.add(store.search, SEARCH_SCHEMA, SEARCH_FORMAT)
                except (StoreFormat, StoreMismatch):
                    self._remove()
                    store.add(store.search, SEARCH_SCHEMA, SEARCH_FORMAT)
                self._there = True
        return self._file

    @contextlib.contextmanager
    def _made_anew(self) -> Iterator[None]:
        """A file that is damaged is no loss."""
        try:
            yield
        except (StoreFormat, StoreMismatch):
            with self._opening:
                self._remove()

    def _remove(self) -> None:
        self._file.close()
        self._file = File(self._shelf.store.search, synchronous="NORMAL")
        for suffix in ("-wal", "-shm", ""):
            Path(f"{self._shelf.store.search}{suffix}").unlink(missing_ok=True)
        self._there = False


def _portions(sizes: Sequence[tuple[Any, ...]]) -> Iterator[list[int]]:
    """Numbers of messages, as many at a time as may be in memory at once. At least one comes."""
    portion: list[int] = []
    held = 0
    for n, size in sizes:
        if portion and held + size > STEP_BYTES:
            yield portion
            portion, held = [], 0
        portion.append(n)
        held += size
    if portion:
        yield portion


def _expression(words: apsw.Connection, query: Query) -> str | None:
    """What FTS5 is asked. None: nothing that it could help with."""
    whole, begun = proposed(query)
    tokenizer = words.fts5_tokenizer("unicode61", [])
    wanted: dict[str, None] = {}
    for text in whole:
        wanted |= dict.fromkeys(_quoted(token) for token, _ in _tokens(tokenizer, text))
    for text in begun:
        tokens = _tokens(tokenizer, text)
        for token, ends in tokens:
            if not ends:
                wanted[_quoted(token)] = None
            elif len(token) >= (ALONE_MIN if len(tokens) == 1 else PREFIX_MIN):
                wanted[f"{_quoted(token)}*"] = None
            elif len(tokens) == 1:
                wanted[_quoted(token)] = None
    return " AND ".join(wanted) or None


def _tokens(tokenizer: Any, text: str) -> list[tuple[str, bool]]:
    """Each word, and whether the text ends with it."""
    raw = text.encode("utf-8", "replace")
    return [
        (token, end == len(raw)) for _, end, token in tokenizer(raw, apsw.FTS5_TOKENIZE_QUERY, None)
    ]


def _name(webhook: str) -> str:
    """A word that stands for a webhook, and that no message holds."""
    return f"holdfast{hashlib.sha256(webhook.encode()).hexdigest()[:12]}"


def _quoted(token: str) -> str:
    return '"' + token.replace('"', '""') + '"'
