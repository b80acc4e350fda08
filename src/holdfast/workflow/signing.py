"""A request on its way out, signed as a scheme says, and what of it must never be shown. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import orjson

from holdfast.definition import Verification
from holdfast.message import Request
from holdfast.secrets import Secrets
from holdfast.verify.credentials import Credentials


class Signed(NamedTuple):
    request: Request
    hidden: tuple[str, ...] = ()
    """Texts in which the secret itself travels; a target may repeat them."""


def signed(
    request: Request, scheme: Verification | None, secrets: Secrets, now_seconds: float
) -> Signed:
    """As a genuine sender would send it. Raises SecretMissing, NotSupported."""
    if scheme is None:
        return Signed(request)
    secret = (secrets.values(scheme.secrets) or [""])[0]
    ready = scheme.sign(request, secret, now_seconds)
    if not isinstance(scheme, Credentials) and not scheme.secret_headers:
        return Signed(ready)
    added = dict(line for line in ready.headers if line not in request.headers.lines)
    return Signed(ready, _shown_in(secret, added))


def _shown_in(secret: str, added: Mapping[str, str]) -> tuple[str, ...]:
    """The secret, the headers that carry it, and both as they look within JSON; longest first."""
    texts = {secret, *added.values(), *(value.partition(" ")[2] for value in added.values())}
    texts |= {
        orjson.dumps(text.encode("utf-8", "replace").decode())[1:-1].decode() for text in texts
    }
    return tuple(sorted(texts - {""}, key=len, reverse=True))
