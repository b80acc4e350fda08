"""The HMAC scheme: a signature over some content, by a key that both sides know.

A scheme is four parts, each parsed before it gets here: the `Signature` (where it stands, how it
is written), the `Content` (what is signed), the `Key` (bytes from a secret) and the `Timestamp`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hmac import compare_digest, digest
from typing import Final, Literal, get_args

from holdfast.errors import (
    DefinitionError,
    Mistake,
    NotSupported,
    SecretMissing,
    VerificationFailed,
)
from holdfast.message import Headers, Request
from holdfast.secrets import SecretRef
from holdfast.verify.content import Content
from holdfast.verify.encoding import decode
from holdfast.verify.reading import Reading
from holdfast.verify.signature import Signature
from holdfast.verify.timestamp import Timestamp

Hash = Literal["sha1", "sha256", "sha384", "sha512"]
HASHES: Final = get_args(Hash)

KeyEncoding = Literal["utf8", "base64", "hex"]
KEY_ENCODINGS: Final = get_args(KeyEncoding)


@dataclass(frozen=True, slots=True)
class Key:
    """How a secret becomes the bytes of a key. `strip` is taken off its front where it is there."""

    encoding: KeyEncoding = "utf8"
    strip: str = ""

    def of(self, secret: str) -> bytes:
        """The key. Raises ValueError where the secret is not so encoded, or is empty: anybody can
        sign with an empty key."""
        text = secret.removeprefix(self.strip)
        if self.encoding == "utf8":
            # Bytes of the environment that are not UTF-8 arrive as surrogate escapes.
            key = text.encode("utf-8", "surrogateescape")
        else:
            key = decode(text, self.encoding)
        if not key:
            raise ValueError("an empty key")
        return key


@dataclass(frozen=True, slots=True)
class Hmac:
    """A source that signs with a shared secret. Made by `hmac(...)` and its relatives."""

    name: str
    secrets: tuple[SecretRef, ...]
    hash: Hash
    signature: Signature
    content: Content
    key: Key
    timestamp: Timestamp | None = None
    wrong: tuple[str, ...] = ()

    @property
    def secret_headers(self) -> tuple[str, ...]:
        return ()

    def mistakes(self) -> tuple[str, ...]:
        return self.wrong

    def check(self, request: Request, secrets: Sequence[str], now_seconds: float) -> None:
        """Return if one of the secrets made one of the signatures.

        The signature is judged before the age, so that `timestamp_too_old` always means: genuine,
        but old. Raises VerificationFailed, or SecretMissing where no secret can be a key.
        """
        self._refuse_mistakes()
        reading = Reading(request)
        presented = self.signature.read(reading)
        sent_at_ms = self.timestamp.read(reading) if self.timestamp else 0
        content = self.content.fill(reading)
        if not self._matches(presented, content, secrets):
            raise VerificationFailed("signature_mismatch", "wrong secret, or altered on the way")
        if self.timestamp:
            self.timestamp.judge(sent_at_ms, now_seconds)

    def sign(self, request: Request, secret: str, now_seconds: float) -> Mapping[str, str]:
        """The headers a genuine sender would add; they replace any of the same name.

        A signed header that the request lacks, such as `webhook-id`, is made up from the time and
        the body; whoever knows a better id puts it into the request. Raises NotSupported where the
        signature does not stand in a header, SecretMissing where the secret cannot be a key.
        """
        self._refuse_mistakes()
        place = self.signature.locators[0]
        if place.kind != "header":
            raise NotSupported(f"{self.name} cannot sign: its signature stands in {place}")
        (key,) = self._keys([secret])
        headers, entries = self._added(request, now_seconds)
        reading = Reading(_with_headers(request, headers))
        reading.entries = entries
        try:
            if self.timestamp:
                self.timestamp.read(reading)
            content = self.content.fill(reading)
        except VerificationFailed as error:
            raise NotSupported(f"{self.name} cannot sign this request: {error}") from None
        signature = self.signature.write(digest(key, content, self.hash), entries)
        return {**headers, place.name: signature}

    def _matches(self, presented: Sequence[bytes], content: bytes, secrets: Sequence[str]) -> bool:
        for key in self._keys(secrets):
            expected = digest(key, content, self.hash)
            for signature in presented:
                if compare_digest(expected, signature):
                    return True
        return False

    def _keys(self, secrets: Sequence[str]) -> list[bytes]:
        """Those secrets that can be a key; during a rotation one of them is enough."""
        keys = []
        for secret in secrets:
            try:
                keys.append(self.key.of(secret))
            except ValueError:
                continue
        if not keys:
            where = " or ".join(map(str, self.secrets))
            raise SecretMissing(f"the secret {where} is empty, or not {self.key.encoding}")
        return keys

    def _added(self, request: Request, now_seconds: float) -> tuple[dict[str, str], dict[str, str]]:
        """What signing adds beside the signature: headers, and entries of the signature's own."""
        headers: dict[str, str] = {}
        entries: dict[str, str] = {}
        if self.timestamp and self.timestamp.locator.kind in ("header", "sig"):
            kind, name = self.timestamp.locator.kind, self.timestamp.locator.name
            (headers if kind == "header" else entries)[name] = self.timestamp.write(now_seconds)
        for locator in self.content.locators:
            present = locator.name in request.headers or locator.name in Headers.of(headers)
            if locator.kind == "header" and not present:
                headers[locator.name] = _made_up_id(request, now_seconds)
        return headers, entries

    def _refuse_mistakes(self) -> None:
        # A definition with mistakes never compiles; whoever comes here past that is refused too.
        if self.wrong:
            raise DefinitionError([Mistake(self.name, text) for text in self.wrong])


def _made_up_id(request: Request, now_seconds: float) -> str:
    seed = f"{now_seconds!r} ".encode() + request.body
    return f"msg_{hashlib.sha256(seed).hexdigest()[:32]}"


def _with_headers(request: Request, added: Mapping[str, str]) -> Request:
    new = Headers.of(added)
    kept = tuple(line for line in request.headers.lines if line[0] not in new)
    return replace(request, headers=Headers(new.lines + kept))
