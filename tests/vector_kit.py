"""Published deliveries of real senders, judged by the public API, and changed bit by bit."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.serialization import Encoding as Form
from cryptography.hazmat.primitives.serialization import PublicFormat

import holdfast
from holdfast import Verified, providers, verify_request
from holdfast.definition import Verification
from holdfast.message import Headers, Request
from holdfast.providers.preset import Preset
from holdfast.verify.encoding import Encoding, decode, encode
from holdfast.verify.keys import Key, keys_of
from holdfast.verify.locate import Locator, json_all
from holdfast.verify.methods import Ecdsa, Ed25519, Mac, Rsa
from holdfast.verify.publickeys import public_keys
from holdfast.verify.reading import Reading
from holdfast.verify.signed import Signed
from holdfast.verify.webtoken import WebToken
from holdfast.verify.writing import put

DATA: Final = Path(__file__).parent / "data" / "verify_vectors.json"


@dataclass(frozen=True)
class Delivery:
    """One request, and who is said to have sent it."""

    provider: str
    variant: str | None
    config: dict[str, str] | None
    secret: str
    request: Request
    now: float

    def verified(self) -> Verified:
        """By the public API. Raises VerificationFailed."""
        request = self.request
        return verify_request(
            self.provider,
            self.secret,
            variant=self.variant,
            config=self.config,
            method=request.method,
            url=request.url or None,
            headers=list(request.headers),
            body=request.body,
            now=self.now,
        )

    def reason(self) -> str:
        """Why it is refused; `accepted` where it is not."""
        try:
            self.verified()
        except holdfast.VerificationFailed as failed:
            return failed.reason
        return "accepted"

    @property
    def preset(self) -> Preset:
        return providers.load(self.provider)

    @cached_property
    def verification(self) -> Verification:
        """As a definition would make it."""
        way = self.preset.way(self.variant)
        reference = "env:SECRET" if way.takes_secret else None
        config = self.config or {}
        return self.preset(reference, variant=self.variant, **config).verification

    def with_request(self, request: Request) -> Delivery:
        return replace(self, request=request)


@dataclass(frozen=True)
class Vector:
    """A known answer, and where it comes from."""

    name: str
    delivery: Delivery
    accept: bool
    reason: str
    origin: str

    def __str__(self) -> str:
        variant = f"/{self.delivery.variant}" if self.delivery.variant else ""
        return f"{self.delivery.provider}{variant}/{self.name}"


def _vector(entry: dict[str, Any]) -> Vector:
    whole, _, query = entry.get("url", "").partition("?")
    parts = re.fullmatch(r"(\w+://[^/]*)?(.*)", whole)
    assert parts is not None
    request = Request(
        entry.get("method", "POST"),
        parts[2],
        query,
        Headers.of(entry["headers"]),
        base64.b64decode(entry["body"]),
        origin=parts[1] or "",
    )
    delivery = Delivery(
        entry["provider"],
        entry.get("variant"),
        entry.get("config"),
        entry["secret"],
        request,
        entry["at_time"],
    )
    return Vector(
        entry["name"],
        delivery,
        entry["expect"] == "accept",
        entry.get("reason", ""),
        entry["origin"]["kind"],
    )


VECTORS: Final = tuple(_vector(entry) for entry in json.loads(DATA.read_text("utf-8")))
ACCEPTED: Final = tuple(vector for vector in VECTORS if vector.accept)
REJECTED: Final = tuple(vector for vector in VECTORS if not vector.accept)


def flipped(data: bytes, at_most: int = 2_000) -> Iterator[bytes]:
    """The same bytes with one bit changed: for every bit, or for as many, evenly spread."""
    bits = len(data) * 8
    for bit in range(0, bits, max(1, bits // at_most)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        yield bytes(changed)


def flipped_text(text: str) -> Iterator[str]:
    """The same text with one bit of its UTF-8 changed, where that is a text again."""
    for data in flipped(text.encode("utf-8"), 800):
        try:
            yield data.decode("utf-8")
        except UnicodeDecodeError:
            continue


def changed_bodies(delivery: Delivery) -> Iterator[Delivery]:
    """Every bit of what the body says: unpacked where it is packed, decoded where it is a form."""
    request = delivery.request
    packed = request.body.startswith(b"\x1f\x8b")
    body = gzip.decompress(request.body) if packed else request.body
    as_form = "form-urlencoded" in (request.headers.get("content-type") or "")
    form = sorted(Reading(request).form) if as_form else None
    for data in flipped(body):
        changed = replace(request, body=gzip.compress(data) if packed else data)
        if form is None or sorted(Reading(changed).form) != form:
            yield delivery.with_request(changed)


def changed_places(delivery: Delivery, covered: str) -> Iterator[Delivery]:
    """Every bit of one place that is signed, such as `header:x-id` or `json:data.id`."""
    place = Locator.parse(_absolute(delivery, covered))
    text = Reading(delivery.request).find(place)
    for changed in flipped_text(text) if text is not None else ():
        if place.kind == "header" and not changed.isprintable():
            continue
        yield delivery.with_request(put(delivery.request, place, changed))


def _absolute(delivery: Delivery, covered: str) -> str:
    """Places of items that are signed one by one are inside the item; every vector has one."""
    scheme = delivery.verification
    each = scheme.each if isinstance(scheme, Signed) else ""
    return covered.replace("json:", f"json:{each.replace('*', '0')}.", 1) if each else covered


def changed_urls(delivery: Delivery) -> Iterator[Delivery]:
    """Every letter of path and query; host and port may be written in several ways."""
    request = delivery.request
    for path in flipped_text(request.path):
        if path.isprintable() and "?" not in path:
            yield delivery.with_request(replace(request, path=path))
    for query in flipped_text(request.query):
        if query.isprintable() and Reading(replace(request, query=query)).query:
            yield delivery.with_request(replace(request, query=query))


def changed_times(delivery: Delivery) -> Iterator[Delivery]:
    """The time of sending, each of its digits another one, where it stands outside the body."""
    scheme = delivery.verification
    assert isinstance(scheme, Signed)
    assert scheme.timestamp is not None
    place = scheme.timestamp.locator
    if place.kind == "header":
        for text in _other_digits(Reading(delivery.request).need(place)):
            yield delivery.with_request(put(delivery.request, place, text))
    elif place.kind == "sig":
        header = scheme.signature.locators[0]
        reading = Reading(delivery.request)
        scheme.signature.read(reading, None)
        whole, written = reading.need(header), reading.need(place)
        for text in _other_digits(written):
            changed = whole.replace(written, text, 1)
            yield delivery.with_request(put(delivery.request, header, changed))


def _other_digits(text: str) -> Iterator[str]:
    for position, letter in enumerate(text):
        if letter.isdigit():
            other = str((int(letter) + 1) % 10)
            yield text[:position] + other + text[position + 1 :]


def changed_signatures(delivery: Delivery) -> Iterator[Delivery]:
    """Every bit of the signature; of several, the same bit in each."""
    scheme, request = delivery.verification, delivery.request
    if isinstance(scheme, WebToken):
        content, _, signature = Reading(request).need(scheme.place).rpartition(".")
        for data in flipped(decode(signature, "base64url")):
            text = f"{content}.{encode(data, 'base64url').rstrip('=')}"
            yield delivery.with_request(put(request, scheme.place, text))
    elif isinstance(scheme, Signed):
        sizes = {len(found) for found in scheme.signature.read(_scoped(delivery), None)}
        for bit in range(max(sizes) * 8):
            yield delivery.with_request(_with_flipped(delivery, scheme, bit))


def _scoped(delivery: Delivery) -> Reading:
    reading, scheme = Reading(delivery.request), delivery.verification
    if isinstance(scheme, Signed) and scheme.each:
        reading.scope = next(json_all(reading.document, scheme.each))
    return reading


def _with_flipped(delivery: Delivery, scheme: Signed, bit: int) -> Request:
    request = delivery.request
    for place in scheme.signature.locators:
        text = _scoped(delivery).find(place)
        if text is None:
            continue
        where = Locator.parse(_absolute(delivery, str(place)))
        if scheme.signature.packed:
            text = decode(text, "base64").decode()
        for candidate in set(_candidates(text, scheme.signature.encoding)):
            text = text.replace(candidate, _flip(candidate, scheme.signature.encoding, bit))
        if scheme.signature.packed:
            text = encode(text.encode(), "base64")
        request = put(request, where, text)
    return request


def _candidates(text: str, encoding: Encoding) -> list[str]:
    """Whatever is long enough to be a signature."""
    letters = {"hex": "[0-9a-fA-F]{40,}", "base64": "[A-Za-z0-9+/]{27,}={0,2}"}
    return re.findall(letters.get(encoding, "[A-Za-z0-9_-]{27,}={0,2}"), text)


def _flip(text: str, encoding: Encoding, bit: int) -> str:
    data = bytearray(decode(text, encoding))
    if bit < len(data) * 8:
        data[bit // 8] ^= 1 << bit % 8
    return encode(bytes(data), encoding)


def changed_secrets(delivery: Delivery) -> Iterator[Delivery]:
    """Every bit of the key that the secret stands for."""
    for secret in _other_secrets(delivery):
        yield replace(delivery, secret=secret)


def _other_secrets(delivery: Delivery) -> Iterator[str]:
    scheme, secret = delivery.verification, delivery.secret
    method = scheme.method if isinstance(scheme, Signed) else None
    if isinstance(method, Rsa | Ecdsa):
        yield from _other_public_keys(secret)
        return
    ways: tuple[Key, ...] = ()
    if isinstance(method, Ed25519):
        ways = (method.way,)
    elif isinstance(method, Mac):
        ways = method.ways
    if len(ways) == 1 and ways[0].encoding in ("base64", "hex"):
        encoding: Encoding = "hex" if ways[0].encoding == "hex" else "base64"
        for data in flipped(ways[0].of(secret)):
            yield encode(data, encoding)
        return
    own = keys_of(ways, secret) if ways else []
    for data in flipped(secret.encode("utf-8")):
        other = data.decode("utf-8", "surrogateescape")
        # The last letter of base64 may hold bits that belong to no byte.
        if not ways or not {*own} & {*keys_of(ways, other)}:
            yield other


def _other_public_keys(text: str) -> Iterator[str]:
    (own,) = public_keys(text)
    der = own.key.public_bytes(Form.DER, PublicFormat.SubjectPublicKeyInfo)
    for data in flipped(der):
        other = base64.b64encode(data).decode()
        # A point on a curve can be written in two ways that differ in one bit.
        if _key(other) != own.key:
            yield other


def _key(text: str) -> object:
    try:
        return public_keys(text)[0].key
    except ValueError:
        return None
