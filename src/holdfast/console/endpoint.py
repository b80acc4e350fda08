"""An endpoint as data: what it is called with, what it answers, and the function that does it.

The application routes to these, and the document at /api/v1/openapi.json is made from them; so
neither can say what the other does not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic

import orjson
from pydantic import BaseModel, ConfigDict
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from typing_extensions import TypeVar

from holdfast.console.access import Allowed, Session
from holdfast.console.guard import ALLOWED
from holdfast.console.problems import Problem, answer, encoded, misfit, problem_of
from holdfast.console.site import Site
from holdfast.operate.book import Book, Who

PREFIX: Final = "/api/v1"
BODY_BYTES_MAX: Final = 4 * 1024 * 1024


class Nothing(BaseModel):
    """No parameters; anything beside is a mistake."""

    model_config = ConfigDict(extra="forbid")


# Both are only read, so that whoever takes fewer parameters can be handed more.
Params = TypeVar("Params", bound=BaseModel, default=Nothing, covariant=True)  # noqa: PLC0105 - a word, not a notation
Body = TypeVar("Body", bound=BaseModel, default=Nothing, covariant=True)  # noqa: PLC0105 - same


@dataclass(frozen=True, slots=True)
class Call(Generic[Params, Body]):
    """One request: who asks, where, and what for."""

    site: Site
    who: Who
    session: Session | None
    path: Mapping[str, str]
    params: Params
    body: Body
    request: Request

    @property
    def bare(self) -> Call:
        """The same without parameters, for an endpoint that takes none."""
        return Call(
            self.site, self.who, self.session, self.path, Nothing(), Nothing(), self.request
        )

    def asking(
        self, params: BaseModel | None = None, body: BaseModel | None = None
    ) -> Call[Any, Any]:
        """The same with others, for another endpoint."""
        asked = params or Nothing(), body or Nothing()
        return Call(self.site, self.who, self.session, self.path, *asked, self.request)

    @property
    def book(self) -> Book:
        return self.site.book(self.who)


Handler = Callable[[Any], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`answers`: the type of what the handler gives, None where that is a response of its own, of
    the media type `media`. `problems`: the statuses that it answers beside those of every one."""

    method: str
    path: str
    name: str
    summary: str
    tag: str
    handler: Handler
    answers: Any = None
    params: type[BaseModel] = Nothing
    body: type[BaseModel] | None = None
    status: int = 200
    media: str = "application/json"
    description: str = ""
    problems: tuple[int, ...] = ()

    def route(self, site: Site) -> Route:
        async def serve(request: Request) -> Response:
            try:
                call = await self._call(site, request)
                found = await self.handler(call)
            except ClientDisconnect:
                raise
            except Exception as error:
                return self._failed(site, error)
            if isinstance(found, Response):
                return found
            return Response(encoded(found), self.status, media_type="application/json")

        return Route(PREFIX + self.path, serve, methods=[self.method], name=self.name)

    async def _call(self, site: Site, request: Request) -> Call[Any, Any]:
        allowed: Allowed = request.scope[ALLOWED]
        return Call(
            site,
            allowed.who,
            allowed.session,
            request.path_params,
            self.params.model_validate(read_query(request.query_params.multi_items(), self.params)),
            (self.body or Nothing).model_validate(await self._read(request)),
            request,
        )

    async def _read(self, request: Request) -> Any:
        if self.body is None:
            return {}
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        raw = b""
        async for chunk in request.stream():
            raw += chunk
            if len(raw) > BODY_BYTES_MAX:
                limit = f"at most {BODY_BYTES_MAX:,} bytes"
                raise Problem(413, "too_large", limit, connection="close")
        if not raw:
            return {}
        if kind != "application/json":
            raise Problem(415, "not_json", "the body must be application/json")
        try:
            return orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise Problem(400, "invalid_request", f"the body is not JSON: {error}") from None

    def _failed(self, site: Site, error: Exception) -> Response:
        return answer(told_problem(site, self.path, error))


def told_problem(site: Site, path: str, error: Exception) -> Problem:
    """What it means to whoever asked; a defect is written into the log too."""
    problem = problem_of(error)
    if problem.code == "defect":
        told = f"{type(error).__name__}: {error}"
        site.telemetry.emit("console.failed", path=path, error=told, place=_place(error))
    return problem


def read_query(items: Iterable[tuple[str, str]], model: type[BaseModel]) -> dict[str, Any]:
    """The parameters; those of a list may be repeated, others not."""
    many = repeated(model)
    found: dict[str, Any] = {}
    for name, value in items:
        if name in many:
            found.setdefault(name, []).append(value)
        elif name in found:
            raise misfit(f"/{name}", "given twice")
        else:
            found[name] = value
    return found


def repeated(model: type[BaseModel]) -> set[str]:
    """The parameters that are lists."""
    return {name for name, field in model.model_fields.items() if "tuple" in str(field.annotation)}


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"


Endpoints = Sequence[Endpoint]
