"""Made-up traffic for every webhook: signed as its sender would, and everything that may be wrong.

For definitions that have received nothing yet. Where a secret is not here, a made-up one stands in
for it on both sides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_address
from typing import Any, Final

import orjson

from holdfast.aws.door import queued_pings
from holdfast.aws.limits import limits
from holdfast.clock import Clock
from holdfast.compiled import Compiled, CompiledWebhook
from holdfast.errors import HoldfastError, SecretMissing
from holdfast.gateway.media import MediaTypes
from holdfast.gateway.schema import BodySchema
from holdfast.message import Headers, Request, new_message_id
from holdfast.operate.delivery import make_request
from holdfast.operate.past import Past
from holdfast.sample import sample_body
from holdfast.secrets import SecretRef, Secrets

ORIGIN: Final = "https://hooks.example.com"
ODD: Final = 'é😀 "quoted" \\ & + % = # $x ${y} </script>\r\n\u2028'
"""Characters that some template, form or JSON text might trip over."""

_TYPES_MAX: Final = 20
_MADE_UP: Final = "whsec_bWFkZSB1cCBmb3IgYSBzYW1wbGU="


class SampleSecrets(Secrets):
    """Those that are here, and made-up ones for all others."""

    def value(self, ref: SecretRef) -> str:
        try:
            return super().value(ref)
        except SecretMissing:
            return _MADE_UP


def samples(compiled: Compiled, secrets: Secrets, clock: Clock) -> Iterator[Past]:
    """All of it, webhook by webhook; and a path that is nobody's."""
    for webhook in compiled.webhooks:
        yield from _Sampler(webhook, secrets, clock).all()
    stray = Request("POST", "/no/such/webhook", "", Headers(), b"{}", "203.0.113.7", ORIGIN)
    yield Past(new_message_id(clock.now_ms()), clock.now_ms(), "-", stray)


class _Sampler:
    def __init__(self, webhook: CompiledWebhook, secrets: Secrets, clock: Clock) -> None:
        self._webhook = webhook
        self._secrets = secrets
        self._clock = clock
        self._body = sample_body(webhook)
        self._schema = None if webhook.schema is None else BodySchema(webhook.schema)
        takes = MediaTypes(webhook.content_types)
        first = webhook.content_types[0]
        self._type = "application/json" if takes.accepts("application/json") else first
        self._json = self._type.endswith("json")
        if not self._json:
            self._body = b"name=Ada&note=a+%26+b"

    def all(self) -> Iterator[Past]:
        yield self._past(self._signed())
        yield from self._of_each_type()
        yield from map(self._past, self._bodies())
        yield from map(self._past, self._heads())
        yield from map(self._past, self._pings())
        yield from self._forged()

    def _of_each_type(self) -> Iterator[Past]:
        if self._webhook.provider is None:
            return
        for name in list(dict.fromkeys(_types(self._webhook.workflow)))[:_TYPES_MAX]:
            yield self._past(self._signed(event_type=name.replace("*", "sample")))

    def _bodies(self) -> Iterator[Request]:
        limit, there = self._webhook.body_limit_bytes, limits(self._webhook)
        room = min(limit, there.body_bytes)
        sizes = {room, min(limit, there.message_bytes), limit + 1}
        written = [b"", b"{", self._body + b"\n", *(self._padded(size) for size in sorted(sizes))]
        written += [b'{"a":1,"a":2}', b"[" * 70 + b"]" * 70, b"\xff{}"]
        written.append(self._body.replace(b':"', b':"\xff', 1))
        if self._json:
            written += [orjson.dumps(value) for value in self._values()]
        for body in dict.fromkeys(written):
            yield self._signed(body)

    def _padded(self, size: int) -> bytes:
        return self._body + b" " * max(0, size - len(self._body))

    def _values(self) -> Iterator[Any]:
        """The sample with one thing changed: more than asked for, less, or of another kind."""
        value = orjson.loads(self._body)
        yield from ([], "text", 1, None, {})
        if not isinstance(value, dict):
            return
        yield {**value, "holdfast_sample": ODD}
        for name, own in value.items():
            yield {key: each for key, each in value.items() if key != name}
            others: tuple[Any, ...] = (
                None,
                True,
                -1,
                0,
                10**12,
                0.5,
                "",
                ODD,
                [],
                {},
                f"{own}{own}",
            )
            yield from ({**value, name: each} for each in others)

    def _heads(self) -> Iterator[Request]:
        signed = self._signed()
        for content_type in (f"{self._type}; charset=utf-8", "text/x-unknown", ""):
            yield self._signed(content_type=content_type)
        yield self._with(
            signed, [("x-sample", "one"), ("x-sample", ODD.strip().split("\r")[0][2:])]
        )
        yield replace(signed, query="a=1&b=two%20words&empty=")
        wrong = next(verb for verb in ("PATCH", "DELETE") if verb not in self._webhook.methods)
        yield replace(signed, method=wrong)
        if self._webhook.allow:
            yield replace(signed, remote=self._stranger())

    def _pings(self) -> Iterator[Request]:
        """What a provider that names them in a header sends before its events, genuine and forged."""
        for ping in queued_pings(self._webhook):
            asked = {
                each.place.name.lower(): each.wanted
                for each in ping.conditions
                if each.place.kind == "header" and isinstance(each.wanted, str)
            }
            if len(asked) < len(ping.conditions):
                continue
            signed = self._signed()
            lines = (line for line in signed.headers if line[0] not in asked)
            genuine = replace(signed, headers=Headers((*lines, *asked.items())))
            yield from (genuine, replace(genuine, body=genuine.body + b" "))

    def _forged(self) -> Iterator[Past]:
        """Another body under a genuine signature, and no signature at all."""
        if self._webhook.verification is None:
            return
        signed = self._signed()
        yield self._past(replace(signed, body=signed.body + b" "))
        yield self._past(self._request(self._body, self._type))

    def _with(self, request: Request, lines: Sequence[tuple[str, str]]) -> Request:
        latin = [
            (name, value.encode("latin-1", "replace").decode("latin-1")) for name, value in lines
        ]
        return replace(request, headers=Headers((*request.headers.lines, *latin)))

    def _signed(
        self,
        body: bytes | None = None,
        *,
        content_type: str | None = None,
        event_type: str | None = None,
    ) -> Request:
        own = self._body if body is None else body
        plain = self._request(own, self._type if content_type is None else content_type)
        try:
            made = make_request(
                self._webhook,
                url=plain.url,
                method=plain.method,
                headers=plain.headers.lines,
                body=own,
                secrets=self._secrets,
                clock=self._clock,
                event_type=event_type,
            )
        except (HoldfastError, ValueError):
            return plain  # only its sender can sign, or this body has no room for a signature
        length = str(len(made.body))
        lines = [line for line in made.headers if line[0] != "content-length"]
        headers = Headers((*lines, ("content-length", length)))
        return replace(made, headers=headers, remote=plain.remote)

    def _request(self, body: bytes, content_type: str) -> Request:
        path = self._webhook.path
        for name in _parameters(path):
            path = path.replace(f"{{{name}}}", "sample%20one")
        lines = [("content-type", content_type)] if content_type else []
        headers = Headers.of([*lines, ("content-length", str(len(body)))])
        address = (
            str(self._webhook.allow[0].network_address) if self._webhook.allow else "203.0.113.7"
        )
        return Request(self._webhook.methods[0], path, "", headers, body, address, ORIGIN)

    def _stranger(self) -> str:
        """An address that is not on the allow-list; none, if everybody is."""
        others = (ip_address(each) for each in ("203.0.113.7", "198.51.100.7", "2001:db8::7"))
        listed = self._webhook.allow
        return str(next((each for each in others if not any(each in one for one in listed)), ""))

    def _past(self, request: Request) -> Past:
        now_ms = self._clock.now_ms()
        return Past(new_message_id(now_ms), now_ms, self._webhook.name, request)


def _parameters(path: str) -> list[str]:
    return [part[1:-1] for part in path.split("/") if part.startswith("{")]


def _types(node: Any) -> Iterator[str]:
    """The event types that a workflow asks for."""
    if isinstance(node, Mapping):
        if node.get("Variable") == "$.type":
            for word in ("StringEquals", "StringMatches"):
                if isinstance(node.get(word), str):
                    yield node[word]
        for each in node.values():
            yield from _types(each)
    elif isinstance(node, list):
        for each in node:
            yield from _types(each)
