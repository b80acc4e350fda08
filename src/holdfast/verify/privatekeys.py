"""Private keys, for whoever plays a sender that has one: a pair of his own, whose public half the
webhook is given in the place of the sender's.

    PEM       PKCS #8, or as OpenSSL writes RSA and EC keys; not encrypted
    base64    the same PKCS #8 but bare, on one line
"""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import Any

from holdfast.errors import NotSupported
from holdfast.verify.keyaddress import KeyAddress


@lru_cache(maxsize=16)
def private_key(text: str, kind: str) -> Any:
    """A key of that kind: ed25519, ecdsa (on P-256) or rsa. Raises ValueError.

    Remembered by its text: reading an RSA key takes longer than signing with it.
    """
    from cryptography import exceptions
    from cryptography.hazmat.primitives import serialization

    text = text.strip()
    try:
        if text.startswith("-"):
            key = serialization.load_pem_private_key(text.encode(), None)
        else:
            key = serialization.load_der_private_key(base64.b64decode(text, validate=True), None)
    except (TypeError, exceptions.UnsupportedAlgorithm):
        raise ValueError("a key that is encrypted, or of no kind that is known") from None
    except ValueError:
        raise ValueError("it is no private key, neither in PEM nor in base64") from None
    if not _is(key, kind):
        raise ValueError("a key of another kind")
    return key


class NotTheSender(NotSupported):
    """What is no private key of its kind signs nothing for a sender that has one."""

    def __init__(self, name: str, address: KeyAddress | None) -> None:
        super().__init__(
            f"{name} cannot sign: only the sender has the private key; a test signs with one of its own, "
            "whose public half the webhook is given (holdfast.testing.key_pair)"
        )
        self.asked = asked_for_key(address)


def asked_for_key(address: KeyAddress | None) -> str:
    """Who is asked for the public half, so that no other is believed; empty: it can be given."""
    return " or ".join(address.hosts) if address is not None and address.post else ""


def _is(key: object, kind: str) -> bool:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if kind == "ecdsa":
        return isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)
    return isinstance(key, ed25519.Ed25519PrivateKey if kind == "ed25519" else rsa.RSAPrivateKey)
