"""Public keys, fetched and kept: from a real server over TLS, and by a clock that is moved."""

from __future__ import annotations

import gzip
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from certificate_kit import holder
from holdfast.clock import ManualClock
from holdfast.errors import KeyUnavailable
from holdfast.keyring import (
    ASKED_MAX,
    SIZE_MAX_BYTES,
    TIMEOUT_SECONDS,
    KeyRing,
    Wanted,
    over_https,
)
from process_kit import PATIENCE_SECONDS


class Publisher(BaseHTTPRequestHandler):
    """Answers by path, and remembers what it was asked."""

    asked: ClassVar[list[tuple[str, str, bytes]]] = []

    def _answer(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        self.asked.append((self.command, self.path, self.rfile.read(length)))
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("location", "/key.pem")
        else:
            self.send_response(404 if self.path == "/gone" else 200)
        body = b"x" * (SIZE_MAX_BYTES + 1) if self.path == "/huge" else b"the key"
        if self.headers.get("accept-encoding") != "identity":
            self.send_header("content-encoding", "gzip")
            body = gzip.compress(bytes(2 * SIZE_MAX_BYTES))
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _answer  # noqa: N815 - the standard library's names

    def log_message(self, format: str, *args: object) -> None:
        """Not to the terminal."""


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server with a certificate for localhost, by an authority that this process trusts."""
    now = datetime.now(UTC)
    day = timedelta(days=1)
    authority = holder("authority.test", None, now - day, now + day)
    server = holder("localhost", authority, now - day, now + day)
    certificate, key = server.write(tmp_path)
    (tmp_path / "authority.pem").write_text(authority.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    Publisher.asked.clear()
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Publisher)
    httpd.socket = context.wrap_socket(httpd.socket, server_side=True)
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    yield f"https://localhost:{httpd.server_port}"
    httpd.shutdown()
    httpd.server_close()
    thread.join()


def test_a_key_is_fetched_over_tls_once(url: str) -> None:
    """The second who wants it gets what is kept; what is posted belongs to the address."""
    ring = KeyRing(ManualClock())
    posted = Wanted(f"{url}/keys", b'{"kid":"1"}')

    assert [ring.find(Wanted(f"{url}/key.pem")) for _ in range(3)] == ["the key"] * 3
    assert ring.find(posted) == "the key"
    assert Publisher.asked == [("GET", "/key.pem", b""), ("POST", "/keys", b'{"kid":"1"}')]


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/gone", "answered 404"),
        ("/moved", "answered 302"),
        ("/huge", "sends more than any key is long"),
    ],
)
def test_what_is_no_key_is_not_taken(url: str, path: str, why: str) -> None:
    """Neither an error nor a redirect nor a flood; the query, which may be secret, is not told."""
    with pytest.raises(KeyUnavailable, match=why) as told:
        KeyRing(ManualClock()).find(Wanted(f"{url}{path}"))

    assert path not in str(told.value)
    assert len(Publisher.asked) == 1


def test_a_server_that_takes_its_time_is_not_waited_for(url: str) -> None:
    """However little is missing: not longer than ten seconds in all."""

    class Hasty(ManualClock):
        def monotonic(self) -> float:
            self.advance(TIMEOUT_SECONDS + 1)
            return super().monotonic()

    with pytest.raises(KeyUnavailable, match="takes longer than 10 seconds"):
        over_https(Wanted(f"{url}/key.pem"), Hasty())


def test_a_server_that_nobody_vouches_for_is_not_believed(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The authority is not trusted, or there is no TLS at all: no key."""
    monkeypatch.delenv("SSL_CERT_FILE")

    with pytest.raises(KeyUnavailable, match="cannot be asked"):
        KeyRing(ManualClock()).find(Wanted(f"{url}/key.pem"))
    with pytest.raises(KeyUnavailable, match="without TLS"):
        KeyRing(ManualClock()).find(Wanted(url.replace("https", "http")))
    assert Publisher.asked == []


class Counting:
    """Answers with the number of times it was asked, or not at all."""

    def __init__(self) -> None:
        self.count = 0
        self.down = False

    def __call__(self, wanted: Wanted) -> str:
        self.count += 1
        if self.down:
            raise KeyUnavailable("down")
        return f"{wanted.url} {self.count}"


def test_a_key_is_kept_for_an_hour_and_serves_through_an_outage_for_a_day() -> None:
    """Fresh, it is not asked for; stale, it is; and while nobody answers the old one will do."""
    clock, fetch = ManualClock(), Counting()
    ring, key = KeyRing(clock, fetch), Wanted("https://h/k")

    assert ring.find(key) == "https://h/k 1"
    clock.advance(3_599)
    assert ring.find(key) == "https://h/k 1"
    clock.advance(1)
    assert ring.find(key) == "https://h/k 2"
    fetch.down = True
    clock.advance(86_399)
    assert ring.find(key) == "https://h/k 2"
    clock.advance(10)
    with pytest.raises(KeyUnavailable):
        ring.find(key)


def test_a_key_that_does_not_fit_is_asked_for_anew_once_a_minute() -> None:
    """Keys change, and forgeries come often."""
    clock, fetch = ManualClock(), Counting()
    ring, key = KeyRing(clock, fetch), Wanted("https://h/k")

    assert ring.find(key) == "https://h/k 1"
    assert ring.find(key, anew=True) == "https://h/k 1"
    clock.advance(60)
    assert ring.find(key, anew=True) == "https://h/k 2"


def test_who_asked_in_vain_waits_for_five_seconds() -> None:
    """A sender's outage is not made worse by all of its events."""
    clock, fetch = ManualClock(), Counting()
    ring, key = KeyRing(clock, fetch), Wanted("https://h/k")
    fetch.down = True

    for _ in range(3):
        with pytest.raises(KeyUnavailable):
            ring.find(key)
    assert fetch.count == 1
    clock.advance(5)
    fetch.down = False
    assert ring.find(key) == "https://h/k 2"


def test_who_is_held_back_puts_nothing_off() -> None:
    """Events that come every second must not keep a key from ever being asked for again."""
    clock, fetch = ManualClock(), Counting()
    ring, key = KeyRing(clock, fetch), Wanted("https://h/k")
    fetch.down = True
    for _ in range(5):
        with pytest.raises(KeyUnavailable):
            ring.find(key)
        clock.advance(1)

    fetch.down = False
    assert ring.find(key) == "https://h/k 2"


def test_a_host_is_asked_thirty_times_a_minute_at_most() -> None:
    """Whatever addresses strangers' deliveries name; other hosts are asked all the same."""
    clock, fetch = ManualClock(), Counting()
    ring = KeyRing(clock, fetch)

    for number in range(ASKED_MAX):
        ring.find(Wanted(f"https://h/{number}"))
    with pytest.raises(KeyUnavailable, match="30 times within a minute"):
        ring.find(Wanted("https://h/one-more"))
    assert ring.find(Wanted("https://other/k")) == f"https://other/k {ASKED_MAX + 1}"
    clock.advance(60)
    assert ring.find(Wanted("https://h/one-more")) == f"https://h/one-more {ASKED_MAX + 2}"


def test_only_so_many_keys_are_kept() -> None:
    """Those that were wanted last."""
    clock, fetch = ManualClock(), Counting()
    ring, first = KeyRing(clock, fetch), Wanted("https://h/first")

    ring.find(first)
    for number in range(300):
        ring.find(Wanted(f"https://h{number}/k"))
    fetch.count = 0
    ring.find(Wanted("https://h299/k"))
    ring.find(first)

    assert fetch.count == 1


def test_many_who_want_the_same_key_ask_once() -> None:
    """A hundred deliveries at the same time are one question."""
    entered, go = threading.Event(), threading.Event()
    asked: list[str] = []

    def fetch(wanted: Wanted) -> str:
        asked.append(wanted.url)
        entered.set()
        go.wait(PATIENCE_SECONDS)
        return "the key"

    ring, found = KeyRing(ManualClock(), fetch), list[str]()
    threads = [
        threading.Thread(target=lambda: found.append(ring.find(Wanted("https://h/k"))))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    assert entered.wait(PATIENCE_SECONDS)
    go.set()
    for thread in threads:
        thread.join()

    assert found == ["the key"] * 8
    assert asked == ["https://h/k"]


def test_what_is_posted_is_in_no_repr() -> None:
    """It may hold a secret."""
    assert "s3cret" not in repr(Wanted("https://h/k", b"s3cret"))
