"""JSON Web Tokens: a signed statement about the request, such as the hash of its body.

PyJWT verifies the signature and nothing else: it would judge times by its own clock, and name its
own reasons. Which algorithms count is the scheme's to say, never the token's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hmac import compare_digest
from typing import Any, Final, Literal, get_args

import orjson

from holdfast.errors import NotSupported, SecretMissing, VerificationFailed
from holdfast.keyring import Wanted
from holdfast.message import Request
from holdfast.secrets import SecretRef
from holdfast.verify.content import Content
from holdfast.verify.encoding import decode, encode
from holdfast.verify.judge import no_secret, refuse_mistakes
from holdfast.verify.keyaddress import KeyAddress
from holdfast.verify.keys import Key
from holdfast.verify.locate import Locator
from holdfast.verify.privatekeys import NotTheSender, private_key
from holdfast.verify.publickeys import public_keys
from holdfast.verify.reading import Reading, malformed, missing, text_of, utf8
from holdfast.verify.writing import put

Algorithm = Literal["HS256", "HS384", "HS512", "RS256", "ES256", "EdDSA"]
ALGORITHMS: Final = get_args(Algorithm)

KEY_KINDS: Final[Mapping[str, str]] = {"RS256": "rsa", "ES256": "ecdsa", "EdDSA": "ed25519"}
"""What signs with a private key, and of which kind."""

TimeClaim = Literal["exp", "nbf", "iat"]
TIME_CLAIMS: Final = get_args(TimeClaim)

_LIFE_SECONDS: Final = 300
"""How long a token is good for that we sign ourselves."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a claim must say. Where the expected text is empty, the claim must be absent."""

    name: str
    expected: Content | bool
    optional: bool = False
    """Judged only where the token makes it."""

    @property
    def padded(self) -> bool:
        """Whether it is base64, which some write with its padding and some without."""
        return isinstance(self.expected, Content) and any(
            name.startswith("sha256base64")
            for part in self.expected.placeholders
            for name in part.transforms
        )


@dataclass(frozen=True, slots=True)
class Token:
    """A token taken apart, its signature not looked at yet."""

    text: str
    algorithm: str
    key_id: str | None
    claims: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class WebToken:
    """A source that sends a token beside the body. Made by `jwt`."""

    name: str
    secrets: tuple[SecretRef, ...]
    place: Locator
    algorithms: tuple[str, ...]
    claims: tuple[Claim, ...] = ()
    times: tuple[TimeClaim, ...] = ()
    """Claims of time that must be there; each is judged where it is."""
    prefix: str = ""
    leeway_ms: int = 0
    max_age_ms: int | None = None
    """How long ago it may have been issued (`iat`)."""
    require: tuple[tuple[Locator, Content], ...] = ()
    address: KeyAddress | None = None
    url: str = ""
    wrong: tuple[str, ...] = ()
    covers: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        covers = {"timestamp"}
        for claim in self.claims:
            if isinstance(claim.expected, Content) and not claim.optional:
                covers |= claim.expected.covers
        object.__setattr__(self, "covers", frozenset(covers))

    @property
    def secret_headers(self) -> tuple[str, ...]:
        return ()

    def mistakes(self) -> tuple[str, ...]:
        return self.wrong

    def wanted(self, request: Request, secrets: Sequence[str]) -> tuple[Wanted, ...]:
        """The keys that are to be fetched before `check`, and given to it as the secrets."""
        refuse_mistakes(self.name, self.wrong)
        if self.address is None or (secrets and not self.address.post):
            return ()
        reading = self._reading(request)
        reading.entries = {"kid": self._token(reading).key_id or ""}
        reading.secret = utf8(secrets[0]) if secrets else b""
        return self.address.wanted(reading)

    def check(self, request: Request, secrets: Sequence[str], now_seconds: float) -> None:
        """Return if one of the secrets signed the token, and it says what this request is.

        Raises VerificationFailed, or SecretMissing where no secret can be a key.
        """
        refuse_mistakes(self.name, self.wrong)
        reading = self._reading(request)
        token = self._token(reading)
        if token.algorithm not in self.algorithms:
            raise VerificationFailed("algorithm_unknown", f"{token.algorithm!r} is not allowed")
        keys = self._keys(token, secrets, now_seconds)
        if not any(_signed(token, key) for key in keys):
            raise VerificationFailed("signature_mismatch", "wrong secret, or altered on the way")
        self._judge_claims(token, reading)
        self._judge_times(token, now_seconds)

    def sent_at(self, request: Request) -> float | None:
        """When the token was issued, seconds since 1970, as far as a verified one says."""
        claims = self._token(self._reading(request)).claims
        moment = next((claims[name] for name in ("iat", "nbf") if name in claims), None)
        milliseconds = _milliseconds(moment)
        return None if milliseconds is None else milliseconds / 1000

    def sign(self, request: Request, secret: str, now_seconds: float) -> Request:
        """The request with a token as a genuine sender would issue it now.

        secret: where the sender has a private key, one of your own, whose other half is then checked.

        Raises NotSupported where only the sender can, SecretMissing where the secret is no key.
        """
        refuse_mistakes(self.name, self.wrong)
        algorithm, key = self._signing_key(secret)
        reading = self._reading(request)
        now = int(now_seconds)
        claims: dict[str, Any] = {"iat": now, "nbf": now, "exp": now + _LIFE_SECONDS}
        claims["jti"] = hashlib.sha256(f"{now_seconds!r} ".encode() + request.body).hexdigest()[:32]
        try:
            for claim in self.claims:
                expected = _expected(claim, reading)
                if expected != "":
                    claims[claim.name] = expected
        except VerificationFailed as error:
            raise NotSupported(f"{self.name} cannot sign this request: {error}") from None
        return put(request, self.place, self.prefix + _issued(claims, key, algorithm))

    def _reading(self, request: Request) -> Reading:
        return Reading(request, self.url)

    def _token(self, reading: Reading) -> Token:
        text = reading.find(self.place)
        if text is None:
            raise missing(self.place)
        if not text.startswith(self.prefix):
            raise malformed(self.place, f"does not start with {self.prefix!r}")
        text = text.removeprefix(self.prefix).strip()
        try:
            head, body, _ = (decode(part, "base64url") for part in text.split("."))
            header, claims = orjson.loads(head), orjson.loads(body)
        except ValueError:
            raise malformed(self.place, "is no token of three parts") from None
        if not isinstance(header, dict) or not isinstance(claims, dict):
            raise malformed(self.place, "is no token of JSON objects")
        if "crit" in header:
            # RFC 7515, 4.1.11: whoever does not know an extension that is critical must refuse.
            raise VerificationFailed("algorithm_unknown", "the token needs extensions")
        key_id = header.get("kid")
        return Token(
            text, str(header.get("alg")), key_id if isinstance(key_id, str) else None, claims
        )

    def _keys(self, token: Token, secrets: Sequence[str], now_seconds: float) -> list[Any]:
        keys: list[Any] = []
        known = False
        for secret in secrets:
            try:
                if token.algorithm.startswith("HS"):
                    keys.append(Key().of(secret))
                    continue
                for each in public_keys(secret):
                    known = True
                    ended = each.expired_at is not None and now_seconds >= each.expired_at
                    if not ended and (each.id is None or token.key_id in (None, each.id)):
                        keys.append(each.key)
            except ValueError:
                continue
        if not keys and known:
            raise VerificationFailed("key_unknown", f"{token.key_id!r} is none of the keys")
        if not keys:
            raise self._no_key()
        return keys

    def _signing_key(self, secret: str) -> tuple[str, Any]:
        """And the first of the algorithms that it is a key for."""
        for algorithm in self.algorithms:
            try:
                kind = KEY_KINDS.get(algorithm)
                return algorithm, private_key(secret, kind) if kind else Key().of(secret)
            except ValueError:
                continue
        if self.algorithms[0] in KEY_KINDS:
            raise NotTheSender(self.name, self.address)
        raise self._no_key()

    def _judge_claims(self, token: Token, reading: Reading) -> None:
        for claim in self.claims:
            said = token.claims.get(claim.name)
            if claim.optional and said is None:
                continue
            expected = _expected(claim, reading)
            if not _says(said, expected, padded=claim.padded):
                body = isinstance(claim.expected, Content) and "body" in claim.expected.covers
                raise VerificationFailed("body_altered" if body else "claim_mismatch", claim.name)
        for place, content in self.require:
            demanded = content.fill(reading)
            if demanded and not compare_digest(utf8(reading.need(place)), demanded):
                raise VerificationFailed("claim_mismatch", str(place))

    def _judge_times(self, token: Token, now_seconds: float) -> None:
        now_ms = round(now_seconds * 1000)
        times = {name: token.claims.get(name) for name in TIME_CLAIMS}
        read = {name: _milliseconds(value) for name, value in times.items()}
        for name, value in times.items():
            if value is None and (name in self.times or (name == "iat" and self.max_age_ms)):
                raise VerificationFailed("timestamp_missing", f"{self.place} {name}")
            if value is not None and read[name] is None:
                raise VerificationFailed("timestamp_malformed", f"{self.place} {name}")
        expires, begins, issued = (read[name] for name in TIME_CLAIMS)
        if expires is not None and now_ms >= expires + self.leeway_ms:
            raise VerificationFailed("timestamp_too_old", "the token has expired")
        if begins is not None and now_ms < begins - self.leeway_ms:
            raise VerificationFailed("timestamp_in_future", "the token is not valid yet")
        if issued is not None and self.max_age_ms is not None:
            if now_ms - issued > self.max_age_ms:
                raise VerificationFailed("timestamp_too_old", "the token was issued long before")
            if issued - now_ms > self.max_age_ms:
                raise VerificationFailed(
                    "timestamp_in_future", "the token was issued ahead of time"
                )

    def _no_key(self) -> SecretMissing:
        return no_secret(self.secrets, "empty, or no key for a token")


@lru_cache(maxsize=1)
def _algorithms() -> Mapping[str, Any]:
    """PyJWT's, each of which signs and verifies bytes. Its front would warn of short secrets, but
    how long a secret is, is the sender's to say."""
    from jwt.algorithms import get_default_algorithms

    return get_default_algorithms()


def _signed(token: Token, key: Any) -> bool:
    import jwt

    method = _algorithms()[token.algorithm]
    content, _, signature = token.text.rpartition(".")
    try:
        signed = method.verify(
            content.encode(), method.prepare_key(key), decode(signature, "base64url")
        )
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError):
        # A key of another kind than the algorithm's makes PyJWT stumble over its attributes.
        return False
    return bool(signed)


def _issued(claims: Mapping[str, Any], key: Any, algorithm: str) -> str:
    head = orjson.dumps({"alg": algorithm, "typ": "JWT"})
    parts = [encode(part, "base64url").rstrip("=") for part in (head, orjson.dumps(claims))]
    content = ".".join(parts)
    method = _algorithms()[algorithm]
    signature = method.sign(content.encode(), method.prepare_key(key))
    return f"{content}.{encode(signature, 'base64url').rstrip('=')}"


def _expected(claim: Claim, reading: Reading) -> str | bool:
    if isinstance(claim.expected, bool):
        return claim.expected
    return claim.expected.fill(reading).decode("utf-8", "replace")


def _says(said: Any, expected: str | bool, *, padded: bool) -> bool:
    """An audience may be a list; any of it may be meant."""
    if isinstance(expected, bool):
        return said is expected
    if not expected:
        return said is None
    texts = [text_of(one) or "" for one in (said if isinstance(said, list) else [said])]
    if padded:
        texts, expected = [text.rstrip("=") for text in texts], expected.rstrip("=")
    return any(compare_digest(utf8(text), utf8(expected)) for text in texts)


def _milliseconds(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e12:
        return None
    return round(value * 1000)
