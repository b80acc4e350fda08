"""Real processes for tests: started, listened to, waited for by condition, and never left behind."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Self, TypeVar

import httpx

from holdfast.clock import SYSTEM_CLOCK
from holdfast.queue.contract import Entry, Filter, State
from holdfast.queue.engines.sqlite import SQLiteEngine

# Far beyond what anything here takes on a quiet machine, so that a busy one fails no test.
PATIENCE_SECONDS = 60.0

HEAD = """\
import asyncio, ctypes, fcntl, os, signal, subprocess, sys, threading
from pathlib import Path
from typing import Any
from holdfast import App, Event, Pipe, Queue

app = App()
HERE = Path(__file__).parent
TWICE = Queue(max_receive_count=2)
QUICK = Pipe(backoff="10ms", max_backoff="20ms")

def note(what: str, event: Event[Any]) -> None:
    with open(HERE / what, "a") as book:
        book.write(event.id + "\\n")

def pass_gate() -> None:
    with open(HERE / "gate") as gate:
        fcntl.flock(gate, fcntl.LOCK_SH)

"""
"""What every definition here begins with. `pass_gate` blocks while the test holds a `Gate`."""

# No console: another interpreter to start, which few tests ask anything.
PORTS = ("--port", "0", "--ops-port", "0", "--console-port", "-1")

Value = TypeVar("Value")


def until(condition: Callable[[], Value | None], what: str) -> Value:
    """Wait for the condition and return what it gave. Fails, saying `what`, past all patience."""
    deadline = SYSTEM_CLOCK.monotonic() + PATIENCE_SECONDS
    pause = threading.Event()
    while not (found := condition()):
        assert SYSTEM_CLOCK.monotonic() < deadline, f"waited in vain until {what}"
        pause.wait(0.02)
    return found


def get(url: str) -> httpx.Response:
    """Of a server of ours."""
    return httpx.get(url, timeout=PATIENCE_SECONDS)


class Process:
    """A child process, what it says line by line, and its exit code."""

    def __init__(
        self, command: Sequence[str], directory: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self._heard = threading.Condition()
        self.lines: list[str] = []
        """Of both streams."""
        self.popen = subprocess.Popen(  # noqa: S603 - the tests' own commands
            command,
            cwd=directory,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        streams = [stream for stream in (self.popen.stdout, self.popen.stderr) if stream]
        self._readers = [threading.Thread(target=self._read, args=(one,)) for one in streams]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                with self._heard:
                    self.lines.append(line.rstrip("\n"))
                    self._heard.notify_all()

    @property
    def said(self) -> str:
        """Everything so far, in one line: where lines break depends on who is thought to watch."""
        return " ".join(" ".join(self.lines).split())

    def hear(self, pattern: str) -> re.Match[str]:
        """Wait for a line in which the pattern is found."""

        def found() -> re.Match[str] | None:
            return next(filter(None, (re.search(pattern, line) for line in self.lines)), None)

        with self._heard:
            assert self._heard.wait_for(found, PATIENCE_SECONDS), f"no {pattern!r} in:\n{self.said}"
            match = found()
        assert match
        return match

    def code(self) -> int:
        """Wait for the end."""
        code = self.popen.wait(PATIENCE_SECONDS)
        for reader in self._readers:
            # A child of its own may hold the streams a little longer.
            reader.join(PATIENCE_SECONDS)
        return code

    def send(self, number: int) -> None:
        self.popen.send_signal(number)

    def close(self) -> None:
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait()
        for reader in self._readers:
            reader.join(PATIENCE_SECONDS)


class Run(Process):
    """`holdfast run` on a definition and a store in `directory`, on free ports."""

    def __init__(
        self,
        directory: Path,
        definition: str | None = None,
        options: Sequence[str] = PORTS,
    ) -> None:
        self.store = directory / "store"
        self.directory = directory
        if definition is not None:
            (directory / "hooks.py").write_text(HEAD + definition, encoding="utf-8")
        self._engine: SQLiteEngine | None = None
        super().__init__(
            holdfast("run", "hooks.py", *options), directory, {"HOLDFAST_STORE": "store"}
        )

    def ready(self) -> Self:
        """Wait until all its processes are."""

        def there() -> bool:
            assert self.popen.poll() is None, self.said
            return any("stop with" in line for line in self.lines)

        until(there, "`holdfast run` is ready")
        return self

    @property
    def record(self) -> dict[str, Any]:
        """Where things are, as the supervisor wrote it down."""
        record: dict[str, Any] = json.loads((self.store / "run.json").read_bytes())
        return record

    def pids(self, role: str) -> list[int]:
        """Its children of this role that are ready."""
        answer = get(self.record["ops_url"] + "/healthz").json()
        return [one["pid"] for one in answer["processes"] if one["role"] == role and one["ready"]]

    def post(self, path: str, **options: Any) -> httpx.Response:
        """One JSON event, at the gateway."""
        url = self.record["url"] + path
        return httpx.post(url, timeout=PATIENCE_SECONDS, **{"json": {}, **options})

    def keep(self, path: str, **options: Any) -> str:
        """One JSON event that must be accepted; its id."""
        answer = self.post(path, **options)
        assert answer.status_code == 200, answer.text
        id: str = answer.json()["id"]
        return id

    @property
    def engine(self) -> SQLiteEngine:
        """A look into its store, from another process than its own."""
        if self._engine is None:
            self._engine = SQLiteEngine(self.store)
        return self._engine

    def entry(self, id: str) -> Entry:
        return self.engine.events(Filter(id=id), limit=1)[0]

    def ended(self, id: str) -> Entry:
        """Wait until this message is done or dead."""

        def found() -> Entry | None:
            entry = self.entry(id)
            return entry if entry.state in (State.DONE, State.DEAD) else None

        return until(found, f"{id} has ended; {self.entry(id)}")

    def noted(self, what: str) -> list[str]:
        """The ids that handlers wrote down under this name."""
        try:
            return (self.directory / what).read_text(encoding="ascii").split()
        except FileNotFoundError:
            return []

    def close(self) -> None:
        """Kill it; its children notice, and end by themselves."""
        if self._engine is not None:
            self._engine.close()
        super().close()


def holdfast(*arguments: str) -> list[str]:
    """The command, under this interpreter."""
    return [sys.executable, "-m", "holdfast", *arguments]


@contextlib.contextmanager
def running(directory: Path, definition: str | None = None, *options: str) -> Iterator[Run]:
    """A run that is ready, stopped at the end."""
    run = Run(directory, definition, (*PORTS, *options))
    try:
        yield run.ready()
        if run.popen.poll() is None:
            run.send(signal.SIGTERM)
            run.send(signal.SIGTERM)
    finally:
        run.close()


class Gate:
    """Closed while held: whoever calls `pass_gate` in a handler waits in a thread."""

    def __init__(self, directory: Path) -> None:
        self._file = (directory / "gate").open("w")

    def __enter__(self) -> Self:
        fcntl.flock(self._file, fcntl.LOCK_EX)
        return self

    def open(self) -> None:
        self._file.close()

    def __exit__(self, *exception: object) -> None:
        self.open()


def gone(pid: int) -> bool:
    """Whether the process has ended, even if nobody has asked for its exit code yet."""
    try:
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except ProcessLookupError:
        return True
    except FileNotFoundError:
        return Path("/proc/self").exists()  # elsewhere, it is alive if it can be signalled
    return stat.rpartition(")")[2].split()[0] in "ZX"
