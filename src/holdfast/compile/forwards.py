"""Another program as a task: where to, how it is signed, what goes along."""

from __future__ import annotations

from typing import Final

from holdfast.compile.sources import judge_verification
from holdfast.compile.spot import Spot, quoted
from holdfast.compile.values import duration, headers
from holdfast.compiled import Forward
from holdfast.definition import Forward as WrittenForward
from holdfast.definition import Provider
from holdfast.workflow.urls import url_flaw

_NEVER_LITERAL: Final = "it carries a secret; write sign=bearer(...) with a reference to it"
_NOT_FORWARDED: Final = {
    "authorization": _NEVER_LITERAL,
    "proxy-authorization": _NEVER_LITERAL,
    "cookie": _NEVER_LITERAL,
    "content-length": "it is counted from the body",
    "transfer-encoding": "the client frames the request",
    "connection": "the client keeps the connection",
    "host": "it is taken from the URL",
}


def forward(spot: Spot, written: WrittenForward, name: str, timeout_seconds: float) -> Forward:
    """As a task of this name, in at most the time that the webhook has."""
    _judge_url(spot, written.url)
    scheme = written.sign.verification if isinstance(written.sign, Provider) else written.sign
    if scheme is not None:
        judge_verification(spot.under("sign"), scheme)
    seconds = timeout_seconds
    if written.timeout is not None:
        seconds = duration(spot.under("timeout"), written.timeout, at_least="1s", at_most="5m")
        if seconds > timeout_seconds:
            spot.under("timeout").wrong(f"{quoted(written.timeout)} is longer than the webhook's")
    given = {} if written.headers is None else written.headers
    lines = headers(spot.under("headers"), given, _NOT_FORWARDED)
    return Forward(name, str(written.url), scheme, lines, seconds)


def _judge_url(spot: Spot, url: object) -> None:
    flaw = url_flaw(url)
    if flaw == "credentials":
        # Not repeated: it shows a password.
        spot.wrong("the URL carries credentials; write sign=basic(...) with a reference instead")
    elif flaw is not None:
        spot.wrong(f'{quoted(url)} is not a URL; write "http://localhost:3000/hooks"')
