"""The gateway as an ASGI application: under Granian, uvicorn, or mounted in another application.

The only way in. An RSGI one was written first, for its speed, and dropped: under Granian it is not
faster (39,000 against 41,000 requests a second here), and it loses what has to be kept. Header lines
with bytes beyond ASCII disappear, an encoded slash in a path cannot be told from a real one, and a
chunked body that broke off looks like one that ended.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from holdfast.gateway.answers import Answer
from holdfast.gateway.door import Chunk, Door, HungUp
from holdfast.message import Headers

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Hook = Callable[[], Awaitable[None]]


class Application:
    """ASGI 3, `http` and `lifespan`. A mounted application is not told of the lifespan.

    on_startup, on_shutdown: run with the server that this is the outermost application of; at
    shutdown the door is closed and emptied first.
    """

    def __init__(
        self, door: Door, *, on_startup: Hook | None = None, on_shutdown: Hook | None = None
    ) -> None:
        self._door = door
        self._on_startup = on_startup
        self._on_shutdown = on_shutdown

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            # Closing before accepting is how a server is told to answer a websocket with 403.
            await send({"type": "websocket.close", "code": 1000})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def read_chunk() -> Chunk:
            event = await receive()
            if event["type"] == "http.disconnect":
                raise HungUp
            return event.get("body", b""), event.get("more_body", False)

        lines = tuple(
            [
                (name.decode("latin-1").lower(), value.decode("latin-1"))
                for name, value in scope["headers"]
            ]
        )
        headers = Headers(lines)
        path = _path(scope)
        client = scope.get("client")
        answer = await self._door.answer(
            scope["method"],
            path,
            scope["query_string"].decode("latin-1"),
            headers,
            client[0] if client else "",
            f"{scope['scheme']}://{headers.get('host', '')}",
            read_chunk,
            route=_below(scope.get("root_path", ""), path),
        )
        with suppress(OSError):  # whoever hung up does not wait for an answer
            await send_answer(answer, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            event = await receive()
            if event["type"] == "lifespan.startup":
                if self._on_startup is not None:
                    try:
                        await self._on_startup()
                    except Exception as error:
                        await send({"type": "lifespan.startup.failed", "message": str(error)})
                        return
                await send({"type": "lifespan.startup.complete"})
            else:
                self._door.close()
                await self._door.emptied()
                if self._on_shutdown is not None:
                    await self._on_shutdown()
                await send({"type": "lifespan.shutdown.complete"})
                return


async def send_answer(answer: Answer, send: Send) -> None:
    """As one response, whole."""
    lines = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    lines.append((b"content-length", b"%d" % len(answer.body)))
    await send({"type": "http.response.start", "status": answer.status, "headers": lines})
    await send({"type": "http.response.body", "body": answer.body})


def _path(scope: Scope) -> str:
    """As sent, percent-encoded. `raw_path` is optional in ASGI; decoding and encoding is the next best."""
    raw: bytes | None = scope.get("raw_path")
    if raw is None:
        return quote(scope["path"], safe="/!$&'()*+,;=:@~-._")
    return raw.decode("latin-1")


def _below(root: str, path: str) -> str:
    """The path below the mount. `root_path` is decoded, and servers differ in whether the path has it."""
    if not root:
        return path
    for prefix in (root, quote(root)):
        if path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in ("", "/"):
            return path[len(prefix) :] or "/"
    return path
