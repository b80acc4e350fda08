"""The benches run to their end and say what they were asked; how fast is not a matter of tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from bench.http_load import drive
from bench.processes import answering
from bench.scene import BODY

HOUSE = Path(__file__).parents[1]


def _run(*arguments: str) -> str:
    return subprocess.run(  # noqa: S603 - our own benches
        [sys.executable, "-m", *arguments], cwd=HOUSE, check=True, capture_output=True, text=True
    ).stdout


@pytest.mark.parametrize(
    ("bench", "what"),
    [
        (
            "bench.workflow",
            (
                "an execution of two states",
                "each further Task state",
                "one of the ten raises and is caught",
                "loading a document of 50 states",
                "/ written by hand in Python",
                "/ moto's parser",
            ),
        ),
        ("bench.verify", ("bare hmac.digest",)),
    ],
)
def test_what_needs_no_server_prints_its_table(bench: str, what: tuple[str, ...]) -> None:
    """A smoke run names the machine, the measurement and its budget, and judges nothing."""
    told = _run(bench, "--smoke")
    for expected in ("processor", "SQLite", *what, "budget"):
        assert expected in told
    assert "| NO " not in told
    assert "| yes" not in told


def test_the_whole_way_is_measured_over_real_processes(tmp_path: Path) -> None:
    """A smoke run starts gateways and workers, loads them, and leaves nothing on the disk."""
    told = _run(
        *("bench.ingest", "--smoke", "--directory", str(tmp_path), "--backlog", "6000"),
        *("--seconds", "0.3", "--only", "ingest", "--only", "drain"),
        *("--only", "handoff", "--only", "receive"),
    )
    for expected in (
        "one fsync",
        "durable ingest / answering only",
        "drain rate / durable ingest, sync handler",
        "request -> handler start at idle",
        "receive with 6,000 waiting / with 5,000",
    ):
        assert expected in told
    assert list(tmp_path.iterdir()) == []


def test_the_same_is_measured_in_sqs(tmp_path: Path) -> None:
    """Against an emulator, with a gateway process over it; nothing is judged, nothing is left."""
    told = _run(
        *("bench.ingest", "--smoke", "--emulator", "--directory", str(tmp_path)),
        *("--seconds", "0.3", "--only", "ingest"),
    )
    assert "durable ingest / answering only" in told
    assert "| NO " not in told
    assert list(tmp_path.iterdir()) == []


def test_what_the_console_costs_is_measured(tmp_path: Path) -> None:
    """A smoke run watches, indexes, searches and groups for real, and leaves nothing on the disk."""
    told = _run(
        *("bench.console", "--smoke", "--directory", str(tmp_path), "--seconds", "0.3"),
        *("--events", "1000", "--letters", "500"),
    )
    for expected in (
        "ingest with ten live viewers / without",
        "ingest with indexing / without",
        "index of 1,000 events / their store",
        "search for the value at a path",
        "500 dead letters in 50 groups",
    ):
        assert expected in told
    assert list(tmp_path.iterdir()) == []


def test_the_load_generator_of_our_own_counts_successes_and_failures() -> None:
    """Where no other generator is installed: answers of 200 count, any other is a failure."""
    with answering() as server:
        good = drive(server.url("/users"), BODY, connections=4, seconds=0.2, with_tool="own")
        bad = drive(server.url("/users"), b"{}", connections=4, seconds=0.2, with_tool="own")
    assert good.answered > 0
    assert good.failed == 0
    assert good.p50_ms <= good.p99_ms
    assert bad.answered == 0
    assert bad.failed > 0
