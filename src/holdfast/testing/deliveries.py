"""Requests as senders make them, to try verification and handlers with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import orjson

from holdfast.definition import Provider, Verification
from holdfast.message import Headers, Request


def delivery(
    body: Any = b"",
    *,
    headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
    method: str = "POST",
    url: str = "/",
) -> Request:
    """A request that is not signed.

    body: bytes are sent as they are, text as UTF-8, anything else as JSON, with the content type
        that says so unless `headers` has one.
    url: a path, or a whole URL where the scheme signs it.
    """
    lines = Headers.of(headers)
    content, content_type = _content(body)
    if "content-type" not in lines and content_type:
        lines = Headers((("content-type", content_type), *lines.lines))
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
    return Request(method, parts.path or "/", parts.query, lines, content, "127.0.0.1", origin)


def sign(
    by: Verification | Provider,
    body: Any,
    *,
    secret: str,
    now: float,
    headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
    method: str = "POST",
    url: str = "/",
) -> Request:
    """The delivery that a genuine sender would make.

    by: what the webhook was defined with: `hmac_sha256(...)`, `providers.stripe(...)`, ...
    secret: the value itself, as the sender knows it, not a reference.
    now: when it is sent, seconds since 1970. A `ManualClock` knows: `clock.now_ms() / 1000`.

    Raises NotSupported where only the sender can sign.
    """
    verification = by.verification if isinstance(by, Provider) else by
    request = delivery(body, headers=headers, method=method, url=url)
    return verification.sign(request, secret, now)


def _content(body: Any) -> tuple[bytes, str]:
    """The bytes, and the content type that goes with them."""
    if isinstance(body, bytes):
        return body, ""
    if isinstance(body, str):
        return body.encode(), "text/plain; charset=utf-8"
    return orjson.dumps(body), "application/json"
