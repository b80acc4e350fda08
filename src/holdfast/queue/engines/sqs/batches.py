"""Batch calls: ten entries at the most, 1 MiB together, and an answer of its own for each entry.

SQS answers 200 to a call of which some entries failed. What it lists as successful was done, what
it lists as failed was not, and what it does not mention was not either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from holdfast.errors import MessageTooLarge, StoreError
from holdfast.queue.engines.sqs.api import BATCH, Api, chunks, entry_error
from holdfast.queue.engines.sqs.letters import size_of_attribute
from holdfast.queue.engines.sqs.queues import SIZE_MAX_BYTES

_NOT_HIDDEN: Final = frozenset({"AWS.SimpleQueueService.MessageNotInflight", "MessageNotInflight"})

TRIES: Final = 2
"""Of an entry that SQS itself failed at. Of a whole call the SDK has made several already."""


class EntryFailed(StoreError):
    """SQS failed at one entry of a call."""


@dataclass(frozen=True, slots=True)
class Send:
    """One message to be sent."""

    body: str
    delay_seconds: int = 0
    attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def size(self) -> int:
        """In bytes, as SQS counts them. Bodies are ASCII unless somebody else wrote them."""
        body = len(self.body) if self.body.isascii() else len(self.body.encode())
        return body + sum(
            size_of_attribute(name, one["StringValue"]) for name, one in self.attributes.items()
        )


class Batches:
    """Every batch call that the engine makes."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def send(self, url: str, sends: Sequence[Send], size_max: int) -> list[StoreError | None]:
        """Per message: None once SQS has it. Those that are too large are not even tried."""
        sizes = [send.size() for send in sends]
        answers: list[StoreError | None] = [
            MessageTooLarge(size, size_max) if size > size_max else None for size in sizes
        ]
        groups = chunks(
            [place for place, failed in enumerate(answers) if failed is None],
            lambda place: sizes[place],
            SIZE_MAX_BYTES,
        )

        def call(group: list[int]) -> dict[int, StoreError | None]:
            entries = [_entry(place, sends[place]) for place in group]
            answer = self._api.sqs("send_message_batch", QueueUrl=url, Entries=entries)
            kept = {
                int(one["Id"]) for one in answer.get("Successful") or () if one.get("MessageId")
            }
            failed = {int(one["Id"]): one for one in answer.get("Failed") or ()}
            return {
                place: None
                if place in kept
                else entry_error(failed.get(place, {}), sizes[place], size_max)
                for place in group
            }

        for group, answer in zip(groups, self._api.each(call, groups), strict=True):
            for place in group:
                answers[place] = answer if isinstance(answer, StoreError) else answer[place]
        return answers

    def delete(self, url: str, handles: Sequence[str]) -> list[bool | StoreError]:
        """Per handle: deleted, stale as far as SQS can tell, or not known."""

        def call(entries: list[dict[str, Any]]) -> dict[str, Any]:
            return self._api.sqs("delete_message_batch", QueueUrl=url, Entries=entries)

        return self._each(call, [{"ReceiptHandle": handle} for handle in handles], lambda _: False)

    def hide(self, url: str, hidings: Sequence[tuple[str, int]]) -> list[bool | StoreError]:
        """Per handle and number of seconds: hidden for that long from now, stale, or not known.

        What nobody holds any more, since its lease ended, cannot be hidden again; but it is, as
        `0` asks, there for everybody.
        """

        def call(entries: list[dict[str, Any]]) -> dict[str, Any]:
            return self._api.sqs("change_message_visibility_batch", QueueUrl=url, Entries=entries)

        return self._each(
            call,
            [{"ReceiptHandle": handle, "VisibilityTimeout": time} for handle, time in hidings],
            lambda entry: entry["VisibilityTimeout"] == 0,
        )

    def _each(
        self,
        call: Callable[[list[dict[str, Any]]], dict[str, Any]],
        entries: Sequence[Mapping[str, Any]],
        not_hidden: Callable[[Mapping[str, Any]], bool],
    ) -> list[bool | StoreError]:
        """What SQS itself failed at is tried once more."""
        answers: list[bool | StoreError] = [StoreError("not tried")] * len(entries)
        left = list(range(len(entries)))
        for _ in range(TRIES):
            groups = [left[at : at + BATCH] for at in range(0, len(left), BATCH)]
            called = self._api.each(
                lambda group: call([{"Id": str(place), **entries[place]} for place in group]),
                groups,
            )
            for group, answer in zip(groups, called, strict=True):
                for place in group:
                    answers[place] = _outcome(place, answer, entries[place], not_hidden)
            left = [place for place in left if isinstance(answers[place], EntryFailed)]
            if not left:
                break
        return answers


def _outcome(
    place: int,
    answer: Mapping[str, Any] | StoreError,
    entry: Mapping[str, Any],
    not_hidden: Callable[[Mapping[str, Any]], bool],
) -> bool | StoreError:
    if isinstance(answer, StoreError):
        return answer
    if any(one["Id"] == str(place) for one in answer.get("Successful") or ()):
        return True
    for failed in answer.get("Failed") or ():
        if failed["Id"] == str(place):
            if failed.get("Code") in _NOT_HIDDEN:
                return not_hidden(entry)
            if failed.get("SenderFault"):
                return False
            return EntryFailed(f"SQS: {failed.get('Code', '')}: {failed.get('Message', '')}")
    return EntryFailed("SQS did not say what became of a message")


def _entry(place: int, send: Send) -> dict[str, Any]:
    entry: dict[str, Any] = {"Id": str(place), "MessageBody": send.body}
    if send.delay_seconds:
        entry["DelaySeconds"] = send.delay_seconds
    if send.attributes:
        entry["MessageAttributes"] = dict(send.attributes)
    return entry
