"""Signing in and out: two plain forms, so that they need no scripts."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from holdfast.console.access import COOKIE, LOGIN_PATH, LOGOUT_PATH, Allowed
from holdfast.console.guard import ALLOWED, set_session
from holdfast.console.pages.writer import Writer, link
from holdfast.console.problems import Problem
from holdfast.console.site import Site

FORM_BYTES = 32 * 1024


def session_routes(site: Site, writer: Writer) -> list[Route]:
    """The page where a token is entered, and the way out."""

    async def page(request: Request) -> Response:
        there = local(request.query_params.get("next", ""))
        allowed: Allowed = request.scope[ALLOWED]
        if not site.access.tokens or allowed.session is not None:
            return RedirectResponse(there, 303)
        answer = writer.write(request.scope, "login.html", {"next": there, "bare": True})
        if request.headers.get("sec-fetch-site") == "cross-site":
            # Who follows a link from elsewhere, such as an alert's, leaves a strict cookie behind.
            # Asked for by this page it comes along, and the token is not entered twice.
            answer.headers["refresh"] = f"0; url={link(LOGIN_PATH, next=there)}"
        return answer

    async def log_in(request: Request) -> Response:
        try:
            given = await _form(request)
        except Problem as problem:
            return writer.problem(request.scope, problem)
        there = local(given.get("next", ""))
        if not site.access.tokens:
            return RedirectResponse(there, 303)
        operator = site.access.tokens.operator(given.get("token", "").strip())
        if operator is None:
            wrong = "This token is not one of the console's."
            context = {"next": there, "problem": wrong, "bare": True}
            return writer.write(request.scope, "login.html", context, status=401)
        opened = site.access.sessions.new(operator, site.clock.now_ms() // 1000)
        answer = RedirectResponse(there, 303)
        set_session(answer, site.access, opened, https=request.url.scheme == "https")
        return answer

    async def log_out(request: Request) -> Response:
        try:
            given = await _form(request)
            if not site.access.form_fits(request.scope[ALLOWED], given.get("csrf", "")):
                told = "the form's token is not this session's; load the page anew"
                raise Problem(403, "csrf_mismatch", told)
        except Problem as problem:
            return writer.problem(request.scope, problem)
        answer = RedirectResponse(LOGIN_PATH, 303)
        answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return answer

    return [
        Route(LOGIN_PATH, page, methods=["GET"], name="login"),
        Route(LOGIN_PATH, log_in, methods=["POST"], name="log-in"),
        Route(LOGOUT_PATH, log_out, methods=["POST"], name="log-out"),
    ]


def local(path: str) -> str:
    """A page of ours to go on to; whatever leads elsewhere is the overview."""
    fine = path.startswith("/") and not path.startswith(("//", "/\\", "/api/", LOGIN_PATH))
    return path if fine and path.isprintable() else "/"


async def _form(request: Request) -> dict[str, Any]:
    """The fields of a form. Raises Problem."""
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > FORM_BYTES:
            raise Problem(413, "too_large", f"at most {FORM_BYTES:,} bytes", connection="close")
    fields = parse_qs(raw.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=20)
    return {name: values[-1] for name, values in fields.items()}
