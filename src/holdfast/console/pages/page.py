"""A page as data: where it is, which template draws it, and the function that finds what it shows.

Those functions call the API's own and draw what it would answer, so that page and API cannot say
different things. A script asks for a part of a page with the header `X-Holdfast-Fragment`: the block
of that name, drawn alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from holdfast.console.access import Allowed
from holdfast.console.endpoint import Call, Nothing, read_query, told_problem
from holdfast.console.guard import ALLOWED
from holdfast.console.pages.filters import Form
from holdfast.console.pages.writer import FRAGMENT, Writer
from holdfast.console.problems import Problem, problem_of
from holdfast.console.site import Site

Found = Mapping[str, Any] | Response
"""What a template draws from, and the `status` where it is not 200; or an answer of its own, such as a
way to elsewhere."""


@dataclass(frozen=True, slots=True)
class Page:
    """`area`: the entry of the navigation that it belongs to. `filters`: where it has a form of them,
    what there is to choose from, beside webhooks."""

    path: str
    name: str
    template: str
    handler: Callable[[Any], Awaitable[Found]]
    area: str = ""
    params: type[BaseModel] = Nothing
    filters: Mapping[str, Any] | None = None

    def route(self, site: Site, writer: Writer) -> Route:
        async def serve(request: Request) -> Response:
            try:
                found = await self._found(site, request)
                if isinstance(found, Response):
                    return found
                # A large page takes a while, and others must hear of what happens meanwhile.
                return await site.look(
                    partial(
                        writer.write,
                        request.scope,
                        self.template,
                        {"area": self.area, **found},
                        status=found.get("status", 200),
                        fragment=request.headers.get(FRAGMENT),
                    )
                )
            except ClientDisconnect:
                raise
            except Exception as error:
                return writer.problem(request.scope, told_problem(site, self.path, error))

        return Route(self.path, serve, methods=["GET"], name=f"page-{self.name}")

    async def _found(self, site: Site, request: Request) -> Found:
        # A form sends its empty fields along; to people they mean nothing.
        given = [(name, value) for name, value in request.query_params.multi_items() if value]
        found: Found
        try:
            asked = self.params.model_validate(read_query(given, self.params))
            found = await self.handler(_call(site, request, asked))
            form = Form(asked)
        except (ValidationError, Problem) as error:
            problem = problem_of(error)
            if self.filters is None or problem.status != 400:
                raise
            form = Form.misread(self.params, given, problem)
            found = {"problem": problem, "status": 400}
        if self.filters is None or isinstance(found, Response):
            return found
        return {**self.filters, **await site.look(form.fields, site), **found}


def _call(site: Site, request: Request, asked: BaseModel) -> Call[Any, Any]:
    allowed: Allowed = request.scope[ALLOWED]
    path = request.path_params
    return Call(site, allowed.who, allowed.session, path, asked, Nothing(), request)
