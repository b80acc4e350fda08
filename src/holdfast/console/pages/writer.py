"""Templates to answers. Whatever is printed is escaped, and what cannot be seen is shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

from jinja2 import DictLoader, Environment, StrictUndefined
from starlette.datastructures import Headers, QueryParams
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import Scope

from holdfast.console.access import LOGIN_PATH, Allowed
from holdfast.console.guard import ALLOWED
from holdfast.console.pages import figures, payload, text, words
from holdfast.console.pages.files import Files
from holdfast.console.problems import Problem
from holdfast.console.site import Site

FRAGMENT: Final = "x-holdfast-fragment"
TEMPLATES: Final = Path(__file__).parent / "templates"

FILTERS: Final[Mapping[str, Any]] = {
    "number": figures.number,
    "pace": figures.pace,
    "size": figures.size,
    "took": figures.took,
    "clock": figures.clock,
    "day": figures.day,
    "verbatim": text.verbatim,
    "short": text.short,
    "header_text": text.header_text,
    "json": payload.value,
    "body": payload.body,
    "tone": words.tone,
    "word": words.word,
    "cause": words.cause,
}


def link(path: str, params: Mapping[str, Any] | None = None, /, **more: Any) -> str:
    """A path with parameters; those that are None or empty are left out, lists are repeated."""
    pairs: list[tuple[str, str]] = []
    for name, value in {**(params or {}), **more}.items():
        values = value if isinstance(value, list | tuple) else [value]
        pairs += [(name, str(one)) for one in values if one not in (None, "")]
    return quote(path) + (f"?{urlencode(pairs)}" if pairs else "")


class Writer:
    """`areas`: the navigation, as rows of name, title, path and key."""

    def __init__(self, site: Site, files: Files, areas: Iterable[Mapping[str, str]]) -> None:
        self._site = site
        self._environment = Environment(
            # All of them now: a package that is installed anew under a running console has others.
            loader=DictLoader({one.name: one.read_text("utf-8") for one in TEMPLATES.iterdir()}),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=text.shown,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters |= FILTERS
        self._environment.globals |= {
            "areas": list(areas),
            "static": files.path,
            "link": link,
            "between": figures.between,
            "ago": lambda iso: figures.ago(iso, site.clock.now_ms()),
            "words": words.WORDS,
            "version": site.version,
            "app": site.compiled.name if site.compiled else None,
            "read_only": site.access.read_only,
            "token_needed": bool(site.access.tokens),
            "abilities": site.store.abilities,
        }
        # As a global, so that a block that is drawn alone has the macros too.
        self._environment.globals["ui"] = self._environment.get_template("ui.html").module

    def write(
        self,
        scope: Scope,
        name: str,
        context: Mapping[str, Any],
        *,
        status: int = 200,
        fragment: str | None = None,
    ) -> Response:
        """The page, or the block `fragment` of it."""
        template = self._environment.get_template(name)
        given = {"problem": None, "area": "", "bare": False, **self._asker(scope), **context}
        if fragment is None:
            return HTMLResponse(template.render(given), status)
        block = template.blocks.get(fragment)
        if block is None:
            told = Problem(404, "not_found", "this page has no such part")
            return self.problem(scope, told)
        return HTMLResponse("".join(block(template.new_context(given))), status)

    def problem(self, scope: Scope, problem: Problem) -> Response:
        """A page that says what went wrong; or the way to the token, where that is all it needs."""
        headers = dict(problem.headers)
        if problem.status == 401 and scope["method"] in ("GET", "HEAD") and _is_visit(scope):
            query = scope["query_string"].decode("latin-1")
            there = scope["path"] + (f"?{query}" if query else "")
            return RedirectResponse(link(LOGIN_PATH, next=there if there != "/" else None), 303)
        detail = problem.detail if isinstance(problem.detail, list) else []
        context = {
            "problem": problem,
            "detail": detail,
            "without": _without(scope, detail) if problem.status == 400 else None,
            "phrase": HTTPStatus(problem.status).phrase,
            "bare": problem.status in (401, 403),
        }
        answer = self.write(scope, "problem.html", context, status=problem.status)
        answer.headers.update(headers)
        return answer

    def _asker(self, scope: Scope) -> dict[str, Any]:
        """Who looks at it, and what they send along with whatever they do."""
        allowed = scope.get(ALLOWED)
        session = allowed.session if isinstance(allowed, Allowed) else None
        sessions = self._site.access.sessions
        return {
            "operator": allowed.who.name if isinstance(allowed, Allowed) else "",
            "session": session,
            # Where nobody logs in, that there is one is all that is asked.
            "csrf": sessions.csrf(session) if session else "1",
        }


def _without(scope: Scope, wrong: Iterable[Mapping[str, str]]) -> str | None:
    """The same address without those of its parameters that cannot be read; None: it has none."""
    names = {one["path"].split("/")[1] for one in wrong}
    given = QueryParams(scope["query_string"]).multi_items()
    kept = [(name, value) for name, value in given if name not in names]
    if len(kept) == len(given):
        return None
    return quote(scope["path"]) + (f"?{urlencode(kept)}" if kept else "")


def _is_visit(scope: Scope) -> bool:
    """Somebody opens a page; a script that asks for a part of one is told the status."""
    return FRAGMENT not in Headers(scope=scope)
