"""The supervisor: holds the store, keeps a gateway and workers running, does the store's upkeep.

    supervisor ── lock on the store, upkeep, operations port
      |- gateway    accepts and keeps
      |- worker ... carries and works        each with the lock inherited
      '- console    shows, and does what operators ask

A process that ends unasked is started again. SIGTERM or Ctrl-C drains: the gateway stops accepting,
workers finish what they have begun and give back the rest. A second one ends everything now; what
was being worked is then delivered again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from holdfast.clock import SYSTEM_CLOCK, Clock
from holdfast.compiled import Compiled
from holdfast.errors import HoldfastError, StoreLocked
from holdfast.operate.abilities import archive_of, search_of
from holdfast.queue.contract import Depth, Engine, Filter
from holdfast.queue.engines.sqlite.recover import SupervisorLock
from holdfast.runtime.alerting import Alerting
from holdfast.runtime.assembly import forsaken, limits_of
from holdfast.runtime.exposition import Fired, RunFacts, exposition
from holdfast.runtime.guarding import Guarding
from holdfast.runtime.indexing import Indexer
from holdfast.runtime.metrics import Counts, Totals
from holdfast.runtime.nursery import Nursery
from holdfast.runtime.ops import OpsServer, Page
from holdfast.runtime.processes import Child
from holdfast.runtime.run_file import remove_run_file, write_run_file
from holdfast.runtime.run_options import RunOptions, Started
from holdfast.runtime.store import (
    describe_store,
    is_shared,
    open_engine,
    run_directory,
    upkeep_seconds,
)
from holdfast.runtime.tracing import missing
from holdfast.runtime.version import installed_version
from holdfast.telemetry import Telemetry

SILENT_SECONDS: Final = 10.0
"""A store that did not answer for so long, and for several times its upkeep, is not ready."""

LOCK_LOOK_SECONDS: Final = 0.1
KILL_SECONDS: Final = 30.0


class Supervisor:
    """One run. Raises StoreLocked, StoreError or HoldfastError where it cannot start."""

    def __init__(
        self,
        options: RunOptions,
        compiled: Compiled,
        telemetry: Telemetry,
        *,
        clock: Clock = SYSTEM_CLOCK,
        on_started: Callable[[Started], None] = lambda _: None,
    ) -> None:
        self._options = options
        self._compiled = compiled
        self._telemetry = telemetry
        self._clock = clock
        self._on_started = on_started
        self._totals = Totals()
        self._counts = Counts()
        """What this process itself has to tell: children that ended, messages that expired."""
        telemetry.subscribe(self._counts)
        self._depths: list[Depth] = []
        self._paused: list[str] = []
        self._upkeep_seconds = upkeep_seconds(options.store)
        self._guarding: Guarding | None = None
        self._alerting: Alerting | None = None
        self._console_url: str | None = None
        self._upkeep_at = clock.monotonic()
        self._upkeep_over = False
        self._store_error, self._alerts_error = "", ""
        self._children: list[Child] = []
        """Those without which nothing is received and worked."""
        self._console: Child | None = None
        self._port: int | None = None
        self._failure: str | None = None
        self._all_ready = asyncio.Event()
        self._stop = asyncio.Event()
        self._nudge = asyncio.Event()

    async def run(self) -> None:
        """Until a signal, or until a child cannot be started at all."""
        path = run_directory(self._options.store)
        if why := missing():
            # Somebody else's variable, perhaps: no reason not to receive.
            self._telemetry.emit("traces.failed", why=why)
        async with self._locked(path) as locks:
            engine = open_engine(self._options.store, telemetry=self._telemetry)
            try:
                archive = archive_of(engine)
                new = archive is not None and not archive.events(Filter(), limit=1)
                engine.configure(limits_of(self._compiled))
                if not is_shared(self._options.store):  # there, it may be another definition's
                    for message in forsaken(self._compiled, engine.depth()):
                        self._telemetry.emit("store.warning", message=message)
                if self._options.gateway:  # a mounted one is counted by nobody here
                    self._guarding = Guarding(self._compiled, path, self._telemetry, self._clock)
                if self._compiled.alerts:
                    self._alerting = Alerting(
                        self._compiled, path, self._telemetry, self._clock,
                        console_url=lambda: self._console_url,
                    )  # fmt: skip
                await self._supervise(engine, locks, path, new=new)
            finally:
                engine.close()
                if self._guarding is not None:
                    self._guarding.note()
                if self._alerting is not None:
                    self._alerting.close()
                remove_run_file(path)
        if self._failure is not None:
            raise HoldfastError(self._failure)

    @contextlib.asynccontextmanager
    async def _locked(self, path: Path) -> AsyncIterator[tuple[int, ...]]:
        """The store's lock; where a killed supervisor's last workers hold it, once they are done.

        A descriptor for the workers to inherit. A store of several machines has none.
        """
        if is_shared(self._options.store):
            yield ()
            return
        deadline = self._clock.monotonic() + KILL_SECONDS
        told = False
        with contextlib.ExitStack() as held:
            while True:
                try:
                    lock = held.enter_context(SupervisorLock(path))
                    break
                except StoreLocked as error:
                    if not error.finishing or self._clock.monotonic() > deadline:
                        raise
                    if not told:
                        self._telemetry.emit("store.warning", message=f"{error}; waiting for them")
                        told = True
                await asyncio.sleep(LOCK_LOOK_SECONDS)
            yield (lock.descriptor,)

    async def _supervise(
        self, engine: Engine, locks: tuple[int, ...], path: Path, *, new: bool
    ) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled)
        ops = self._open_ops()
        listener, console = None, None
        if self._options.console is not None:
            listener = self._options.console.bind()
            console = _url(self._options.console.host, listener.getsockname()[1])
            # Before the upkeep begins: an alert that is still owed goes out at its first look.
            self._console_url = self._options.console.public_url(console)
        upkeep = loop.create_task(self._upkeep(engine))
        search = search_of(engine) if self._options.index else None
        indexer = Indexer(search, self._clock) if search is not None else None
        indexing = loop.create_task(indexer.run()) if indexer is not None else None
        nursery = Nursery(
            self._options, lambda: self._port or self._options.port, self._reported, self._ended
        )
        self._children = nursery.serving(locks)
        running = [loop.create_task(child.run()) for child in self._children]
        try:
            if await self._ready():
                started = self._started(ops, console, new=new)
                self._write_run_file(path, started)
                self._on_started(started)
                if listener is not None:
                    # After the others: until it is ready, its connections wait at the socket.
                    self._console = nursery.console(listener)
                    running.append(loop.create_task(self._console.run()))
            await self._stop.wait()
            await self._end(running)
        finally:
            for child in self._all():
                child.kill()
            await asyncio.gather(*running, return_exceptions=True)
            # Not cancelled: its thread would go on, in a store that is no longer ours.
            self._upkeep_over = True
            self._nudge.set()
            if indexer is not None:
                indexer.stop()
            ended = (upkeep, indexing) if indexing else (upkeep,)
            await asyncio.gather(*ended, return_exceptions=True)
            if ops is not None:
                ops.close()
            if listener is not None:
                listener.close()

    def _all(self) -> list[Child]:
        return [*self._children, *([self._console] if self._console else [])]

    async def _ready(self) -> bool:
        """Until every child is ready, or a stop. False: stopped first."""
        waits = [asyncio.ensure_future(event.wait()) for event in (self._all_ready, self._stop)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        return self._all_ready.is_set() and not self._stop.is_set()

    def _started(self, ops: OpsServer | None, console: str | None, *, new: bool) -> Started:
        return Started(
            url=_url(self._options.host, self._port) if self._port else None,
            ops_url=_url(self._options.ops_host, ops.port) if ops else None,
            store=describe_store(self._options.store),
            console_url=console,
            new=new,
        )

    def _write_run_file(self, path: Path, started: Started) -> None:
        try:
            write_run_file(path, self._options.definition, started)
        except OSError as error:
            # A full disk, or a container with nowhere to write. Commands that look for this run will
            # not find it; what is received and worked does not depend on them.
            self._telemetry.emit("store.warning", message=f"no run file is written: {error}")

    def _reported(self, child: Child, pid: int, fields: Mapping[str, Any]) -> None:
        if "counts" in fields:
            self._totals.report(pid, fields["counts"])
        if fields.get("ready"):
            if "port" in fields:
                self._port = fields["port"]
            self._telemetry.emit("process.started", role=child.role, pid=pid)
            if all(child.ready for child in self._children):
                self._all_ready.set()

    def _ended(self, child: Child, pid: int, code: int, restart_seconds: float | None) -> None:
        self._totals.ended(pid)
        self._nudge.set()
        if restart_seconds is None:
            return
        self._telemetry.emit(
            "process.ended",
            role=child.role,
            pid=pid,
            code=code,
            why=child.failure or "",
            restart_seconds=round(restart_seconds, 2),
        )
        if child.failure is not None and not self._all_ready.is_set():
            self._failure = child.failure
            self._stop.set()

    def _signalled(self) -> None:
        if not self._stop.is_set():
            self._stop.set()
            return
        for child in self._all():
            # A worker asked twice gives back what it holds. What a gateway still has under way was
            # not answered with success, so its sender will send it again.
            if child.role in ("gateway", "console"):
                child.kill()
            else:
                child.stop()

    async def _end(self, running: list[asyncio.Task[None]]) -> None:
        self._telemetry.emit("process.stopping", role="supervisor", why="asked to")
        for child in self._all():
            child.stop()
        _, late = await asyncio.wait(running, timeout=KILL_SECONDS)
        if late:
            for child in self._all():
                child.kill()

    async def _upkeep(self, engine: Engine) -> None:
        while not self._upkeep_over:
            self._nudge.clear()
            try:
                more = await asyncio.to_thread(engine.maintain)
                self._depths = await asyncio.to_thread(engine.depth)
                self._paused = await asyncio.to_thread(engine.pauses)
                self._upkeep_at, self._store_error = self._clock.monotonic(), ""
                await self._watch(engine)
            except Exception as error:  # whatever it is: without upkeep nobody frees and expires
                told, self._store_error = self._store_error, f"{type(error).__name__}: {error}"
                if self._store_error != told:
                    self._telemetry.emit("store.warning", message=f"upkeep: {self._store_error}")
                more = False
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._nudge.wait(), 0 if more else self._upkeep_seconds)

    async def _watch(self, engine: Engine) -> None:
        """The guard's look, and that of the alerts, which must not make a store look ill."""
        self._totals.report(os.getpid(), self._counts.rows())
        sums = self._totals.sums()
        if self._guarding is not None:
            self._guarding.look(sums)
        if self._alerting is None:
            return
        warnings = self._guarding.warnings if self._guarding else ()
        told, self._alerts_error = self._alerts_error, ""
        try:
            await asyncio.to_thread(self._alerting.look, engine, sums, self._depths, warnings)
        except Exception as error:
            self._alerts_error = f"{type(error).__name__}: {error}"
            if self._alerts_error != told:
                self._telemetry.emit("store.warning", message=f"alerts: {self._alerts_error}")

    def _open_ops(self) -> OpsServer | None:
        if self._options.ops_port is None:
            return None
        pages = {"/metrics": self._metrics, "/healthz": self._healthz, "/readyz": self._readyz}
        return OpsServer(self._options.ops_host, self._options.ops_port, pages)

    def _metrics(self) -> Page:
        self._totals.report(os.getpid(), self._counts.rows())
        warnings = self._guarding.warnings if self._guarding else ()
        body = exposition(
            self._totals, self._depths, self._clock.now_ms(), warnings, self._run_facts()
        )
        return Page(200, "text/plain; version=0.0.4; charset=utf-8", body)

    def _run_facts(self) -> RunFacts:
        children = self._all()
        alerts = self._alerting.standing.items() if self._alerting else ()
        return RunFacts(
            installed_version(),
            tuple(webhook.name for webhook in self._compiled.webhooks),
            tuple(target.name for target in self._compiled.notify),
            {
                one.role: sum(each.ready for each in children if each.role == one.role)
                for one in children
            },
            tuple(self._paused),
            self._clock.monotonic() - self._upkeep_at,
            [Fired(*key, one.severity) for key, one in alerts if one.firing],
        )

    def _healthz(self) -> Page:
        """The supervisor lives, and what its processes are."""
        children = [
            {"role": child.role, "pid": child.pid, "ready": child.ready} for child in self._all()
        ]
        return Page(200, "application/json", orjson.dumps({"processes": children}) + b"\n")

    def _readyz(self) -> Page:
        """Whether what is sent now would be kept and worked."""
        reasons = [
            f"{child.role} is not ready" + (f": {child.failure}" if child.failure else "")
            for child in self._children
            if not child.ready
        ]
        if self._store_error:
            reasons.append(self._store_error)
        elif self._clock.monotonic() - self._upkeep_at > max(
            SILENT_SECONDS, 3 * self._upkeep_seconds
        ):
            reasons.append("the store does not answer")
        if self._stop.is_set():
            reasons.append("shutting down")
        body = orjson.dumps({"ready": not reasons, "reasons": reasons}) + b"\n"
        return Page(503 if reasons else 200, "application/json", body)


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
