"""Requests as senders make them, to try verification and handlers with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import orjson

from holdfast.clock import SYSTEM_CLOCK
from holdfast.definition import Provider, Verification
from holdfast.errors import NotSupported, SecretMissing
from holdfast.message import Headers, Request
from holdfast.providers import arguments
from holdfast.providers.delivering import signed_by, with_delivery_id, with_event_type
from holdfast.providers.files import load
from holdfast.providers.verifying import provider_named
from holdfast.providers.words import example
from holdfast.verify.keypairs import KeyPair, new_pair


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
    lines = Headers.of(arguments.lines("headers", headers))
    content, content_type = _content(body)
    if "content-type" not in lines and content_type:
        lines = Headers((("content-type", content_type), *lines.lines))
    parts = urlsplit(arguments.text("url", url))
    origin = f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
    return Request(method, parts.path or "/", parts.query, lines, content, "127.0.0.1", origin)


def sign(
    by: Verification | Provider | str,
    body: Any = b"",
    *,
    secret: str,
    now: float | None = None,
    event_type: str | None = None,
    delivery_id: str | None = None,
    headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
    method: str = "POST",
    url: str = "/",
) -> Request:
    """The delivery that a genuine sender would make.

    by: what the webhook was defined with: `hmac_sha256(...)`, `providers.stripe(...)`, ...; or a known
        sender's id: `"stripe"`.
    secret: the value itself, as the sender knows it, not a reference; where the sender signs with a
        private key, that of a `key_pair`.
    now: when it is sent, seconds since 1970; default: now, by the system clock. A `ManualClock` knows: `clock.now_ms() / 1000`.
    event_type, delivery_id: put where the sender has them, in a header or in the body.

    Raises NotSupported where only the sender can sign, or where type or id cannot be written;
    UnknownProvider; TypeError or ValueError, naming the argument, for one that is of no use.
    """
    source = _source(provider_named(by) if isinstance(by, str) else by)
    if now is None:
        now = SYSTEM_CLOCK.now_ms() / 1000
    arguments.seconds("now", now)
    arguments.text("secret", secret)
    request = delivery(body, headers=headers, method=method, url=url)
    try:
        if isinstance(source, Provider):
            return signed_by(_named(request, source, event_type, delivery_id), source, secret, now)
        if event_type is None and delivery_id is None:
            return source.sign(request, secret, now)
    except SecretMissing:
        raise ValueError(f"secret: empty, or nothing that {source.name} signs with") from None
    raise NotSupported(f"{source.name} is a scheme; type and id are a provider's")


def _named(
    request: Request, provider: Provider, event_type: str | None, delivery_id: str | None
) -> Request:
    if event_type is not None:
        request = with_event_type(request, provider, arguments.text("event_type", event_type))
    if delivery_id is not None:
        request = with_delivery_id(request, provider, arguments.text("delivery_id", delivery_id))
    return request


def key_pair(by: Verification | Provider | str) -> KeyPair:
    """A new pair of keys to play a sender with that signs with a private one: `sign` takes `.private`
    as the secret, and the webhook is given `.public` in the place of the sender's own key.

    A published key is not asked for then. Raises NotSupported where both know the secret, and
    UnknownProvider.
    """
    return new_pair(_source(example(load(by)) if isinstance(by, str) else by))


def _source(by: Verification | Provider) -> Verification | Provider:
    if isinstance(by, Provider) or callable(getattr(by, "sign", None)):
        return by
    raise TypeError(
        'by: a sender\'s id such as "stripe", or what a webhook is defined with, is needed, '
        f"not {type(by).__name__}"
    )


def _content(body: Any) -> tuple[bytes, str]:
    """The bytes, and the content type that goes with them."""
    if isinstance(body, bytes):
        return body, ""
    if isinstance(body, str):
        return body.encode(), "text/plain; charset=utf-8"
    return orjson.dumps(body), "application/json"
