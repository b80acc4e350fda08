"""The views that an engine has beside the ten verbs; None where it has not got one."""

from __future__ import annotations

from typing import Protocol, cast

from holdfast.errors import NotSupported
from holdfast.queue.contract import Archive
from holdfast.queue.views import DESK, SEARCH, WATCH, Desk, Search, Watch


class Able(Protocol):
    """Whatever says what it can."""

    @property
    def abilities(self) -> frozenset[str]: ...

    @property
    def name(self) -> str: ...


def archive_of(engine: Able) -> Archive | None:
    return cast(Archive, engine) if "archive" in engine.abilities else None


def desk_of(engine: Able) -> Desk | None:
    return cast(Desk, engine) if DESK in engine.abilities else None


def watch_of(engine: Able) -> Watch | None:
    return cast(Watch, engine) if WATCH in engine.abilities else None


def search_of(engine: Able) -> Search | None:
    return cast(Search, engine) if SEARCH in engine.abilities else None


def need_archive(engine: Able) -> Archive:
    """The engine's memory of what came in. Raises NotSupported where it has none."""
    archive = archive_of(engine)
    if archive is None:
        raise NotSupported(
            f"the {engine.name} engine keeps no history: what came in, and what was refused, is in "
            "the log of the gateway; what failed is in `holdfast dead`"
        )
    return archive


def need_desk(engine: Able, what: str) -> Desk:
    """Raises NotSupported; `what`: what it cannot do without one."""
    desk = desk_of(engine)
    if desk is None:
        raise NotSupported(f"the {engine.name} engine cannot {what}")
    return desk


def need_watch(engine: Able, what: str) -> Watch:
    """Raises NotSupported; `what`: what it cannot do without one."""
    watch = watch_of(engine)
    if watch is None:
        raise NotSupported(f"the {engine.name} engine cannot {what}")
    return watch
