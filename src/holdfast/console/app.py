"""The console as one application, with what lives beside it."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from holdfast.console.guard import Guard
from holdfast.console.keeper import Keeper
from holdfast.console.openapi import document
from holdfast.console.problems import Problem, answer
from holdfast.console.routes import ENDPOINTS
from holdfast.console.site import Site
from holdfast.console.stream import Hub


class Console:
    """An ASGI application. `start` and `stop` run on the loop that serves it.

    `pages`: routes of the console's web pages, beside the API's. They find the site under
    `request.app.state.site`, and who asks in the scope, see `holdfast.console.guard`.
    """

    def __init__(self, site: Site, pages: Sequence[BaseRoute] = ()) -> None:
        self.site = site
        self.hub = Hub(site)
        self.keeper = Keeper(site.depths, site.clock, self.hub.run_stepped)
        site.data["hub"], site.data["keeper"] = self.hub, self.keeper
        site.data["openapi"] = orjson.dumps(
            document(ENDPOINTS, site.version), option=orjson.OPT_INDENT_2
        )
        application = Starlette(
            routes=[*(endpoint.route(site) for endpoint in ENDPOINTS), *pages],
            exception_handlers={HTTPException: _not_served},
        )
        application.state.site = site
        self._application: ASGIApp = Guard(application, site.access, site.clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._application(scope, receive, send)

    async def start(self) -> None:
        await self.keeper.start()

    async def stop(self) -> None:
        """End the streams, let go of the runs."""
        await self.hub.stop()
        await self.keeper.stop()


async def _not_served(_request: Request, error: Exception) -> Response:
    """What no route serves, in the one shape."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    code = {404: "not_found", 405: "method_not_allowed"}.get(status, "not_possible")
    told = {404: "there is nothing here", 405: "not with this method"}.get(status, "not possible")
    allow = getattr(error, "headers", None) or {}
    return answer(Problem(status, code, told, None, **{k.lower(): v for k, v in allow.items()}))
