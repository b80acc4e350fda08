"""Before every request: who may. With every answer: what a browser may make of it.

Written against ASGI itself, since a stream of events must pass through without being held back.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from holdfast.clock import Clock
from holdfast.console.access import (
    API,
    COOKIE,
    CSRF_HEADER,
    SESSION_SECONDS,
    Access,
    Allowed,
    Denied,
    Facts,
    Session,
)
from holdfast.console.problems import Problem, answer

ALLOWED: Final = "holdfast.allowed"
"""Where in the scope the judgement is kept."""

ALWAYS: Final = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}

# Where no referrer is sent at all, a browser says that its own page's forms come from nowhere
# (`Origin: null`), and they could not be told from a stranger's.
REFERRER: Final = "same-origin"

# Answers to programs are never a page, whatever somebody managed to put into them.
API_POLICY: Final = "default-src 'none'; frame-ancestors 'none'; sandbox"

PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    " font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
"""Nothing from elsewhere, and no script or style but those in files of our own."""


Told = Callable[[Scope, Problem], Response]
"""Tells a problem to whoever asked, as a page or as JSON."""


class Guard:
    """The outermost of the console's application. `told`: how a browser hears what is refused."""

    def __init__(
        self,
        application: ASGIApp,
        access: Access,
        clock: Clock,
        told: Told = lambda _scope, problem: answer(problem),
    ) -> None:
        self._application = application
        self._access = access
        self._clock = clock
        self._told = told

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        api = scope["path"].startswith(API)

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message.setdefault("headers", [])
                headers = MutableHeaders(scope=message)
                for name, value in ALWAYS.items():
                    headers.setdefault(name, value)
                policy = API_POLICY if api else PAGE_POLICY
                headers.setdefault("content-security-policy", policy)
                headers.setdefault("referrer-policy", "no-referrer" if api else REFERRER)
            await send(message)

        judged = judge(self._access, scope, self._clock)
        if isinstance(judged, Denied):
            headers = {"www_authenticate": "Bearer"} if judged.status == 401 else {}
            problem = Problem(judged.status, judged.code, judged.message, None, **headers)
            refused = answer(problem) if api else self._told(scope, problem)
            await refused(scope, receive, send_guarded)
            return
        scope[ALLOWED] = judged
        await self._application(scope, receive, send_guarded)


def judge(access: Access, scope: Scope, clock: Clock) -> Allowed | Denied:
    """Whether this request may, as things are now: what takes long is judged more than once."""
    return access.judge(_facts(scope), clock.now_ms() // 1000)


def _facts(scope: MutableMapping[str, Any]) -> Facts:
    headers = Headers(scope=scope)
    return Facts(
        method=scope["method"],
        path=scope["path"],
        host=headers.get("host", ""),
        origin=headers.get("origin", ""),
        fetch_site=headers.get("sec-fetch-site", ""),
        fetch_mode=headers.get("sec-fetch-mode", ""),
        authorization=headers.get("authorization", ""),
        cookie=_cookie(headers.getlist("cookie")),
        csrf=headers.get(CSRF_HEADER, ""),
    )


def _cookie(lines: list[str]) -> str:
    for line in lines:
        jar: SimpleCookie = SimpleCookie()
        try:
            jar.load(line)
        except CookieError:
            continue
        if COOKIE in jar:
            return jar[COOKIE].value
    return ""


def set_session(answer: Response, access: Access, session: Session, *, https: bool) -> None:
    """Give a browser its session: out of scripts' reach, and never sent along from another page."""
    answer.set_cookie(
        COOKIE,
        access.sessions.cookie(session),
        max_age=SESSION_SECONDS,
        path="/",
        secure=https,
        httponly=True,
        samesite="strict",
    )
