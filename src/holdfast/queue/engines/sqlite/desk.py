"""What operators leave behind, in a file of its own: runs, and the book of what was done.

desk.db is made when it is first needed. It is none of the two files that a store stands on: without
it everything is received and worked, and a new ledger (`holdfast recover`) does not forget who
asked for it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import apsw
import orjson

from holdfast.queue.engines.sqlite.files import File
from holdfast.queue.engines.sqlite.query import select, select_value
from holdfast.queue.engines.sqlite.schema import DESK_FORMAT, DESK_SCHEMA
from holdfast.queue.engines.sqlite.shelf import storable
from holdfast.queue.engines.sqlite.store import Store
from holdfast.queue.views import Act, ActFilter, RunRecord

_COLUMNS = "id, webhooks, active, owner, beat_at, document"


class DeskFile:
    """desk.db. Every write is on disk when it returns."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._file = File(store.desk, synchronous="FULL")
        self._opening = threading.Lock()
        self._there = False

    def open_run(self, run: RunRecord) -> str | None:
        with self._opened().write() as desk:
            names = orjson.dumps(run.webhooks).decode()
            busy: str | None = select_value(
                desk,
                "SELECT run FROM run_on WHERE webhook IN (SELECT value FROM json_each(?)) LIMIT 1",
                (names,),
            )
            if busy is None:
                desk.execute(f"INSERT INTO run ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)", _row(run))
                desk.execute(
                    "INSERT INTO run_on SELECT value, ? FROM json_each(?)", (run.id, names)
                )
        return busy

    def keep_run(self, run: RunRecord, owner: str | None) -> bool:
        with self._opened().write() as desk:
            desk.execute(
                "UPDATE run SET webhooks = ?2, active = ?3, owner = ?4, beat_at = ?5,"
                " document = ?6 WHERE id = ?1 AND owner = coalesce(?7, owner)",
                (*_row(run), owner),
            )
            kept = desk.changes() > 0
            if kept and not run.active:
                desk.execute("DELETE FROM run_on WHERE run = ?", (run.id,))
        return kept

    def ask_run(self, id: str, what: str | None) -> None:
        with self._opened().write() as desk:
            desk.execute("UPDATE run SET asked = ? WHERE id = ?", (what, id))

    def run(self, id: str) -> RunRecord | None:
        found = self._runs("id = ?", (id,))
        return found[0] if found else None

    def runs(
        self, webhook: str | None, active: bool | None, after: str | None, limit: int
    ) -> list[RunRecord]:
        tests: dict[str, Any] = {
            "EXISTS (SELECT 1 FROM json_each(webhooks) WHERE value = ?)": webhook,
            "active = ?": active,
            "id < ?": after,
        }
        given = {test: value for test, value in tests.items() if value is not None}
        where = " AND ".join(given) or "1"
        return self._runs(f"{where} ORDER BY id DESC LIMIT ?", (*given.values(), limit))

    def _runs(self, where: str, values: tuple[Any, ...]) -> list[RunRecord]:
        with self._opened().read() as desk:
            rows = select(desk, f"SELECT {_COLUMNS}, asked FROM run WHERE {where}", values)
        return [
            RunRecord(
                id,
                tuple(orjson.loads(names)),
                bool(active),
                owner,
                beat_at,
                orjson.loads(document),
                asked,
            )
            for id, names, active, owner, beat_at, document, asked in rows
        ]

    def note(self, acts: Sequence[Act]) -> None:
        rows = [
            (
                act.at_ms,
                storable(act.operator),
                act.via,
                act.action,
                act.webhook and storable(act.webhook),
                act.target and storable(act.target),
                orjson.dumps(act.detail),
            )
            for act in acts
        ]
        with self._opened().write() as desk:
            desk.executemany(
                "INSERT INTO act (at, operator, via, action, webhook, target, detail)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                rows,
            )

    def acts(self, filter: ActFilter, after: str | None, limit: int) -> list[Act]:
        tests: dict[str, Any] = {
            "operator = ?": filter.operator,
            "action = ?": filter.action,
            "webhook = ?": filter.webhook,
            "target = ?": filter.target,
            "at >= ?": filter.since_ms,
            "at < ?": filter.until_ms,
            "k < ?": _number(after),
        }
        given = {test: value for test, value in tests.items() if value is not None}
        where = " AND ".join(given) or "1"
        with self._opened().read() as desk:
            rows = select(
                desk,
                "SELECT at, operator, via, action, webhook, target, detail, k FROM act"
                f" WHERE {where} ORDER BY k DESC LIMIT ?",
                (*given.values(), limit),
            )
        return [
            Act(at, operator, via, action, name, target, orjson.loads(detail), str(k))
            for at, operator, via, action, name, target, detail, k in rows
        ]

    def close(self) -> None:
        self._file.close()

    def _opened(self) -> File:
        with self._opening:
            if not self._there:
                self._store.add(self._store.desk, DESK_SCHEMA, DESK_FORMAT)
                self._there = True
        return self._file


def _row(run: RunRecord) -> tuple[apsw.SQLiteValue, ...]:
    names = orjson.dumps(run.webhooks).decode()
    return run.id, names, run.active, run.owner, run.beat_at_ms, orjson.dumps(run.document)


def _number(after: str | None) -> int | None:
    """The cursor as a number; one that is none is before everything."""
    if after is None:
        return None
    return int(after) if after.isascii() and after.isdigit() and len(after) < 19 else 0
