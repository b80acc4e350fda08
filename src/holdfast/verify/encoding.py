"""Bytes as text and back, strictly: what is not exactly the encoding is not decoded at all."""

from __future__ import annotations

import base64
import binascii
from typing import Final, Literal, get_args

Encoding = Literal["hex", "base64", "base64url"]
ENCODINGS: Final = get_args(Encoding)

_TO_URL: Final = str.maketrans("+/", "-_")
_FROM_URL: Final = str.maketrans("-_+/", "+/..")
"""The plain alphabet's own characters become dots, which no base64 holds."""


def encode(data: bytes, encoding: Encoding) -> str:
    """Lower-case hex, or base64 with its padding."""
    if encoding == "hex":
        return data.hex()
    text = base64.b64encode(data).decode("ascii")
    return text if encoding == "base64" else text.translate(_TO_URL)


def decode(text: str, encoding: Encoding) -> bytes:
    """Either case of hex; base64 with or without its padding, nothing else beside the alphabet.

    Raises ValueError. `bytes.fromhex` and `base64.b64decode` would let white space and stray
    characters through.
    """
    if encoding == "hex":
        return binascii.unhexlify(text)
    if encoding == "base64url":
        text = text.translate(_FROM_URL)
    if not text.endswith("="):
        text += "=" * (-len(text) % 4)
    return binascii.a2b_base64(text, strict_mode=True)
