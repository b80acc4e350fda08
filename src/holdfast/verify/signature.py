"""Where a signature stands, and the grammar it is written in.

sha256=5f3a...                    a prefix, then the signature
t=1700000000,v1=5f3a...,v1=77c0   entries: `split` between them, `kv` inside, `keys` that count
1700000000,5f3a...,77c0           entries without keys go by position: keys ("1..",)
v1,K5oZ... v2,aaaa                several: any one that matches is enough, others are skipped
eyJhbGciOi...                     base64 of a JSON object (`packed`): its members are the entries
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import orjson

from holdfast.errors import VerificationFailed
from holdfast.verify.encoding import Encoding, decode, encode
from holdfast.verify.locate import Locator
from holdfast.verify.reading import Reading, malformed, missing

SIGNATURES_MAX: Final = 32
"""So many of one header are looked at; a stranger could write thousands, and have each judged."""

Read = Callable[[Reading, int | None], Sequence[bytes]]


@dataclass(frozen=True, slots=True)
class Signature:
    """`locators` are all looked at: some senders sign once per secret, each in its own header."""

    locators: tuple[Locator, ...]
    encoding: Encoding
    prefix: str = ""
    prefix_optional: bool = False
    split: str = ""
    kv: str = ""
    keys: tuple[str, ...] = ()
    packed: bool = False
    ours: bool = False
    """The keys are names of our own, such as a public key's: another name is another's key."""
    read: Read = field(init=False, repr=False, compare=False)
    """Every signature presented, at least one. Leaves the other entries in the reading.

    Takes the bytes that a signature has, too; None: any number.
    Raises VerificationFailed: nothing is there, or nothing that is there can be read.
    """

    def __post_init__(self) -> None:
        object.__setattr__(self, "read", self._read_alone() if self._alone else self._read_all)

    @property
    def _alone(self) -> bool:
        (first, *others) = self.locators
        return first.kind == "header" and not others and not self.split and not self.packed

    def _read_alone(self) -> Read:
        """The usual case, a header that is the signature and nothing else, made quick."""
        locator, encoding = self.locators[0], self.encoding
        alone = "" if "," in locator.name else locator.name
        prefix, length, optional = self.prefix, len(self.prefix), self.prefix_optional

        def read(reading: Reading, size: int | None) -> Sequence[bytes]:
            text = reading.request.headers.get(alone) if alone else reading.find(locator)
            if text is None:
                raise missing(locator)
            if prefix:
                if text.startswith(prefix):
                    text = text[length:]
                elif not optional:
                    raise malformed(locator, f"does not start with {prefix!r}")
            try:
                signature = decode(text, encoding)
            except ValueError:
                signature = b""
            if len(signature) != size and (size is not None or not signature):
                raise self._unreadable(locator, size)
            return (signature,)

        return read

    def _read_all(self, reading: Reading, size: int | None) -> Sequence[bytes]:
        found: list[bytes] = []
        failure: VerificationFailed | None = None
        for locator in self.locators:
            text = reading.find(locator)
            if text is None:
                continue
            try:
                found += self._decode(self._candidates(text, locator, reading), locator, size)
            except VerificationFailed as error:
                failure = failure or error
        if not found:
            raise failure or missing(self.locators[0])
        return found

    def write(self, signature: bytes, entries: Mapping[str, str]) -> str:
        """The text of one signature, beside `entries`: the inverse of `read`."""
        text = encode(signature, self.encoding)
        if self.packed:
            packed = orjson.dumps({**entries, self.keys[0]: text})
            return encode(packed, "base64")
        if self.split:
            own = self.keys[0].removesuffix("..")
            pairs = {**entries, own: text}
            if self.kv:
                written = [f"{key}{self.kv}{value}" for key, value in pairs.items()]
            else:
                written = [pairs[position] for position in sorted(pairs, key=int)]
            text = self.split.join(written)
        return self.prefix + text

    def _candidates(self, text: str, locator: Locator, reading: Reading) -> list[str]:
        if self.prefix:
            if text.startswith(self.prefix):
                text = text[len(self.prefix) :]
            elif not self.prefix_optional:
                raise malformed(locator, f"does not start with {self.prefix!r}")
        if not self.split and not self.packed:
            return [text]
        pairs = _unpacked(text, locator) if self.packed else self._pairs(text)
        if not reading.entries:
            # Of a repeated key the first stands, as with headers.
            reading.entries = dict(reversed(pairs))
        candidates = [value for key, value in pairs if self._counts(key)][:SIGNATURES_MAX]
        if not candidates:
            if self.ours:
                raise VerificationFailed("key_unknown", f"{locator.name} names none of our keys")
            raise malformed(locator, f"has no {' or '.join(self.keys)} entry")
        return candidates

    def _pairs(self, text: str) -> list[tuple[str, str]]:
        entries = [entry for part in text.split(self.split) if (entry := part.strip())]
        if not self.kv:
            return [(str(position), entry) for position, entry in enumerate(entries)]
        split = (entry.partition(self.kv) for entry in entries)
        return [(key.strip(), value.strip()) for key, _, value in split]

    def _counts(self, key: str) -> bool:
        if key in self.keys:
            return True
        return (
            not self.kv
            and not self.packed
            and any(wanted.endswith("..") and int(key) >= int(wanted[:-2]) for wanted in self.keys)
        )

    def _decode(self, candidates: list[str], locator: Locator, size: int | None) -> list[bytes]:
        found = []
        for text in candidates:
            try:
                signature = decode(text, self.encoding)
            except ValueError:
                continue
            if len(signature) == size or (size is None and signature):
                found.append(signature)
        if not found:
            raise self._unreadable(locator, size)
        return found

    def _unreadable(self, locator: Locator, size: int | None) -> VerificationFailed:
        bytes_of = "" if size is None else f" of {size} bytes"
        return malformed(locator, f"holds no signature{bytes_of} in {self.encoding}")


def _unpacked(text: str, locator: Locator) -> list[tuple[str, str]]:
    try:
        members = orjson.loads(decode(text, "base64"))
    except ValueError:
        members = None
    if not isinstance(members, dict):
        raise malformed(locator, "is no JSON object in base64")
    return [(key, value) for key, value in members.items() if isinstance(value, str)]
