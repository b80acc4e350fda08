"""Who may do what, judged of a request's headers alone. Pure.

The console sits where browsers can reach it, so whatever page is open in one may try to use it:

- **Host.** A foreign name that resolves to this machine (DNS rebinding) is refused. An address
  cannot be rebound, `localhost` neither; any other name must have been given.
- **Origin.** What a browser says comes from elsewhere is refused: for everything that changes
  something, and for everything that is answered to programs.
- **Token.** Where tokens are configured, every request needs one: as a bearer, or exchanged for a
  session cookie (HttpOnly, SameSite=Strict). Without any, whoever reaches the port is the user
  that it runs as; it then listens on loopback only.
- **CSRF.** What changes something and carries no bearer needs the session's own token in a header
  of ours, or at least that header where nobody logs in: a foreign page cannot set one without a
  preflight, and preflights are never granted.

Tokens are compared as digests, in constant time, all of them each time.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import orjson

from holdfast.errors import HoldfastError, SecretMissing
from holdfast.operate.book import CONSOLE, Who
from holdfast.secrets import SecretRef, Secrets

API: Final = "/api/"
SESSION_PATH: Final = "/api/v1/session"
LOGIN_PATH: Final = "/login"
"""The page where a token is entered; its form works without scripts."""
LOGOUT_PATH: Final = "/logout"
CSRF_HEADER: Final = "x-holdfast-csrf"
COOKIE: Final = "holdfast_session"
SESSION_SECONDS: Final = 12 * 3_600
TOKEN_CHARACTERS_MIN: Final = 16
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class TokenRef:
    """Whose token, and where it is."""

    operator: str
    ref: SecretRef

    @classmethod
    def parse(cls, text: str) -> TokenRef:
        """`env:NAME`, or `ada=env:NAME`. Raises ValueError without repeating what may be a token."""
        operator, equals, reference = text.partition("=")
        if not equals:
            operator, reference = "operator", text
        if not operator.strip():
            raise ValueError("a console token is written NAME=env:VARIABLE, or env:VARIABLE")
        return cls(operator.strip(), SecretRef.parse(reference.strip()))


class Tokens:
    """The configured tokens. They are read each time, so that a file can be rotated."""

    def __init__(self, refs: Sequence[TokenRef], values: Secrets) -> None:
        self._refs = tuple(refs)
        self._values = values
        self._nobodys = secrets.token_bytes(32)

    def __bool__(self) -> bool:
        return bool(self._refs)

    def check(self) -> None:
        """Raises SecretMissing, or HoldfastError for a token that can be guessed."""
        for one in self._refs:
            if len(self._values.value(one.ref)) < TOKEN_CHARACTERS_MIN:
                raise HoldfastError(
                    f"the console's token {one.ref} is shorter than {TOKEN_CHARACTERS_MIN} "
                    "characters; make one with: python -c "
                    "'import secrets; print(secrets.token_urlsafe(32))'"
                )

    def operator(self, given: str) -> str | None:
        """Whose token this is."""
        found: str | None = None
        told = _digest(given)
        for operator, known in self._digests():
            if hmac.compare_digest(told, known):
                found = operator
        return found

    def key(self, operator: str) -> bytes:
        """What this operator's sessions are signed with: it changes with their token, and ends them.
        Without a token they end with the process."""
        digests = b"".join(digest for name, digest in self._digests() if name == operator)
        return hashlib.sha256(b"holdfast console sessions\0" + (digests or self._nobodys)).digest()

    def _digests(self) -> list[tuple[str, bytes]]:
        found = []
        for one in self._refs:
            try:
                found.append((one.operator, _digest(self._values.value(one.ref))))
            except SecretMissing:
                # A file in the middle of its rotation: nobody gets in with it meanwhile.
                continue
        return found


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


@dataclass(frozen=True, slots=True)
class Session:
    """What a cookie stands for."""

    operator: str
    until: int
    """Seconds since 1970."""
    nonce: str


class Sessions:
    """Signed cookies: nothing is kept here, so that a restart ends none of them. `key`: what those
    of an operator are signed with."""

    def __init__(self, key: Callable[[str], bytes]) -> None:
        self._key = key

    def new(self, operator: str, now_seconds: int) -> Session:
        return Session(operator, now_seconds + SESSION_SECONDS, secrets.token_urlsafe(16))

    def cookie(self, session: Session) -> str:
        told = orjson.dumps([session.operator, session.until, session.nonce])
        return f"{_b64(told)}.{_b64(self._mac(b'session', session, told))}"

    def read(self, cookie: str, now_seconds: int) -> Session | None:
        """The session, if we made it and it is not over."""
        told, _, mac = cookie.partition(".")
        try:
            payload, given = _unb64(told), _unb64(mac)
            session = Session(*orjson.loads(payload))
            if not hmac.compare_digest(given, self._mac(b"session", session, payload)):
                return None
        except (ValueError, TypeError):
            return None
        return session if session.until > now_seconds else None

    def csrf(self, session: Session) -> str:
        """What a request of this session carries where it changes something."""
        return _b64(self._mac(b"csrf", session, session.nonce.encode()))

    def csrf_fits(self, session: Session, given: str) -> bool:
        return hmac.compare_digest(
            self.csrf(session).encode(), given.encode("utf-8", "surrogateescape")
        )

    def _mac(self, purpose: bytes, session: Session, told: bytes) -> bytes:
        return hmac.digest(self._key(session.operator), purpose + b"\0" + told, "sha256")


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass(frozen=True, slots=True)
class Facts:
    """What the judgement is made of. Absent headers are empty."""

    method: str
    path: str
    host: str
    origin: str = ""
    fetch_site: str = ""
    fetch_mode: str = ""
    authorization: str = ""
    cookie: str = ""
    """The session's, without its name."""
    csrf: str = ""


@dataclass(frozen=True, slots=True)
class Allowed:
    """Go ahead, as this operator. `session`: the cookie's, if there is a good one."""

    who: Who
    session: Session | None = None


@dataclass(frozen=True, slots=True)
class Denied:
    status: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Access:
    """The rules of one console."""

    tokens: Tokens
    sessions: Sessions
    local: Who
    """Who it is where nobody has a token."""
    hosts: frozenset[str] = frozenset()
    """Names under which it may be called, beside addresses and localhost."""
    read_only: bool = False
    open_paths: frozenset[str] = frozenset()
    """What is served without a token, such as the page where one is entered."""

    def judge(self, facts: Facts, now_seconds: int) -> Allowed | Denied:
        name = host_name(facts.host)
        if not _is_address(name) and not _is_localhost(name) and name not in self.hosts:
            return Denied(403, "host_not_allowed", _HOST.format(name or "(none)"))
        safe = facts.method in SAFE
        if foreign := _foreign(facts, safe=safe):
            return foreign
        session = self.sessions.read(facts.cookie, now_seconds) if facts.cookie else None
        if self.tokens:
            scheme, _, token = facts.authorization.partition(" ")
            if scheme.lower() == "bearer":
                operator = self.tokens.operator(token.strip())
                if operator is None:
                    return Denied(401, "token_mismatch", "this token is not one of the console's")
                return self._write(facts, Allowed(Who(operator, CONSOLE)), bearer=True)
            opening = facts.path in (SESSION_PATH, LOGIN_PATH) and facts.method == "POST"
            if opening or (safe and facts.path in self.open_paths):
                return Allowed(Who(session.operator if session else "", CONSOLE), session)
            if session is None:
                return Denied(401, "token_missing", _LOGIN)
            return self._write(facts, Allowed(Who(session.operator, CONSOLE), session))
        return self._write(facts, Allowed(self.local, session))

    def form_fits(self, allowed: Allowed, given: str) -> bool:
        """Whether a form of one of our own pages carries its session's CSRF token. Every page that
        takes a form asks this: `judge` has not looked into its body."""
        session = allowed.session
        return session is not None and self.sessions.csrf_fits(session, given)

    def _write(self, facts: Facts, allowed: Allowed, *, bearer: bool = False) -> Allowed | Denied:
        """Whether it may change something, if it would."""
        if facts.method in SAFE:
            return allowed
        if not bearer and facts.path.startswith(API):
            # A form of one of our own pages carries its token in its body, and is judged there.
            if not facts.csrf:
                return Denied(403, "csrf_missing", _CSRF)
            if self.tokens and not (
                allowed.session and self.sessions.csrf_fits(allowed.session, facts.csrf)
            ):
                return Denied(403, "csrf_mismatch", "the header's token is not this session's")
        if self.read_only and facts.path not in (SESSION_PATH, LOGIN_PATH, LOGOUT_PATH):
            return Denied(403, "read_only", "this console only shows; it was started so")
        return allowed


_HOST: Final = "the console is not called {}; let it be with --console-allow-host"
_LOGIN: Final = "a token is needed: Authorization: Bearer TOKEN, or POST /api/v1/session"
_CSRF: Final = (
    "what changes something needs the header X-Holdfast-CSRF (GET /api/v1/session has it)"
)


def _foreign(facts: Facts, *, safe: bool) -> Denied | None:
    """What a browser says comes from another page than ours."""
    told = Denied(403, "cross_origin", "this came from another page than the console's own")
    if facts.origin and not (safe and facts.origin == "null"):
        try:
            place = urlsplit(facts.origin).netloc.lower()
        except ValueError:
            return told
        if place != facts.host.lower():
            return told
    if facts.fetch_site in ("cross-site", "same-site"):
        # `same-site` is any other port of this machine. A link that somebody follows to one of our
        # pages is fine; a page that loads from us is not.
        followed = safe and facts.fetch_mode == "navigate" and not facts.path.startswith(API)
        return None if followed else told
    return None


def host_name(host: str) -> str:
    """A Host header without its port: `[::1]:8082` is `::1`."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.rpartition(":")[0].lower() if host.count(":") == 1 else host.lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_localhost(name: str) -> bool:
    return name.rstrip(".") == "localhost" or name.rstrip(".").endswith(".localhost")


def is_loopback(host: str) -> bool:
    """Whether an address to listen on is reached from this machine alone."""
    if _is_localhost(host.lower()):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
