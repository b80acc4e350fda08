"""From what an operator types to the one thing meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from holdfast.errors import NotFound
from holdfast.message import DeadLetter
from holdfast.queue.contract import Archive, Entry, Filter, Operator, Refusal

PREFIX_MIN: Final = 8
"""The fewest characters that are taken as the beginning of an id."""

ID_CHARACTERS: Final = 32

Found = TypeVar("Found", Entry, Refusal, DeadLetter)


def dead_letter(operator: Operator, id: str) -> DeadLetter:
    """The dead letter of this id, or the only one whose id begins so. Raises NotFound."""
    letter = _find(operator.browse, id)
    if letter is None:
        raise _missing("no dead letter", id)
    return letter


def event(archive: Archive, id: str) -> Entry:
    """The event of this id, or the only one whose id begins so. Raises NotFound."""
    entry = _find(archive.events, id)
    if entry is None:
        raise _missing("no event", id)
    return entry


def refusal(archive: Archive, id: str) -> Refusal:
    """The refusal of this id, or the only one whose id begins so. Raises NotFound."""
    found = _find(archive.refusals, id)
    if found is None:
        raise _missing("no refusal", id)
    return found


def event_or_refusal(archive: Archive, id: str) -> Entry | Refusal:
    """What came in under this id, kept or not. Raises NotFound."""
    found = _find(archive.events, id) or _find(archive.refusals, id)
    if found is None:
        raise _missing("no event and no refusal", id)
    return found


def known_webhook(operator: Operator, name: str | None) -> str | None:
    """The name, if this store has ever known it; None stays None. Raises NotFound."""
    if name is not None and name not in (known := operator.webhooks()):
        raise NotFound(f"no webhook {name}; there are {', '.join(known) or 'none'}")
    return name


def webhook_of(one: Entry | Refusal) -> str:
    """Its webhook's name; empty where a refusal has none."""
    return (one.webhook or "") if isinstance(one, Refusal) else one.message.webhook


def id_of(one: Entry | Refusal | DeadLetter) -> str:
    return one.id if isinstance(one, Refusal) else one.message.id


def _missing(what: str, id: str) -> NotFound:
    short = f"; the beginning of an id has {PREFIX_MIN} characters or more"
    return NotFound(f"{what} {id}{short if len(id) < PREFIX_MIN else ''}")


def _find(pages: Callable[[Filter, str | None, int], list[Found]], id: str) -> Found | None:
    exact = pages(Filter(id=id), None, 1)
    if exact or not PREFIX_MIN <= len(id) < ID_CHARACTERS:
        return exact[0] if exact else None
    # In id order, whatever begins with these characters follows right after them.
    following = pages(Filter(newest_first=False), id.lower(), 2)
    begun = [one for one in following if id_of(one).startswith(id.lower())]
    if len(begun) > 1:
        raise NotFound(f"{id} is the beginning of several ids, such as {id_of(begun[0])}")
    return begun[0] if begun else None
