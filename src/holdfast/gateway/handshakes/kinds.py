"""What is answered: one small function for each kind of handshake.

Each takes the terms and what is held out, and gives the reply; or raises VerificationFailed: with
`field_missing` or `header_missing` where the request lacks what the answer is made of.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import orjson

from holdfast.errors import SecretMissing, VerificationFailed
from holdfast.gateway.handshakes.hand import ECHO_HEADERS, JSON_HEADERS, Hand, Reply
from holdfast.gateway.handshakes.terms import Terms
from holdfast.verify.encoding import encode
from holdfast.verify.keyaddress import address_mistake
from holdfast.verify.reading import header_bytes, utf8


def echo(terms: Terms, hand: Hand) -> Reply:
    """What was sent comes back; after the token that the two of us agreed on, where there is one."""
    if terms.token is not None:
        given = utf8(hand.reading.find(terms.token) or "")
        # Every secret is compared, so that the time taken does not tell which one is near.
        fits = [hmac.compare_digest(given, utf8(secret)) for secret in hand.secrets]
        if not any(fits):
            raise VerificationFailed("token_mismatch", f"{terms.token} is not one of ours")
    return _rendered(terms, hand, "")


def hmac_reply(terms: Terms, hand: Hand) -> Reply:
    """A challenge comes back with its HMAC: we know the secret, so we are who it is meant for."""
    challenge = _content(terms, hand)
    if not terms.shape.fullmatch(challenge):
        raise VerificationFailed("field_malformed", "this is no challenge, and is not signed")
    try:
        key = terms.key.of(hand.secrets[0])
    except ValueError:
        raise SecretMissing("the secret of this handshake is empty, or no key") from None
    return _rendered(terms, hand, encode(hmac.digest(key, challenge, terms.hash), terms.encoding))


def digest_reply(terms: Terms, hand: Hand) -> Reply:
    """A plain hash over a challenge and a token, `{secret}`, that the two of us agreed on."""
    hand.reading.secret = utf8(hand.secrets[0])
    made = hashlib.new(terms.hash, _content(terms, hand), usedforsecurity=False)
    return _rendered(terms, hand, encode(made.digest(), terms.encoding))


def fixed_reply(terms: Terms, _hand: Hand) -> Reply:
    """Always the same: the body as it stands, or none."""
    headers = JSON_HEADERS if terms.body.startswith(("{", "[")) else ECHO_HEADERS
    return Reply(terms.status, headers if terms.body else (), terms.body.encode())


def visit_url(terms: Terms, hand: Hand) -> Reply:
    """The provider asks us to call an address of its own; no other is ever called."""
    url = "" if terms.visit is None else hand.reading.need(terms.visit)
    if wrong := address_mistake(url, terms.hosts):
        raise VerificationFailed("field_malformed", f"{terms.visit}: {wrong}")
    return Reply(terms.status, visit=url)


def store_token(terms: Terms, hand: Hand) -> Reply:
    """The provider hands over the secret with which it is going to sign."""
    if terms.token is None:
        return Reply(terms.status)
    token = hand.reading.need(terms.token)
    if not token or not token.isprintable():
        raise VerificationFailed("field_malformed", f"{terms.token} is no token")
    return _rendered(terms, hand, "")._replace(token=token)


@dataclass(frozen=True, slots=True)
class Kind:
    """A function, the settings it takes (those in `needs` must be there), and the secret it asks for.

    `asks_for`: `secret`, with which the provider signs; `token`, which only the handshake knows, or
    the secret where there is no such token; None: none.
    """

    reply: Callable[[Terms, Hand], Reply]
    takes: tuple[str, ...]
    needs: tuple[str, ...] = ()
    asks_for: Literal["secret", "token"] | None = None
    patient: bool = False
    """Whether it is answered while the secret that would prove the provider is not there yet."""


KINDS: Final[Mapping[str, Kind]] = {
    # Providers shake hands while their secret is still being copied over; an echo gives nothing away.
    "echo": Kind(echo, ("text", "json", "headers", "status", "token"), patient=True),
    "hmac-reply": Kind(
        hmac_reply,
        ("text", "json", "status", "of", "hash", "encoding", "key", "shape"),
        needs=("of",),
        asks_for="secret",
    ),
    "digest-reply": Kind(
        digest_reply,
        ("text", "json", "status", "of", "hash", "encoding"),
        needs=("of",),
        asks_for="token",
    ),
    "fixed-reply": Kind(fixed_reply, ("status", "body")),
    "ping": Kind(fixed_reply, ("status", "body")),
    "visit-url": Kind(visit_url, ("visit", "hosts", "status"), needs=("visit", "hosts")),
    "store-token": Kind(
        store_token, ("token", "text", "json", "headers", "status"), needs=("token",)
    ),
}


def _content(terms: Terms, hand: Hand) -> bytes:
    hand.reading.entries = {"endpoint": _endpoint(hand)}
    return terms.of.fill(hand.reading) if terms.of else b""


def _rendered(terms: Terms, hand: Hand, mac: str) -> Reply:
    reading = hand.reading
    reading.entries = {"mac": mac, "endpoint": _endpoint(hand)}
    headers = tuple((name, _line(each.fill(reading), name)) for name, each in terms.headers)
    if terms.json:
        members = {name: _text(each.fill(reading)) for name, each in terms.json}
        return Reply(terms.status, (*JSON_HEADERS, *headers), orjson.dumps(members))
    if terms.text is None:
        return Reply(terms.status, headers)
    return Reply(terms.status, (*ECHO_HEADERS, *headers), _text(terms.text.fill(reading)).encode())


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _line(data: bytes, name: str) -> str:
    """A header line as it goes out: nothing in it may end it."""
    text = data.decode("latin-1")
    if any(letter in text for letter in "\r\n\0"):
        raise VerificationFailed("field_malformed", f"{name} cannot be sent back")
    header_bytes(text, name)
    return text


def _endpoint(hand: Hand) -> str:
    request = hand.reading.request
    return hand.url or f"{request.origin}{request.path}"
