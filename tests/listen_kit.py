"""A console with events, a program here that takes them, and `holdfast listen` between the two."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cli_scene import Called, call
from console_scene import Scene, served
from holdfast.clock import SYSTEM_CLOCK
from http_target import Target, a_target


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with served(tmp_path / "scene", monkeypatch) as one:
        yield one


@pytest.fixture
def target() -> Iterator[Target]:
    with a_target() as one:
        yield one


def url(scene: Scene) -> str:
    return f"http://127.0.0.1:{scene.port}"


def once(scene: Scene, target: Target, *options: str) -> Called:
    """What came until now, forwarded."""
    where = ("--forward", target.url, "--url", url(scene))
    return call("listen", *where, "--once", *options, now_ms=SYSTEM_CLOCK.now_ms())


def free_port() -> int:
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
