"""All pages, and the navigation between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import Scope

from holdfast.console.access import LOGIN_PATH
from holdfast.console.pages import (
    alerts,
    audit,
    dead,
    event,
    events,
    executions,
    overview,
    refusal,
    runs,
    webhooks,
)
from holdfast.console.pages.files import files
from holdfast.console.pages.page import Page
from holdfast.console.pages.session import session_routes
from holdfast.console.pages.writer import Writer
from holdfast.console.problems import Problem
from holdfast.console.site import Site

PAGES: Final[tuple[Page, ...]] = (
    *overview.PAGES,
    *events.PAGES,
    *event.PAGES,
    *refusal.PAGES,
    *dead.PAGES,
    *webhooks.PAGES,
    *executions.PAGES,
    *runs.PAGES,
    *alerts.PAGES,
    *audit.PAGES,
)

AREAS: Final = (
    {"name": "overview", "title": "Overview", "path": "/", "key": "o"},
    {"name": "events", "title": "Events", "path": "/events", "key": "e"},
    {"name": "dead", "title": "Dead letters", "path": "/dead", "key": "d"},
    {"name": "webhooks", "title": "Webhooks", "path": "/webhooks", "key": "w"},
    {"name": "executions", "title": "Executions", "path": "/executions", "key": "x"},
    {"name": "runs", "title": "Runs", "path": "/runs", "key": "r"},
    {"name": "alerts", "title": "Alerts", "path": "/alerts", "key": "l"},
    {"name": "audit", "title": "Audit", "path": "/audit", "key": "a"},
)
"""The navigation: whatever has a page. `key`: after a `g`, it leads there."""

OPEN_PATHS: Final = frozenset({LOGIN_PATH, *(files().path(name) for name in files().content)})
"""What is served without a token: where one is entered, and how that looks."""


class WebPages:
    """The pages of one console."""

    def __init__(self, site: Site) -> None:
        there = {page.path for page in PAGES}
        areas = [area for area in AREAS if area["path"] in there]
        self._writer = Writer(site, files(), areas)
        self._routes: list[BaseRoute] = [
            *files().routes(),
            *session_routes(site, self._writer),
            *(page.route(site, self._writer) for page in PAGES),
        ]

    @property
    def routes(self) -> Sequence[BaseRoute]:
        return self._routes

    def problem(self, scope: Scope, problem: Problem) -> Response:
        """As a page, or as the way to where a token is entered."""
        return self._writer.problem(scope, problem)
