"""How the console is opened, judged before anything is: the port, the tokens, the names."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from holdfast.console.access import TokenRef, Tokens, is_loopback
from holdfast.errors import HoldfastError
from holdfast.gateway.sockets import PortUnavailable, listen
from holdfast.secrets import Secrets

DEFAULT_PORT: Final = 8082
TOKEN_VARIABLE: Final = "HOLDFAST_CONSOLE_TOKEN"  # noqa: S105 - a name, not a token


@dataclass(frozen=True, slots=True)
class ConsoleOptions:
    """Where the console listens, and who may. `port` None: 8082, or a free one where that is taken.

    `tokens`: references, each `env:NAME` or `OPERATOR=env:NAME`. `hosts`: names under which it may
    be called, beside addresses and localhost.
    """

    host: str = "127.0.0.1"
    port: int | None = None
    tokens: tuple[str, ...] = ()
    read_only: bool = False
    hosts: tuple[str, ...] = ()

    def check(self) -> None:
        """Raises HoldfastError where it must not be opened like this."""
        try:
            tokens = Tokens([TokenRef.parse(text) for text in self.tokens], Secrets())
        except ValueError as error:
            raise HoldfastError(f"--console-token: {error}") from None
        tokens.check()
        if not tokens and not is_loopback(self.host):
            raise HoldfastError(
                f"a console on {self.host} is reached from elsewhere and needs a token: set "
                f"{TOKEN_VARIABLE}, or give --console-token env:NAME"
            )

    def bind(self) -> socket.socket:
        """The listening socket. Raises PortUnavailable."""
        if self.port is not None:
            return listen(self.host, self.port)
        try:
            return listen(self.host, DEFAULT_PORT)
        except PortUnavailable:
            return listen(self.host, 0)

    def public_url(self, bound: str | None) -> str | None:
        """Where operators elsewhere find it: behind the proxy that calls it by a name, which ends
        TLS; otherwise where it is bound."""
        return f"https://{self.hosts[0]}" if self.hosts else bound

    def arguments(self) -> list[str]:
        """For the child process."""
        told = ["--console-host", self.host]
        told += [part for text in self.tokens for part in ("--console-token", text)]
        told += [part for text in self.hosts for part in ("--console-allow-host", text)]
        return [*told, "--console-read-only"] if self.read_only else told


def token_references(given: Sequence[str], environment: str | None) -> tuple[str, ...]:
    """Those given, or where none is, that of the variable, if it is set."""
    if given:
        return tuple(given)
    return (f"env:{TOKEN_VARIABLE}",) if environment else ()
