"""Public keys, in every form in which senders hand them out.

    PEM                       public keys, or X.509 certificates, the sender's own first
    JWK, JWKS                 a key as JSON, or a set of them, each with its id
    {"id": "PEM"}             any JSON that holds PEM texts, whose ids their names are, or JWKs
    base64                    a SubjectPublicKeyInfo, as in the PEM but bare

Parsing takes longer than verifying, so that what was parsed is remembered by its text.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final, NamedTuple

import orjson

_PEM: Final = re.compile(r"-----BEGIN ([A-Z ]+)-----(.*?)-----END \1-----", re.DOTALL)
_TEXT_MAX: Final = 262_144
"""Characters. Google's set is 3,000 long."""


class PublicKey(NamedTuple):
    """`id` None: it has no name, and may be any that a sender names. `key` is cryptography's."""

    id: str | None
    key: Any
    expired_at: float | None = None
    """Since when it is not to be believed, in seconds since 1970, as Plaid says of its keys."""


@lru_cache(maxsize=128)
def public_keys(text: str) -> tuple[PublicKey, ...]:
    """Every key in a text. Raises ValueError where there is none."""
    if len(text) > _TEXT_MAX:
        raise ValueError("a text too long to be a key")
    text = text.strip()
    found = tuple(_of_json(text) if text.startswith(("{", "[")) else _of_text(text))
    if not found:
        raise ValueError("no public key")
    return found


def _of_text(text: str) -> Iterator[PublicKey]:
    blocks = _PEM.findall(text)
    certified = False
    for kind, encoded in blocks:
        # Of a chain the first is the sender's; the others only vouch for it.
        if kind == "CERTIFICATE" and certified:
            continue
        certified = certified or kind == "CERTIFICATE"
        yield PublicKey(None, _of_der(_decoded(encoded), certificate=kind == "CERTIFICATE"))
    if not blocks:
        yield PublicKey(None, _of_der(_decoded(text), certificate=False))


def _of_json(text: str) -> Iterator[PublicKey]:
    document = orjson.loads(text)
    members = document.get("keys") if isinstance(document, dict) else None
    if isinstance(members, list):
        for member in members:
            yield from _of_jwk(member)
    else:
        yield from _of_members(document, None)


def _of_jwk(member: Any) -> Iterator[PublicKey]:
    """One key of a set; one of a kind that is not known is skipped, as RFC 7517 (5) asks."""
    import jwt

    if not isinstance(member, dict) or member.get("kty") == "oct":
        return
    id, expired_at = member.get("kid"), member.get("expired_at")
    try:
        key = jwt.PyJWK.from_dict(member).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return
    ended = expired_at if isinstance(expired_at, int | float) else None
    yield PublicKey(id if isinstance(id, str) else None, key, ended)


def _of_members(value: Any, name: str | None) -> Iterator[PublicKey]:
    if isinstance(value, dict) and "kty" in value:
        yield from _of_jwk(value)
    elif isinstance(value, dict):
        for key, member in value.items():
            yield from _of_members(member, key if isinstance(member, str) else name)
    elif isinstance(value, list):
        for member in value:
            yield from _of_members(member, name)
    elif isinstance(value, str) and "-----BEGIN " in value:
        yield from (PublicKey(name, found.key) for found in _of_text(value))


def _of_der(der: bytes, *, certificate: bool) -> Any:
    from cryptography import exceptions, x509
    from cryptography.hazmat.primitives import serialization

    try:
        if certificate:
            return x509.load_der_x509_certificate(der).public_key()
        return serialization.load_der_public_key(der)
    except exceptions.UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from None


def _decoded(text: str) -> bytes:
    return base64.b64decode("".join(text.split()), validate=True)
