"""The private half of a key pair for tests, in a file that only its owner can read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from holdfast.definition import Verification
from holdfast.errors import HoldfastError
from holdfast.verify.keypairs import KeyPair, new_pair, pair_of
from holdfast.verify.privatekeys import not_the_sender


class Kept(NamedTuple):
    """The pair whose private half is in the file; `made`: just now."""

    pair: KeyPair
    made: bool


def key_file(scheme: Verification, file: Path) -> Kept:
    """The pair that is kept there; a new one where none is.

    Raises NotSupported where the scheme has no private key or believes no pair of ours, or the file
    holds a key of another kind;
    HoldfastError where it cannot be read or written.
    """
    address = getattr(scheme, "address", None)
    if address is not None and address.post:
        raise not_the_sender(scheme.name, address)
    try:
        if file.exists():
            return Kept(pair_of(scheme, file.read_text("utf-8")), made=False)
        pair = new_pair(scheme)
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
            opened.write(pair.private)
    except (OSError, UnicodeDecodeError) as error:
        raise HoldfastError(f"{file}: {type(error).__name__}") from None
    return Kept(pair, made=True)
