"""One webhook as the door sees it: everything that can be worked out before a request comes."""

from __future__ import annotations

import ipaddress
from typing import Final

import orjson

from holdfast.compiled import CompiledWebhook
from holdfast.gateway.answers import Answer, HeaderLines
from holdfast.gateway.handshakes import handshakes_of
from holdfast.gateway.media import MediaTypes
from holdfast.gateway.rate import TokenBucket
from holdfast.gateway.schema import BodySchema
from holdfast.verify.signed import Signed

_BODILESS: Final = frozenset({204, 304})
"""Statuses that HTTP allows no body."""

_OURS: Final = frozenset({"x-request-id", "x-holdfast-id"})


class Gate:
    """One webhook with its schema compiled, its bucket full and its handshakes looked up."""

    def __init__(self, webhook: CompiledWebhook) -> None:
        verification = webhook.verification
        self.webhook = webhook
        self.media = MediaTypes(webhook.content_types)
        self.schema = None if webhook.schema is None else BodySchema(webhook.schema)
        rate = webhook.rate_limit
        self.bucket = None if rate is None else TokenBucket(rate.per_second, rate.burst)
        self.secret_headers = tuple(verification.secret_headers) if verification else ()
        self.asks_source = verification is not None and (
            webhook.verify_at == "gateway" or bool(self.secret_headers)
        )
        handshakes = handshakes_of(webhook)
        self.line_handshakes = tuple(each for each in handshakes if each.in_line)
        self.body_handshakes = tuple(each for each in handshakes if not each.in_line)
        self.token_headers = tuple(
            each.terms.token.name.lower()
            for each in handshakes
            if each.terms.token is not None and each.terms.token.kind == "header"
        )
        self.url = verification.url if isinstance(verification, Signed) else ""
        self.success = Success(webhook)
        self.challenge = _challenge(webhook)

    def allows(self, remote: str) -> bool:
        """Whether this address may send. Of a proxy's `X-Forwarded-For` nothing is believed."""
        networks = self.webhook.allow
        if not networks:
            return True
        try:
            address = ipaddress.ip_address(remote.partition("%")[0])
        except ValueError:
            return False  # a socket file, or a server that does not tell
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in networks)


class Success:
    """What a sender hears once its event is kept."""

    def __init__(self, webhook: CompiledWebhook) -> None:
        answer = webhook.answer
        body = '{"id":"{id}"}' if answer.body is None else answer.body
        headers = [(name.lower(), value) for name, value in answer.headers]
        if answer.status in _BODILESS:
            body = ""
        elif not any(name == "content-type" for name, _ in headers):
            headers.insert(0, ("content-type", _content_type(body)))
        self._status = answer.status
        self._body = body
        self._headers: HeaderLines = tuple(line for line in headers if line[0] not in _OURS)

    def of(self, id: str) -> Answer:
        headers = (*self._headers, ("x-holdfast-id", id), ("x-request-id", id))
        return Answer(self._status, headers, self._body.replace("{id}", id).encode())


def _challenge(webhook: CompiledWebhook) -> HeaderLines:
    """HTTP wants a 401 to say how to authenticate, where it has a name for that."""
    verification = webhook.verification
    if verification is None or "authorization" not in verification.secret_headers:
        return ()
    scheme = "Basic" if verification.name == "basic" else "Bearer"
    return (("www-authenticate", f'{scheme} realm="{webhook.name}"'),)


def _content_type(body: str) -> str:
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return "text/plain; charset=utf-8"
    return "application/json"
