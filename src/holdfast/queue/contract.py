"""The queue's contract: ten verbs, shaped like SQS because SQS is the narrowest engine.

              send                 receive, count < max
      (new) ────────> waiting ───────────────────────────> leased ── settle ──> done
                       ^  ^ │                               │ │ │
                       │  │ │ receive, count = max          │ │ └─ bury ──┐
                       │  │ │ retention passes              │ │           v
                       │  │ └───────────────────────────────┼─┼───────> dead
                       │  └── release, lease ends, extend 0 ┘ │           │
                       └──────────────── redrive ─────────────┼───────────┘
                                                 extend ──────┘

`LIFE` is that picture as a table; the documentation and the model-based test are drawn from it.

Every verb blocks until it is done and is safe to call from any thread. Those who live on an event
loop go through `holdfast.queue.group_commit`, which also turns many concurrent calls into one. Verbs take
many items at once because every engine is faster that way. `Sender`, `Receiver`, `Operator` and
`Archive` are views of one engine: each part of Holdfast asks for the one it needs and can do no more.

An engine adds itself by being one module under `holdfast.queue.engines`, and shows that it keeps the
contract by passing `holdfast.testing.conformance`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, NamedTuple, Protocol

from holdfast.errors import StoreError
from holdfast.message import DeadLetter, Failure, Lease, Message, Receipt


class State(StrEnum):
    """Where a message is."""

    WAITING = "waiting"
    LEASED = "leased"
    DONE = "done"
    DEAD = "dead"
    PURGED = "purged"


class Step(NamedTuple):
    """One row of the life of a message."""

    source: State | None
    event: str
    target: State | None
    note: str = ""


LIFE: Final = (
    Step(None, "send", State.WAITING, "visible at now + delay"),
    Step(State.WAITING, "receive, count < max", State.LEASED, "count + 1, new receipt"),
    Step(State.WAITING, "receive, count = max", State.DEAD, "reason `exhausted`, same transaction"),
    Step(State.WAITING, "retention passes", State.DEAD, "reason `expired`"),
    Step(State.LEASED, "settle, current receipt", State.DONE, "kept in history"),
    Step(State.LEASED, "extend, current receipt", State.LEASED, "waiting with 0"),
    Step(State.LEASED, "release", State.WAITING, "count - 1"),
    Step(State.LEASED, "lease ends", State.WAITING, "receipt valid until next receive or bury"),
    Step(State.LEASED, "bury, current receipt", State.DEAD, "with its reason"),
    Step(State.DEAD, "redrive", State.WAITING, "count 0, retention starts anew"),
    Step(State.DEAD, "its retention passes", None, "removed"),
)


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """The numbers of one webhook's queue, kept with the queue so that any process can read them."""

    retention_seconds: float = 7 * 86_400.0
    dead_retention_seconds: float = 14 * 86_400.0
    max_receive_count: int = 3


class ClaimAnswer(StrEnum):
    """What a message hears when it claims a delivery id."""

    GRANTED = "granted"
    """Nobody holds it, this message does already, or the holder is a dead letter."""
    HELD = "held"
    """Another message with this delivery id is in progress: wait and try again."""
    DUPLICATE = "duplicate"
    """Another message with this delivery id is done."""


DUPLICATE_WINDOW_SECONDS: Final = 7 * 86_400.0
"""How long a finished delivery is remembered at least; as long as its history, if that is longer."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The answer to a claim, and the id of the message that holds the delivery id if not this one."""

    answer: ClaimAnswer
    holder: str | None = None


@dataclass(frozen=True, slots=True)
class Depth:
    """How full one webhook's queue is. `oldest_ms` is when the oldest waiting message came in."""

    webhook: str
    waiting: int
    leased: int
    dead: int
    oldest_ms: int | None


@dataclass(frozen=True, slots=True)
class Filter:
    """What to browse. Empty fields match everything; all given fields must match.

    Times are those of arrival, and those of death where dead letters are browsed.
    """

    id: str | None = None
    webhook: str | None = None
    state: State | None = None
    reason: str | None = None
    error: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    newest_first: bool = True
    group: str | None = None
    """Only dead letters of this fingerprint; asked only of engines with the ability `desk`."""
    parked: bool | None = None
    """Only dead letters that are put aside, or only others; asked as `group` is."""
    by_death: bool = False
    """Dead letters in the order in which they died, instead of that in which they came."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that was not accepted, and why."""

    id: str
    at_ms: int
    webhook: str | None
    method: str
    path: str
    remote: str
    status: int
    reason: str
    detail: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    """The first bytes of the body, at most `REFUSAL_BODY_BYTES`."""


REFUSAL_BODY_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class Execution:
    """One finished run of a workflow over one message."""

    message_id: str
    webhook: str
    attempt: int
    started_at_ms: int
    duration_ms: float
    status: Literal["SUCCEEDED", "FAILED", "TIMED_OUT"]
    error: str | None = None
    cause: str | None = None
    state: str | None = None
    history: tuple[Mapping[str, object], ...] = ()
    """Events in AWS's vocabulary; empty where the log level says not to keep them."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One message as operators see it: what came in, and what became of it."""

    message: Message
    state: State
    receive_count: int = 0
    visible_at_ms: int | None = None
    finished_at_ms: int | None = None
    duplicate_of: str | None = None
    attempts: tuple[Failure, ...] = ()
    reason: str | None = None

    @property
    def failure(self) -> Failure | None:
        """The last one; None where it was done after all."""
        return self.attempts[-1] if self.attempts and self.state is not State.DONE else None


class Sender(Protocol):
    """What the gateway sees."""

    def send(
        self, messages: Sequence[Message], delay_seconds: float = 0
    ) -> list[StoreError | None]:
        """Keep them, durably, before returning. One result per message: None means kept.

        Raises StoreError where nothing was.
        """
        ...

    def refuse(self, refusals: Sequence[Refusal]) -> None:
        """Keep a note of what was not accepted. Best effort: only the newest are held."""
        ...


class Receiver(Protocol):
    """What the pipe sees."""

    def configure(self, limits: Mapping[str, QueueLimits]) -> None:
        """Set the numbers of these webhooks' queues, and keep them."""
        ...

    def receive(
        self, webhook: str, limit: int, lease_seconds: float, wait_seconds: float = 0
    ) -> list[Lease]:
        """Up to `limit` messages, each to this holder alone until its lease ends.

        The receive count is raised, and written, before anything is handed out; what was already
        handed out `max_receive_count` times becomes a dead letter instead. A message whose last
        holder died comes by itself, marked `alone`. Waits up to `wait_seconds` for a first one.
        """
        ...

    def begin(self, receipts: Sequence[Receipt]) -> None:
        """These are being worked now. Should this holder die, only what had begun is counted.

        Called on the event loop: a note in memory that outlives the process, and no I/O.
        """
        ...

    def settle(self, receipts: Sequence[Receipt], duplicate_of: str | None = None) -> list[bool]:
        """Done. Per receipt: True if settled, False if stale (and then nothing changed)."""
        ...

    def release(self, receipts: Sequence[Receipt], delay_seconds: float = 0) -> list[bool]:
        """Give back what was never worked: waiting (after the delay), and the receive not counted."""
        ...

    def extend(
        self,
        receipts: Sequence[Receipt],
        lease_seconds: float,
        failure: Failure | None = None,
    ) -> list[bool]:
        """The lease ends `lease_seconds` from now; 0 gives the message back now, still counted.

        This is also how backoff waits; `failure` then joins the message's attempt history.
        """
        ...

    def bury(self, receipt: Receipt, failure: Failure) -> bool:
        """To dead letters now, under `failure.reason`. Durable when it returns."""
        ...

    def claim(self, receipt: Receipt, delivery_id: str) -> Claim:
        """Ask to be the one message of this webhook that is worked under this delivery id."""
        ...

    def paused(self, webhook: str) -> bool:
        """Whether an operator paused this webhook's pipe."""
        ...

    def bell(self) -> int | None:
        """A file descriptor that turns readable when there may be news; None: poll instead."""
        ...

    def maintain(self) -> bool:
        """One small step of upkeep: expire, remove, free what dead holders held. True: more to do."""
        ...


class Operator(Protocol):
    """What people's tools see."""

    def webhooks(self) -> list[str]:
        """Every webhook that this store has ever known, sorted."""
        ...

    def depth(self) -> list[Depth]:
        """One row per webhook."""
        ...

    def browse(self, filter: Filter, after: str | None = None, limit: int = 50) -> list[DeadLetter]:
        """Dead letters that match, in the filter's order, after the `place` of one in it."""
        ...

    def redrive(self, ids: Sequence[str]) -> list[bool]:
        """Dead letters back to waiting: count 0, retention anew. False: not a dead letter (now)."""
        ...

    def purge(self, ids: Sequence[str]) -> list[bool]:
        """Remove these dead letters for good."""
        ...

    def pause(self, webhook: str) -> None:
        """Stop handing out this webhook's messages. Reception goes on."""
        ...

    def resume(self, webhook: str) -> None:
        """Undo `pause`."""
        ...

    def pauses(self) -> list[str]:
        """The webhooks that are paused."""
        ...


class Archive(Protocol):
    """What came in and what became of it. Optional per engine."""

    def record(self, executions: Sequence[Execution]) -> None:
        """Keep finished runs."""
        ...

    def executions(self, message_id: str) -> list[Execution]:
        """The runs over one message, oldest first."""
        ...

    def events(self, filter: Filter, after: str | None = None, limit: int = 50) -> list[Entry]:
        """Messages that match, in id order, after the id `after`, in whatever state they are."""
        ...

    def refusals(self, filter: Filter, after: str | None = None, limit: int = 50) -> list[Refusal]:
        """Refusals that match, in id order, after the id `after`."""
        ...

    def rates(self, window_seconds: float) -> dict[str, dict[str, float]]:
        """Per webhook and per outcome (`received`, `done`, `dead`, `refused`), events per second."""
        ...


ABILITIES: Final[Mapping[str, str]] = {
    "archive": "It remembers what came in and what became of it.",
    "bell": "It tells of new mail.",
    "uncount": "Release undoes the receive count.",
    "alone": "It notices a dead holder, and hands out what that one had begun by itself.",
    "ordered": "First delivery is in order of arrival.",
    "fenced": "A receipt whose message passed to another holder changes nothing.",
    "revives": "A lease that ended can be extended, as long as nobody received the message since.",
    "expires": "What waits longer than the retention becomes a dead letter, and is not just gone.",
    "exact": "Depth is exact, counts what is delayed as waiting, and knows the oldest.",
    "large": "It keeps bodies of any size.",
    "wall_clock": "Leases end by this machine's clock, and so does retention.",
}
"""What an engine may be able to do, and what it means if it cannot. The rest it must."""


class Engine(Sender, Receiver, Operator, Protocol):
    """All ten verbs. `name` is shown; `abilities` are some of `ABILITIES`."""

    name: str
    abilities: frozenset[str]

    def close(self) -> None:
        """Give everything back. Leases still held run out by themselves."""
        ...


def walk(
    pages: Operator, filter: Filter, page: int = 200, after: str | None = None
) -> Iterator[DeadLetter]:
    """Every dead letter that matches, page after page, after the id `after`."""
    while found := pages.browse(filter, after, page):
        yield from found
        after = place(filter, found[-1].message.id, found[-1].died_at_ms)


def place(filter: Filter, id: str, died_at_ms: int) -> str:
    """Where a dead letter stands in the filter's order; places compare as texts."""
    return f"{died_at_ms:015}.{id}" if filter.by_death else id


def letters_page(
    letters: Iterable[DeadLetter], filter: Filter, after: str | None, limit: int
) -> list[DeadLetter]:
    """Those that come next, of letters that all match."""
    newest = filter.newest_first
    placed = [(place(filter, one.message.id, one.died_at_ms), one) for one in letters]
    left = [
        (at, one) for at, one in placed if after is None or (at < after if newest else at > after)
    ]
    left.sort(key=lambda row: row[0], reverse=newest)
    return [one for _, one in left[:limit]]
