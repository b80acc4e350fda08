"""Making schemes that sign: what the user writes, in; a `Signed` of parsed parts, out.

Nothing here raises: `mistakes()` of what is made tells what is wrong. The settings that they all
take are those of `holdfast.verify.settings.SignedSettings`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from typing_extensions import Unpack

from holdfast.secrets import SecretRef
from holdfast.verify.encoding import Encoding
from holdfast.verify.judge import Judge, References
from holdfast.verify.keys import KEY_ENCODINGS, Key, KeyEncoding
from holdfast.verify.locate import Locator
from holdfast.verify.methods import (
    DIGEST_HASHES,
    HASHES,
    DigestHash,
    Ecdsa,
    Ed25519,
    Hash,
    KeyedDigest,
    Mac,
    Rsa,
)
from holdfast.verify.settings import NOWHERE, SignedSettings, signed
from holdfast.verify.signed import HashChoice, Signed
from holdfast.verify.transforms import transform_mistake


def hmac_sha256(
    secret: References, *, header: str = "X-Signature-256", encoding: Encoding = "hex"
) -> Signed:
    """The body's HMAC-SHA256 in a header, with or without `sha256=` before it."""
    return hmac(secret, header=header, encoding=encoding, prefix="sha256=", prefix_optional=True)


def standard_webhooks(
    secret: References,
    *,
    headers: str | Sequence[str] = "webhook-",
    key: KeyEncoding | Sequence[KeyEncoding] = "base64",
) -> Signed:
    """Standard Webhooks, version 1: `webhook-id`, `webhook-timestamp`, `webhook-signature`.

    The secret is base64, with or without `whsec_` before it; entries of other versions are skipped.
    headers: what the three headers begin with, or several beginnings, tried in order.
    key: how the secret becomes a key, for who departs from the specification.
    """
    beginnings = [headers] if isinstance(headers, str) else list(headers)
    names = {
        part: ",".join(f"{each}{part}" for each in beginnings if isinstance(each, str))
        for part in ("id", "timestamp")
    }
    return hmac(
        secret,
        signature=[f"header:{each}signature" for each in beginnings],
        encoding="base64",
        split=" ",
        kv=",",
        keys="v1",
        message=f"{{header:{names['id']}}}.{{timestamp}}.{{body}}",
        key=key,
        key_strip="" if key == "utf8" else "whsec_",
        timestamp=f"header:{names['timestamp']}",
        name="standard-webhooks",
    )


def hmac(
    secret: References,
    *,
    hash: Hash = "sha256",
    hash_from: str | None = None,
    hashes: Mapping[str, Hash] | None = None,
    key: KeyEncoding | Sequence[KeyEncoding] = "utf8",
    key_strip: str = "",
    **settings: Unpack[SignedSettings],
) -> Signed:
    """Any HMAC scheme.

    secret: a reference such as `env:NAME`, or several during a rotation; any one may match.
    hash_from, hashes: where the hash is named, and the names it may have there; `hash` is for who
        names none, and an unknown name fails.
    key, key_strip: how the secret becomes a key (utf8, base64, hex, nfkd, sha1; or several of them,
        any of which), and what to take off the front of base64 or hex first.
    """
    judge = Judge()
    references = judge.references(secret)
    method = Mac(judge.one_of("hash", hash, HASHES), _ways(judge, key, key_strip))
    choice = _hash_choice(judge, hash_from, hashes or {})
    return signed(judge, references, method, settings, choice)


def digest(
    secret: References, *, hash: DigestHash = "sha256", **settings: Unpack[SignedSettings]
) -> Signed:
    """A plain hash of a content that holds the secret: `message="{body}{secret}"`."""
    judge = Judge()
    references = judge.references(secret)
    method = KeyedDigest(judge.one_of("hash", hash, DIGEST_HASHES))
    scheme = signed(judge, references, method, settings)
    if not scheme.wrong and not all(content.uses("secret") for content in scheme.contents):
        # Anybody could make such a hash.
        judge.wrong.append("message: {secret} must stand in it")
        return signed(judge, references, method, settings)
    return scheme


def ed25519(
    key: References,
    *,
    key_encoding: KeyEncoding = "hex",
    key_strip: str = "",
    **settings: Unpack[SignedSettings],
) -> Signed:
    """Ed25519, checked with the sender's public key: 32 bytes in hex or base64, PEM, or a JWK.

    The key is a reference like any secret; no key is given where `fetch` says where it is.
    """
    judge = Judge()
    references = _public(judge, key, settings)
    way = Key(judge.one_of("key_encoding", key_encoding, ("hex", "base64")), key_strip)
    return signed(judge, references, Ed25519(way), settings)


def ecdsa(
    key: References = (), *, hash: Hash = "sha256", **settings: Unpack[SignedSettings]
) -> Signed:
    """ECDSA on the curve P-256, checked with the sender's public key in PEM, base64 or as JWK."""
    judge = Judge()
    references = _public(judge, key, settings)
    return signed(judge, references, Ecdsa(judge.one_of("hash", hash, HASHES)), settings)


def rsa(
    key: References = (),
    *,
    hash: Hash = "sha256",
    hash_from: str | None = None,
    hashes: Mapping[str, Hash] | None = None,
    **settings: Unpack[SignedSettings],
) -> Signed:
    """RSA (PKCS #1 v1.5), checked with the sender's public key or certificate in PEM."""
    judge = Judge()
    references = _public(judge, key, settings)
    method = Rsa(judge.one_of("hash", hash, HASHES))
    choice = _hash_choice(judge, hash_from, hashes or {})
    return signed(judge, references, method, settings, choice)


def _public(judge: Judge, key: References, settings: SignedSettings) -> tuple[SecretRef, ...]:
    if not key and settings.get("fetch") is not None:
        return ()
    return judge.references(key)


def _ways(judge: Judge, key: KeyEncoding | Sequence[KeyEncoding], strip: str) -> tuple[Key, ...]:
    encodings = judge.texts("key", key)
    strip = judge.text("key_strip", strip)
    if strip and not {"base64", "hex"} & set(encodings):
        judge.wrong.append("key_strip: only what is decoded is stripped; the key is base64 or hex?")
    if not encodings and not judge.wrong:
        judge.wrong.append(f"key: say what the secret is: {', '.join(KEY_ENCODINGS)}")
    ways = []
    for encoding in encodings:
        known: KeyEncoding = judge.one_of("key", cast("KeyEncoding", encoding), KEY_ENCODINGS)
        ways.append(Key(known, strip))
    return tuple(ways) or (Key(),)


def _hash_choice(judge: Judge, place: str | None, hashes: Mapping[str, Hash]) -> HashChoice | None:
    if place is None:
        return None
    locator = judge.parsed("hash_from", Locator.parse, place, NOWHERE)
    for name in locator.transforms:
        if wrong := transform_mistake(name):
            judge.wrong.append(f"hash_from: {wrong}")
    for name in hashes.values():
        judge.one_of("hashes", name, HASHES)
    return HashChoice(locator, tuple(hashes.items()))
