"""Who may do what on the console: tokens, sessions, and where a request may come from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.console.access import (
    LOGIN_PATH,
    SESSION_PATH,
    SESSION_SECONDS,
    TOKEN_CHARACTERS_MIN,
    Access,
    Allowed,
    Denied,
    Facts,
    Sessions,
    TokenRef,
    Tokens,
    is_loopback,
)
from holdfast.errors import HoldfastError, SecretMissing
from holdfast.operate.book import CONSOLE, Who
from holdfast.secrets import Secrets

ADA, BOB = "ada-0123456789abcdef", "bob-0123456789abcdef"
LOCAL = Who("root", CONSOLE)
NOW = 1_700_000_000
GET = Facts("GET", "/api/v1/events", "127.0.0.1:8082")
POST = Facts("POST", "/api/v1/dead/purge", "127.0.0.1:8082", csrf="1")


@pytest.fixture
def tokens(monkeypatch: pytest.MonkeyPatch) -> Tokens:
    monkeypatch.setenv("ADA", ADA)
    monkeypatch.setenv("BOB", BOB)
    return Tokens([TokenRef.parse("ada=env:ADA"), TokenRef.parse("bob=env:BOB")], Secrets())


def opened(tokens: Tokens | None = None, **rules: object) -> Access:
    known = Tokens([], Secrets()) if tokens is None else tokens
    access = Access(known, Sessions(known.key), LOCAL)
    return replace(access, **rules)  # type: ignore[arg-type]  # fields by name


def code(access: Access, facts: Facts) -> str:
    judged = access.judge(facts, NOW)
    return judged.code if isinstance(judged, Denied) else judged.who.name


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1:8082", True),
        ("localhost:8082", True),
        ("LOCALHOST.", True),
        ("console.localhost:8082", True),
        ("[::1]:8082", True),
        ("192.168.0.7:8082", True),
        ("hooks.example.com", True),
        ("evil.example.com:8082", False),
        ("localhost.evil.com", False),
        ("127.0.0.1.evil.com:8082", False),
        ("", False),
    ],
)
def test_only_its_own_names_are_answered(host: str, allowed: bool) -> None:
    """An address or localhost cannot be rebound; any other name must have been given."""
    access = opened(hosts=frozenset({"hooks.example.com"}))

    assert (code(access, replace(GET, host=host)) == "root") is allowed


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        (replace(GET, origin="http://127.0.0.1:8082"), "root"),
        (replace(GET, origin="https://evil.example.com"), "cross_origin"),
        (replace(GET, origin="http://127.0.0.1:3000"), "cross_origin"),
        (replace(POST, origin="null"), "cross_origin"),
        (replace(POST, origin="http://[bad"), "cross_origin"),
        (replace(POST, origin="http://127.0.0.1:8082"), "root"),
        (replace(GET, fetch_site="same-origin"), "root"),
        (replace(GET, fetch_site="none"), "root"),
        (replace(GET, fetch_site="cross-site"), "cross_origin"),
        (replace(GET, fetch_site="same-site"), "cross_origin"),
        (replace(GET, fetch_site="cross-site", fetch_mode="navigate"), "cross_origin"),
        (replace(GET, path="/events", fetch_site="cross-site", fetch_mode="navigate"), "root"),
        (
            replace(GET, path="/events", fetch_site="cross-site", fetch_mode="no-cors"),
            "cross_origin",
        ),
        (replace(POST, path="/x", fetch_site="cross-site", fetch_mode="navigate"), "cross_origin"),
    ],
)
def test_other_pages_are_kept_out(facts: Facts, told: str) -> None:
    """Whatever a browser says comes from elsewhere, another port of this machine included; a link
    that somebody follows to a page of ours is fine."""
    assert code(opened(), facts) == told


def test_what_changes_something_needs_the_header() -> None:
    """A foreign page cannot set it without a preflight, which is never granted."""
    assert code(opened(), POST) == "root"
    assert code(opened(), replace(POST, csrf="")) == "csrf_missing"
    assert code(opened(), replace(GET, csrf="")) == "root"


def test_tokens_open_and_name_their_operator(tokens: Tokens) -> None:
    """Each its own; a wrong one, none, or another scheme does not, and no session stands in."""
    access = opened(tokens)

    def bearer(token: str, scheme: str = "Bearer") -> str:
        return code(access, replace(POST, authorization=f"{scheme} {token}", csrf=""))

    assert (bearer(ADA), bearer(BOB), bearer(ADA, "bearer")) == ("ada", "bob", "ada")
    for wrong in ("", ADA[:-1], ADA + "x", "\udcff"):
        assert bearer(wrong) == "token_mismatch"
    assert bearer(ADA, "Basic") == "token_missing"
    assert code(access, GET) == "token_missing"


def test_a_session_stands_for_a_token(tokens: Tokens) -> None:
    """For as long as it lasts, with its own CSRF token for what changes something."""
    access = opened(tokens)
    session = access.sessions.new("ada", NOW)
    cookie, csrf = access.sessions.cookie(session), access.sessions.csrf(session)
    get = replace(GET, cookie=cookie)

    assert code(access, get) == "ada"
    assert code(access, replace(POST, cookie=cookie, csrf=csrf)) == "ada"
    assert code(access, replace(POST, cookie=cookie, csrf="1")) == "csrf_mismatch"
    assert code(access, replace(POST, cookie=cookie, csrf="")) == "csrf_missing"
    other = access.sessions.csrf(access.sessions.new("ada", NOW))
    assert code(access, replace(POST, cookie=cookie, csrf=other)) == "csrf_mismatch"
    late = access.judge(get, NOW + SESSION_SECONDS)
    assert isinstance(late, Denied)


@pytest.mark.parametrize("change", ["", ".", "x", "e30.e30", "W10.x", "\udcff.x", "a" * 10_000])
def test_a_cookie_that_is_not_ours_is_none(tokens: Tokens, change: str) -> None:
    """Neither one that was made up nor one that was changed, nor another console's."""
    access = opened(tokens)
    cookie = access.sessions.cookie(access.sessions.new("ada", NOW))
    for wrong in (change, cookie + change + "x", change + cookie[1:]):
        assert access.sessions.read(wrong, NOW) is None
    foreign = Sessions(lambda _: b"o" * 32)
    assert foreign.read(cookie, NOW) is None


def test_logging_in_needs_neither_token_nor_header(tokens: Tokens) -> None:
    """But must come from our own page; and nothing else is open."""
    access = opened(tokens, open_paths=frozenset({"/login"}))
    opening = Facts("POST", SESSION_PATH, "localhost:8082")

    assert isinstance(access.judge(opening, NOW), Allowed)
    assert code(access, replace(opening, origin="https://evil.example.com")) == "cross_origin"
    assert isinstance(access.judge(Facts("GET", "/login", "localhost"), NOW), Allowed)
    form = Facts("POST", LOGIN_PATH, "localhost")
    assert isinstance(access.judge(form, NOW), Allowed)
    assert code(access, replace(form, origin="https://evil.example.com")) == "cross_origin"
    assert code(access, replace(form, path="/logout")) == "token_missing"


def test_a_console_that_only_shows(tokens: Tokens) -> None:
    """Nothing is changed, whoever asks and however; logging in and out is still possible."""
    for access in (opened(read_only=True), opened(tokens, read_only=True)):
        bearer = f"Bearer {ADA}" if access.tokens else ""
        assert code(access, replace(POST, authorization=bearer)) == "read_only"
        assert code(access, replace(GET, authorization=bearer)) in ("root", "ada")
        leaving = replace(POST, method="DELETE", path=SESSION_PATH, authorization=bearer)
        assert isinstance(access.judge(leaving, NOW), Allowed)
        session = access.sessions.new("ada", NOW)
        form = Facts("POST", "/logout", "localhost", cookie=access.sessions.cookie(session))
        assert isinstance(access.judge(form, NOW), Allowed)
        assert code(access, replace(form, path="/elsewhere")) == "read_only"


def test_a_rotated_token_ends_its_sessions(tmp_path: Path) -> None:
    """A file is read again, in a console that runs; others' sessions go on. While there is no file,
    nobody gets in, not with a session that was signed with no token either."""
    path, other = tmp_path / "token", tmp_path / "other"
    path.write_text(ADA, encoding="utf-8")
    other.write_text(BOB, encoding="utf-8")
    refs = [TokenRef.parse(f"ada=file:{path}"), TokenRef.parse(f"bob=file:{other}")]
    tokens = Tokens(refs, Secrets())
    access = opened(tokens)

    def who(operator: str, cookie: str) -> bool:
        return code(access, replace(GET, cookie=cookie)) == operator

    adas, bobs = (access.sessions.cookie(access.sessions.new(one, NOW)) for one in ("ada", "bob"))
    assert tokens.operator(ADA) == "ada"
    assert who("ada", adas)

    path.write_text(BOB + "-longer", encoding="utf-8")

    assert tokens.operator(ADA) is None
    assert tokens.operator(BOB + "-longer") == "ada"
    assert not who("ada", adas)
    assert who("bob", bobs)
    path.unlink()
    assert tokens.operator(BOB + "-longer") is None
    stranger = Sessions(Tokens(refs[:1], Secrets()).key)
    assert not who("ada", stranger.cookie(stranger.new("ada", NOW)))


def test_tokens_are_judged_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is missing or can be guessed is said, never its value."""
    monkeypatch.setenv("SHORT", "x" * (TOKEN_CHARACTERS_MIN - 1))
    with pytest.raises(HoldfastError, match="shorter than 16") as short:
        Tokens([TokenRef.parse("env:SHORT")], Secrets()).check()
    assert "xxx" not in str(short.value)
    with pytest.raises(SecretMissing):
        Tokens([TokenRef.parse("env:NOT_THERE")], Secrets()).check()
    for wrong in ("secret-itself", "=env:X", "ada=secret"):
        with pytest.raises(ValueError, match="written") as told:
            TokenRef.parse(wrong)
        assert "secret-itself" not in str(told.value)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104 - judged, not listened on
        ("192.168.0.1", False),
        ("example.com", False),
        ("", False),
    ],
)
def test_what_is_reached_from_this_machine_alone(host: str, loopback: bool) -> None:
    """Only there may a console do without a token."""
    assert is_loopback(host) is loopback
