"""The console as one application, with what lives beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from holdfast.console.access import API
from holdfast.console.guard import Guard
from holdfast.console.keeper import Keeper
from holdfast.console.openapi import document
from holdfast.console.problems import Problem, answer
from holdfast.console.routes import ENDPOINTS
from holdfast.console.site import Site
from holdfast.console.stream import Hub


class Pages(Protocol):
    """The console's web pages, beside the API. `holdfast.console.pages` makes them; whoever wants
    the API alone does without, and without the templates that they need."""

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """They find who asks in the scope, see `holdfast.console.guard`."""
        ...

    def problem(self, scope: Scope, problem: Problem) -> Response:
        """What was asked for cannot be shown, as a page."""
        ...


class Console:
    """An ASGI application. `start` and `stop` run on the loop that serves it."""

    def __init__(self, site: Site, pages: Pages | None = None) -> None:
        self.site = site
        self._pages = pages
        self.hub = Hub(site)
        self.keeper = Keeper(site.depths, site.clock, self.hub.run_stepped)
        site.data["hub"], site.data["keeper"] = self.hub, self.keeper
        site.data["openapi"] = orjson.dumps(
            document(ENDPOINTS, site.version), option=orjson.OPT_INDENT_2
        )
        application = Starlette(
            routes=[
                *(endpoint.route(site) for endpoint in ENDPOINTS),
                *(pages.routes if pages is not None else ()),
            ],
            exception_handlers={HTTPException: self._not_served},
        )
        self._application: ASGIApp = Guard(application, site.access, site.clock, self._told)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._application(scope, receive, send)

    async def start(self) -> None:
        await self.keeper.start()

    async def stop(self) -> None:
        """End the streams, let go of the runs."""
        await self.hub.stop()
        await self.keeper.stop()

    async def _not_served(self, request: Request, error: Exception) -> Response:
        """What no route serves."""
        return self._told(request.scope, _problem(error))

    def _told(self, scope: Scope, problem: Problem) -> Response:
        """To programs in the one shape, to people as a page."""
        if self._pages is None or scope["path"].startswith(API):
            return answer(problem)
        return self._pages.problem(scope, problem)


def _problem(error: Exception) -> Problem:
    status = error.status_code if isinstance(error, HTTPException) else 500
    code = {404: "not_found", 405: "method_not_allowed"}.get(status, "not_possible")
    told = {404: "there is nothing here", 405: "not with this method"}.get(status, "not possible")
    allow = getattr(error, "headers", None) or {}
    return Problem(status, code, told, None, **{k.lower(): v for k, v in allow.items()})
