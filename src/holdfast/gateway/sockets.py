"""Listening sockets: bound before anything else, so that a port in use is told at once."""

from __future__ import annotations

import os
import socket
import sys
from typing import Final

from holdfast.errors import HoldfastError

BACKLOG: Final = 1024
"""Connections that wait to be accepted, and connections served at once."""


class PortUnavailable(HoldfastError, OSError):
    """The address cannot be listened on. The message names it and says why."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises PortUnavailable, naming the address."""
    listener = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        if os.name == "posix" and sys.platform != "cygwin":
            # Connections of an earlier run that linger are no reason not to start.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        if listener is not None:
            listener.close()
        why = error.strerror or str(error)
        raise PortUnavailable(f"cannot listen on {host} port {port}: {why}") from error
    return listener
