"""A mail server over a real socket, with TLS and a login, that keeps what it receives.

As much of RFC 5321 as a client sees that delivers one message and leaves.
"""

from __future__ import annotations

import base64
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final

from certificate_kit import holder
from holdfast.clock import SYSTEM_CLOCK

USER: Final = "holdfast"
PASSWORD: Final = "the password of the mail server"


class Mailbox(socketserver.ThreadingTCPServer):
    """What was delivered, and how. Refuses the recipients that it is told to."""

    daemon_threads = True

    def __init__(self, context: ssl.SSLContext | None, *, implicit: bool, login: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.context = context
        self.implicit = implicit
        self.login = login
        self.letters: list[EmailMessage] = []
        self.encrypted: list[bool] = []
        self.logins: list[str] = []
        self.refuses: set[str] = set()
        self.answer = "250 kept"

    @property
    def port(self) -> int:
        port: int = self.server_address[1]
        return port

    def handle_error(self, _request: Any, _address: Any) -> None:
        """A client that hangs up, as one does that does not trust us, is no news."""


class _Session(socketserver.StreamRequestHandler):
    server: Mailbox

    def setup(self) -> None:
        self.encrypted = self.server.context is not None and self.server.implicit
        if self.encrypted:
            self._encrypt()
        super().setup()

    def _encrypt(self) -> None:
        assert self.server.context is not None
        self.request = self.server.context.wrap_socket(self.request, server_side=True)

    def handle(self) -> None:
        self._say("220 localhost")
        while line := self.rfile.readline():
            verb, _, rest = line.decode().strip().partition(" ")
            act = getattr(self, f"_{verb.lower()}", None)
            self._say("500 what?") if act is None else act(rest)
            if verb.upper() == "QUIT":
                return

    def finish(self) -> None:
        super().finish()
        self.request.close()

    def _say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())

    def _ehlo(self, _rest: str) -> None:
        offers = []
        if self.server.context is not None and not self.encrypted:
            offers.append("STARTTLS")
        if self.server.login and (self.encrypted or self.server.context is None):
            offers.append("AUTH PLAIN")
        said = ["localhost", *offers]
        self._say(*(f"250-{one}" for one in said[:-1]), f"250 {said[-1]}")

    def _starttls(self, _rest: str) -> None:
        if self.server.context is None:
            self._say("502 not here")
            return
        self._say("220 go ahead")
        self._encrypt()
        self.encrypted = True
        super().setup()

    def _auth(self, rest: str) -> None:
        _, user, password = base64.b64decode(rest.partition(" ")[2]).decode().split("\0")
        self.server.logins.append(user)
        fits = (user, password) == (USER, PASSWORD)
        self._say("235 welcome" if fits else f"535 not you, {user}")

    def _mail(self, _rest: str) -> None:
        allowed = not self.server.login or self.server.logins
        self._say("250 ok" if allowed else "530 log in first")

    def _rcpt(self, rest: str) -> None:
        refused = any(f"<{one}>" in rest for one in self.server.refuses)
        self._say("550 nobody of that name" if refused else "250 ok")

    def _data(self, _rest: str) -> None:
        self._say("354 go on")
        content = b""
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            content += line
        if self.server.answer.startswith("250"):
            made: Any = message_from_bytes(content, policy=policy.default)
            self.server.letters.append(made)
            self.server.encrypted.append(self.encrypted)
        self._say(self.server.answer)

    def _rset(self, _rest: str) -> None:
        self._say("250 ok")

    def _quit(self, _rest: str) -> None:
        self._say("221 bye")


def a_certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's context for `localhost`, and the file of the authority behind it."""
    now = datetime.fromtimestamp(SYSTEM_CLOCK.now_ms() / 1000, UTC).replace(
        minute=0, second=0, microsecond=0
    )
    span = now - timedelta(days=1), now + timedelta(days=30)
    authority = holder("the tests' authority", None, *span)
    certificate, key = holder("localhost", authority, *span).write(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    trusted = folder / "authority.pem"
    trusted.write_text(authority.pem)
    return context, trusted


@contextmanager
def a_mail_server(
    context: ssl.SSLContext | None = None, *, implicit: bool = False, login: bool = False
) -> Iterator[Mailbox]:
    """`context`: speaks TLS, from the first byte on or after STARTTLS; `login`: demands one."""
    server = Mailbox(context, implicit=implicit, login=login)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
