"""What the child processes are started with."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from holdfast.runtime.console_options import ConsoleOptions
from holdfast.runtime.processes import Child
from holdfast.runtime.run_options import RunOptions


@dataclass(frozen=True, slots=True)
class Nursery:
    """Makes the children of one run. `port`: where the gateway is to listen, asked at every start."""

    options: RunOptions
    port: Callable[[], int]
    on_report: Callable[[Child, int, Mapping[str, Any]], None]
    on_end: Callable[[Child, int, int, float | None], None]

    def serving(self, locks: tuple[int, ...]) -> list[Child]:
        """A gateway, where one is wanted, and the workers. The lock covers those: it is free when
        the last of them is gone."""
        options, shared = self.options, self._shared()
        workers = [self._child("worker", lambda: shared, locks) for _ in range(options.workers)]
        if not options.gateway:
            return workers

        def door() -> list[str]:
            # A gateway that is started again comes back where senders know it.
            return [*shared, "--host", options.host, "--port", str(self.port())]

        return [self._child("gateway", door), *workers]

    def console(self, listener: socket.socket) -> Child:
        asked = self.options.console or ConsoleOptions()
        descriptor = listener.fileno()
        told = [*self._shared(), "--console-socket", str(descriptor), *asked.arguments()]
        return self._child("console", lambda: told, (descriptor,))

    def _shared(self) -> list[str]:
        options = self.options
        return [
            str(options.definition),
            "--store",
            options.store,
            "--log-level",
            options.log_level,
            "--log-format",
            options.log_format,
        ]

    def _child(
        self, role: str, arguments: Callable[[], list[str]], inherit: tuple[int, ...] = ()
    ) -> Child:
        return Child(role, arguments, inherit=inherit, on_report=self.on_report, on_end=self.on_end)
