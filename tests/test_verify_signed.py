"""Schemes beyond the plain HMAC: other methods, several contents, and what is signed elsewhere."""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac as reference
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from certificate_kit import holder
from holdfast import verify
from holdfast.errors import DefinitionError, NotSupported, SecretMissing, VerificationFailed
from holdfast.message import Headers, Request
from holdfast.verify import digest, ecdsa, hmac, ip_ranges, rsa, token
from holdfast.verify.signed import Signed
from holdfast.verify.tokens import unsigned

NOW = 1_700_000_000.0
SECRET = "correct horse"
BODY = b'{"a":1}'


def request_of(body: bytes = BODY, query: str = "", **headers: str) -> Request:
    lines = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("POST", "/in", query, Headers.of(lines), body, origin="https://hooks.test")


def mac(content: bytes, hash: str = "sha256") -> str:
    return reference.new(SECRET.encode(), content, hash).hexdigest()


def reason(scheme: Any, request: Request, secret: str = SECRET, now: float = NOW) -> str:
    try:
        scheme.check(request, [secret], now)
    except VerificationFailed as failed:
        return failed.reason
    return "accepted"


def spki(key: Any) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    found: bytes = key.public_key().public_bytes(serialization.Encoding.DER, form)
    return found


@pytest.mark.parametrize("hash", ["md5", "sha1", "sha256", "sha384", "sha512"])
def test_a_keyed_digest_is_a_hash_of_content_and_secret(hash: Any) -> None:
    """Each secret of a rotation makes a content of its own."""
    scheme = digest("env:S", hash=hash, header="X-Sig", message="{secret}.{body}")
    text = hashlib.new(hash, SECRET.encode() + b"." + BODY).hexdigest()

    assert reason(scheme, request_of(X_Sig=text)) == "accepted"
    scheme.check(request_of(X_Sig=text), ["other", SECRET], NOW)
    assert reason(scheme, request_of(X_Sig=text), "other") == "body_altered_or_wrong_secret"
    assert reason(scheme, scheme.sign(request_of(), SECRET, NOW)) == "accepted"


def test_a_digest_without_a_secret_is_no_proof() -> None:
    """Anybody could make it."""
    scheme = digest("env:S", header="X-Sig", message="{body}")

    assert scheme.mistakes() == ("message: {secret} must stand in it",)


EDWARDS = ed25519.Ed25519PrivateKey.generate()
RAW = EDWARDS.public_key().public_bytes_raw()


@pytest.mark.parametrize(
    ("encoding", "strip", "key"),
    [
        ("hex", "", RAW.hex()),
        ("base64", "whpk_", "whpk_" + base64.b64encode(RAW).decode()),
        ("hex", "", f"-----BEGIN PUBLIC KEY-----\n{base64.b64encode(spki(EDWARDS)).decode()}\n-----END PUBLIC KEY-----"),
        ("hex", "", orjson.dumps({"kty": "OKP", "crv": "Ed25519", "x": base64.urlsafe_b64encode(RAW).decode().rstrip("=")}).decode()),
    ],
    ids=["hex", "prefixed base64", "PEM", "JWK"],
)  # fmt: skip
def test_ed25519_with_its_key_in_every_form(encoding: Any, strip: str, key: str) -> None:
    """Bare, with a prefix, as PEM and as JWK; another content does not fit."""
    scheme = verify.ed25519("env:K", key_encoding=encoding, key_strip=strip, header="X-Sig")
    request = request_of(X_Sig=EDWARDS.sign(BODY).hex())

    assert reason(scheme, request, key) == "accepted"
    assert reason(scheme, request_of(b"x", X_Sig=EDWARDS.sign(BODY).hex()), key) == (
        "body_altered_or_wrong_secret"
    )
    for wrong in ("", "00", "zz", RAW.hex()[:-2], holder("a.test").public_pem):
        with pytest.raises(SecretMissing):
            scheme.check(request, [wrong], NOW)


def test_ecdsa_on_its_own_curve_only() -> None:
    """P-256, with the key as PEM or bare; a key on another curve is no key."""
    key, other = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP384R1())
    scheme = ecdsa("env:K", header="X-Sig", encoding="base64")
    signature = key.sign(BODY, ec.ECDSA(hashes.SHA256()))
    request = request_of(X_Sig=base64.b64encode(signature).decode())

    assert reason(scheme, request, base64.b64encode(spki(key)).decode()) == "accepted"
    with pytest.raises(SecretMissing):
        scheme.check(request, [base64.b64encode(spki(other)).decode()], NOW)
    garbage = request_of(X_Sig=base64.b64encode(b"garbage").decode())
    assert reason(scheme, garbage, base64.b64encode(spki(key)).decode()) == (
        "body_altered_or_wrong_secret"
    )


def test_rsa_with_a_key_by_its_name() -> None:
    """A delivery names the key; one that is not known is told as that, and no name means any."""
    own, other = holder("own.test"), holder("other.test")
    scheme = rsa("env:K", header="X-Sig", encoding="base64", key_id="header:X-Key")
    keys = orjson.dumps({"own": own.public_pem, "list": [{"other": other.public_pem}]}).decode()
    signature = base64.b64encode(own.sign(BODY)).decode()

    assert reason(scheme, request_of(X_Sig=signature, X_Key="own"), keys) == "accepted"
    assert reason(scheme, request_of(X_Sig=signature), keys) == "accepted"
    assert reason(scheme, request_of(X_Sig=signature, X_Key="none"), keys) == "key_unknown"
    assert reason(scheme, request_of(X_Sig=signature, X_Key="other"), keys) == (
        "body_altered_or_wrong_secret"
    )
    assert reason(scheme, request_of(X_Sig=signature, X_Key="x"), own.public_pem) == "accepted"
    assert reason(scheme, request_of(X_Sig=signature), own.pem) == "accepted"
    assert reason(scheme, request_of(X_Sig=signature), own.pem + other.pem) == "accepted"
    assert reason(scheme, request_of(X_Sig=signature), other.pem + own.pem) != "accepted"


def test_only_the_sender_signs_with_a_private_key() -> None:
    """Whoever has the public key cannot."""
    for scheme in (
        rsa("env:K", header="X"),
        ecdsa("env:K", header="X"),
        verify.ed25519("env:K", header="X"),
    ):
        with pytest.raises(NotSupported, match="private key"):
            scheme.sign(request_of(), "key", NOW)


def test_one_of_several_contents_is_enough() -> None:
    """Whichever was signed; one that this request cannot be read as is passed over."""
    scheme = hmac("env:S", header="X-Sig", message=["{header:X-Id}.{body}", "{body|compact}"])
    spaced = b'{ "a" : 1 }'

    assert reason(scheme, request_of(spaced, X_Sig=mac(b'{"a":1}'))) == "accepted"
    assert reason(scheme, request_of(spaced, X_Id="7", X_Sig=mac(b"7." + spaced))) == "accepted"
    assert reason(scheme, request_of(spaced, X_Sig=mac(spaced))) == "signature_mismatch"
    lacking = hmac("env:S", header="X-Sig", message=["{header:X-Id}", "{query:id}"])
    assert reason(lacking, request_of(X_Sig=mac(b""))) == "header_missing"


def test_a_header_may_name_the_hash() -> None:
    """One that is not known fails, and so does one that is not where it should be."""
    scheme = hmac(
        "env:S",
        header="X-Sig",
        hash_from="header:X-Alg|pair:algorithm",
        hashes={"A1": "sha1", "A5": "sha512"},
    )

    def judge(alg: str | None, hash: str) -> str:
        lines = {"X-Sig": mac(BODY, hash)} | ({} if alg is None else {"X-Alg": alg})
        return reason(scheme, Request("POST", "/in", "", Headers.of(lines), BODY))

    assert judge(None, "sha256") == "accepted"
    assert judge("key=1, algorithm=A1", "sha1") == "accepted"
    assert judge("algorithm=A5", "sha512") == "accepted"
    assert judge("algorithm=A1", "sha256") == "header_malformed"
    assert judge("algorithm=A2", "sha256") == "algorithm_unknown"
    assert judge("key=1", "sha256") == "header_malformed"
    signed = scheme.sign(request_of(X_Alg="algorithm=A1"), SECRET, NOW)
    assert signed.headers["x-sig"] == mac(BODY, "sha1")


def test_other_places_may_have_to_say_something() -> None:
    """Such as the version of the scheme; signing writes it."""
    scheme = hmac("env:S", header="X-Sig", require={"header:X-Version": "1", "header:X-No": ""})

    assert reason(scheme, request_of(X_Sig=mac(BODY), X_Version="1")) == "accepted"
    assert reason(scheme, request_of(X_Sig=mac(BODY), X_Version="2")) == "header_malformed"
    assert reason(scheme, request_of(X_Sig=mac(BODY))) == "header_missing"
    assert reason(scheme, scheme.sign(request_of(), SECRET, NOW)) == "accepted"


def test_entries_packed_as_json() -> None:
    """Base64 of an object: one member is the signature, another may name the key."""
    scheme = hmac("env:S", header="X-Sig", packed=True, keys="sig", message="{sig:kid}.{body}")

    def packed(**members: object) -> Request:
        return request_of(X_Sig=base64.b64encode(orjson.dumps(members)).decode())

    assert reason(scheme, packed(kid="k", sig=mac(b"k." + BODY), other=7)) == "accepted"
    assert reason(scheme, packed(kid="l", sig=mac(b"k." + BODY))) == "signature_mismatch"
    assert reason(scheme, packed(kid="k")) == "header_malformed"
    assert reason(scheme, packed(sig=mac(BODY))) == "header_malformed"
    assert reason(scheme, request_of(X_Sig="e30")) == "header_malformed"
    assert reason(scheme, request_of(X_Sig="!")) == "header_malformed"
    assert reason(scheme, scheme.sign(request_of(), SECRET, NOW)) == "accepted"


def test_entries_named_by_keys_of_ours() -> None:
    """A signature under another name is by another's key."""
    scheme = hmac("env:S", header="X-Sig", split="&", kv="|", keys="me", own_keys=True)

    assert reason(scheme, request_of(X_Sig=f"you|00&me|{mac(BODY)}")) == "accepted"
    assert reason(scheme, request_of(X_Sig=f"you|{mac(BODY)}")) == "key_unknown"


EACH = hmac("env:S", signature="json:s", each="items.*", message="{json:id}:{json:n?}")


def test_items_that_are_signed_one_by_one() -> None:
    """Every one of them must be, and there must be one."""

    def of(*items: object) -> Request:
        return request_of(orjson.dumps({"items": list(items)}))

    right = {"id": "1", "n": 2, "s": mac(b"1:2")}
    assert reason(EACH, of(right)) == "accepted"
    assert reason(EACH, of(right, {"id": "2", "s": mac(b"2:")})) == "accepted"
    assert reason(EACH, of(right, {"id": "3", "s": mac(b"2:")})) == "signature_mismatch"
    assert reason(EACH, of(right, {"id": "3"})) == "field_missing"
    assert reason(EACH, of(right, 7)) == "field_missing"
    assert reason(EACH, of()) == "field_missing"
    signed = EACH.sign(of({"id": "1"}, {"id": "2", "n": 3}), SECRET, NOW)
    assert reason(EACH, signed) == "accepted"


def test_the_bodys_hash_may_be_signed_in_its_place() -> None:
    """Then another body is told apart from another secret."""
    scheme = hmac("env:S", header="X-Sig", message="{url}", body_hash="query:h")
    signed = scheme.sign(request_of(), SECRET, NOW)

    assert signed.query == f"h={hashlib.sha256(BODY).hexdigest()}"
    assert reason(scheme, signed) == "accepted"
    other = Request("POST", "/in", signed.query, signed.headers, b"x", origin=signed.origin)
    assert reason(scheme, other) == "body_altered"


def test_a_packed_body() -> None:
    """Signed as it is unpacked, whether it comes packed or not."""
    scheme = hmac("env:S", header="X-Sig", gunzip=True)

    assert reason(scheme, request_of(gzip.compress(BODY), X_Sig=mac(BODY))) == "accepted"
    assert reason(scheme, request_of(X_Sig=mac(BODY))) == "accepted"
    assert reason(scheme, request_of(b"\x1f\x8bnot gzip", X_Sig=mac(BODY))) == "body_malformed"


def test_parts_that_may_lack() -> None:
    """A group is left out together, an optional place alone; braces can be signed too."""
    scheme = hmac("env:S", header="X-Sig", message="{{{?id:{query:id};}{header:X-Id?}}}{body}")

    assert reason(scheme, request_of(X_Sig=mac(b"{}" + BODY))) == "accepted"
    assert reason(scheme, request_of(query="id=", X_Sig=mac(b"{}" + BODY))) == "accepted"
    full = request_of(query="id=7", X_Id="h", X_Sig=mac(b"{id:7;h}" + BODY))
    assert reason(scheme, full) == "accepted"


def test_what_a_signature_covers_is_told() -> None:
    """By the content, and with the time where that is in it."""
    message = "{method}{path-query}{header:X-Id}{json:a.b}{form:f}{query:q}{json-text:c}{sig:e}"
    scheme = hmac(
        "env:S", header="X", split=",", kv="=", keys="v", message=message, timestamp="header:X-Id"
    )

    assert scheme.covers == {
        "method", "path", "query", "header:x-id", "json:a.b", "form:f", "query:q", "json:c", "sig:e",
        "timestamp",
    }  # fmt: skip
    assert hmac("env:S", header="X", timestamp="json:t").covers == {"body", "timestamp"}
    assert hmac("env:S", header="X", timestamp="header:T").covers == {"body"}
    assert digest("env:S", header="X", message="{secret}{url}").covers == {"url"}


def test_the_url_that_is_registered_is_the_one_that_was_signed() -> None:
    """It replaces what is seen; without a query of its own it takes the one that came."""
    message = "{url}"
    seen = hmac("env:S", header="X-Sig", message=message)
    bare = hmac("env:S", header="X-Sig", message=message, url="https://public.test/in")
    full = hmac("env:S", header="X-Sig", message=message, url="https://public.test/in?b=2")

    def judge(scheme: Signed, signed: bytes) -> str:
        return reason(scheme, request_of(query="a=1", X_Sig=mac(signed)))

    assert judge(seen, b"https://hooks.test/in?a=1") == "accepted"
    assert judge(bare, b"https://public.test/in?a=1") == "accepted"
    assert judge(full, b"https://public.test/in?b=2") == "accepted"
    nowhere = Request("POST", "", "", Headers.of({"X-Sig": mac(b"")}), b"")
    assert reason(seen, nowhere) == "url_missing"


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"mesage": "{body}"}, "mesage: not a setting of hmac; did you mean message?"),
        ({"message": []}, "message"),
        ({"message": "{body|up}"}, "|up"),
        ({"message": "{body|pair:}"}, "|pair:"),
        ({"message": "{?{body}"}, "message"),
        ({"message": "{?a}b}{body}"}, "message"),
        ({"message": "{json:a.*.b}"}, "message"),
        ({"message": "{a{body}}"}, "message"),
        ({"packed": True}, "keys"),
        ({"packed": True, "keys": ["a", "b"]}, "keys"),
        ({"key": []}, "key"),
        ({"key": "utf8", "key_strip": "x"}, "key_strip"),
        ({"hash_from": "X-Alg", "hashes": {}}, "hash_from"),
        ({"hash_from": "header:X|up", "hashes": {}}, "hash_from"),
        ({"hash_from": "header:X", "hashes": {"a": "md4"}}, "hashes"),
        ({"require": {"X": "1"}}, "require"),
        ({"body_hash": "h"}, "body_hash"),
        ({"key_id": "h"}, "key_id"),
        ({"fetch": {"url": "https://h/k", "hosts": []}}, "fetch.hosts"),
        ({"fetch": {"url": "{bodies}", "hosts": ["h"]}}, "fetch.url"),
        ({"fetch": {"url": "https://h/k", "hosts": ["h"], "post": {"a": "{b}"}}}, "fetch.post.a"),
        ({"url": 7}, "url"),
        ({"each": 7}, "each"),
        ({"each": "items"}, "each"),
    ],
)
def test_wrong_settings_are_told_not_raised(settings: dict[str, Any], word: str) -> None:
    """The mistake names the setting, and such a scheme never runs."""
    scheme = hmac("env:S", **{"header": "X", **settings})

    assert any(mistake.removeprefix("message: ").startswith(word) or mistake.startswith(word)
               for mistake in scheme.mistakes())  # fmt: skip
    with pytest.raises(DefinitionError):
        scheme.check(request_of(), ["s"], NOW)


def test_a_signature_inside_what_it_signs_is_not_made() -> None:
    """Whoever signs the whole body cannot write into it."""
    with pytest.raises(NotSupported, match="stands in what it signs"):
        hmac("env:S", signature="json:s").sign(request_of(), SECRET, NOW)


def test_a_sender_known_by_its_address() -> None:
    """Addresses and networks, of both kinds; where the peer is not known, nobody is."""
    scheme = ip_ranges(["203.0.113.7", "10.0.0.0/8", "2001:db8::/32"])

    def of(remote: str) -> str:
        return reason(scheme, Request("POST", "/", "", Headers(), b"", remote))

    for remote in ("203.0.113.7", "10.1.2.3", "::ffff:10.1.2.3", "2001:db8::1", "2001:db8::1%eth0"):
        assert of(remote) == "accepted"
    for remote in ("203.0.113.8", "::1", "", "unix"):
        assert of(remote) == "address_not_allowed"
    assert scheme.sign(request_of(), "", NOW) == request_of()
    assert ip_ranges([]).mistakes() == ("networks: name at least one",)
    with pytest.raises(DefinitionError):
        ip_ranges(["10.0.0.1/8"]).check(request_of(), [], NOW)


def test_a_sender_that_proves_nothing() -> None:
    """Anything goes, and nothing is covered."""
    scheme = unsigned()

    scheme.check(request_of(), [], NOW)
    assert scheme.sign(request_of(), "", NOW) == request_of()
    assert (scheme.covers, scheme.mistakes(), scheme.secrets) == (frozenset(), (), ())


def test_a_token_in_the_body() -> None:
    """In one field or in every item of a list; it is no header that must be hidden."""
    once, each = token("env:T", place="json:a.t"), token("env:T", place="json:items.*.t")

    assert reason(once, request_of(b'{"a":{"t":"correct horse"}}')) == "accepted"
    assert reason(once, request_of(b'{"a":{"t":"other"}}')) == "token_mismatch"
    assert reason(once, request_of(b"{}")) == "field_missing"
    assert reason(once, once.sign(request_of(b""), SECRET, NOW)) == "accepted"
    signed = each.sign(request_of(b'{"items":[{"n":1},{"n":2}]}'), SECRET, NOW)
    assert reason(each, signed) == "accepted"
    assert (once.secret_headers, each.secret_headers) == ((), ())
    with pytest.raises(NotSupported):
        each.sign(request_of(b"{}"), SECRET, NOW)
    assert token("env:T", place="json:a.*.b.*.c").mistakes() != ()
    assert token("env:T", place="nowhere").mistakes() != ()
