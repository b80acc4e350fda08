"""The gateway inside somebody else's application."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from holdfast.clock import SYSTEM_CLOCK
from holdfast.compile import compile_app
from holdfast.compiled import Compiled
from holdfast.definition import App
from holdfast.gateway.asgi import Application, Receive, Scope, Send
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
        self._gateway: Gateway | None = None
        self._application: Application | None = None
        self._opening = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        application = self._application or await self._opened()
        await application(scope, receive, send)

    async def close(self) -> None:
        """Keep what is pending and let go of the store. The next request opens it again."""
        gateway, self._gateway, self._application = self._gateway, None, None
        if gateway is not None:
            await asyncio.to_thread(gateway.close)

    async def _opened(self) -> Application:
        async with self._opening:
            if self._application is None:
                telemetry = Telemetry()
                telemetry.subscribe(make_log(SYSTEM_CLOCK, role="gateway", stream=sys.stderr))
                self._gateway = await asyncio.to_thread(
                    Gateway, self._compiled, self._store, telemetry
                )
                self._application = Application(self._gateway.door, on_shutdown=self.close)
            return self._application


def asgi(app: App, *, store: str | Path = DEFAULT_STORE) -> EmbeddedGateway:
    """An ASGI application that receives this definition's webhooks; mount it wherever you like.

        application = FastAPI()
        application.mount("/hooks", holdfast.asgi(hooks))

    It accepts and keeps. The work is done by `holdfast run --no-gateway FILE.py` beside it, on the
    same store. Importing touches no disk. Raises DefinitionError.
    """
    return EmbeddedGateway(compile_app(app), str(store))
