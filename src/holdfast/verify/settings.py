"""What all schemes that sign have in common: their settings, and the parts that these become.

Nothing here raises: what is wrong is noted by the `Judge`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypedDict

from holdfast.clock import parse_duration
from holdfast.secrets import SecretRef
from holdfast.verify.content import Content
from holdfast.verify.encoding import ENCODINGS, Encoding
from holdfast.verify.judge import Judge
from holdfast.verify.keyaddress import KeyAddress
from holdfast.verify.locate import Locator
from holdfast.verify.methods import Method
from holdfast.verify.signature import Signature
from holdfast.verify.signed import HashChoice, Signed
from holdfast.verify.timestamp import UNITS, Timestamp, Unit

NOWHERE: Final = Locator("header", "?")
_POSITION: Final = re.compile(r"\d{1,4}(\.\.)?", re.ASCII)


class Fetch(TypedDict, total=False):
    """Where the sender publishes its keys; see `holdfast.verify.keyaddress`."""

    url: str | Sequence[str]
    hosts: Sequence[str]
    suffix: str
    certificate: str
    post: Mapping[str, str]


class SignedSettings(TypedDict, total=False):
    """How a signature is written, and over what.

    header: the header that carries the signature; or
    signature: where it stands otherwise: `json:meta.signature`, `form:sig`, `query:sig`, or several.
    encoding: hex, base64 or base64url.
    prefix: what stands before the signature, and must unless `prefix_optional`.
    split, kv, keys: where there are several entries: what separates them, what separates key and
        value inside one, and the keys whose values are signatures. Without `kv` entries go by
        position: `keys=("1..",)` is all but the first.
    own_keys: the keys are names of ours; a signature under another name is by another's key.
    packed: the header is base64 of a JSON object, whose members are the entries.
    message: what is signed, as a template (`holdfast.verify.content`); or several, any of which.
    timestamp: where the time of sending stands: `header:X-Timestamp`, `sig:t`, `json:sent_at`.
    timestamp_unit: s, ms or iso8601.
    tolerance: how far off it may be, either way: `"5m"`. None or `"any"`: any time will do.
    require: what must stand elsewhere: `{"header:X-Version": "1"}`; an empty text demands nothing.
    each: the path of items in a JSON body that are signed one by one, such as `events.*`; JSON
        places are then inside the item.
    body_hash: where the body's SHA-256 in hex stands, that is signed in its place.
    gunzip: sign the body as it is unpacked.
    key_id: where the name of the key stands, for who signs with one of several private keys.
    fetch: where the public keys are published: `url`, `hosts`, `suffix`, `certificate`, `post`.
    url: the address as it is registered with the sender, where that is signed and differs from what
        is seen here.
    name: how messages call the scheme.
    """

    header: str | None
    signature: str | Sequence[str]
    encoding: Encoding
    prefix: str
    prefix_optional: bool
    split: str
    kv: str
    keys: str | Sequence[str]
    own_keys: bool
    packed: bool
    message: str | Sequence[str]
    timestamp: str | None
    timestamp_unit: Unit
    tolerance: str | None
    require: Mapping[str, str]
    each: str
    body_hash: str
    gunzip: bool
    key_id: str
    fetch: Fetch
    url: str
    name: str


DEFAULTS: Final[Mapping[str, Any]] = {
    "header": None,
    "signature": (),
    "encoding": "hex",
    "prefix": "",
    "prefix_optional": False,
    "split": "",
    "kv": "",
    "keys": (),
    "own_keys": False,
    "packed": False,
    "message": "{body}",
    "timestamp": None,
    "timestamp_unit": "s",
    "tolerance": "5m",
    "require": {},
    "each": "",
    "body_hash": None,
    "gunzip": False,
    "key_id": None,
    "fetch": None,
    "url": "",
    "name": None,
}
"""What holds where nothing is said. `name`: the method's own, such as `hmac`."""


def signed(
    judge: Judge,
    secrets: tuple[SecretRef, ...],
    method: Method,
    settings: SignedSettings,
    hash_from: HashChoice | None = None,
) -> Signed:
    """The scheme that these settings describe."""
    given: dict[str, Any] = {**DEFAULTS, **settings}
    for unknown in given.keys() - DEFAULTS.keys():
        close = difflib.get_close_matches(unknown, DEFAULTS, n=1)
        meant = f"; did you mean {close[0]}?" if close else ""
        judge.wrong.append(f"{unknown}: not a setting of {method.kind}{meant}")
    split, packed = judge.text("split", given["split"]), bool(given["packed"])
    messages = judge.texts("message", given["message"])
    if not messages and not judge.wrong:
        judge.wrong.append("message: say what is signed, such as {body}")
    contents = tuple(judge.parsed("message", Content.parse, text, Content(())) for text in messages)
    sent_at = _timestamp(judge, given)
    _judge_together(judge, contents, sent_at, entries=bool(split or packed))
    each = judge.text("each", given["each"])
    if each and "*" not in each.split("."):
        judge.wrong.append("each: a star stands for the items of a list, such as events.*")
    return Signed(
        name=judge.text("name", given["name"] or method.kind),
        secrets=secrets,
        method=method,
        signature=Signature(
            locators=_places(judge, given),
            encoding=judge.one_of("encoding", given["encoding"], ENCODINGS),
            prefix=judge.text("prefix", given["prefix"]),
            prefix_optional=bool(given["prefix_optional"]),
            split=split,
            kv=judge.text("kv", given["kv"]),
            keys=_keys(judge, given, packed=packed),
            packed=packed,
            ours=bool(given["own_keys"]),
        ),
        contents=contents or (Content(()),),
        timestamp=sent_at,
        hash_from=hash_from,
        require=_required(judge, given["require"]),
        each=each,
        body_hash=place_of(judge, "body_hash", given["body_hash"]),
        gunzip=bool(given["gunzip"]),
        key_id=place_of(judge, "key_id", given["key_id"]),
        address=address_of(judge, given["fetch"]),
        url=judge.text("url", given["url"]),
        wrong=tuple(judge.wrong),
    )


def place_of(judge: Judge, setting: str, written: str | None) -> Locator | None:
    """Where something stands, if it stands anywhere."""
    return None if written is None else judge.parsed(setting, Locator.parse, written, NOWHERE)


def address_of(judge: Judge, written: Fetch | None) -> KeyAddress | None:
    """Where keys are fetched, if they are."""
    if written is None:
        return None
    given: dict[str, Any] = dict(written)
    hosts = judge.texts("fetch.hosts", given.get("hosts", ()))
    if not hosts:
        judge.wrong.append("fetch.hosts: name the hosts that keys may be fetched from")
    post = given.get("post", {})
    return KeyAddress(
        urls=tuple(
            judge.parsed("fetch.url", _address, text, Content(()))
            for text in judge.texts("fetch.url", given.get("url", ""))
        ),
        hosts=hosts,
        suffix=judge.text("fetch.suffix", given.get("suffix", "")),
        certificate=judge.text("fetch.certificate", given.get("certificate", "")),
        post=tuple(
            (name, judge.parsed(f"fetch.post.{name}", _address, text, Content(())))
            for name, text in post.items()
        ),
    )


def tolerance_ms(judge: Judge, setting: str, written: str | None) -> int | None:
    """A duration in milliseconds; None: any."""
    if written is None or written == "any":
        return None
    return round(1000 * judge.parsed(setting, parse_duration, written, 0.0))


def _address(text: str) -> Content:
    """A template that need not name anything of the request."""
    return Content.parse(text) if "{" in text else Content((text.encode(),))


def _places(judge: Judge, given: Mapping[str, Any]) -> tuple[Locator, ...]:
    places = judge.texts("signature", given["signature"])
    if given["header"] is not None:
        places = (f"header:{judge.text('header', given['header'])}", *places)
    if not places:
        judge.wrong.append("header: name the header that carries the signature")
        return (NOWHERE,)
    return tuple(judge.parsed("signature", Locator.parse, place, NOWHERE) for place in places)


def _timestamp(judge: Judge, given: Mapping[str, Any]) -> Timestamp | None:
    place = given["timestamp"]
    if place is None:
        return None
    return Timestamp(
        locator=judge.parsed("timestamp", Locator.parse, place, NOWHERE),
        unit=judge.one_of("timestamp_unit", given["timestamp_unit"], UNITS),
        tolerance_ms=tolerance_ms(judge, "tolerance", given["tolerance"]),
    )


def _required(judge: Judge, written: Mapping[str, str]) -> tuple[tuple[Locator, str], ...]:
    return tuple(
        (judge.parsed("require", Locator.parse, place, NOWHERE), judge.text("require", value))
        for place, value in written.items()
        if value
    )


def _keys(judge: Judge, given: Mapping[str, Any], *, packed: bool) -> tuple[str, ...]:
    split, kv = given["split"], given["kv"]
    counted = judge.texts("keys", given["keys"])
    if packed:
        if len(counted) != 1:
            judge.wrong.append("keys: say which member of the packed object is the signature")
        return counted or ("signature",)
    if not split and (kv or counted):
        judge.wrong.append("split: kv and keys need it, to tell one entry from the next")
    elif kv and not counted:
        judge.wrong.append("keys: say which entries are signatures, such as v1")
    elif not kv and not all(_POSITION.fullmatch(key) for key in counted):
        judge.wrong.append("keys: without kv, entries go by position: 0, 1 or 1..")
    return counted or ("0..",)


def _judge_together(
    judge: Judge, contents: Sequence[Content], sent_at: Timestamp | None, *, entries: bool
) -> None:
    """What is right by itself, but does not go with the rest."""
    if sent_at is None and any(content.uses("timestamp") for content in contents):
        judge.wrong.append("timestamp: say where what {timestamp} stands for is to be found")
    places = [place for content in contents for place in content.locators]
    if not entries and any(place.kind == "sig" for place in _with_time(places, sent_at)):
        judge.wrong.append("split: sig:... needs a signature header of several entries")


def _with_time(places: Sequence[Locator], sent_at: Timestamp | None) -> Sequence[Locator]:
    return places if sent_at is None else [*places, sent_at.locator]
