"""The supervisor goes on, whatever its upkeep or its children run into."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway_scene import webhook
from holdfast.clock import ManualClock
from holdfast.compiled import Compiled
from holdfast.queue.contract import Depth, Engine, QueueLimits
from holdfast.queue.engines.sqlite import SQLiteEngine
from holdfast.runtime.console_options import ConsoleOptions
from holdfast.runtime.nursery import Nursery
from holdfast.runtime.processes import NOT_STARTED, Child
from holdfast.runtime.run_file import write_run_file
from holdfast.runtime.run_options import RunOptions, Started
from holdfast.runtime.supervisor import Supervisor
from holdfast.telemetry import Kind, Telemetry
from process_kit import PATIENCE_SECONDS
from sqlite_kit import heard, message


class Stumbling(SQLiteEngine):
    """Upkeep that meets a defect twice, and then works."""

    stumbles = 2
    ended: asyncio.Event

    def maintain(self) -> bool:
        if self.stumbles:
            self.stumbles -= 1
            raise KeyError("a defect")
        return super().maintain()

    def depth(self) -> list[Depth]:
        self.loop.call_soon_threadsafe(self.ended.set)
        return super().depth()

    loop: asyncio.AbstractEventLoop


def test_upkeep_goes_on_after_any_error(tmp_path: Path) -> None:
    """Not only after the store's own: without upkeep nobody would free, expire or sync any more."""
    told: list[Mapping[str, Any]] = []
    telemetry = Telemetry()

    def hear(kind: Kind, fields: Mapping[str, Any]) -> None:
        if kind.name == "store.warning":
            told.append(fields)

    telemetry.subscribe(hear)

    async def story() -> None:
        engine = Stumbling(tmp_path / "store")
        engine.loop, engine.ended = asyncio.get_running_loop(), asyncio.Event()
        options = RunOptions(Path("none.py"), str(tmp_path / "store"))
        supervisor = Supervisor(options, Compiled("none", ()), telemetry)
        upkeep = asyncio.ensure_future(supervisor._upkeep(engine))
        while not engine.ended.is_set():
            supervisor._nudge.set()
            await asyncio.gather(asyncio.to_thread(lambda: None))
        supervisor._upkeep_over = True
        supervisor._nudge.set()
        await asyncio.wait_for(upkeep, PATIENCE_SECONDS)
        engine.close()

    asyncio.run(asyncio.wait_for(story(), PATIENCE_SECONDS))

    assert told == [{"message": "upkeep: KeyError: 'a defect'"}]


def test_mail_for_a_webhook_that_left_the_definition_is_told_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Renamed by mistake, it would otherwise expire in silence; an empty queue is no news."""
    store, clock = tmp_path / "store", ManualClock()
    engine = SQLiteEngine(store, clock=clock)
    engine.send(
        [message(number, clock, webhook=name) for number, name in enumerate(("here", "gone"))]
    )
    engine.configure({"empty": QueueLimits()})
    engine.close()
    telemetry, told = heard("store.warning")

    async def no_children(*_: object, **__: object) -> None:
        """It is the start that counts here."""

    monkeypatch.setattr(Supervisor, "_supervise", no_children)
    options = RunOptions(Path("none.py"), str(store), gateway=False)
    compiled = Compiled("some", (webhook("/here"),))
    asyncio.run(Supervisor(options, compiled, telemetry, clock=clock).run())

    assert len(told) == 1
    assert "webhook gone is not in the definition" in told[0]["message"]
    assert "wait for it (1)" in told[0]["message"]


def test_the_first_look_knows_where_the_console_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An alert that is still owed from the last run goes out then, before any child is ready."""
    known: list[str | None] = []

    async def looks(self: Supervisor, _engine: Engine) -> None:
        known.append(self._console_url)
        self._stop.set()

    async def nobody_to_end(*_: object) -> None:
        """No child was started."""

    monkeypatch.setattr(Supervisor, "_upkeep", looks)
    monkeypatch.setattr(Supervisor, "_end", nobody_to_end)
    monkeypatch.setattr(Nursery, "serving", lambda *_: [])
    console = ConsoleOptions(port=0)
    options = RunOptions(
        Path("none.py"), str(tmp_path), ops_port=None, console=console, index=False
    )
    asyncio.run(Supervisor(options, Compiled("none", ()), Telemetry()).run())

    assert len(known) == 1
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", known[0] or "none")


def test_a_run_that_cannot_say_where_it_is_goes_on(tmp_path: Path) -> None:
    """A disk that is full at the start must not end reception for a file that only commands read."""
    telemetry, told = heard("store.warning")
    (tmp_path / "run.json").mkdir()
    supervisor = Supervisor(
        RunOptions(Path("none.py"), str(tmp_path)), Compiled("none", ()), telemetry
    )

    supervisor._write_run_file(tmp_path, Started(None, None, "here", None, new=True))

    assert len(told) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_where_a_run_is_stands_in_a_file_of_its_owner_alone(tmp_path: Path) -> None:
    """As all that is in a store, also where the directory was made by somebody else."""
    write_run_file(tmp_path, Path("hooks.py"), Started(None, None, "here", None, new=True))

    assert (tmp_path / "run.json").stat().st_mode & 0o777 == 0o600


def test_a_child_that_cannot_be_started_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without room for one more process, for a moment, must not cost the worker."""
    ends: list[tuple[int, float | None]] = []
    monkeypatch.setattr(sys, "executable", "/nowhere/python")

    def ended(child: Child, _pid: int, code: int, restart_seconds: float | None) -> None:
        ends.append((code, restart_seconds))
        if len(ends) == 2:
            child.stop()

    async def story() -> None:
        child = Child(
            "worker",
            list,
            on_report=lambda _child, _pid, _fields: None,
            on_end=ended,
        )
        await child.run()
        assert child.failure is not None
        assert "cannot be started" in child.failure

    asyncio.run(asyncio.wait_for(story(), PATIENCE_SECONDS))

    assert [code for code, _ in ends] == [NOT_STARTED, NOT_STARTED]
