"""The scheme of whoever signs what it sends, with a shared secret or with a private key.

It is put together from parts, each read before it gets here: the `Signature` (where it stands, how
it is written), the `Content` (what is signed), the method (how), and the `Timestamp`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from hmac import compare_digest
from typing import Any

import orjson

from holdfast.errors import NotSupported, SecretMissing, VerificationFailed
from holdfast.keyring import Wanted
from holdfast.message import Request
from holdfast.secrets import SecretRef
from holdfast.verify.content import Content
from holdfast.verify.judge import no_secret, refuse_mistakes
from holdfast.verify.keyaddress import KeyAddress
from holdfast.verify.locate import Locator, json_all
from holdfast.verify.methods import Asymmetric, Ed25519, Method
from holdfast.verify.privatekeys import NotTheSender
from holdfast.verify.reading import Reading, malformed, missing, utf8
from holdfast.verify.signature import Signature
from holdfast.verify.timestamp import Timestamp
from holdfast.verify.transforms import transform
from holdfast.verify.writing import put, set_json


@dataclass(frozen=True, slots=True)
class HashChoice:
    """A place that names the hash. Nothing there: the scheme's own; an unknown name fails."""

    place: Locator
    hashes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Signed:
    """A source that signs. Made by `hmac`, `digest`, `ed25519`, `ecdsa` and `rsa`."""

    name: str
    secrets: tuple[SecretRef, ...]
    method: Method
    signature: Signature
    contents: tuple[Content, ...]
    """Whichever of them the signature fits."""
    timestamp: Timestamp | None = None
    hash_from: HashChoice | None = None
    require: tuple[tuple[Locator, str], ...] = ()
    """What must stand in other places, such as the version of the scheme."""
    each: str = ""
    """The path of items in the body that are signed one by one: `events.*`."""
    body_hash: Locator | None = None
    """Where the body's SHA-256 stands in hex, for who signs that of a body that is no form."""
    gunzip: bool = False
    key_id: Locator | None = None
    address: KeyAddress | None = None
    url: str = ""
    wrong: tuple[str, ...] = ()
    covers: frozenset[str] = field(init=False, repr=False, compare=False)
    """What a signature vouches for: `body`, `method`, `url`, `path`, `query`, `timestamp`, and
    places such as `header:x-id`, `json:data.id`, `form:payload`, `query:id`."""
    _contents: Callable[[Reading], Sequence[bytes]] = field(init=False, repr=False, compare=False)
    """Every content that a request can be read as, at least one. Raises VerificationFailed."""

    def __post_init__(self) -> None:
        covers = frozenset[str]().union(*(content.covers for content in self.contents))
        if self.timestamp and _covers(covers, self.timestamp.locator):
            covers |= {"timestamp"}
        object.__setattr__(self, "covers", covers)
        object.__setattr__(self, "_contents", _filling(self.contents))

    @property
    def secret_headers(self) -> tuple[str, ...]:
        return ()

    def mistakes(self) -> tuple[str, ...]:
        return self.wrong

    def wanted(self, request: Request, secrets: Sequence[str]) -> tuple[Wanted, ...]:
        """The keys that are to be fetched before `check`, and given to it as the secrets.

        None where they are given in the definition, or the scheme has none to fetch. Raises
        VerificationFailed where the delivery names an address that is not to be trusted.
        """
        refuse_mistakes(self.name, self.wrong)
        if self.address is None or (secrets and not self.address.post):
            return ()
        reading = self._reading(request)
        reading.secret = utf8(secrets[0]) if secrets else b""
        return self.address.wanted(reading)

    def check(self, request: Request, secrets: Sequence[str], now_seconds: float) -> None:
        """Return if one of the secrets, or the other half of one, made one of the signatures.

        The signature is judged before the age, so that `timestamp_too_old` always means: genuine,
        but old. Raises VerificationFailed, or SecretMissing where no secret can be a key.
        """
        if self.wrong:
            refuse_mistakes(self.name, self.wrong)
        reading = Reading(request, self.url)
        if self.gunzip:
            reading.unpack()
        for place, value in self.require:
            _judge_required(reading, place, value)
        method = self._method(reading) if self.hash_from else self.method
        if self.address is not None:
            self.address.judge(reading)
        if self.each:
            for _ in self._items(reading):
                self._judge(reading, method, secrets, now_seconds)
        else:
            self._judge(reading, method, secrets, now_seconds)
        if self.body_hash is not None:
            _judge_body_hash(reading, self.body_hash)

    def sent_at(self, request: Request) -> float | None:
        """When it was sent, seconds since 1970, as far as a verified request says."""
        if self.timestamp is None:
            return None
        reading = self._reading(request)
        try:
            self.signature.read(reading, None)
            return self.timestamp.read(reading) / 1000
        except VerificationFailed:
            return None

    def sign(self, request: Request, secret: str, now_seconds: float) -> Request:
        """The request as a genuine sender would send it: signed, and dated now.

        secret: where the sender has a private key, one of your own, whose other half is then checked.

        What it signs and the request lacks, such as `webhook-id`, is made up from the time and the
        body; whoever knows better puts it into the request before. Raises NotSupported where only
        the sender can sign, SecretMissing where the secret cannot be a key.
        """
        refuse_mistakes(self.name, self.wrong)
        method = self._method(Reading(request)) if self.hash_from else self.method
        place = self.signature.locators[0]
        if place.kind in ("json", "form") and "body" in self.covers:
            raise NotSupported(f"{self.name} cannot sign: the signature stands in what it signs")
        key = self._signing_key(method, secret)
        try:
            if self.each:
                return self._sign_items(request, method, key, place)
            request, entries = self._prepared(request, now_seconds)
            reading = self._reading(request)
            reading.entries = entries
            if self.timestamp:
                self.timestamp.read(reading)
            signature = self._made(reading, method, key)
        except VerificationFailed as error:
            raise NotSupported(f"{self.name} cannot sign this request: {error}") from None
        return put(request, place, self.signature.write(signature, entries))

    def _judge(
        self,
        reading: Reading,
        method: Method,
        secrets: Sequence[str],
        now_seconds: float,
    ) -> None:
        """One content: its signatures first, then its age."""
        presented = self.signature.read(reading, method.size)
        sent_at_ms = self.timestamp.read(reading) if self.timestamp else 0
        keys = self._keys(method, secrets)
        if self.key_id is not None:
            keys = self._named(reading, keys)
        if method.salted:
            fits = self._fits_salted(reading, method, keys, presented)
        else:
            fits = method.fits(keys, self._contents(reading), presented)
        if not fits:
            raise self._mismatch()
        if self.timestamp:
            self.timestamp.judge(sent_at_ms, now_seconds)

    def _reading(self, request: Request) -> Reading:
        reading = Reading(request, self.url)
        if self.gunzip:
            reading.unpack()
        return reading

    def _items(self, reading: Reading) -> Iterator[None]:
        """Once for every item of the list that is signed item by item; an empty one proves nothing."""
        items = list(json_all(reading.document, self.each))
        if not items or None in items:
            raise VerificationFailed("field_missing", f"json:{self.each}")
        for item in items:
            reading.scope, reading.entries = item, {}
            yield

    def _method(self, reading: Reading) -> Method:
        choice = self.hash_from
        if choice is None or isinstance(self.method, Ed25519):
            return self.method
        named = reading.find(choice.place)
        if named is None:
            return self.method
        try:
            named = transform(utf8(named), choice.place.transforms, reading).decode()
        except ValueError as error:
            raise malformed(choice.place, str(error)) from None
        for name, hash in choice.hashes:
            if name == named:
                return replace(self.method, hash=hash)
        raise VerificationFailed("algorithm_unknown", str(choice.place))

    def _fits_salted(
        self,
        reading: Reading,
        method: Method,
        keys: Sequence[Any],
        presented: Sequence[bytes],
    ) -> bool:
        for key in keys:
            reading.secret = key
            if method.fits(keys, self._contents(reading), presented):
                return True
        return False

    def _keys(self, method: Method, secrets: Sequence[str]) -> list[Any]:
        """Those secrets that can be a key; during a rotation one of them is enough."""
        keys: list[Any] = []
        for secret in secrets:
            try:
                keys += method.keys(secret)
            except ValueError:
                continue
        if not keys:
            raise self._no_key(method)
        return keys

    def _signing_key(self, method: Method, secret: str) -> Any:
        try:
            return method.signing_key(secret)
        except ValueError:
            if isinstance(method, Asymmetric):
                raise NotTheSender(self.name, self.address) from None
            raise self._no_key(method) from None

    def _no_key(self, method: Method) -> SecretMissing:
        return no_secret(self.secrets, f"empty, or no {method.kind} key")

    def _named(self, reading: Reading, keys: Sequence[Any]) -> list[Any]:
        """The keys that go by the name that the delivery gives, if it gives one."""
        id = reading.find(self.key_id) if self.key_id else None
        known = [key for key in keys if id is None or key.id in (None, id)]
        if not known:
            raise VerificationFailed("key_unknown", f"{id!r} is none of the keys")
        return known

    def _mismatch(self) -> VerificationFailed:
        if self.covers == {"body"}:
            return VerificationFailed("body_altered_or_wrong_secret")
        return VerificationFailed("signature_mismatch", "wrong secret, or altered on the way")

    def _made(self, reading: Reading, method: Method, key: Any) -> bytes:
        if method.salted:
            reading.secret = key
        return method.make(key, self.contents[0].fill(reading))

    def _sign_items(self, request: Request, method: Method, key: Any, place: Locator) -> Request:
        reading = self._reading(request)
        for _ in self._items(reading):
            text = self.signature.write(self._made(reading, method, key), {})
            set_json(reading.scope, place.name, text)
        return replace(request, body=orjson.dumps(reading.document))

    def _prepared(self, request: Request, now_seconds: float) -> tuple[Request, dict[str, str]]:
        """The request with all that is signed in it, and the entries beside the signature."""
        entries: dict[str, str] = {}
        made_up = _made_up_id(request, now_seconds)
        for place, value in self.require:
            request = put(request, place, value)
        is_form = "form-urlencoded" in (request.headers.get("content-type") or "").lower()
        if self.body_hash is not None and request.body and not is_form:
            hashed = hashlib.sha256(request.body).hexdigest()
            request = put(request, self.body_hash, hashed)
        if self.timestamp:
            written, place = self.timestamp.write(now_seconds), self.timestamp.locator
            if place.kind == "sig":
                entries[place.name] = written
            else:
                request = put(request, place, written)
        reading = self._reading(request)
        content = self.contents[0]
        lists = [part.place for part in content.placeholders if "signed-headers" in part.transforms]
        for place in content.locators:
            if place.kind == "sig":
                entries.setdefault(place.name, "")
            elif reading.find(place) is None:
                named = self._header_names(request, place) if place in lists else made_up
                request = put(request, place, named)
        return request, entries

    def _header_names(self, request: Request, place: Locator) -> str:
        """All that are there, and the one at `place` that lists them; not the signature's own."""
        names = {*(name for name, _ in request.headers), place.name.lower()}
        return ",".join(sorted(names - {self.signature.locators[0].name.lower()}))


def _filling(contents: tuple[Content, ...]) -> Callable[[Reading], Sequence[bytes]]:
    if len(contents) == 1:
        fill = contents[0].fill
        return lambda reading: (fill(reading),)

    def filled(reading: Reading) -> Sequence[bytes]:
        found, failure = [], None
        for content in contents:
            try:
                found.append(content.fill(reading))
            except VerificationFailed as error:
                failure = failure or error
        if not found and failure is not None:
            raise failure
        return found

    return filled


def _covers(covers: frozenset[str], place: Locator) -> bool:
    in_body = place.kind in ("json", "form")
    return place.covered in covers or (in_body and "body" in covers)


def _judge_required(reading: Reading, place: Locator, value: str) -> None:
    found = reading.find(place)
    if found is None:
        raise missing(place)
    if not compare_digest(utf8(found), utf8(value)):
        raise malformed(place, f"is not {value!r}")


def _judge_body_hash(reading: Reading, place: Locator) -> None:
    """Signed as part of the URL; whatever body comes with it must be the one."""
    claimed = reading.find(place)
    if claimed is None:
        return
    actual = hashlib.sha256(reading.body).hexdigest()
    if not compare_digest(actual.encode(), utf8(claimed).lower()):
        raise VerificationFailed("body_altered", f"{place} is the hash of another one")


def _made_up_id(request: Request, now_seconds: float) -> str:
    seed = f"{now_seconds!r} ".encode() + request.body
    return f"msg_{hashlib.sha256(seed).hexdigest()[:32]}"
