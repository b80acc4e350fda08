"""Looking at dead letters. In SQS that is to receive them, so whoever looks gives all of them back.

While somebody looks, letters are hidden, for two minutes at the most: should the one who looks die,
they are seen again after that. Nothing is ever lost by looking, and in a queue of dead letters
nobody counts. The order in which SQS hands them out means nothing, so a page in the order of ids
takes a look at all of them; the pages after the first are taken from the same look.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from holdfast.clock import Clock
from holdfast.errors import StoreError
from holdfast.message import DeadLetter
from holdfast.queue.contract import Filter, letters_page
from holdfast.queue.engines.sqs.api import BATCH, Api
from holdfast.queue.engines.sqs.batches import Batches, Send
from holdfast.queue.engines.sqs.ledger import ClaimKey, History, Ledger, MessageKey
from holdfast.queue.engines.sqs.letters import (
    MOVED,
    Copy,
    Letter,
    collate,
    fits,
    read_copy,
    sending_again,
)
from holdfast.queue.engines.sqs.queues import Queues

LOOK_SECONDS: Final = 120
"""How long a letter is hidden by a look that nobody ends."""

LAST_LOOK_SECONDS: Final = 2
"""SQS asks only some of its machines unless it may wait; so the last look waits."""

SAME_LOOK_SECONDS: Final = 30.0
"""How long the pages after a first one are taken from its look."""

LETTERS_MAX: Final = 100_000
"""Letters of one webhook that are looked at: SQS hides 120,000 messages of a queue, no more."""

_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class _Look:
    """What somebody saw, and until when it serves."""

    letters: tuple[DeadLetter, ...]
    webhook: str | None
    until: float


class Desk:
    """Browse, redrive and purge, one after the other."""

    def __init__(
        self,
        api: Api,
        queues: Queues,
        ledger: Ledger,
        clock: Clock,
        *,
        last_look_seconds: int = LAST_LOOK_SECONDS,
    ) -> None:
        self._api = api
        self._queues = queues
        self._ledger = ledger
        self._clock = clock
        self._batches = Batches(api)
        self._last_look_seconds = last_look_seconds
        self._turn = threading.Lock()
        self._look: _Look | None = None
        self._places: dict[str, str] = {}
        """In which webhook's dead letters an id was last seen."""

    def browse(self, filter: Filter, after: str | None, limit: int) -> list[DeadLetter]:
        with self._turn:
            look = self._look
            same = look is not None and look.webhook in {None, filter.webhook}
            if look is None or not same or after is None or look.until < self._clock.monotonic():
                look = self._look = self._looked_at(filter.webhook)
            found = [letter for letter in look.letters if fits(letter, filter)]
        return letters_page(found, filter, after, limit)

    def redrive(self, ids: Sequence[str]) -> list[bool]:
        """Sent again, then deleted: whoever dies in between leaves a letter too many, not one less."""
        return self._clear(ids, self._send_again)

    def purge(self, ids: Sequence[str]) -> list[bool]:
        """Deleted, every copy."""
        return self._clear(ids, lambda _, letters: letters)

    def forget(self) -> None:
        """Something died or rose: what was seen no longer holds."""
        with self._turn:
            self._look = None

    def _clear(
        self, ids: Sequence[str], first: Callable[[str, list[Letter]], list[Letter]]
    ) -> list[bool]:
        """Delete those that `first` lets pass; per id, whether it was one of them.

        Raises StoreError where some were not let pass, or could not be deleted after that.
        """
        wanted, cleared = frozenset(ids), set[str]()
        kept_back = left_over = 0
        with self._turn:
            self._look = None
            for webhook in self._webhooks_of(ids):
                if self._queues.known(webhook) is None:
                    continue
                with self._hidden(webhook) as copies:
                    letters = [
                        letter
                        for letter in collate(copies, webhook, self._queues.senders(webhook))
                        if letter.message.id in wanted
                    ]
                    ready = first(webhook, letters)
                    left_over += self._delete(webhook, ready, copies)
                    kept_back += len(letters) - len(ready)
                    cleared.update(letter.message.id for letter in ready)
        if kept_back or left_over:
            raise StoreError(
                f"{kept_back} dead letters were not sent again, and {left_over} copies are still "
                "in dead letters although they should not be; the others are done"
            )
        return _each_once(ids, cleared)

    def _delete(self, webhook: str, letters: list[Letter], copies: list[Copy]) -> int:
        """All copies of these, which then are no longer among `copies`; how many are left over."""
        gone = [copy for letter in letters for copy in letter.copies]
        url = self._queues.urls(webhook).dead
        answers = self._batches.delete(url, [copy.handle for copy in gone])
        deleted = {
            copy.sqs_id for copy, answer in zip(gone, answers, strict=True) if answer is True
        }
        copies[:] = [copy for copy in copies if copy.sqs_id not in deleted]
        return len(gone) - len(deleted)

    def _send_again(self, webhook: str, letters: list[Letter]) -> list[Letter]:
        """Those that are in the queue again."""
        url = self._queues.urls(webhook).queue
        sends = [
            Send(letter.told.body, attributes=sending_again(letter.told.sent)) for letter in letters
        ]
        failures = self._batches.send(url, sends, self._queues.size_max(webhook))
        return [one for one, failed in zip(letters, failures, strict=True) if failed is None]

    def _webhooks_of(self, ids: Sequence[str]) -> list[str]:
        """Where these letters may be: where they were last seen, or anywhere."""
        places = {self._places.get(id) for id in ids}
        known = sorted(place for place in places if place is not None)
        return known if known and None not in places else self._queues.webhooks()

    def _looked_at(self, webhook: str | None) -> _Look:
        letters: list[DeadLetter] = []
        for one in self._queues.webhooks() if webhook is None else [webhook]:
            if self._queues.known(one) is not None:
                with self._hidden(one) as copies:
                    found = collate(copies, one, self._queues.senders(one))
                letters += self._told(one, found)
        places = {letter.message.id: letter.message.webhook for letter in letters}
        self._places = places if webhook is None else self._places | places
        return _Look(tuple(letters), webhook, self._clock.monotonic() + SAME_LOOK_SECONDS)

    def _told(self, webhook: str, letters: list[Letter]) -> list[DeadLetter]:
        """With what the ledger knows: earlier attempts, and who worked the event in the end."""
        if not letters:
            return []
        most = self._queues.max_receive_count(webhook)
        keys = {letter.message.id: MessageKey(webhook, letter.message.id) for letter in letters}
        histories = self._ledger.histories(keys.values())
        claims: dict[str, ClaimKey] = {}
        for letter in letters:
            id = letter.message.id
            history = histories.get(keys[id], History())
            if delivery_id := letter.delivery_id or history.delivery_id:
                claims[id] = ClaimKey(webhook, delivery_id)
        done = self._ledger.done_by(set(claims.values()))
        return [
            letter.dead_letter(
                histories.get(keys[letter.message.id], History()),
                most,
                _other(done.get(claims[letter.message.id]), letter.message.id)
                if letter.message.id in claims
                else None,
            )
            for letter in letters
        ]

    @contextlib.contextmanager
    def _hidden(self, webhook: str) -> Iterator[list[Copy]]:
        """All letters of a webhook, hidden while the block lasts; those left over are given back."""
        url = self._queues.urls(webhook).dead
        copies: list[Copy] = []
        try:
            self._collect(url, copies, self._queues.senders(webhook))
            yield copies
        finally:
            # Those that cannot be given back now come back by themselves.
            with contextlib.suppress(StoreError):
                self._batches.hide(url, [(copy.handle, 0) for copy in copies])

    def _collect(self, url: str, copies: list[Copy], roles: Collection[str]) -> None:
        seen: set[str] = set()

        def receive(wait_seconds: int) -> list[dict[str, Any]]:
            return self._api.poll(
                QueueUrl=url,
                MaxNumberOfMessages=BATCH,
                VisibilityTimeout=LOOK_SECONDS,
                WaitTimeSeconds=wait_seconds,
                MessageSystemAttributeNames=["SentTimestamp", "SenderId", MOVED],
                MessageAttributeNames=["All"],
            )

        at_once = 1
        while len(copies) < LETTERS_MAX:
            answers = self._api.each(receive, [0] * at_once)
            if not any(answers) and self._last_look_seconds:
                answers = [receive(self._last_look_seconds)]
            new = [
                read_copy(raw, roles)
                for answer in answers
                if not isinstance(answer, StoreError)
                for raw in answer
                if raw["MessageId"] not in seen
            ]
            copies += new
            seen.update(copy.sqs_id for copy in new)
            for answer in answers:
                if isinstance(answer, StoreError):
                    raise answer
            if not new:
                return
            at_once = _AT_ONCE


def _other(worked: str | None, id: str) -> str | None:
    return worked if worked != id else None


def _each_once(ids: Sequence[str], cleared: set[str]) -> list[bool]:
    left, answers = set(cleared), []
    for id in ids:
        answers.append(id in left)
        left.discard(id)
    return answers
