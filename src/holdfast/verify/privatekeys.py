"""Private keys, for whoever plays a sender that has one: a pair of his own, whose public half the
webhook is given in the place of the sender's.

    PEM       PKCS #8, or as OpenSSL writes RSA and EC keys; not encrypted
    base64    the same PKCS #8 but bare, on one line
"""

from __future__ import annotations

import base64
from typing import Any

from holdfast.errors import NotSupported
from holdfast.verify.keyaddress import KeyAddress


def private_key(text: str, kind: str) -> Any:
    """A key of that kind: ed25519, ecdsa (on P-256) or rsa. Raises ValueError."""
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
    if not _is(key, kind):
        raise ValueError("a key of another kind")
    return key


def not_the_sender(name: str, address: KeyAddress | None) -> NotSupported:
    """Why what is no private key signs nothing."""
    why = f"{name} cannot sign: only the sender has the private key"
    if address is not None and address.post:
        return NotSupported(
            f"{why}, and asks {' or '.join(address.hosts)} for the public one, so that no pair of your "
            "own is believed; take a variant that is given the key"
        )
    return NotSupported(
        f"{why}; a test signs with one of its own, whose public half the webhook is given "
        "(`holdfast providers key`, holdfast.testing.key_pair)"
    )


def _is(key: object, kind: str) -> bool:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if kind == "ecdsa":
        return isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1)
    return isinstance(key, ed25519.Ed25519PrivateKey if kind == "ed25519" else rsa.RSAPrivateKey)
