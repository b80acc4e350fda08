"""HTTP load in a closed loop: so many connections, each with one request under way at a time.

wrk where it is installed, oha where that is, otherwise a generator of our own, which is slower and
so finds lower rates. Whichever it is drives all the rows of a table, so their ratios hold.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import orjson

Tool = Literal["wrk", "oha", "own"]

THREADS: Final = 2
"""wrk's: each can drive far more than one gateway answers."""


@dataclass(frozen=True, slots=True)
class Load:
    """What one run of load came to. Latencies as the sender saw them."""

    answered: int
    """Requests that were answered with success."""
    failed: int
    seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        """Successful answers per second."""
        return self.answered / self.seconds


def tool() -> Tool:
    """The best generator there is here."""
    if shutil.which("wrk"):
        return "wrk"
    return "oha" if shutil.which("oha") else "own"


def drive(
    url: str, body: bytes, *, connections: int, seconds: float, with_tool: Tool | None = None
) -> Load:
    """POST this JSON body over and over; blocks for that long."""
    run = {"wrk": _wrk, "oha": _oha, "own": _own}[with_tool or tool()]
    with tempfile.TemporaryDirectory() as directory:
        return run(url, body, connections, seconds, Path(directory))


_WRK_SCRIPT: Final = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local file = io.open(%s, "rb")
wrk.body = file:read("*a")
file:close()
function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.timeout + errors.status
  io.write(string.format(
    '\\n{"requests": %%d, "status": %%d, "failed": %%d, "us": %%d, "p50": %%f, "p99": %%f}\\n',
    summary.requests, errors.status, failed, summary.duration,
    latency:percentile(50), latency:percentile(99)))
end
"""


def _wrk(url: str, body: bytes, connections: int, seconds: float, directory: Path) -> Load:
    payload, script = directory / "body", directory / "post.lua"
    payload.write_bytes(body)
    script.write_text(_WRK_SCRIPT % orjson.dumps(str(payload)).decode(), encoding="utf-8")
    threads = min(THREADS, connections)
    # Whole seconds are all it takes.
    command = ["wrk", f"-t{threads}", f"-c{connections}", f"-d{max(1, round(seconds))}s"]
    told = subprocess.run([*command, "-s", script, url], check=True, capture_output=True).stdout
    summary = orjson.loads(told.splitlines()[-1])
    return Load(
        answered=summary["requests"] - summary["status"],
        failed=summary["failed"],
        seconds=summary["us"] / 1e6,
        p50_ms=summary["p50"] / 1000,
        p99_ms=summary["p99"] / 1000,
    )


def _oha(url: str, body: bytes, connections: int, seconds: float, directory: Path) -> Load:
    payload = directory / "body"
    payload.write_bytes(body)
    command = ["oha", "--no-tui", "--output-format", "json", "-z", f"{seconds}s"]
    command += ["-c", str(connections), "-m", "POST", "-T", "application/json"]
    told = subprocess.run(
        [*command, "-D", str(payload), url], check=True, capture_output=True
    ).stdout
    summary = orjson.loads(told)
    statuses = summary["statusCodeDistribution"]
    answered = statuses.get("200", 0)
    # What was still under way when the time was over is no failure.
    broken = sum(
        count for name, count in summary["errorDistribution"].items() if "deadline" not in name
    )
    return Load(
        answered=answered,
        failed=sum(statuses.values()) - answered + broken,
        seconds=summary["summary"]["total"],
        p50_ms=summary["latencyPercentiles"]["p50"] * 1000,
        p99_ms=summary["latencyPercentiles"]["p99"] * 1000,
    )


def _own(url: str, body: bytes, connections: int, seconds: float, directory: Path) -> Load:
    # In a process of its own, so that it does not share an interpreter with whoever measures.
    payload = directory / "body"
    payload.write_bytes(body)
    command = [sys.executable, "-m", "bench.http_load", url, "--body", str(payload)]
    command += ["--connections", str(connections), "--seconds", str(seconds)]
    told = subprocess.run(command, check=True, capture_output=True).stdout
    return Load(**orjson.loads(told))


class _Sender(asyncio.Protocol):
    """One connection: the next request leaves when the answer to the last one is complete."""

    def __init__(self, request: bytes, until: float, took: list[float]) -> None:
        self._request = request
        self._until = until
        self._took = took
        self._began = 0.0
        self._answer = b""
        self.failed = 0
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, separator, rest = self._answer.partition(b"\r\n\r\n")
        if not separator or len(rest) < _length(head):
            return
        self._answer = b""
        if head.startswith(b"HTTP/1.1 200"):
            self._took.append(time.perf_counter() - self._began)
        else:
            self.failed += 1
        if time.perf_counter() < self._until:
            self._send()
        else:
            self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.over.done():
            self.failed += 1
            self._end()

    def _send(self) -> None:
        self._began = time.perf_counter()
        self._transport.write(self._request)

    def _end(self) -> None:
        self.over.set_result(None)
        self._transport.close()


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    return 0


async def _load(url: str, body: bytes, connections: int, seconds: float) -> Load:
    place, _, path = url.removeprefix("http://").partition("/")
    host, _, port = place.rpartition(":")
    head = f"POST /{path} HTTP/1.1\r\nHost: {place}\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    took: list[float] = []
    loop, began = asyncio.get_running_loop(), time.perf_counter()
    senders = []
    for _ in range(connections):
        _, sender = await loop.create_connection(
            lambda: _Sender(request, began + seconds, took), host, int(port)
        )
        senders.append(sender)
    await asyncio.gather(*(sender.over for sender in senders))
    took.sort()
    return Load(
        answered=len(took),
        failed=sum(sender.failed for sender in senders),
        seconds=time.perf_counter() - began,
        p50_ms=took[len(took) // 2] * 1000 if took else 0.0,
        p99_ms=took[len(took) * 99 // 100] * 1000 if took else 0.0,
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.http_load", description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--body", type=Path, required=True)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=5)
    options = parser.parse_args()
    body = options.body.read_bytes()
    load = asyncio.run(_load(options.url, body, options.connections, options.seconds))
    sys.stdout.buffer.write(orjson.dumps(load))


if __name__ == "__main__":
    main()
