"""Every error that Holdfast raises, as one tree.

    HoldfastError
     |- DefinitionError        mistakes in what the user wrote, all at once
     |- SecretMissing          a reference that resolves to nothing
     |- KeyUnavailable         a sender's public key cannot be fetched just now  503, retry
     |- UnknownProvider        no such provider, or no such variant of it
     |- ExtraMissing           an optional dependency is not installed
     |- BundleFailed           what runs in Lambda cannot be put together
     |- NotSupported           this engine cannot do that
     |- NotFound               no such event, dead letter or webhook
     |- CursorUnknown          a place in another store's order of arrival
     |- StoreError             nothing more can be kept just now        503, retry
     |   |- StoreBusy          another writer holds the file            503, retry
     |   |- StoreFull          the disk has no room                     503, retry
     |   |- MessageTooLarge    larger than the queue takes              413
     |   |- StoreLocked        another supervisor runs on this store
     |   |- StoreMismatch      the two files do not belong together
     |   |- StoreFormat        corrupt, or written by a newer Holdfast
     |   '- SQLiteTooOld       the library can lose committed writes
     |- Quarantined            retrying cannot help; rests in dead letters at once
     |   |- VerificationFailed the source could not prove itself        401
     |   |- SchemaInvalid      the kept body does not fit the full model 400
     |   '- EnvelopeInvalid    what lies in the queue is no request of ours
     '- TaskError              what a task raises to steer the queue
         |- Retryable          try again later, optionally after a delay
         '- Permanent          do not try again: dead letters at once

`http_status` is the status a door answers with when the error reaches it; `retryable` says whether
the same input may succeed later.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

_NOT_SAID: Final = re.compile("^(?:Value error|Assertion failed), |, unable to parse string as .*")


def plain(message: str) -> str:
    """What pydantic says of a value, without the class of error before a sentence of someone else's."""
    return _NOT_SAID.sub("", message)


def why_unread(error: OSError | UnicodeDecodeError) -> str:
    """Why a file cannot be read or written, without its name and without what is in it."""
    return (error.strerror or "an error") if isinstance(error, OSError) else "it is no UTF-8"


class HoldfastError(Exception):
    """Anything that Holdfast raises on purpose."""

    http_status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong in a definition, and where: `hooks.py:12 /users queue.retention`."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class DefinitionError(HoldfastError):
    """The definition cannot be used. `mistakes` holds every one of them."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        count = len(self.mistakes)
        lines = "\n".join(f"  {mistake}" for mistake in self.mistakes)
        super().__init__(f"{count} mistake{'s' if count != 1 else ''} in the definition\n{lines}")


class SecretMissing(HoldfastError):
    """A secret reference resolves to nothing. The message names the reference, never a value."""

    http_status = 503
    retryable = True


class KeyUnavailable(HoldfastError):
    """A sender's public key cannot be fetched just now: nothing is known against the source."""

    http_status = 503
    retryable = True


class UnknownProvider(HoldfastError, ValueError):
    """No provider, or no variant of it, has that name. The message names the nearest."""


class ExtraMissing(HoldfastError):
    """A feature needs an optional dependency."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs an extra: pip install 'holdfast[{extra}]'")
        self.extra = extra


class BundleFailed(HoldfastError):
    """The code of a stack's functions cannot be put together."""


class NotSupported(HoldfastError):
    """This engine cannot do that; the message says which verb and why."""


class NotFound(HoldfastError):
    """There is no event, dead letter or webhook of that name."""

    http_status = 404


class CursorUnknown(HoldfastError):
    """A cursor that is none of this store's: another store's, or of one that was put back."""

    http_status = 409


class StoreError(HoldfastError):
    """The store cannot keep or hand out anything just now."""

    http_status = 503
    retryable = True


class StoreBusy(StoreError):
    """Another writer held the file for longer than the busy timeout."""


class StoreFull(StoreError):
    """The disk has no room. Reception resumes by itself once it has."""


class MessageTooLarge(StoreError):
    """Larger than the queue takes; sending it again cannot help."""

    http_status = 413
    retryable = False

    def __init__(self, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(
            f"the message takes {size_bytes} bytes in the queue, which takes {limit_bytes}"
        )
        self.limit_bytes = limit_bytes


class StoreLocked(StoreError):
    """Another supervisor runs on this store; `finishing`: it is gone, its last workers are not yet."""

    retryable = False

    def __init__(self, message: str, *, finishing: bool = False) -> None:
        super().__init__(message)
        self.finishing = finishing


class StoreMismatch(StoreError):
    """Inbox and ledger do not belong together, or one of them is missing. See `holdfast recover`."""

    retryable = False


class StoreFormat(StoreError):
    """A file is corrupt, or was written by a newer Holdfast."""

    retryable = False


class SQLiteTooOld(StoreError):
    """The SQLite library has the WAL-reset race, which can lose committed writes."""

    retryable = False


class Quarantined(HoldfastError):
    """Retrying cannot help. `reason` is the name under which the dead letter is filed."""

    reason: str = "quarantined"


class VerificationFailed(Quarantined):
    """The source could not prove itself. `reason` is one of `holdfast.verify.REASONS`."""

    http_status = 401

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class SchemaInvalid(Quarantined):
    """The body passed the door but does not fit the full model."""

    http_status = 400
    reason = "schema_invalid"


class EnvelopeInvalid(Quarantined):
    """What lies in the queue is not a request as the gateway, or API Gateway, writes one."""

    reason = "envelope_invalid"


class TaskError(HoldfastError):
    """What a task raises to steer the queue."""


class Retryable(TaskError):
    """Try again later. `after_seconds` overrides the backoff for this attempt."""

    retryable = True

    def __init__(self, message: str = "", *, after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.after_seconds = after_seconds


class Permanent(TaskError):
    """Do not try again: the message goes to dead letters at once, reason `permanent`."""
