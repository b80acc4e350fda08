"""The operations port: /metrics, /healthz, /readyz. On loopback unless told otherwise."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from holdfast.errors import HoldfastError


class Page(NamedTuple):
    status: int
    content_type: str
    body: bytes


class OpsServer:
    """Serves a few small pages from a thread of its own.

    The standard library's server, because it is asked a few times a minute by machines that we
    know, and must cost the supervisor nothing.
    """

    def __init__(self, host: str, port: int, pages: dict[str, Callable[[], Page]]) -> None:
        """Raises HoldfastError where the port is taken."""

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page = pages.get(self.path.partition("?")[0])
                status, content_type, body = (
                    page() if page else Page(404, "text/plain", b"not found\n")
                )
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: object) -> None:
                """Scrapes are no news."""

        try:
            self._server = ThreadingHTTPServer((host, port), Handler)
        except OSError as error:
            raise HoldfastError(
                f"the operations port {host}:{port} cannot be used ({error.strerror}); "
                "choose another with --ops-port"
            ) from error
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="holdfast-ops", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
