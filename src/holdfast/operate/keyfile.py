"""The private half of a key pair for tests, in a file that only its owner can read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from holdfast.definition import Provider
from holdfast.errors import HoldfastError, NotSupported, why_unread
from holdfast.providers.delivering import not_to_be_played
from holdfast.verify.keypairs import KeyPair, new_pair, pair_of
from holdfast.verify.privatekeys import asked_for_key


class Kept(NamedTuple):
    """The pair whose private half is in the file; `made`: just now."""

    pair: KeyPair
    made: bool


def key_file(provider: Provider, file: Path) -> Kept:
    """The pair that is kept there; a new one where none is.

    Raises NotSupported where the sender has no private key or believes no pair of ours, or the file
    holds a key of another kind; HoldfastError where it cannot be read or written.
    """
    if asked := asked_for_key(getattr(provider.verification, "address", None)):
        raise NotSupported(not_to_be_played(provider, asked))
    try:
        if file.exists():
            return Kept(pair_of(provider, file.read_text("utf-8")), made=False)
        pair = new_pair(provider)
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
            opened.write(pair.private)
    except NotSupported as error:
        raise NotSupported(f"{file}: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise HoldfastError(f"{file}: {why_unread(error)}") from None
    return Kept(pair, made=True)
