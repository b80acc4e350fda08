"""The whole way under load, against the budgets: `python -m bench.ingest [--smoke] [--queue URL]`.

Rates are compared with rates of the same run only, and what is compared takes turns (A B A B), so
that whatever else the machine does touches both. Needs a minute or two, and two gigabytes for five
million messages; `--smoke` takes seconds, judges nothing, and shows that everything still runs.

The budgets are the embedded engine's. `--queue sqs://PREFIX` measures the same in SQS, and judges
nothing: it makes queues there, deletes them, and costs a few cents. `--emulator` does it against an
emulator on this machine, which then is what is measured.
"""

from __future__ import annotations

import argparse
import compileall
import contextlib
import http.client
import os
import select
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import holdfast
from bench import machine, processes
from bench.cloud import Cloud, emulated
from bench.http_load import Load, tool
from bench.processes import Process
from bench.scene import BODY, Scene, fill, open_pipe
from bench.table import Row, lines, show
from holdfast.message import Lease
from holdfast.queue.contract import Engine
from holdfast.runtime.store import open_engine

MANY: Final = 256
"""Connections for rates: enough to keep the gateway busy all the time."""

FEW: Final = 64
"""Connections for latencies: with many more, what is measured is the line before the gateway."""

_IDLE_SECONDS: Final = 0.03
_STUCK_SECONDS: Final = 30.0


def ingest(scene: Scene) -> list[Row]:
    """Keeping durably, against the same server that keeps nothing."""
    kept, answered = [], []
    store = scene.store()
    with (
        processes.upkeep(store),
        processes.gateway(store) as keeping,
        processes.answering() as answering,
    ):
        for _ in range(scene.rounds):
            kept.append(scene.load(keeping.url("/users"), MANY))
            answered.append(scene.load(answering.url("/users"), MANY))
        processor = [
            *_processor_time(keeping, kept, "a kept"),
            *_processor_time(answering, answered, "an answered"),
        ]
    ratios = [a.rate / b.rate for a, b in zip(kept, answered, strict=True)]
    ratio = statistics.median(ratios)
    scene.ingest_rate = statistics.median(load.rate for load in kept)
    unkept = statistics.median(load.rate for load in answered)
    return [
        Row(
            f"durable ingest / answering only, {MANY} connections",
            f"{ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
            ">= 0.7",
            ratio >= 0.7,
        ),
        Row("  durable ingest", f"{scene.ingest_rate:,.0f}/s"),
        Row("  answering only", f"{unkept:,.0f}/s"),
        *processor,
    ]


def _processor_time(server: Process, loads: Sequence[Load], name: str) -> list[Row]:
    """Says more than a rate where other work keeps the processors busy."""
    seconds = server.processor_seconds()
    if seconds is None:
        return []
    micros = seconds / sum(load.answered for load in loads) * 1e6
    return [Row(f"  processor time of {name} event", f"{micros:.0f} us")]


def latency(scene: Scene) -> list[Row]:
    """What senders wait for their answers, alone and while a worker drains the same store."""
    alone, draining = [], []
    store = scene.store()
    with processes.upkeep(store) as engine, processes.gateway(store) as gateway:
        for _ in range(scene.rounds):
            alone.append(scene.load(gateway.url("/users"), FEW))
            fill(engine, "users", scene.drained)
            with processes.worker(store):
                draining.append(scene.load(gateway.url("/users"), FEW))
    ratios = [b.p99_ms / a.p99_ms for a, b in zip(alone, draining, strict=True)]
    ratio = statistics.median(ratios)
    return [
        Row(
            f"p99 while draining / p99 alone, {FEW} connections",
            f"{ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
            "<= 2",
            ratio <= 2,
        ),
        *(
            Row(
                f"  {name}: p50, p99, rate",
                f"{statistics.median(load.p50_ms for load in loads):.1f} ms, "
                f"{statistics.median(load.p99_ms for load in loads):.1f} ms, "
                f"{statistics.median(load.rate for load in loads):,.0f}/s",
            )
            for name, loads in (("alone", alone), ("draining", draining))
        ),
    ]


def drain(scene: Scene) -> list[Row]:
    """How fast one worker process carries a backlog through handlers that do nothing."""
    if scene.ingest_rate is None:
        ingest(scene)
    ceiling = scene.ingest_rate or 1.0
    rows = []
    for webhook, kind in (("users", "async"), ("users-sync", "sync")):
        rates = [_drain_rate(scene, webhook) for _ in range(scene.rounds)]
        rate = statistics.median(rates)
        rows.append(
            Row(
                f"drain rate / durable ingest, {kind} handler",
                f"{rate / ceiling:.2f} ({rate:,.0f}/s)",
                ">= 0.5",
                rate / ceiling >= 0.5,
            )
        )
    return rows


def _drain_rate(scene: Scene, webhook: str) -> float:
    store = scene.store()
    with processes.upkeep(store) as engine:
        fill(engine, webhook, scene.drained)
        with processes.worker(store):
            # The first tenth is the worker waking up.
            warm = _wait_until_left(engine, webhook, scene.drained * 9 // 10)
            began = time.perf_counter()
            _wait_until_left(engine, webhook, 0)
            return warm / (time.perf_counter() - began)


def _wait_until_left(engine: Engine, webhook: str, count: int) -> int:
    least, at = sys.maxsize, time.perf_counter()
    while True:
        depth = next(row for row in engine.depth() if row.webhook == webhook)
        left = depth.waiting + depth.leased
        if left <= count:
            return left
        if left < least:
            least, at = left, time.perf_counter()
        if time.perf_counter() - at > _STUCK_SECONDS:
            raise RuntimeError(f"the worker stopped with {left} messages left")
        time.sleep(0.01)


def handoff(scene: Scene) -> list[Row]:
    """From a request at an idle machine to its handler, one at a time, by one clock."""
    store, path = scene.store(), scene.directory / "starts"
    starts = open_pipe(path)
    took, after_answer = [], []
    environment = {"HOLDFAST_BENCH_STARTS": str(path)}
    with (
        processes.upkeep(store),
        processes.gateway(store) as gateway,
        processes.worker(store, environment),
    ):
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port)
        for _ in range(scene.handoffs):
            time.sleep(_IDLE_SECONDS)
            began = time.monotonic_ns()
            connection.request("POST", "/users/timed", BODY, {"Content-Type": "application/json"})
            assert connection.getresponse().read()
            answered = time.monotonic_ns()
            started = _next_line(starts)
            took.append((started - began) / 1e6)
            after_answer.append((started - answered) / 1e6)
        connection.close()
    os.close(starts)
    path.unlink()
    fsync_ms = machine.fsync_ms(scene.directory)
    p50 = statistics.median(took)
    p95 = statistics.quantiles(took, n=20)[-1]
    return [
        Row(
            "request -> handler start at idle, p50 (p95)",
            f"{p50:.1f} ms ({p95:.1f} ms)",
            f"<= {5 + fsync_ms:.1f} ms (5 ms + an fsync)",
            p50 <= 5 + fsync_ms,
        ),
        Row("  of it after the answer", f"{statistics.median(after_answer):.1f} ms"),
    ]


def _next_line(descriptor: int) -> int:
    if not select.select([descriptor], [], [], 30)[0]:
        raise RuntimeError("the handler was not called within 30 seconds")
    return int(os.read(descriptor, 100))


def receive(scene: Scene) -> list[Row]:
    """A receive of ten from a full queue, against one from a nearly empty queue."""
    few = 5_000
    small_store = scene.store()
    small, full = open_engine(small_store), open_engine(scene.full_store)
    fill(small, "users", few)
    for engine in (small, full):
        engine.configure(processes.limits())
    took: dict[Engine, list[float]] = {small: [], full: []}
    for _ in range(50 * scene.rounds):
        for engine in (small, full):
            began = time.perf_counter()
            leases: list[Lease] = engine.receive("users", 10, 60)
            took[engine].append(time.perf_counter() - began)
            assert len(leases) == 10
            engine.settle([lease.receipt for lease in leases])
            fill(engine, "users", 10)
    small.close()
    full.close()
    micros = {engine: statistics.median(times) * 1e6 for engine, times in took.items()}
    ratio = micros[full] / micros[small]
    return [
        Row(
            f"receive with {scene.backlog:,} waiting / with {few:,}",
            f"{ratio:.2f} ({micros[full]:.0f} us / {micros[small]:.0f} us for ten)",
            "<= 1.3",
            ratio <= 1.3,
        )
    ]


def memory(scene: Scene) -> list[Row]:
    """What gateway and worker hold while both are busy and a full queue waits."""
    store = scene.full_store
    with (
        processes.upkeep(store),
        processes.gateway(store) as gateway,
        processes.worker(store) as worker,
    ):
        scene.load(gateway.url("/users"), MANY)
        each = [process.memory() for process in (gateway, worker)]
    mib = [one.rss / 2**20 for one in each]
    shares = [one.pss / 2**20 for one in each if one.pss is not None]
    shared = f"; {sum(shares):.0f} MiB if shared pages count once" if len(shares) == 2 else ""
    return [
        Row(
            f"resident memory, gateway + worker, {scene.backlog:,} waiting",
            f"{sum(mib):.0f} MiB ({mib[0]:.0f} + {mib[1]:.0f}{shared})",
            "<= 200 MB",
            sum(mib) <= 200e6 / 2**20,
        )
    ]


def start(scene: Scene) -> list[Row]:
    """From `holdfast run` on the command line to the first event accepted, on a new store.

    With bytecode, as pip leaves what it installs, also where the environment asks for none.
    """
    compileall.compile_dir(Path(holdfast.__file__).parent, quiet=1)
    took = statistics.median(_start_seconds(scene) for _ in range(scene.starts))
    return [Row("start to first accepted request", f"{took:.2f} s", "<= 1.5 s", took <= 1.5)]


def _start_seconds(scene: Scene) -> float:
    port = _free_port()
    command = [sys.executable, "-m", "holdfast", "run", str(processes.HOOKS)]
    command += ["--store", scene.store(), "--port", str(port)]
    command += ["--ops-port", str(_free_port())]
    began = time.perf_counter()
    running = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while running.poll() is None:
            if _accepted(port):
                return time.perf_counter() - began
            time.sleep(0.005)
        raise RuntimeError("holdfast run ended before it accepted anything")
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(timeout=60)


def _accepted(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", "/users", BODY, {"Content-Type": "application/json"})
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


MEASURES: Final[Mapping[str, Callable[[Scene], list[Row]]]] = {
    measure.__name__: measure
    for measure in (ingest, latency, drain, handoff, receive, memory, start)
}


IN_A_CLOUD: Final = ("ingest", "latency", "drain", "handoff", "start")
"""What is measured there unless asked otherwise: nobody fills a queue in SQS with five millions."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.ingest", description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="short, and judges nothing")
    parser.add_argument("--seconds", type=float, help="of load at a time")
    parser.add_argument("--rounds", type=int, help="how often each comparison is repeated")
    parser.add_argument("--backlog", type=int, help="how many messages a full queue holds")
    parser.add_argument("--only", action="append", choices=MEASURES, help="may be repeated")
    parser.add_argument("--directory", type=Path, default=Path("bench/out"), help="for the stores")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--queue", metavar="sqs://PREFIX", help="measure a store in SQS")
    place.add_argument("--emulator", action="store_true", help="measure an emulator of SQS")
    options = parser.parse_args()
    with contextlib.ExitStack() as ending:
        url = ending.enter_context(emulated()) if options.emulator else options.queue
        cloud = Cloud(url) if url else None
        if cloud is not None:
            ending.callback(cloud.clear)
        _measure(options, cloud)


def _measure(options: argparse.Namespace, cloud: Cloud | None) -> None:
    options.directory.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="ingest-", dir=options.directory)).absolute()
    smoke = options.smoke
    scene = Scene(
        directory=directory,
        seconds=options.seconds or (1 if smoke else 5),
        rounds=options.rounds or (1 if smoke else 5),
        backlog=options.backlog or (200_000 if smoke else 5_000_000),
        drained=(1_000 if cloud else 3_000) if smoke else 50_000,
        handoffs=20 if smoke else 200,
        starts=1 if smoke else 5,
        cloud=cloud,
    )
    print(lines(("machine", ""), [*machine.describe(directory), ("load from", tool())]), "\n")
    try:
        rows: list[Row] = []
        for name in options.only or (IN_A_CLOUD if cloud else MEASURES):
            print(f"measuring: {name}", file=sys.stderr)
            measured = MEASURES[name](scene)
            for row in measured:  # the table comes in a few minutes
                print(f"  {row.what.strip()}: {row.measured}", file=sys.stderr)
            rows += measured
    finally:
        shutil.rmtree(directory)
    print(show(rows, judge=not smoke and cloud is None))


if __name__ == "__main__":
    main()
