"""Schemes where a header carries the secret itself: basic, bearer, a static token.

They prove who knocks, not what was sent. The header is checked at the door and never stored, which
is what `secret_headers` is for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hmac import compare_digest

from holdfast.errors import DefinitionError, Mistake, SecretMissing, VerificationFailed
from holdfast.message import Request
from holdfast.secrets import SecretRef
from holdfast.verify.encoding import decode, encode
from holdfast.verify.judge import Judge, References
from holdfast.verify.reading import header_bytes


def basic(user: str, password: References) -> Credentials:
    """HTTP Basic: the user's name as it is, the password as a reference such as `env:PASSWORD`."""
    judge = Judge()
    user = judge.text("user", user)
    if ":" in user:
        # The one character that HTTP Basic cannot carry in a name.
        judge.wrong.append("user: a name cannot hold a colon; the password is a setting of its own")
        user = ""
    return Credentials(
        name="basic",
        secrets=judge.references(password),
        header="Authorization",
        word="Basic",
        user=user,
        wrong=tuple(judge.wrong),
    )


def bearer(token: References) -> Credentials:
    """`Authorization: Bearer ...`, compared with a token of ours."""
    judge = Judge()
    references = judge.references(token)
    return Credentials("bearer", references, "Authorization", "Bearer", wrong=tuple(judge.wrong))


def token(token: References, *, header: str) -> Credentials:
    """A header whose whole value is the token, such as `X-Gitlab-Token`."""
    judge = Judge()
    references = judge.references(token)
    name = judge.text("header", header)
    if not name:
        judge.wrong.append("header: name the header that carries the token")
    return Credentials("token", references, name, wrong=tuple(judge.wrong))


@dataclass(frozen=True, slots=True)
class Credentials:
    """A source that shows a shared secret. Made by `basic`, `bearer` and `token`."""

    name: str
    secrets: tuple[SecretRef, ...]
    header: str
    word: str = ""
    """What stands before the secret, in any case of letters: `Basic`, `Bearer`, or nothing."""
    user: str | None = None
    """Whose password the secret is; None: the secret is a token."""
    wrong: tuple[str, ...] = ()

    @property
    def secret_headers(self) -> tuple[str, ...]:
        return (self.header.lower(),)

    def mistakes(self) -> tuple[str, ...]:
        return self.wrong

    def check(self, request: Request, secrets: Sequence[str], now_seconds: float) -> None:
        """Return if one of the secrets was shown. Raises VerificationFailed, or SecretMissing where
        every secret is empty."""
        self._refuse_mistakes()
        shown = self._shown(request)
        expected = [self._expected(secret) for secret in secrets if secret]
        if not expected:
            raise SecretMissing(f"the secret {' or '.join(map(str, self.secrets))} is empty")
        if not any(compare_digest(shown, known) for known in expected):
            reason = "token_mismatch" if self.user is None else "credentials_mismatch"
            raise VerificationFailed(reason, self.header)

    def sign(self, request: Request, secret: str, now_seconds: float) -> Mapping[str, str]:
        """The header that shows the secret."""
        self._refuse_mistakes()
        known = self._expected(secret)
        text = known.decode("latin-1") if self.user is None else encode(known, "base64")
        return {self.header: f"{self.word} {text}" if self.word else text}

    def _shown(self, request: Request) -> bytes:
        value = request.headers.get(self.header)
        if value is None:
            raise VerificationFailed("header_missing", self.header)
        if self.word:
            word, _, value = value.partition(" ")
            if word.lower() != self.word.lower():
                raise VerificationFailed("header_malformed", f"{self.header} is not {self.word}")
        if self.user is None:
            return header_bytes(value.strip(), self.header)
        try:
            return decode(value.strip(), "base64")
        except ValueError:
            raise VerificationFailed("header_malformed", f"{self.header} is not base64") from None

    def _expected(self, secret: str) -> bytes:
        text = secret if self.user is None else f"{self.user}:{secret}"
        return text.encode("utf-8", "surrogateescape")

    def _refuse_mistakes(self) -> None:
        if self.wrong:
            raise DefinitionError([Mistake(self.name, text) for text in self.wrong])
