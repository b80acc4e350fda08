"""How a signature is made or judged: from a key, a content and, where it is judged, a signature.

`Mac` and `KeyedDigest` make one anew, and compare in constant time; `Ed25519`, `Ecdsa` and `Rsa` judge
it with the sender's public key, and make one for whoever plays the sender with a private key of his
own. Each says whether any of the signatures that were presented fits any of the keys and contents.

    size      bytes of a signature; None: any number
    salted    whether the content holds the key
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hmac import compare_digest, digest
from typing import Any, Final, Literal, get_args

from holdfast.verify.keys import Key, keys_of
from holdfast.verify.privatekeys import private_key
from holdfast.verify.publickeys import PublicKey, public_keys

Hash = Literal["md5", "sha1", "sha256", "sha384", "sha512"]
HASHES: Final = get_args(Hash)

DigestHash = Literal["md5", "sha1", "sha256", "sha384", "sha512", "keccak256"]
DIGEST_HASHES: Final = get_args(DigestHash)

_SIZES: Final[Mapping[str, int]] = {
    "md5": 16,
    "sha1": 20,
    "sha256": 32,
    "sha384": 48,
    "sha512": 64,
    "keccak256": 32,
}


@dataclass(frozen=True, slots=True)
class Mac:
    """HMAC (RFC 2104)."""

    hash: str
    ways: tuple[Key, ...] = (Key(),)
    kind = "hmac"
    salted = False

    @property
    def size(self) -> int:
        return _SIZES[self.hash]

    def keys(self, secret: str) -> list[bytes]:
        """Raises ValueError where the secret cannot be a key."""
        ways = self.ways
        return [ways[0].of(secret)] if len(ways) == 1 else keys_of(ways, secret)

    def signing_key(self, secret: str) -> bytes:
        """Raises ValueError, as above."""
        return self.keys(secret)[0]

    def make(self, key: bytes, content: bytes) -> bytes:
        return digest(key, content, self.hash)

    def fits(
        self, keys: Sequence[bytes], contents: Sequence[bytes], presented: Sequence[bytes]
    ) -> bool:
        for key in keys:
            for content in contents:
                expected = digest(key, content, self.hash)
                for signature in presented:
                    if compare_digest(expected, signature):
                        return True
        return False


@dataclass(frozen=True, slots=True)
class KeyedDigest:
    """A plain hash of a content that holds the secret: what some senders had before HMAC."""

    hash: str
    kind = "digest"
    salted = True

    @property
    def size(self) -> int:
        return _SIZES[self.hash]

    def keys(self, secret: str) -> list[bytes]:
        """Raises ValueError where the secret is empty."""
        return [Key().of(secret)]

    def signing_key(self, secret: str) -> bytes:
        """Raises ValueError, as above."""
        return Key().of(secret)

    def make(self, _key: bytes, content: bytes) -> bytes:
        """The content holds the key already."""
        if self.hash == "keccak256":
            return keccak256(content)
        return hashlib.new(self.hash, content, usedforsecurity=False).digest()

    def fits(
        self, _keys: Sequence[bytes], contents: Sequence[bytes], presented: Sequence[bytes]
    ) -> bool:
        made = [self.make(b"", content) for content in contents]
        return any(compare_digest(one, other) for one in made for other in presented)


class _WithKeyPair:
    """What is signed with a private key. The secret's place is taken by the public one."""

    __slots__ = ()
    kind = ""
    salted = False
    size: int | None = None

    @abstractmethod
    def keys(self, text: str) -> list[PublicKey]:
        """Raises ValueError where there is no such key."""

    @abstractmethod
    def make(self, key: Any, content: bytes) -> bytes:
        """With a private key of cryptography's."""

    @abstractmethod
    def verify(self, key: Any, content: bytes, signature: bytes) -> None:
        """With a public one. Raises InvalidSignature, UnsupportedAlgorithm or ValueError."""

    def signing_key(self, text: str) -> Any:
        """Raises ValueError where it is no private key of this kind."""
        return private_key(text, self.kind)

    def fits(
        self, keys: Sequence[PublicKey], contents: Sequence[bytes], presented: Sequence[bytes]
    ) -> bool:
        from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

        for each in keys:
            for content in contents:
                for signature in presented:
                    try:
                        self.verify(each.key, content, signature)
                    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
                        continue
                    return True
        return False


@dataclass(frozen=True, slots=True)
class Ed25519(_WithKeyPair):
    """RFC 8032. The public key is 32 bytes, or one in PEM or as JWK."""

    way: Key
    kind = "ed25519"
    size = 64

    def keys(self, text: str) -> list[PublicKey]:
        from cryptography.hazmat.primitives.asymmetric import ed25519

        if text.lstrip().startswith(("-", "{")):
            return _of_type(public_keys(text), ed25519.Ed25519PublicKey)
        return [PublicKey(None, ed25519.Ed25519PublicKey.from_public_bytes(self.way.of(text)))]

    def make(self, key: Any, content: bytes) -> bytes:
        made: bytes = key.sign(content)
        return made

    def verify(self, key: Any, content: bytes, signature: bytes) -> None:
        key.verify(signature, content)


@dataclass(frozen=True, slots=True)
class Ecdsa(_WithKeyPair):
    """On the curve P-256, the signature in DER."""

    hash: str
    kind = "ecdsa"

    def keys(self, text: str) -> list[PublicKey]:
        from cryptography.hazmat.primitives.asymmetric import ec

        found = _of_type(public_keys(text), ec.EllipticCurvePublicKey)
        if not all(isinstance(each.key.curve, ec.SECP256R1) for each in found):
            raise ValueError("a key on another curve")
        return found

    def make(self, key: Any, content: bytes) -> bytes:
        made: bytes = key.sign(content, self._way())
        return made

    def verify(self, key: Any, content: bytes, signature: bytes) -> None:
        key.verify(signature, content, self._way())

    def _way(self) -> Any:
        from cryptography.hazmat.primitives.asymmetric import ec

        return ec.ECDSA(_hash(self.hash))


@dataclass(frozen=True, slots=True)
class Rsa(_WithKeyPair):
    """PKCS #1 v1.5."""

    hash: str
    kind = "rsa"

    def keys(self, text: str) -> list[PublicKey]:
        from cryptography.hazmat.primitives.asymmetric import rsa

        return _of_type(public_keys(text), rsa.RSAPublicKey)

    def make(self, key: Any, content: bytes) -> bytes:
        made: bytes = key.sign(content, *self._way())
        return made

    def verify(self, key: Any, content: bytes, signature: bytes) -> None:
        key.verify(signature, content, *self._way())

    def _way(self) -> tuple[Any, Any]:
        from cryptography.hazmat.primitives.asymmetric import padding

        return padding.PKCS1v15(), _hash(self.hash)


Symmetric = Mac | KeyedDigest
Asymmetric = Ed25519 | Ecdsa | Rsa
Method = Symmetric | Asymmetric


def keccak256(data: bytes) -> bytes:
    """Ethereum's hash: SHA-3 as it was before it became a standard, with another padding."""
    from Crypto.Hash import keccak

    return keccak.new(digest_bits=256, data=data).digest()


def _hash(name: str) -> Any:
    from cryptography.hazmat.primitives import hashes

    return getattr(hashes, name.upper())()


def _of_type(keys: tuple[PublicKey, ...], kind: type) -> list[PublicKey]:
    found = [each for each in keys if isinstance(each.key, kind)]
    if not found:
        raise ValueError("a key of another kind")
    return found
