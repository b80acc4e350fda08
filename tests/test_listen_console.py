"""Whom `holdfast listen` asks: consoles with tokens, none at all, and what is no console."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli_scene import call
from console_scene import TOKEN, served
from holdfast.runtime.console_options import ConsoleOptions
from http_target import Target
from listen_kit import free_port, once, target

_ = target


def test_tokens_are_needed_and_judged(
    tmp_path: Path, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None, a wrong one and the right one; none is ever shown, or taken from the command line."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("WRONG", "t0k3n-of-nobody-0123456789")
    monkeypatch.delenv("ABSENT", raising=False)
    options = ConsoleOptions(tokens=("ada=env:ADA_TOKEN",))
    with served(tmp_path / "scene", monkeypatch, options) as scene:
        for given, code, said in (
            ((), 1, "needs a token: --token env:NAME"),
            (("--token", "env:WRONG"), 1, "does not know the token env:WRONG"),
            (("--token", "env:ABSENT"), 1, "env:ABSENT is not set"),
            (("--token", TOKEN), 2, "never as the secret itself"),
            (("--token", "env:ADA_TOKEN"), 0, ""),
        ):
            told = once(scene, target, *given)
            assert (told.code, said in told.err) == (code, True), told
            assert TOKEN not in told.err.replace("\n", "")
            assert "nobody-0123" not in told.err


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("ftp://127.0.0.1", "is no URL"),
        ("http://ada:secret@127.0.0.1", "credentials do not belong"),
        ("http://127.0.0.1:{nowhere}", "no console answers at"),
    ],
)
def test_a_wrong_address_is_told(
    tmp_path: Path, target: Target, address: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is no URL, holds credentials, or is nobody's."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    told = call(
        "listen", "--forward", target.url, "--url", address.format(nowhere=free_port()), "--once"
    )
    assert told.code == 1
    assert said in " ".join(told.err.split())
    assert "secret@" not in told.err


@pytest.mark.parametrize(
    ("status", "said"), [(302, "points elsewhere"), (200, "no console"), (418, "no console")]
)
def test_what_is_no_console_is_not_taken_for_one(
    tmp_path: Path, target: Target, status: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A redirect is not followed, so a token goes nowhere else."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("ADA_TOKEN", TOKEN)
    target.status = status
    where = ("--forward", "http://127.0.0.1:9/", "--url", target.root, "--token", "env:ADA_TOKEN")
    told = call("listen", *where, "--once")

    assert told.code == 1
    assert said in " ".join(told.err.split())
    assert [one.path for one in target.received] == ["/api/v1/about"]


def test_nothing_runs_here(tmp_path: Path) -> None:
    """Without an address the console of the store here is meant, and there is none."""
    told = call("listen", "--forward", "http://127.0.0.1:9/", "--store", str(tmp_path / "store"))

    assert told.code == 2
    assert "no console runs on" in told.err
