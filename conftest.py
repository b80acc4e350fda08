"""A property test has no time limit, neither to run an example nor to think of one: a busy machine is
no defect. On CI Hypothesis says so by itself, and what else it does there stays.

Bytecode is kept, also where the environment asks for none: four workers that each rewrite all tests,
and the hundreds of processes that tests start, would spend more on compiling than on what they show.

Ctrl-C is heard, also where a shell started this in the background and made it deaf: what tests start
would be so, too.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Final

import pytest
from hypothesis import HealthCheck, settings

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(
    "patient",
    settings.default,
    deadline=None,
    suppress_health_check=[*settings().suppress_health_check, HealthCheck.too_slow],
)
settings.load_profile("patient")

FIRST: Final = (
    "test_sqs_run.py",
    "test_queue_conformance.py",
    "test_bench.py",
    "test_processes.py",
    "test_console_process.py",
    "test_tail_lines.py",
    "test_tail_screen.py",
    "test_provider_vectors.py",
    "test_provider_fuzz.py",
    "test_cli_run.py",
    "test_cli_add.py",
    "test_crash.py",
    "test_console_api.py",
    "test_pages.py",
    "test_listen.py",
)
"""Those that take longest: each goes to one worker whole, and what begins last should soon be over."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(FIRST)}
    items.sort(key=lambda item: places.get(item.path.name, len(FIRST)))
