"""Key pairs for tests: the private half signs as the sender would, the webhook is given the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from holdfast.definition import Provider, Verification
from holdfast.errors import NotSupported
from holdfast.verify.encoding import encode
from holdfast.verify.keys import Key
from holdfast.verify.methods import Asymmetric, Ed25519
from holdfast.verify.privatekeys import private_key
from holdfast.verify.signed import Signed
from holdfast.verify.webtoken import KEY_KINDS, WebToken

_RSA_BITS: Final = 2048


@dataclass(frozen=True, slots=True)
class KeyPair:
    """`private` is PEM; `public`, on one line, is what stands in the place of the sender's key."""

    private: str = field(repr=False)
    public: str


def new_pair(source: Provider | Verification) -> KeyPair:
    """A new one, of the kind that the source signs with. Raises NotSupported where it has none."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key: Any
    kind = _kind(source)
    if kind == "ed25519":
        key = ed25519.Ed25519PrivateKey.generate()
    elif kind == "ecdsa":
        key = ec.generate_private_key(ec.SECP256R1())
    else:
        key = rsa.generate_private_key(65537, _RSA_BITS)
    pem: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pair_of(source, pem.decode())


def pair_of(source: Provider | Verification, private: str) -> KeyPair:
    """With its other half. Raises NotSupported where it is no private key of the source's kind."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    kind, scheme = _kind(source), _scheme(source)
    try:
        public = private_key(private, kind).public_key()
    except ValueError as error:
        raise NotSupported(f"{source.name} cannot sign with it: {error}") from None
    if isinstance(scheme, Signed) and isinstance(scheme.method, Ed25519):
        raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return KeyPair(private, _written(raw, scheme.method.way))
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return KeyPair(private, encode(der, "base64"))


def _scheme(source: Provider | Verification) -> Verification:
    return source.verification if isinstance(source, Provider) else source


def _kind(source: Provider | Verification) -> str:
    scheme = _scheme(source)
    if isinstance(scheme, Signed) and isinstance(scheme.method, Asymmetric):
        return scheme.method.kind
    if isinstance(scheme, WebToken) and scheme.algorithms[0] in KEY_KINDS:
        return KEY_KINDS[scheme.algorithms[0]]
    raise NotSupported(f"{source.name} has no private key: what signs is the secret that both know")


def _written(raw: bytes, way: Key) -> str:
    return way.strip + encode(raw, "hex" if way.encoding == "hex" else "base64")
