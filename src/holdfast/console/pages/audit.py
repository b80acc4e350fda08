"""The book of what operators did."""

from __future__ import annotations

from typing import Final

from holdfast.console.endpoint import Call
from holdfast.console.pages.page import Found, Page
from holdfast.console.routes import acts as api
from holdfast.console.routes.acts import ActsAsked
from holdfast.operate.book import ACTIONS

AGES: Final = ("1h", "24h", "7d", "30d")

# What an act is about, by the page that shows it.
_TARGETS: Final = {
    "redrive": "/runs/",
    "redrive.go_on": "/runs/",
    "redrive.cancel": "/runs/",
    "replay": "/events/",
    "replay.to": "/events/",
    "edit": "/events/",
}
_EVENT_ID: Final = 32


def target_path(action: str, target: str | None) -> str | None:
    """The page of what was acted upon: an event, a group or a run."""
    if target is None:
        return None
    found = _TARGETS.get(action)
    if found is None and action in ("park", "unpark", "purge"):
        found = "/events/" if len(target) == _EVENT_ID else "/dead/groups/"
    return f"{found}{target}" if found else None


async def audit(call: Call[ActsAsked]) -> Found:
    return {"told": await api.list_acts(call), "target_path": target_path}


PAGES: Final = (
    Page("/audit", "audit", "audit.html", audit, "audit", ActsAsked,
         {"actions": sorted(ACTIONS), "ages": AGES}),
)  # fmt: skip
