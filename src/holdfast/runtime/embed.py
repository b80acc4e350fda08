"""The gateway inside somebody else's application."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import orjson

from holdfast.clock import SYSTEM_CLOCK
from holdfast.compile import compile_app
from holdfast.compiled import Compiled
from holdfast.definition import App
from holdfast.errors import StoreError
from holdfast.gateway.answers import CLOSE, RETRY_SECONDS, Answer
from holdfast.gateway.asgi import Application, Receive, Scope, Send, send_answer
from holdfast.message import new_message_id
from holdfast.runtime.assembly import Gateway
from holdfast.runtime.logs import make_log
from holdfast.runtime.store import DEFAULT_STORE
from holdfast.telemetry import Telemetry


class EmbeddedGateway:
    """An ASGI application that opens its store when it is first needed.

    With the lifespan where its host passes that on, otherwise with the first request: most hosts
    do not tell what is mounted in them that they have started.
    """

    def __init__(self, compiled: Compiled, store: str) -> None:
        self._compiled = compiled
        self._store = store
        self._telemetry: Telemetry | None = None
        self._trouble = ""
        """Why the store could not be opened, as long as it cannot be."""
        self._gateway: Gateway | None = None
        self._application: Application | None = None
        self._opening = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            application = self._application or await self._opened()
        except StoreError:
            if scope["type"] != "http":
                raise  # the host is to know that this did not start
            await send_answer(_unavailable(), send)
        else:
            await application(scope, receive, send)

    async def close(self) -> None:
        """Keep what is pending and let go of the store. The next request opens it again."""
        gateway, self._gateway, self._application = self._gateway, None, None
        if gateway is not None:
            await asyncio.to_thread(gateway.close)

    async def _opened(self) -> Application:
        async with self._opening:
            if self._application is None:
                if self._telemetry is None:
                    self._telemetry = Telemetry()
                    log = make_log(SYSTEM_CLOCK, role="gateway", stream=sys.stderr)
                    self._telemetry.subscribe(log)
                try:
                    self._gateway = await asyncio.to_thread(
                        Gateway, self._compiled, self._store, self._telemetry
                    )
                except StoreError as error:
                    told, self._trouble = self._trouble, str(error)
                    if self._trouble != told:  # once, and not with each request
                        self._telemetry.emit("store.warning", message=f"nothing is kept: {error}")
                    raise
                self._trouble = ""
                self._application = Application(self._gateway.door, on_shutdown=self.close)
            return self._application


def _unavailable() -> Answer:
    """What a door says that has no store, and an unread body behind it."""
    id = new_message_id(SYSTEM_CLOCK.now_ms())
    message = "the event was not kept; send it again"
    body = orjson.dumps({"error": "not_kept", "message": message, "requestId": id})
    headers = (
        ("content-type", "application/json"),
        ("x-request-id", id),
        ("retry-after", str(RETRY_SECONDS)),
        CLOSE,
    )
    return Answer(503, headers, body)


def asgi(app: App, *, store: str | Path = DEFAULT_STORE) -> EmbeddedGateway:
    """An ASGI application that receives this definition's webhooks; mount it wherever you like.

        application = FastAPI()
        application.mount("/hooks", holdfast.asgi(hooks))

    It accepts and keeps. The work is done by `holdfast run --no-gateway FILE.py` beside it, on the
    same store. Importing touches no disk. Raises DefinitionError.
    """
    return EmbeddedGateway(compile_app(app), str(store))
