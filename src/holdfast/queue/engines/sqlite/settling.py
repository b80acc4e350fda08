"""The verbs of whoever holds a lease: settle, release, extend, bury, claim.

Each is fenced: a (number, token) pair that is not the message's current one changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import apsw

from holdfast.message import Failure, Receipt
from holdfast.queue.contract import Claim, ClaimAnswer
from holdfast.queue.engines.sqlite.holders import Key
from holdfast.queue.engines.sqlite.query import select, select_value
from holdfast.queue.engines.sqlite.schema import DEAD, DONE, LIVE
from holdfast.queue.engines.sqlite.shelf import (
    HELD,
    MINUTE_MS,
    Shelf,
    add_attempt,
    lay_to_rest,
    numbers,
    pairs,
    read_receipt,
    storable,
)


def current(ledger: apsw.Connection, keys: Sequence[Key]) -> set[Key]:
    """Those that are current."""
    return {(n, token) for n, token in select(ledger, HELD, (pairs(list(keys)),))}


def settle(
    shelf: Shelf, receipts: Sequence[Receipt], duplicate_of: str | None, now_ms: int
) -> list[bool]:
    keys = [read_receipt(receipt) for receipt in receipts]
    with shelf.ledger.write() as ledger:
        held = current(ledger, keys)
        which = numbers([n for n, _ in held])
        ledger.execute(
            "UPDATE delivery SET state = 1, token = NULL, holder = NULL, alone = 0,"
            " finished_at = ?, duplicate_of = ? WHERE n IN (SELECT value FROM json_each(?))",
            (now_ms, duplicate_of, which),
        )
        if duplicate_of is None:
            ledger.execute(
                "UPDATE dead SET superseded_by = c.n FROM claim AS c JOIN yielded AS y"
                " ON y.webhook = c.webhook AND y.delivery_id = c.delivery_id"
                " WHERE c.n IN (SELECT value FROM json_each(?)) AND y.n = dead.n",
                (which,),
            )
        ledger.execute(
            "INSERT INTO tally SELECT ?, webhook, ?, count(*) FROM delivery"
            " WHERE n IN (SELECT value FROM json_each(?)) GROUP BY webhook"
            " ON CONFLICT DO UPDATE SET count = count + excluded.count",
            (now_ms // MINUTE_MS, "done" if duplicate_of is None else "duplicate", which),
        )
    return _each_once(keys, held)


def release(shelf: Shelf, receipts: Sequence[Receipt], visible_at: int) -> list[bool]:
    keys = [read_receipt(receipt) for receipt in receipts]
    with shelf.ledger.write() as ledger:
        held = current(ledger, keys)
        ledger.execute(
            "UPDATE delivery SET receive_count = receive_count - 1, visible_at = ?, token = NULL,"
            " holder = NULL WHERE n IN (SELECT value FROM json_each(?))",
            (visible_at, numbers([n for n, _ in held])),
        )
    return _each_once(keys, held)


def extend(
    shelf: Shelf,
    receipts: Sequence[Receipt],
    visible_at: int,
    failure: Failure | None,
    now_ms: int,
    *,
    held_on: bool,
) -> list[bool]:
    """`held_on`: the holder works on; otherwise it lets go, and its death no longer matters."""
    keys = [read_receipt(receipt) for receipt in receipts]
    with shelf.ledger.write() as ledger:
        held = current(ledger, keys)
        ledger.execute(
            "UPDATE delivery SET visible_at = ?1, holder = CASE WHEN ?2 THEN holder END,"
            " alone = CASE WHEN ?2 THEN alone ELSE 0 END"
            " WHERE n IN (SELECT value FROM json_each(?3))",
            (visible_at, held_on, numbers([n for n, _ in held])),
        )
        if failure is not None:
            for n, _ in held:
                add_attempt(ledger, n, failure)
            ledger.execute(
                "INSERT INTO tally SELECT ?, webhook, 'retried', count(*) FROM delivery"
                " WHERE n IN (SELECT value FROM json_each(?)) GROUP BY webhook"
                " ON CONFLICT DO UPDATE SET count = count + excluded.count",
                (now_ms // MINUTE_MS, numbers([n for n, _ in held])),
            )
    return [key in held for key in keys]


def bury(shelf: Shelf, receipt: Receipt, failure: Failure, now_ms: int) -> bool:
    key = n, _ = read_receipt(receipt)
    with shelf.ledger.write(durable=True) as ledger:
        if not current(ledger, [key]):
            return False
        with shelf.inbox.read() as inbox:
            found = select(inbox, "SELECT id, webhook FROM message WHERE n = ?", (n,))
        if not found:
            return False
        id, webhook = found[0]
        if failure.error:
            add_attempt(ledger, n, failure)
        lay_to_rest(ledger, n=n, id=id, webhook=webhook, reason=failure.reason, now_ms=now_ms)
    return True


def claim(shelf: Shelf, receipt: Receipt, delivery_id: str, now_ms: int) -> Claim:
    """`now_ms`: by which a delivery whose message is gone may no longer be remembered."""
    key = n, _ = read_receipt(receipt)
    delivery_id = storable(delivery_id)
    with shelf.ledger.write() as ledger:
        if not current(ledger, [key]):
            return Claim(ClaimAnswer.HELD)
        webhook = select_value(ledger, "SELECT webhook FROM delivery WHERE n = ?", (n,))
        row = select(
            ledger,
            "SELECT c.n, d.state, c.done_id, c.until FROM claim AS c"
            " LEFT JOIN delivery AS d ON d.n = c.n WHERE c.webhook = ? AND c.delivery_id = ?",
            (webhook, delivery_id),
        )
        other, state, done_id, until = row[0] if row else (n, LIVE, None, None)
        if until is not None and until > now_ms:
            return Claim(ClaimAnswer.DUPLICATE, done_id)
        if other != n and state in (DONE, LIVE):
            answer = ClaimAnswer.DUPLICATE if state == DONE else ClaimAnswer.HELD
            return Claim(answer, _id_of(shelf, other))
        if not row or other != n:
            ledger.execute(
                "INSERT OR REPLACE INTO claim VALUES (?, ?, ?, NULL, NULL)",
                (webhook, delivery_id, n),
            )
        if other != n and state == DEAD:
            ledger.execute(
                "INSERT OR REPLACE INTO yielded VALUES (?, ?, ?)", (other, webhook, delivery_id)
            )
    return Claim(ClaimAnswer.GRANTED)


def _id_of(shelf: Shelf, n: int) -> str | None:
    with shelf.inbox.read() as inbox:
        id: str | None = select_value(inbox, "SELECT id FROM message WHERE n = ?", (n,))
    return id


def _each_once(keys: Sequence[Key], held: set[Key]) -> list[bool]:
    """Per key, whether it was current; a repeated one is stale the second time."""
    left, answers = set(held), []
    for key in keys:
        answers.append(key in left)
        left.discard(key)
    return answers
