"""Public keys of senders, fetched over HTTPS and kept for a while.

Some senders sign with a private key and publish the other half at an address that each delivery
names. Whoever wants such a key has judged the address before (`holdfast.verify.keyaddress`); here it
is only fetched: over TLS, without following a redirect, up to 256 KiB, within ten seconds.

A key is kept for an hour. If it cannot be fetched again then, it serves for a day more, because a
sender's outage must not stop its events; and a key that is not known yet is asked for at most once
in a minute. The hosts of one sender are asked at most thirty times a minute, whatever strangers'
deliveries name.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from holdfast.clock import SYSTEM_CLOCK, Clock
from holdfast.errors import KeyUnavailable

FRESH_SECONDS: Final = 3_600.0
STALE_SECONDS: Final = 86_400.0
ASK_AGAIN_SECONDS: Final = 60.0
FAILED_SECONDS: Final = 5.0
SIZE_MAX_BYTES: Final = 262_144
TIMEOUT_SECONDS: Final = 10.0
ASKED_MAX: Final = 30
"""Requests to the hosts of one sender in `ASK_AGAIN_SECONDS`."""

_KEPT_MAX: Final = 256


@dataclass(frozen=True, slots=True)
class Wanted:
    """A key's address. `post`: what to send there, as JSON; None: it is only asked for."""

    url: str
    post: bytes | None = field(default=None, repr=False)
    certificate: str = ""
    """The name that the certificate there must be issued for; empty: it is not one, or any will do."""
    hosts: tuple[str, ...] = field(default=(), compare=False)
    """All that the sender may name, as patterns: they are asked as often together as one host is."""

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""


Fetch = Callable[[Wanted], str]


@dataclass(frozen=True, slots=True)
class _Kept:
    text: str
    at: float


class KeyRing:
    """One per process. `fetch` gets the text behind an address, or raises KeyUnavailable.

    Called from threads: it waits for the network.
    """

    def __init__(self, clock: Clock = SYSTEM_CLOCK, fetch: Fetch | None = None) -> None:
        self._clock = clock
        self._fetch = fetch or (lambda wanted: over_https(wanted, clock))
        self._kept: OrderedDict[Wanted, _Kept] = OrderedDict()
        self._failed: dict[Wanted, float] = {}
        self._asked: dict[tuple[str, ...], list[float]] = {}
        self._asking: dict[Wanted, threading.Lock] = {}
        self._lock = threading.Lock()

    def find(self, wanted: Wanted, *, anew: bool = False) -> str:
        """The text at that address. `anew`: what is kept did not do; ask again, unless just asked.

        Raises KeyUnavailable.
        """
        good_for = ASK_AGAIN_SECONDS if anew else FRESH_SECONDS
        with self._lock:
            kept = self._good(wanted, good_for)
            if kept is not None:
                return kept.text
            asking = self._asking.setdefault(wanted, threading.Lock())
        # A hundred deliveries with the same key ask for it once; other keys do not wait.
        with asking:
            try:
                with self._lock:
                    kept = self._good(wanted, good_for)
                    if kept is not None:
                        return kept.text
                    self._count(wanted)
                return self._remember(wanted, self._fetched(wanted))
            except KeyUnavailable:
                with self._lock:
                    kept = self._good(wanted, STALE_SECONDS)
                if kept is None:
                    raise
                return kept.text
            finally:
                with self._lock:
                    self._asking.pop(wanted, None)

    def _fetched(self, wanted: Wanted) -> str:
        try:
            return self._fetch(wanted)
        except KeyUnavailable:
            # Noted here alone: whoever was not let through has asked nobody, and delays nobody.
            with self._lock:
                self._failed[wanted] = self._clock.monotonic()
            raise

    def _good(self, wanted: Wanted, seconds: float) -> _Kept | None:
        kept = self._kept.get(wanted)
        if kept is None or self._clock.monotonic() - kept.at >= seconds:
            return None
        self._kept.move_to_end(wanted)
        return kept

    def _remember(self, wanted: Wanted, text: str) -> str:
        with self._lock:
            self._kept[wanted] = _Kept(text, self._clock.monotonic())
            while len(self._kept) > _KEPT_MAX:
                self._kept.popitem(last=False)
        return text

    def _count(self, wanted: Wanted) -> None:
        """Raises KeyUnavailable where it was asked in vain just now, or its host too often."""
        now = self._clock.monotonic()
        self._failed = {one: at for one, at in self._failed.items() if now - at < FAILED_SECONDS}
        if wanted in self._failed:
            raise KeyUnavailable(f"{wanted.host} did not give it just now")
        hosts = wanted.hosts or (wanted.host,)
        recent = [at for at in self._asked.get(hosts, ()) if now - at < ASK_AGAIN_SECONDS]
        if len(recent) >= ASKED_MAX:
            raise KeyUnavailable(f"{wanted.host} was asked {ASKED_MAX} times within a minute")
        self._asked[hosts] = [*recent, now]


def over_https(wanted: Wanted, clock: Clock = SYSTEM_CLOCK) -> str:
    """The text at that address. Raises KeyUnavailable."""
    import httpx

    host = wanted.host
    if not wanted.url.startswith("https://"):
        raise KeyUnavailable(f"{host} is not asked without TLS")
    method = "GET" if wanted.post is None else "POST"
    # Not packed: what a few bytes unpack to is not known before it is in memory.
    headers = {"accept": "*/*", "accept-encoding": "identity"}
    if wanted.post is not None:
        headers["content-type"] = "application/json"
    deadline = clock.monotonic() + TIMEOUT_SECONDS
    try:
        with (
            httpx.Client(follow_redirects=False, timeout=TIMEOUT_SECONDS / 2) as client,
            client.stream(method, wanted.url, headers=headers, content=wanted.post) as answer,
        ):
            if answer.status_code != 200:
                raise KeyUnavailable(f"{host} answered {answer.status_code}")
            body = b""
            for chunk in answer.iter_raw():
                body += chunk
                if len(body) > SIZE_MAX_BYTES:
                    raise KeyUnavailable(f"{host} sends more than any key is long")
                if clock.monotonic() > deadline:
                    raise KeyUnavailable(f"{host} takes longer than {TIMEOUT_SECONDS:.0f} seconds")
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        raise KeyUnavailable(f"{host} cannot be asked ({type(error).__name__})") from error
    return body.decode("utf-8", "replace")
