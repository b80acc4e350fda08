"""A request on its way out, signed as a scheme says, and what of it must never be shown. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import orjson

from holdfast.definition import Verification
from holdfast.message import Headers, Request
from holdfast.secrets import Secrets


class Signed(NamedTuple):
    request: Request
    hidden: tuple[str, ...] = ()
    """Texts in which the secret itself travels; a target may repeat them."""


def signed(
    request: Request, scheme: Verification | None, secrets: Secrets, now_seconds: float
) -> Signed:
    """With the headers that a genuine sender would add. Raises SecretMissing, NotSupported."""
    if scheme is None:
        return Signed(request)
    secret = secrets.values(scheme.secrets)[0]
    added = {
        name.lower(): value for name, value in scheme.sign(request, secret, now_seconds).items()
    }
    kept = [line for line in request.headers if line[0] not in added]
    headers = Headers.of([*kept, *added.items()])
    ready = Request(
        method=request.method,
        path=request.path,
        query=request.query,
        headers=headers,
        body=request.body,
        origin=request.origin,
    )
    return Signed(ready, _shown_in(secret, added) if scheme.secret_headers else ())


def _shown_in(secret: str, added: Mapping[str, str]) -> tuple[str, ...]:
    """The secret, the headers that carry it, and both as they look within JSON; longest first."""
    texts = {secret, *added.values(), *(value.partition(" ")[2] for value in added.values())}
    texts |= {
        orjson.dumps(text.encode("utf-8", "replace").decode())[1:-1].decode() for text in texts
    }
    return tuple(sorted(texts - {""}, key=len, reverse=True))
