"""What every part of the engine works with: the open files, the clock, who we are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import apsw
import orjson

from holdfast.clock import Clock
from holdfast.message import Failure, Message, Receipt
from holdfast.queue.engines.sqlite.bell import Ringer
from holdfast.queue.engines.sqlite.files import File
from holdfast.queue.engines.sqlite.query import select
from holdfast.queue.engines.sqlite.store import Store
from holdfast.queue.fingerprint import fingerprint
from holdfast.telemetry import Telemetry

MINUTE_MS: Final = 60_000


@dataclass(slots=True)
class Shelf:
    """One engine's open files. `outbox` writes the inbox, `inbox` only reads it: two connections,
    so that a commit waiting for the disk does not hold up a receive."""

    store: Store
    outbox: File
    inbox: File
    ledger: File
    ringer: Ringer
    clock: Clock
    telemetry: Telemetry


def tally(connection: apsw.Connection, now_ms: int, webhook: str, outcome: str, count: int) -> None:
    """So many more events of this kind in this minute."""
    connection.execute(
        "INSERT INTO tally VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET count = count + excluded.count",
        (now_ms // MINUTE_MS, webhook, outcome, count),
    )


# SQLite sees a list of rows as one JSON parameter, and steps once: with a parameter per row, every
# row would hand the interpreter's lock to another thread and wait to get it back.


def pairs(receipts: list[tuple[int, int]]) -> str:
    """(n, token) rows as the parameter of `HELD`."""
    return orjson.dumps(receipts).decode()


HELD: Final = (
    "SELECT d.n, d.token FROM json_each(?) AS j JOIN delivery AS d"
    " ON d.n = j.value->>0 AND d.token = j.value->>1 AND d.state = 0"
)
"""Each (n, token) whose receipt is current."""


def numbers(values: list[int]) -> str:
    """Row numbers as the parameter of `IN (SELECT value FROM json_each(?))`."""
    return orjson.dumps(values).decode()


def make_receipt(n: int, token: int) -> Receipt:
    return Receipt(f"{n}.{token}")


def read_receipt(receipt: Receipt) -> tuple[int, int]:
    """(n, token); (0, 0), which nobody holds, for what is no receipt of ours."""
    n, _, token = receipt.partition(".")
    try:
        key = int(n), int(token)
    except ValueError:
        return 0, 0
    return key if max(map(abs, key)) < 2**63 else (0, 0)


def read_message(row: tuple[Any, ...]) -> Message:
    """From (id, webhook, received_at, head, body)."""
    return Message.from_parts(*row)


def storable(text: str) -> str:
    """The text, with what UTF-8 cannot say (half of a surrogate pair) written out."""
    return text.encode("utf-8", "backslashreplace").decode()


def add_attempt(connection: apsw.Connection, n: int, failure: Failure) -> None:
    """Append to the message's attempt history."""
    connection.execute(
        "INSERT INTO attempt SELECT ?1, coalesce(max(k), 0) + 1, ?2, ?3, ?4, ?5, ?6, ?7"
        " FROM attempt WHERE n = ?1",
        (
            n,
            storable(failure.error),
            storable(failure.cause),
            storable(failure.state),
            failure.at_ms,
            failure.attempt,
            failure.reason,
        ),
    )


def attempts_of(connection: apsw.Connection, wanted: list[int]) -> dict[int, tuple[Failure, ...]]:
    """The attempt history of each of these that has one, oldest first."""
    rows = select(
        connection,
        "SELECT n, error, cause, state, at, attempt, reason FROM attempt"
        " WHERE n IN (SELECT value FROM json_each(?)) ORDER BY n, k",
        (numbers(wanted),),
    )
    found: dict[int, tuple[Failure, ...]] = {}
    for n, *columns in rows:
        found[n] = (*found.get(n, ()), Failure(*columns))
    return found


def last_attempt(connection: apsw.Connection, n: int) -> Failure | None:
    """How the latest attempt failed; None where none did."""
    attempts = attempts_of(connection, [n]).get(n)
    return attempts[-1] if attempts else None


def lay_to_rest(
    connection: apsw.Connection, *, n: int, id: str, webhook: str, reason: str, now_ms: int
) -> None:
    """Into dead letters, in the caller's transaction. Its last attempt is written down already."""
    connection.execute(
        "UPDATE delivery SET state = 2, token = NULL, holder = NULL, alone = 0, finished_at = ?"
        " WHERE n = ?",
        (now_ms, n),
    )
    last = last_attempt(connection, n)
    connection.execute(
        "INSERT OR REPLACE INTO dead (n, id, webhook, reason, error, at, since, fingerprint)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7)",
        (
            n,
            id,
            webhook,
            reason,
            last.error if last else None,
            now_ms,
            fingerprint(webhook, reason, last),
        ),
    )
    tally(connection, now_ms, webhook, "dead", 1)


def forget(connection: apsw.Connection, which: list[int]) -> None:
    """Messages without a body: it goes only after they ended, so this ledger is an older one."""
    # Finished at the beginning of time, so that upkeep takes the row next.
    connection.execute(
        "UPDATE delivery SET state = 3, token = NULL, holder = NULL, finished_at = 0"
        " WHERE n IN (SELECT value FROM json_each(?))",
        (numbers(which),),
    )
