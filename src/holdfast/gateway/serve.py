"""The gateway on a port of its own: Granian, embedded in the running event loop.

The socket is ours and handed over: bound before anything else happens, so that a port in use is
told at once, port 0 works, and a second server on the same port fails instead of silently sharing
it (Granian itself would bind with SO_REUSEPORT). Signals are ours too; the embedded server installs
no handlers.

Measured on two cores with 256 connections of wrk, an answer without keeping: uvloop 41,000 requests
a second, asyncio's own loop 33,000; Granian's `rust` tasks 25,000, and they cannot be cancelled.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Final

from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from holdfast.gateway.asgi import Application, Receive, Scope, Send
from holdfast.gateway.door import Door
from holdfast.gateway.sockets import BACKLOG, PortUnavailable, listen

__all__ = ["PortUnavailable", "listen", "serve", "serve_application"]

_HTTP1: Final = HTTP1Settings(
    # Also how long an idle connection is kept.
    header_read_timeout=10_000,
    # Bounds the headers of a request (431 beyond it) and one read of a body.
    max_buffer_size=64 * 1024,
)

_LEAVE_SECONDS: Final = 0.01
"""Granian's thread tells us that it is done from a callback that it still has to return from; an
interpreter that exits in that moment makes it panic."""


ASGIApplication = Callable[[Scope, Receive, Send], Awaitable[None]]


async def serve(
    door: Door,
    *,
    host: str,
    port: int,
    on_ready: Callable[[int], None],
    stop: asyncio.Event,
    drain_seconds: float,
) -> None:
    """Serve until `stop` is set; then answer 503, let those inside finish, and return.

    `on_ready` is called once, with the port, when connections are accepted. Port 0: any free one.
    After `drain_seconds` what has not finished is abandoned: it was not answered with success.
    Raises PortUnavailable.
    """

    async def empty() -> None:
        door.close()
        await door.emptied()

    await serve_application(
        Application(door),
        listen(host, port),
        on_ready=on_ready,
        stop=stop,
        empty=empty,
        drain_seconds=drain_seconds,
    )


async def serve_application(
    application: ASGIApplication,
    listener: socket.socket,
    *,
    on_ready: Callable[[int], None],
    stop: asyncio.Event,
    empty: Callable[[], Awaitable[None]],
    drain_seconds: float,
) -> None:
    """Serve any application on a listening socket, which is closed at the end, until `stop` is set.

    `empty`: lets those inside finish, before the server ends. An application gets no lifespan.
    """
    host, chosen = listener.getsockname()[:2]
    server = _server(application, host, listener)
    serving = asyncio.ensure_future(server.serve())
    # Granian's threads start in its first step; the socket has been listening since before.
    asyncio.get_running_loop().call_soon(on_ready, chosen)
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        await _within(drain_seconds, asyncio.ensure_future(empty()))
        server.end()
        await _within(drain_seconds, serving)
        await asyncio.sleep(_LEAVE_SECONDS)
    finally:
        stopping.cancel()
        serving.cancel()


class _Embedded(Server):
    """Granian's embedded server on a socket that was bound already."""

    def __init__(self, listener: socket.socket, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._listener = listener
        self._shd: Any = None

    def _init_shared_socket(self) -> None:
        # From here on Granian owns the file descriptor, and closes it.
        holder: Any = SocketHolder  # its stub leaves the arguments out
        self._shd = holder(self._listener.detach(), False, BACKLOG)

    def end(self) -> None:
        """Close the socket and idle connections; `serve` returns once the others are through."""
        self.interrupt_signal = True
        self.main_loop_interrupt.set()


def _server(application: ASGIApplication, host: str, listener: socket.socket) -> _Embedded:
    server = _Embedded(
        listener,
        application,
        address=host,
        port=listener.getsockname()[1],
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        http1_settings=_HTTP1,
        websockets=False,
        backlog=BACKLOG,
        log_enabled=False,
    )
    # What it has to say beyond `experimental` is told by our own telemetry.
    logging.getLogger("_granian").setLevel(logging.CRITICAL + 1)
    return server


async def _within(seconds: float, work: asyncio.Future[Any]) -> None:
    done, _ = await asyncio.wait({work}, timeout=seconds)
    if not done:
        work.cancel()
    elif not work.cancelled():
        work.result()
