"""How a secret becomes the bytes of a key."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal, get_args

from holdfast.verify.encoding import decode
from holdfast.verify.reading import utf8

KeyEncoding = Literal["utf8", "base64", "hex", "nfkd", "sha1"]
KEY_ENCODINGS: Final = get_args(KeyEncoding)


@dataclass(frozen=True, slots=True)
class Key:
    """`strip` is taken off the front of what is to be decoded, where it is there.

    utf8: the secret as it stands. base64, hex: decoded. nfkd: in Unicode's compatible decomposed
    form first, so that an é is an e and an accent. sha1: the secret's digest.
    """

    encoding: KeyEncoding = "utf8"
    strip: str = ""

    def of(self, secret: str) -> bytes:
        """The key. Raises ValueError where the secret is not so encoded, or is empty: anybody can
        sign with an empty key."""
        if not secret:
            raise ValueError("an empty key")
        if self.encoding == "utf8":
            # Bytes of the environment that are not UTF-8 arrive as surrogate escapes.
            return utf8(secret)
        if self.encoding == "nfkd":
            return utf8(unicodedata.normalize("NFKD", secret))
        if self.encoding == "sha1":
            return hashlib.sha1(utf8(secret), usedforsecurity=False).digest()
        key = decode(secret.removeprefix(self.strip), self.encoding)
        if not key:
            raise ValueError("an empty key")
        return key


def keys_of(ways: tuple[Key, ...], secret: str) -> list[bytes]:
    """The secret as a key in each of these ways that it can be read in. Raises ValueError."""
    found, failure = [], None
    for way in ways:
        try:
            found.append(way.of(secret))
        except ValueError as error:
            failure = error
    if not found:
        raise failure or ValueError("no way to read it")
    return found
