"""Tokens: which algorithms, keys, claims and times count, and who says so."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import jwt as library
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from certificate_kit import holder
from holdfast import providers
from holdfast.errors import DefinitionError, NotSupported, SecretMissing, VerificationFailed
from holdfast.message import Headers, Request
from holdfast.verify import jwt
from holdfast.verify.webtoken import Algorithm, WebToken

NOW = 1_700_000_000
SECRET = "s3cret-of-any-length"
BODY = b'{"n":1}'
HASH = hashlib.sha256(BODY).hexdigest()


def request_of(token: str | None, body: bytes = BODY, header: str = "X-Token") -> Request:
    lines = {} if token is None else {header: token}
    return Request("POST", "/in", "", Headers.of(lines), body, origin="https://h.test")


def reason(
    scheme: object, token: str | None, secret: str = SECRET, now: float = NOW, **request: Any
) -> str:
    assert isinstance(scheme, WebToken)
    try:
        scheme.check(request_of(token, **request), [secret], now)
    except VerificationFailed as failed:
        return failed.reason
    return "accepted"


def encoded(part: object) -> str:
    data = part if isinstance(part, bytes) else orjson.dumps(part)
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def token_of(claims: object, secret: str = SECRET, **head: Any) -> str:
    """HS256, whatever the header says of it."""
    content = f"{encoded({'alg': 'HS256', **head})}.{encoded(claims)}"
    return f"{content}.{encoded(hmac.digest(secret.encode(), content.encode(), 'sha256'))}"


PAIRS: list[Algorithm] = ["RS256", "ES256", "EdDSA"]
BY_HASH = {"h": "{body|sha256hex}"}
HASHED = jwt("env:S", header="X-Token", algorithms=["HS256"], claims={"h": "{body|sha256hex}"})


def test_a_token_speaks_for_the_body_whose_hash_it_holds() -> None:
    """Another body is told from a wrong secret, because the token itself is genuine."""
    token = token_of({"h": HASH})

    assert reason(HASHED, token) == "accepted"
    assert reason(HASHED, token, body=b"{}") == "body_altered"
    assert reason(HASHED, token, secret="other") == "signature_mismatch"
    assert reason(HASHED, token_of({})) == "body_altered"
    assert reason(HASHED, None) == "header_missing"


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b",
        "a.b.c.d",
        "é.é.é",
        "!!.!!.!!",
        f"{encoded(b'{')}.{encoded({})}.",
        f"{encoded([])}.{encoded({})}.",
        f"{encoded({})}.{encoded(7)}.",
        f"{encoded({'alg': 'HS256'})} .{encoded({})}.",
    ],
)
def test_what_is_no_token_is_a_malformed_header(token: str) -> None:
    """Three parts of base64, two of them JSON objects."""
    assert reason(HASHED, token) == "header_malformed"


def test_the_scheme_says_which_algorithms_count() -> None:
    """`none`, others, and extensions that must be understood are refused before any key is tried."""
    bare = f"{encoded({'alg': 'none'})}.{encoded({'h': HASH})}."

    assert reason(HASHED, bare) == "algorithm_unknown"
    assert reason(HASHED, token_of({"h": HASH}, alg="HS512")) == "algorithm_unknown"
    assert reason(HASHED, token_of({"h": HASH}, alg=None)) == "algorithm_unknown"
    assert reason(HASHED, token_of({"h": HASH}, crit=["b64"], b64=False)) == "algorithm_unknown"


def test_a_public_key_is_no_shared_secret() -> None:
    """A forger signs with what everybody knows, HS256 over the public key: not allowed."""
    public = holder("issuer.test").public_pem
    scheme = jwt("env:S", header="X-Token", algorithms=["RS256"], claims={"h": "{body|sha256hex}"})

    assert reason(scheme, token_of({"h": HASH}, public), public) == "algorithm_unknown"
    both = jwt("env:S", header="X", algorithms=["RS256", "HS256"])
    assert both.mistakes() == ("algorithms: a shared secret or a key pair, not either",)


def test_every_algorithm_verifies_with_its_own_kind_of_key() -> None:
    """RSA, a curve, Edwards, and HMAC with each hash; a key of another kind fits nothing."""
    rsa_key = holder("issuer.test").key
    curve, edwards = ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()
    claims = {"h": HASH}
    tokens = {
        "RS256": library.encode(claims, rsa_key, "RS256"),
        "ES256": library.encode(claims, curve, "ES256"),
        "EdDSA": library.encode(claims, edwards, "EdDSA"),
    }
    keys = {
        "RS256": RSAAlgorithm.to_jwk(rsa_key.public_key()),
        "ES256": ECAlgorithm.to_jwk(curve.public_key()),
        "EdDSA": OKPAlgorithm.to_jwk(edwards.public_key()),
    }
    for algorithm, token in tokens.items():
        scheme = jwt("env:S", header="X-Token", algorithms=PAIRS, claims=BY_HASH)
        for kind, key in keys.items():
            expected = "accepted" if kind == algorithm else "signature_mismatch"
            assert reason(scheme, token, key) == expected
    shared: list[Algorithm] = ["HS256", "HS384", "HS512"]
    for each in shared:
        scheme = jwt("env:S", header="X-Token", algorithms=[each])
        signed = scheme.sign(request_of(None), SECRET, NOW)
        scheme.check(signed, [SECRET], NOW)


def test_a_key_is_found_by_its_id_in_a_set() -> None:
    """Unknown kinds of keys are skipped; a token by an unknown key is told as that."""
    own, other = holder("issuer.test").key, holder("other.test").key
    keys = [
        {"kty": "oct", "k": "a2V5", "kid": "own"},
        {"kty": "new", "kid": "own"},
        7,
        {**RSAAlgorithm.to_jwk(other.public_key(), as_dict=True), "kid": "other"},
        {**RSAAlgorithm.to_jwk(own.public_key(), as_dict=True), "kid": "own"},
    ]
    text = orjson.dumps({"keys": keys}).decode()
    scheme = jwt("env:S", header="X-Token", algorithms=["RS256"])

    def signed(**head: str) -> str:
        return library.encode({}, own, "RS256", headers=head)

    assert reason(scheme, signed(kid="own"), text) == "accepted"
    assert reason(scheme, signed(), text) == "accepted"
    assert reason(scheme, signed(kid="other"), text) == "signature_mismatch"
    assert reason(scheme, signed(kid="none"), text) == "key_unknown"


TIMED = jwt(
    "env:S", header="X-Token", algorithms=["HS256"], times=["exp", "nbf"], leeway="2s", max_age="5m"
)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, "accepted"),
        ({"exp": NOW - 1}, "accepted"),
        ({"exp": NOW - 1.999}, "accepted"),
        ({"exp": NOW - 2}, "timestamp_too_old"),  # RFC 7519, 4.1.4: it must be later than now
        ({"nbf": NOW + 2}, "accepted"),
        ({"nbf": NOW + 3}, "timestamp_in_future"),
        ({"iat": NOW - 300}, "accepted"),
        ({"iat": NOW - 301}, "timestamp_too_old"),
        ({"iat": NOW + 301}, "timestamp_in_future"),
        ({"iat": NOW + 0.5}, "accepted"),
        ({"exp": None}, "timestamp_missing"),
        ({"nbf": None}, "timestamp_missing"),
        ({"iat": None}, "timestamp_missing"),
        ({"exp": "soon"}, "timestamp_malformed"),
        ({"exp": True}, "timestamp_malformed"),
        ({"exp": 1e300}, "timestamp_malformed"),
    ],
)
def test_times_are_judged_by_the_time_of_arrival(change: dict[str, Any], expected: str) -> None:
    """Expiry, beginning and age, each to the second with its leeway."""
    claims = {"exp": NOW, "nbf": NOW, "iat": NOW, **change}

    assert reason(TIMED, token_of(claims)) == expected


def test_claims_of_every_kind() -> None:
    """Texts, flags, audiences in a list, one that may lack and one that must, and other places."""
    scheme = jwt(
        "env:S",
        header="Authorization",
        prefix="Bearer ",
        algorithms=["HS256"],
        claims={
            "iss": "me",
            "ok": True,
            "aud": "us",
            "sub": "{url}",
            "maybe?": "{method}",
            "never": "{?{header:X-None}}",
        },
        require={"json:n": "1", "json:m": ""},
    )
    right = {"iss": "me", "ok": True, "aud": ["them", "us"], "sub": "https://h.test/in"}

    def judge(**change: Any) -> str:
        token = token_of({key: value for key, value in {**right, **change}.items() if value != ""})
        return reason(scheme, f"Bearer {token}", header="Authorization")

    assert judge() == "accepted"
    assert judge(maybe="POST") == "accepted"
    assert judge(aud="us") == "accepted"
    changes: list[dict[str, Any]] = [
        {"iss": "you"}, {"iss": ""}, {"ok": False}, {"ok": 1}, {"ok": "true"}, {"aud": ["them"]}, {"aud": []},
        {"sub": "https://h.test/"}, {"maybe": "PUT"}, {"never": "here"}, {"iss": {"a": 1}},
    ]  # fmt: skip
    for change in changes:
        assert judge(**change) == "claim_mismatch", change
    token = token_of(right)
    assert reason(scheme, token, header="Authorization") == "header_malformed"
    assert (
        reason(scheme, f"Bearer {token}", header="Authorization", body=b'{"n":2}')
        == "claim_mismatch"
    )


def test_an_empty_secret_is_nobodys() -> None:
    """With an empty key anybody can sign; what is no key blames the secret."""
    for secret in ("", "not a key"):
        scheme = HASHED if not secret else jwt("env:S", header="X-Token", algorithms=["RS256"])
        token = (
            token_of({"h": HASH}, "")
            if not secret
            else library.encode({}, holder("issuer.test").key, "RS256")
        )
        with pytest.raises(SecretMissing, match="env:S") as told:
            scheme.check(request_of(token), [secret], NOW)
        assert not secret or secret not in str(told.value)


def test_only_the_sender_signs_with_a_private_key() -> None:
    """And a token is not signed for what it cannot name."""
    private = jwt("env:S", header="X", algorithms=["ES256"])
    lacking = jwt("env:S", header="X", algorithms=["HS256"], claims={"a": "{header:X-None}"})

    for scheme in (private, lacking):
        with pytest.raises(NotSupported):
            scheme.sign(request_of(None), SECRET, NOW)


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"algorithms": []}, "algorithms"),
        ({"algorithms": ["HS1"]}, "algorithms"),
        ({"claims": {"a": "{bodies}"}}, "claims.a"),
        ({"times": ["now"]}, "times"),
        ({"leeway": "1"}, "leeway"),
        ({"max_age": "old"}, "max_age"),
        ({"require": {"X": "1"}}, "require"),
        ({"fetch": {"url": "https://h/k"}}, "fetch.hosts"),
        ({"header": "X Y"}, "header"),
    ],
)
def test_wrong_settings_are_told_not_raised(settings: dict[str, Any], word: str) -> None:
    """The mistake names the setting, and such a scheme never runs."""
    scheme = jwt("env:S", **{"header": "X", "algorithms": ["HS256"], **settings})

    assert scheme.mistakes()[0].startswith(f"{word}: ")
    with pytest.raises(DefinitionError):
        scheme.check(request_of(None), ["s"], NOW)
    with pytest.raises(DefinitionError):
        scheme.sign(request_of(None), "s", NOW)


def test_a_key_that_has_ended_is_not_believed() -> None:
    """Plaid answers with a key and when it ended, if it did."""
    curve = ec.generate_private_key(ec.SECP256R1())
    claims = {"iat": NOW, "request_body_sha256": HASH}
    token = library.encode(claims, curve, "ES256", headers={"kid": "k1"})
    scheme = providers.plaid("env:S").verification

    def judge(ended: int | None) -> str:
        key = ECAlgorithm.to_jwk(curve.public_key(), as_dict=True)
        text = orjson.dumps({"key": {**key, "kid": "k1", "expired_at": ended}}).decode()
        return reason(scheme, token, text, header="Plaid-Verification")

    assert judge(None) == "accepted"
    assert judge(NOW + 1) == "accepted"
    assert judge(NOW) == "key_unknown"


def test_plaid_asks_for_the_key_that_a_token_names() -> None:
    """With API credentials the key's id goes to Plaid and nowhere else; without, nothing is asked."""
    by_key = providers.plaid("env:S").verification
    by_api = providers.plaid("env:S", variant="api", client_id="c1").verification
    assert isinstance(by_key, WebToken)
    assert isinstance(by_api, WebToken)
    token = f"{encoded({'alg': 'ES256', 'kid': 'k1'})}.{encoded({})}.{encoded(b'x')}"
    request = request_of(token, header="Plaid-Verification")

    assert by_key.wanted(request, ["the key"]) == ()
    (wanted,) = by_api.wanted(request, ["the secret"])
    assert wanted.url == "https://production.plaid.com/webhook_verification_key/get"
    assert wanted.post is not None
    assert orjson.loads(wanted.post) == {"client_id": "c1", "secret": "the secret", "key_id": "k1"}
    assert "the secret" not in repr(wanted)
