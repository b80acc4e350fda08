"""Schemes where the request carries the secret itself: basic, bearer, a static token.

They prove who knocks, not what was sent. A header with a secret is checked at the door and never
stored, which is what `secret_headers` is for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hmac import compare_digest
from typing import Any

import orjson

from holdfast.errors import NotSupported, VerificationFailed
from holdfast.message import Request
from holdfast.secrets import SecretRef
from holdfast.verify.encoding import decode, encode
from holdfast.verify.judge import no_secret, refuse_mistakes
from holdfast.verify.locate import Locator, json_all
from holdfast.verify.reading import Reading, header_bytes, malformed, missing, text_of, utf8
from holdfast.verify.writing import put, set_json


@dataclass(frozen=True, slots=True)
class Credentials:
    """A source that shows a shared secret. Made by `basic`, `bearer` and `token`."""

    name: str
    secrets: tuple[SecretRef, ...]
    place: Locator
    word: str = ""
    """What stands before the secret, in any case of letters: `Basic`, `Bearer`, or nothing."""
    user: str | None = None
    """Whose password the secret is; None: the secret is a token, or for basic `user:password`."""
    wrong: tuple[str, ...] = ()

    @property
    def _basic(self) -> bool:
        return self.word == "Basic"

    @property
    def covers(self) -> frozenset[str]:
        return frozenset()

    @property
    def secret_headers(self) -> tuple[str, ...]:
        return tuple(self.place.name.lower().split(",")) if self.place.kind == "header" else ()

    def mistakes(self) -> tuple[str, ...]:
        return self.wrong

    def check(self, request: Request, secrets: Sequence[str], now_seconds: float) -> None:
        """Return if one of the secrets was shown. Raises VerificationFailed, or SecretMissing where
        every secret is empty."""
        refuse_mistakes(self.name, self.wrong)
        shown = self._shown(Reading(request))
        expected = [self._expected(secret) for secret in secrets if secret]
        if not expected:
            raise no_secret(self.secrets, "empty")
        if not any(all(compare_digest(one, known) for one in shown) for known in expected):
            reason = "credentials_mismatch" if self._basic else "token_mismatch"
            raise VerificationFailed(reason, self.place.name)

    def sent_at(self, _request: Request) -> float | None:
        return None

    def sign(self, request: Request, secret: str, now_seconds: float) -> Request:
        """The request with the secret in it. Raises NotSupported where the body has no room."""
        refuse_mistakes(self.name, self.wrong)
        known = self._expected(secret)
        text = encode(known, "base64") if self._basic else known.decode("latin-1")
        if self.place.several:
            return self._show_in_each(request, secret)
        if self.place.kind != "header":
            text = secret
        return put(request, self.place, f"{self.word} {text}" if self.word else text)

    def _shown(self, reading: Reading) -> list[bytes]:
        """What the request shows: once, or for every item of a list, all of which must be right."""
        if self.place.several:
            texts = [text_of(value) for value in json_all(reading.document, self.place.name)]
            found = [utf8(text) for text in texts if text is not None]
            if not found or len(found) < len(texts):
                raise missing(self.place)
            return found
        value = reading.find(self.place)
        if value is None:
            raise missing(self.place)
        if self.place.kind != "header":
            return [utf8(value)]
        if self.word:
            word, _, value = value.partition(" ")
            if word.lower() != self.word.lower():
                raise malformed(self.place, f"is not {self.word}")
        if not self._basic:
            return [header_bytes(value.strip(), self.place.name)]
        try:
            return [decode(value.strip(), "base64")]
        except ValueError:
            raise malformed(self.place, "is not base64") from None

    def _expected(self, secret: str) -> bytes:
        return utf8(secret if self.user is None else f"{self.user}:{secret}")

    def _show_in_each(self, request: Request, secret: str) -> Request:
        path, _, rest = self.place.name.partition(".*.")
        reading = Reading(request)
        items: list[Any] = list(json_all(reading.document, f"{path}.*"))
        if not all(isinstance(item, dict) for item in items):
            raise NotSupported(f"{self.name} cannot sign: the body has no {path}")
        for item in items:
            set_json(item, rest, secret)
        return Request(
            request.method,
            request.path,
            request.query,
            request.headers,
            orjson.dumps(reading.document),
            request.remote,
            request.origin,
        )
