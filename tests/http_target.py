"""Another program over a real socket: it keeps what it receives, and answers as it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Received(NamedTuple):
    method: str
    path: str
    lines: Sequence[tuple[str, str]]
    body: bytes

    @property
    def headers(self) -> dict[str, str]:
        """One value per name, in lower case."""
        return {name.lower(): value for name, value in self.lines}


class Target(ThreadingHTTPServer):
    """Answers with `status`, `headers` and `body`, or not until it is let go."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.received: list[Received] = []
        self.status = 200
        self.reason: str | None = None
        self.headers: list[tuple[str, str]] = [("location", "/elsewhere")]
        self.body = b"because of this"
        self.echoes = False
        """Whether it repeats the headers that it was sent, as JSON."""
        self.endless = False
        """Whether its body has no end; only whoever hangs up gets away."""
        self.let_go = threading.Event()
        self.let_go.set()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever hung up in the middle was made to by the test."""

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def url(self) -> str:
        return f"{self.root}/in?a=1"


class _Handler(BaseHTTPRequestHandler):
    server: Target

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"] or 0))
        received = Received(self.command, self.path, self.headers.items(), body)
        self.server.received.append(received)
        self.server.let_go.wait()
        said = json.dumps(received.headers).encode() if self.server.echoes else self.server.body
        self.send_response(self.server.status, self.server.reason)
        for name, value in self.server.headers:
            self.send_header(name, value)
        if not self.server.endless:
            self.send_header("content-length", str(len(said)))
        self.end_headers()
        while self.server.endless:
            try:
                self.wfile.write(said * 1_000)
            except OSError:
                return
        if self.command != "HEAD" and self.server.status != 204:
            self.wfile.write(said)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


for _method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
    setattr(_Handler, f"do_{_method}", _Handler._answer)


@contextmanager
def a_target(port: int = 0) -> Iterator[Target]:
    server = Target(port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.let_go.set()
        server.shutdown()
        thread.join()
        server.server_close()
