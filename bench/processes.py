"""The processes under measurement, started as the supervisor starts them, and what they weigh."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import orjson

from holdfast.clock import SYSTEM_CLOCK
from holdfast.compile import compile_app, load
from holdfast.gateway.sockets import listen
from holdfast.operate.abilities import search_of
from holdfast.queue.contract import Engine, QueueLimits
from holdfast.runtime.assembly import limits_of
from holdfast.runtime.indexing import Indexer
from holdfast.runtime.store import open_engine, upkeep_seconds

HOOKS: Final = Path(__file__).parent / "hooks" / "noop.py"


@dataclass(frozen=True, slots=True)
class Memory:
    """Of one process, in bytes. `pss` shares what is shared fairly; None where unknown."""

    rss: int
    pss: int | None


class Process:
    """One child process; ready when its report says so, stopped at the end of the block."""

    def __init__(
        self,
        module: str,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        inherit: Sequence[int] = (),
    ) -> None:
        report_read, report_write = os.pipe()
        lifeline_read, self._lifeline = os.pipe()
        told = [*arguments, "--report", str(report_write)]
        if module == "holdfast.runtime.child":
            told += ["--lifeline", str(lifeline_read)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *told],
            stdin=subprocess.DEVNULL,
            # Log lines are made, as in real life, but nobody reads them here.
            stderr=subprocess.DEVNULL,
            pass_fds=(report_write, lifeline_read, *inherit),
            env={**os.environ, **(environment or {})},
        )
        os.close(report_write)
        os.close(lifeline_read)
        self._report = os.fdopen(report_read, "rb")
        self.pid = self._process.pid
        self.port = self._wait()
        # Reports go on coming; a full pipe would hold the process up.
        self._draining = threading.Thread(target=self._report.read, daemon=True)
        self._draining.start()

    def _wait(self) -> int:
        for line in self._report:
            fields = orjson.loads(line)
            if fields.get("ready"):
                return int(fields.get("port", 0))
            if "failed" in fields:
                raise RuntimeError(fields["failed"])
        raise RuntimeError(f"{self._process.args!r} ended before it was ready")

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def memory(self) -> Memory:
        """What it holds just now."""
        folder = Path("/proc") / str(self.pid)
        rss = _kib(folder / "status", "VmRSS")
        return Memory(rss or 0, _kib(folder / "smaps_rollup", "Pss"))

    def processor_seconds(self) -> float | None:
        """Processor time of all its threads so far; None where unknown."""
        try:
            line = (Path("/proc") / str(self.pid) / "stat").read_text(encoding="ascii")
        except OSError:
            return None
        user, system = line.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """Ask it to finish, and wait until it has."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(timeout=60)
        self._draining.join()
        self._report.close()
        os.close(self._lifeline)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def limits() -> dict[str, QueueLimits]:
    """Of every webhook in the definition under measurement."""
    return limits_of(compile_app(load(HOOKS)))


@contextlib.contextmanager
def upkeep(store: str, *, index: bool = False) -> Iterator[Engine]:
    """What the supervisor does beside the others, such as shortening logs; and with `index`, what
    it does for search."""
    engine, over, pause = open_engine(store), threading.Event(), upkeep_seconds(store)

    def keep_up() -> None:
        more = False
        while not over.wait(0 if more else pause):
            more = engine.maintain()
            engine.depth()

    engine.configure(limits())

    async def keep_indexing() -> None:
        search = search_of(engine)
        assert search is not None
        indexer = Indexer(search, SYSTEM_CLOCK)
        running = asyncio.ensure_future(indexer.run())
        await asyncio.to_thread(over.wait)
        indexer.stop()
        await running

    threads = [threading.Thread(target=keep_up)]
    if index:
        threads.append(threading.Thread(target=lambda: asyncio.run(keep_indexing())))
    for thread in threads:
        thread.start()
    try:
        yield engine
    finally:
        over.set()
        for thread in threads:
            thread.join()
        engine.close()


def gateway(store: str) -> Process:
    """A gateway that keeps."""
    return Process("holdfast.runtime.child", "gateway", str(HOOKS), "--store", store)


def worker(store: str, environment: Mapping[str, str] | None = None) -> Process:
    """A worker that drains."""
    arguments = ("worker", str(HOOKS), "--store", store)
    return Process("holdfast.runtime.child", *arguments, environment=environment)


@contextlib.contextmanager
def console(store: Path) -> Iterator[int]:
    """A console on a free port: which."""
    with listen("127.0.0.1", 0) as listener:
        port: int = listener.getsockname()[1]
        descriptor = str(listener.fileno())
        arguments = ("console", str(HOOKS), "--store", f"sqlite:{store}")
        with Process(
            "holdfast.runtime.child",
            *arguments,
            "--console-socket",
            descriptor,
            inherit=(listener.fileno(),),
        ):
            yield port


def answering() -> Process:
    """A gateway that does not keep."""
    return Process("bench.answering", str(HOOKS))


def together(processes: Sequence[Process]) -> Memory:
    """What they weigh together."""
    each = [process.memory() for process in processes]
    shares = [one.pss for one in each if one.pss is not None]
    return Memory(sum(one.rss for one in each), sum(shares) if len(shares) == len(each) else None)


def _kib(path: Path, name: str) -> int | None:
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB", path.read_text(encoding="ascii"), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None
