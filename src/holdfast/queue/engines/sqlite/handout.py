"""Receive: the one place where messages are handed out, and where those beyond help are not."""

from __future__ import annotations

import secrets
from typing import Final

import apsw
import orjson

from holdfast.message import Lease, Message
from holdfast.queue.engines.sqlite.query import select, select_value, stepping
from holdfast.queue.engines.sqlite.queues import numbers_of
from holdfast.queue.engines.sqlite.shelf import (
    Shelf,
    forget,
    last_attempt,
    lay_to_rest,
    make_receipt,
    numbers,
    read_message,
)

# What one receive may bring into memory, whatever the bodies' size. At least one comes always.
BYTES_AT_ONCE: Final = 4 * 1024 * 1024

# A message that came in so far in the future was sent by a clock that was ahead, and has been set
# back since: its delay counts from now, or it would wait until the clock is there again.
AHEAD_MS: Final = 3_600_000

EXPIRED: Final = "expired"
EXHAUSTED: Final = "exhausted"


def anything_due(shelf: Shelf, webhook: str, now_ms: int) -> bool:
    """A look without the write lock, so that an idle worker disturbs nobody."""
    with shelf.ledger.read() as ledger:
        row = select(
            ledger,
            "SELECT paused, position, EXISTS (SELECT 1 FROM delivery"
            "  WHERE webhook = ?1 AND state = 0 AND visible_at <= ?2)"
            " FROM queue WHERE webhook = ?1",
            (webhook, now_ms),
        )
    # Nobody configured it: what was sent to it is to be worked all the same.
    paused, position, due = row[0] if row else (False, 0, False)
    if paused or due:
        return not paused
    with shelf.inbox.read() as inbox:
        return bool(
            select_value(
                inbox,
                "SELECT EXISTS (SELECT 1 FROM message WHERE webhook = ? AND n > ?)",
                (webhook, position),
            )
        )


def hand_out(
    shelf: Shelf,
    *,
    webhook: str,
    holder: str,
    limit: int,
    lease_ms: int,
    now_ms: int,
    may_expire: bool,
) -> tuple[list[Lease], int]:
    """Up to `limit` leases, and how many messages were examined (0: nothing was due).

    One ledger transaction: when it has committed, the receive counts are written and everything
    returned belongs to `holder`.
    """
    token = secrets.randbits(62) + 1
    with shelf.ledger.write() as ledger:
        paused, position, retention, max_receive_count = numbers_of(ledger, webhook)
        if paused:
            return [], 0
        oldest_alive = now_ms - retention if may_expire else -1
        turn = _Turn(shelf, ledger, webhook, holder, token, now_ms, now_ms + lease_ms)
        examined = turn.returned(limit, oldest_alive, max_receive_count)
        if not (turn.leases and turn.leases[0].alone):
            examined += turn.fresh(limit - len(turn.leases), position, oldest_alive)
    # Told only now that it is true: the commit might have failed.
    for letter in turn.buried:
        shelf.telemetry.emit("message.dead", **letter)
    return turn.leases, examined


class _Turn:
    """One receive, inside its transaction."""

    def __init__(
        self,
        shelf: Shelf,
        ledger: apsw.Connection,
        webhook: str,
        holder: str,
        token: int,
        now_ms: int,
        lease_until: int,
    ) -> None:
        self._shelf = shelf
        self._ledger = ledger
        self._webhook = webhook
        self._holder = holder
        self._token = token
        self._now = now_ms
        self._until = lease_until
        self._bytes = 0
        self.leases: list[Lease] = []
        self.buried: list[dict[str, str | int]] = []
        """The fields of `message.dead` for each that was laid to rest."""

    def returned(self, limit: int, oldest_alive: int, max_receive_count: int) -> int:
        """Messages that were handed out before, or sent with a delay."""
        rows = select(
            self._ledger,
            "SELECT n, receive_count, alone, since FROM delivery"
            " WHERE webhook = ? AND state = 0 AND visible_at <= ?"
            " ORDER BY visible_at LIMIT ?",
            (self._webhook, self._now, limit),
        )
        if not rows:
            return 0
        alone_at = next((index for index, row in enumerate(rows) if row[2]), None)
        if alone_at is not None:
            # Either it goes by itself now, or those before it go first.
            rows = rows[: alone_at or 1]
        taken: list[int] = []
        examined = 0
        with (
            self._shelf.inbox.read() as inbox,
            stepping(
                inbox,
                "SELECT m.id, m.webhook, m.received_at, m.head, m.body FROM json_each(?) AS j"
                " LEFT JOIN message AS m ON m.n = j.value",
                (numbers([row[0] for row in rows]),),
            ) as found,
        ):
            for (n, count, alone, since), parts in zip(rows, found, strict=True):
                examined += 1
                if parts[0] is None:
                    forget(self._ledger, [n])
                elif since <= oldest_alive:
                    self._bury(n, parts[0], EXPIRED)
                elif count >= max_receive_count:
                    self._bury(n, parts[0], EXHAUSTED)
                else:
                    taken.append(n)
                    self._take(n, read_message(parts), count + 1, alone=bool(alone))
                    if self._bytes > BYTES_AT_ONCE:
                        break
        self._ledger.execute(
            "UPDATE delivery SET receive_count = receive_count + 1, visible_at = ?, token = ?,"
            " holder = ? WHERE n IN (SELECT value FROM json_each(?))",
            (self._until, self._token, self._holder, numbers(taken)),
        )
        return examined

    def fresh(self, limit: int, position: int, oldest_alive: int) -> int:
        """Messages never handed out before, in the order in which they were kept."""
        if limit <= 0 or self._bytes > BYTES_AT_ONCE:
            return 0
        rows: list[tuple[int, int, int, int | None, str | None, int]] = []
        expired: list[tuple[int, str]] = []
        last = position
        with (
            self._shelf.inbox.read() as inbox,
            stepping(
                inbox,
                "SELECT n, visible_at, id, webhook, received_at, head, body FROM message"
                " WHERE webhook = ? AND n > ? ORDER BY n LIMIT ?",
                (self._webhook, position, limit),
            ) as found,
        ):
            for n, visible_at, *parts in found:
                last = n
                since = parts[2]
                if since <= oldest_alive:
                    expired.append((n, parts[0]))
                    rows.append((n, self._now, 0, None, None, since))
                elif visible_at > self._now:
                    delay = visible_at - since
                    until = self._now + delay if since > self._now + AHEAD_MS else visible_at
                    rows.append((n, until, 0, None, None, since))
                else:
                    rows.append((n, self._until, 1, self._token, self._holder, since))
                    self._take(n, read_message(tuple(parts)), 1, alone=False)
                    if self._bytes > BYTES_AT_ONCE:
                        break
        if not rows:
            return 0
        self._ledger.execute(
            "INSERT INTO delivery (n, webhook, state, visible_at, receive_count, token, holder,"
            " since) SELECT value->>0, ?, 0, value->>1, value->>2, value->>3, value->>4, value->>5"
            " FROM json_each(?)",
            (self._webhook, orjson.dumps(rows).decode()),
        )
        self._ledger.execute(
            "UPDATE queue SET position = ?, passed = passed + ? WHERE webhook = ?",
            (last, len(rows), self._webhook),
        )
        for n, id in expired:
            self._bury(n, id, EXPIRED)
        return len(rows)

    def _take(self, n: int, message: Message, count: int, *, alone: bool) -> None:
        self._bytes += len(message.request.body)
        self.leases.append(Lease(message, make_receipt(n, self._token), count, alone))

    def _bury(self, n: int, id: str, reason: str) -> None:
        failure = last_attempt(self._ledger, n)
        lay_to_rest(
            self._ledger, n=n, id=id, webhook=self._webhook, reason=reason, now_ms=self._now
        )
        self.buried.append(
            {
                "id": id,
                "webhook": self._webhook,
                "attempt": failure.attempt if failure else 0,
                "reason": reason,
                "error": failure.error if failure else "",
                "cause": failure.cause if failure else "",
                "state": failure.state if failure else "",
            }
        )
