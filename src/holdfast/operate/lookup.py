"""From what an operator types to the one thing meant, or all that hold a text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeVar, cast

from holdfast.errors import NotFound, NotSupported
from holdfast.message import DeadLetter
from holdfast.queue.contract import Archive, Engine, Entry, Filter, Operator, Refusal

PREFIX_MIN: Final = 8
"""The fewest characters that are taken as the beginning of an id."""

ID_CHARACTERS: Final = 32
PAGE: Final = 100

Found = TypeVar("Found", Entry, Refusal, DeadLetter)


def archive_of(engine: Engine) -> Archive:
    """The engine's memory of what came in. Raises NotSupported where it has none."""
    if "archive" not in engine.abilities:
        raise NotSupported(
            f"an {engine.name}: store keeps no history: what came in, and what was refused, is in "
            "the log of the gateway; what failed is in `holdfast dead`"
        )
    return cast(Archive, engine)


def dead_letter(operator: Operator, id: str) -> DeadLetter:
    """The dead letter of this id, or the only one whose id begins so. Raises NotFound."""
    letter = _find(operator.browse, id)
    if letter is None:
        raise NotFound(f"no dead letter {id}")
    return letter


def event(archive: Archive, id: str) -> Entry:
    """The event of this id, or the only one whose id begins so. Raises NotFound."""
    entry = _find(archive.events, id)
    if entry is None:
        raise NotFound(f"no event {id}")
    return entry


def event_or_refusal(archive: Archive, id: str) -> Entry | Refusal:
    """What came in under this id, kept or not. Raises NotFound."""
    found = _find(archive.events, id) or _find(archive.refusals, id)
    if found is None:
        raise NotFound(f"no event and no refusal {id}")
    return found


def known_webhook(operator: Operator, name: str | None) -> str | None:
    """The name, if this store has ever known it; None stays None. Raises NotFound."""
    if name is not None and name not in (known := operator.webhooks()):
        raise NotFound(f"no webhook {name}; there are {', '.join(known) or 'none'}")
    return name


def holding(
    pages: Callable[[Filter, str | None, int], list[Found]], filter: Filter, text: str
) -> Iterator[Found]:
    """Those that match the filter and hold the text in path, query, a header or the body."""
    after: str | None = None
    while page := pages(filter, after, PAGE):
        yield from (one for one in page if _holds(one, text))
        after = id_of(page[-1])


def id_of(one: Entry | Refusal | DeadLetter) -> str:
    return one.id if isinstance(one, Refusal) else one.message.id


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


def _holds(one: Found, text: str) -> bool:
    if isinstance(one, Refusal):
        told, headers, body = f"{one.path}\n{one.detail}", one.headers, one.body
    else:
        request = one.message.request
        told, headers, body = f"{request.path}?{request.query}", request.headers.lines, request.body
    # Header values are the bytes on the wire read as latin-1; so is the text that is looked for.
    sought = text.encode("utf-8", "surrogateescape")
    wire = sought.decode("latin-1")
    return text in told or sought in body or any(wire in value for _, value in headers)
