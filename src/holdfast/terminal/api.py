"""A console's HTTP API, from another machine or this one; what goes wrong, as our own errors."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import orjson

from holdfast.errors import CursorUnknown, HoldfastError, NotFound, NotSupported
from holdfast.secrets import SecretRef, Secrets
from holdfast.workflow.urls import need_url

TIMEOUT_SECONDS: Final = 30.0
STREAM_SECONDS: Final = 45.0
"""A stream says every 15 seconds that it lives."""

_AWAY: Final = frozenset((429, 502, 503, 504))


class ConsoleAway(HoldfastError):
    """Nothing answers there just now: it is tried again."""

    retryable = True


@dataclass(frozen=True, slots=True)
class Lines:
    """Of a stream. `hang_up`: ends whoever waits for the next one in another thread."""

    lines: Iterator[str]
    hang_up: Callable[[], None]


class ConsoleApi:
    """Calls to one console. `token`: a reference to a bearer token, read anew for each client.

    Raises HoldfastError where the address is none, SecretMissing.
    """

    def __init__(self, url: str, token: SecretRef | None, secrets: Secrets) -> None:
        self.url = _root(url)
        self._token = token
        headers = {"x-holdfast-csrf": "1", "user-agent": "holdfast"}
        if token is not None:
            headers["authorization"] = f"Bearer {secrets.value(token)}"
        # A redirect is not followed: the token is for this address and no other.
        self._client = httpx.Client(
            base_url=f"{self.url}/api/v1",
            headers=headers,
            timeout=TIMEOUT_SECONDS,
            follow_redirects=False,
            trust_env=False,
        )

    @property
    def exposes_token(self) -> bool:
        """Whether the token goes over a network where others can read it."""
        parts = urlsplit(self.url)
        return (
            self._token is not None
            and parts.scheme == "http"
            and not _is_local(parts.hostname or "")
        )

    def get(self, path: str, **params: Any) -> Any:
        """The answer. Raises ConsoleAway, NotFound, NotSupported, CursorUnknown, HoldfastError."""
        given = {name: value for name, value in params.items() if value not in (None, ())}
        return self._json(self._send("GET", path, params=given))

    def post(self, path: str, **body: Any) -> Any:
        """As `get`."""
        return self._json(self._send("POST", path, json=body))

    def body(self, path: str) -> bytes:
        """What `body_url` leads to, byte for byte; `path` begins with a slash, on the same host."""
        return self._send("GET", path).content

    @contextmanager
    def stream(self, cursor: str | None, webhook: str | None) -> Iterator[Lines]:
        """The stream of what happens. Raises as `get` does, also while it is read."""
        headers = {"last-event-id": cursor} if cursor else {}
        params = {"webhook": webhook} if webhook else {}
        try:
            with self._client.stream(
                "GET", "/stream", headers=headers, params=params, timeout=STREAM_SECONDS
            ) as response:
                if response.status_code != 200:
                    response.read()
                    raise self._problem(response)
                wire = response.extensions["network_stream"].get_extra_info("socket")
                yield Lines(response.iter_lines(), partial(wire.shutdown, socket.SHUT_RDWR))
        except httpx.HTTPError as error:
            raise self._away(error) from None

    def close(self) -> None:
        self._client.close()

    def _send(self, method: str, path: str, **given: Any) -> httpx.Response:
        # The root is not doubled where an answer names a path of its own.
        path = path.removeprefix("/api/v1")
        try:
            response = self._client.request(method, path, **given)
        except httpx.HTTPError as error:
            raise self._away(error) from None
        if 200 <= response.status_code < 300:
            return response
        raise self._problem(response)

    def _json(self, response: httpx.Response) -> Any:
        try:
            return orjson.loads(response.content)
        except orjson.JSONDecodeError:
            raise HoldfastError(f"what answers at {self.url} is no console of Holdfast") from None

    def _away(self, error: httpx.HTTPError) -> ConsoleAway:
        if isinstance(error, httpx.ConnectError):
            return ConsoleAway(f"no console answers at {self.url}")
        if isinstance(error, httpx.TimeoutException):
            return ConsoleAway(f"the console at {self.url} does not answer in time")
        return ConsoleAway(f"the console at {self.url} broke off ({type(error).__name__})")

    def _problem(self, response: httpx.Response) -> HoldfastError:
        status = response.status_code
        try:
            told = orjson.loads(response.content)["error"]
            code, message = str(told["code"]), str(told["message"])
            if code == "invalid_request" and told["detail"]:
                message = "; ".join(f"{one['path']}: {one['message']}" for one in told["detail"])
        except (orjson.JSONDecodeError, KeyError, TypeError):
            code, message = "", ""
        match code:
            case "token_missing":
                return HoldfastError(f"{self.url} needs a token: --token env:NAME, or file:PATH")
            case "token_mismatch":
                return HoldfastError(f"{self.url} does not know the token {self._token}")
            case "cursor_unknown":
                return CursorUnknown(message)
            case "not_found":
                return NotFound(message)
            case "not_supported":
                return NotSupported(message)
        if status in _AWAY:
            return ConsoleAway(f"{self.url} answers {status}{f': {message}' if message else ''}")
        if 300 <= status < 400:
            return HoldfastError(
                f"{self.url} answers {status} and points elsewhere, where no token is sent; name "
                "the console's own address"
            )
        if not code:
            return HoldfastError(f"what answers at {self.url} is no console of Holdfast ({status})")
        return HoldfastError(f"{self.url}: {message}")


def _root(url: str) -> str:
    """The address in front of `/api/v1`. Raises HoldfastError."""
    parts = need_url(url, "http://HOST:PORT", "give --token env:NAME")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _is_local(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
