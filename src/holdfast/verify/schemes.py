"""Making schemes that sign: what the user writes, in; an `Hmac` of parsed parts, out.

Nothing here raises: `mistakes()` of what is made tells what is wrong.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Final

from holdfast.clock import parse_duration
from holdfast.verify.content import Content
from holdfast.verify.encoding import ENCODINGS, Encoding
from holdfast.verify.judge import Judge, References
from holdfast.verify.keyed import HASHES, KEY_ENCODINGS, Hash, Hmac, Key, KeyEncoding
from holdfast.verify.locate import Locator
from holdfast.verify.signature import Signature
from holdfast.verify.timestamp import UNITS, Timestamp, Unit

_POSITION: Final = re.compile(r"\d{1,4}(\.\.)?", re.ASCII)
_NOWHERE: Final = Locator("header", "?")


def hmac_sha256(
    secret: References, *, header: str = "X-Signature-256", encoding: Encoding = "hex"
) -> Hmac:
    """The body's HMAC-SHA256 in a header, with or without `sha256=` before it."""
    return hmac(secret, header=header, encoding=encoding, prefix="sha256=", prefix_optional=True)


def standard_webhooks(secret: References) -> Hmac:
    """Standard Webhooks, version 1: `webhook-id`, `webhook-timestamp`, `webhook-signature`.

    The secret is base64, with or without `whsec_` before it; entries of other versions are skipped.
    """
    return hmac(
        secret,
        header="webhook-signature",
        encoding="base64",
        split=" ",
        kv=",",
        keys="v1",
        message="{header:webhook-id}.{timestamp}.{body}",
        key="base64",
        key_strip="whsec_",
        timestamp="header:webhook-timestamp",
        name="standard-webhooks",
    )


def hmac(
    secret: References,
    *,
    header: str | None = None,
    signature: str | Sequence[str] = (),
    hash: Hash = "sha256",
    encoding: Encoding = "hex",
    prefix: str = "",
    prefix_optional: bool = False,
    split: str = "",
    kv: str = "",
    keys: str | Sequence[str] = (),
    message: str = "{body}",
    key: KeyEncoding = "utf8",
    key_strip: str = "",
    timestamp: str | None = None,
    timestamp_unit: Unit = "s",
    tolerance: str | None = "5m",
    name: str = "hmac",
) -> Hmac:
    """Any HMAC scheme.

    secret: a reference such as `env:NAME`, or several during a rotation; any one may match.
    header: the header that carries the signature; or
    signature: where it stands otherwise: `json:meta.signature`, `form:sig`, `query:sig`, or several.
    prefix: what stands before the signature, and must unless `prefix_optional`.
    split, kv, keys: where there are several entries: what separates them, what separates key and
        value inside one, and the keys whose values are signatures. Without `kv` entries go by
        position: `keys=("1..",)` is all but the first.
    message: what is signed: text with `{body}` `{timestamp}` `{method}` `{path}` `{url}`
        `{header:X}` `{query:x}` `{form:x}` `{json:a.b}` `{sig:key}` in it.
    key, key_strip: how the secret becomes a key, and what to take off its front first.
    timestamp: where the time of sending stands: `header:X-Timestamp`, `sig:t`, `json:sent_at`.
    tolerance: how far off it may be, either way: `"5m"`. None: any time will do.
    """
    judge = Judge()
    references = judge.references(secret)
    places = judge.texts("signature", signature)
    if header is not None:
        places = (f"header:{judge.text('header', header)}", *places)
    content = judge.parsed("message", Content.parse, message, Content(()))
    sent_at = _timestamp(judge, timestamp, timestamp_unit, tolerance)
    _judge_together(judge, content, sent_at, entries=bool(split))
    return Hmac(
        name=judge.text("name", name),
        secrets=references,
        hash=judge.one_of("hash", hash, HASHES),
        signature=Signature(
            locators=_locators(judge, places),
            encoding=judge.one_of("encoding", encoding, ENCODINGS),
            size=hashlib.new(hash).digest_size if hash in HASHES else 0,
            prefix=judge.text("prefix", prefix),
            prefix_optional=prefix_optional,
            split=judge.text("split", split),
            kv=judge.text("kv", kv),
            keys=_keys(judge, split, kv, keys),
        ),
        content=content,
        key=Key(judge.one_of("key", key, KEY_ENCODINGS), judge.text("key_strip", key_strip)),
        timestamp=sent_at,
        wrong=tuple(judge.wrong),
    )


def _locators(judge: Judge, places: Sequence[str]) -> tuple[Locator, ...]:
    if not places:
        judge.wrong.append("header: name the header that carries the signature")
        return (_NOWHERE,)
    return tuple(judge.parsed("signature", Locator.parse, place, _NOWHERE) for place in places)


def _timestamp(
    judge: Judge, place: str | None, unit: Unit, tolerance: str | None
) -> Timestamp | None:
    if place is None:
        return None
    return Timestamp(
        locator=judge.parsed("timestamp", Locator.parse, place, _NOWHERE),
        unit=judge.one_of("timestamp_unit", unit, UNITS),
        tolerance_ms=None
        if tolerance is None
        else round(1000 * judge.parsed("tolerance", parse_duration, tolerance, 0.0)),
    )


def _keys(judge: Judge, split: str, kv: str, keys: str | Sequence[str]) -> tuple[str, ...]:
    counted = judge.texts("keys", keys)
    if not split and (kv or counted):
        judge.wrong.append("split: kv and keys need it, to tell one entry from the next")
    elif kv and not counted:
        judge.wrong.append("keys: say which entries are signatures, such as v1")
    elif not kv and not all(_POSITION.fullmatch(key) for key in counted):
        judge.wrong.append("keys: without kv, entries go by position: 0, 1 or 1..")
    return counted or ("0..",)


def _judge_together(
    judge: Judge, content: Content, sent_at: Timestamp | None, *, entries: bool
) -> None:
    """What is right by itself, but does not go with the rest."""
    if sent_at is None and "timestamp" in content.parts:
        judge.wrong.append("timestamp: say where what {timestamp} stands for is to be found")
    places = content.locators + ((sent_at.locator,) if sent_at else ())
    if not entries and any(place.kind == "sig" for place in places):
        judge.wrong.append("split: sig:... needs a signature header of several entries")
