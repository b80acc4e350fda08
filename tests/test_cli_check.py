"""check, init, and how the command line itself answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli_scene import call
from holdfast.starter import STARTER

GOOD = """
from typing import Any
from holdfast import App, Event

app = App()

@app.webhook("/a")
def a(event: Event[Any]) -> None: ...
"""
BAD = """
from typing import Any
from holdfast import App, Event, Queue

app = App()

@app.webhook("a", queue=Queue(retention="soon"))
def a(event: Event[Any]) -> None: ...
"""


def written(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_sound_definition_has_no_mistakes(tmp_path: Path) -> None:
    """Code 0, and how many webhooks were looked at."""
    path = written(tmp_path / "hooks.py", GOOD)

    assert call("check", path).out == f"{path}: 1 webhook, no mistakes\n"
    assert call("check", path, "-o", "json").json == []


def test_every_mistake_is_told_with_its_place(tmp_path: Path) -> None:
    """Code 1, a line for each mistake; as JSON, place and message apart."""
    path = written(tmp_path / "hooks.py", BAD)

    told = call("check", path)
    fields = call("check", path, "--output", "json")

    assert (told.code, fields.code) == (1, 1)
    assert len(told.lines) == len(fields.json) == 2
    assert all(f"{path}:7" in line for line in told.lines)
    assert told.err == "2 mistakes\n"
    assert {"place", "message"} == set(fields.json[0])


DOCUMENT = '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "${any}", "%s": %s}}}'


def test_a_sound_document_has_no_mistakes(tmp_path: Path) -> None:
    """A workflow by itself, whatever its tasks are called: code 0, and how many states it has."""
    path = written(tmp_path / "orders.asl.json", DOCUMENT % ("End", "true"))

    assert call("check", path).out == f"{path}: 1 state, no mistakes\n"
    assert call("check", path, "-o", "json").json == []


DOCUMENTS = [
    (DOCUMENT % ("Next", '"B"'), " States.A.Next", 'no state "B"'),
    (DOCUMENT % ("Type", '"Pass"'), "", 'has "Type" twice in one object'),
    ("[]", "", "must be an object"),
    ("{", "", "is not JSON: line 1, column 2"),
    ('{"StartAt": NaN}', "", "is not JSON: there is no number NaN"),
    ("[" * 100_000, "", "is nested too deep"),
    (
        '{"Comment": "\\ud800"}',
        "",
        "cannot be kept: str is not valid UTF-8: surrogates not allowed",
    ),
    (f'{{"Comment": {10**30}}}', "", "cannot be kept: Integer exceeds 64-bit range"),
]


@pytest.mark.parametrize(("text", "place", "message"), DOCUMENTS, ids=range(len(DOCUMENTS)))
def test_every_mistake_of_a_document_is_told_with_its_path(
    text: str, place: str, message: str, tmp_path: Path
) -> None:
    """Code 1; what cannot be read at all is one mistake, and no traceback."""
    path = written(tmp_path / "orders.asl.json", text)

    told, fields = call("check", path), call("check", path, "-o", "json")

    assert (told.code, fields.code) == (1, 1)
    assert told.out == f"{path}{place} {message}\n"
    assert fields.json == [{"place": f"{path}{place}", "message": message}]


def test_a_document_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    """Nor is a folder one, nor what is no text."""
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "bytes.json").write_bytes(b"{\xff}")

    for name, said in (
        ("none", "cannot be read: No such file or directory"),
        ("folder", "cannot be read: Is a directory"),
        ("bytes", "is not text in UTF-8: byte 2"),
    ):
        told = call("check", str(tmp_path / f"{name}.json"))
        assert (told.code, said in told.out) == (1, True)


def test_a_missing_definition_is_a_mistake(tmp_path: Path) -> None:
    """Code 1 from check and from run, without a traceback."""
    path = str(tmp_path / "none.py")

    assert call("check", path).code == 1
    run = call("run", path, "--store", str(tmp_path / "store"))
    assert run.code == 1
    assert "there is no such file" in run.err
    assert not (tmp_path / "store").exists()


def test_init_writes_a_definition_that_is_sound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The starter, and a secret for it that nobody else can read."""
    monkeypatch.chdir(tmp_path)

    told = call("init")

    assert told.code == 0
    assert (tmp_path / "hooks.py").read_text() == STARTER
    assert (tmp_path / ".env").stat().st_mode & 0o077 == 0
    assert call("check", "hooks.py").code == 0
    assert "holdfast run hooks.py --sample" in told.out


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    """A file that is there stays as it is, and so does a secret."""
    path = written(tmp_path / "hooks.py", "mine")

    assert call("init", path).code == 1
    assert (tmp_path / "hooks.py").read_text() == "mine"

    written(tmp_path / ".env", "OTHER=1\nUSERS_SECRET=mine")
    told = call("init", str(tmp_path / "new.py"), "-o", "json").json
    assert told["secret_made"] is False
    assert (tmp_path / ".env").read_text() == "OTHER=1\nUSERS_SECRET=mine"


def test_init_adds_its_secret_to_what_is_there(tmp_path: Path) -> None:
    """Other variables stay, on lines of their own."""
    written(tmp_path / ".env", "OTHER=1")

    told = call("init", str(tmp_path / "new.py"), "-o", "json").json

    assert told["secret_made"] is True
    first, second = (tmp_path / ".env").read_text().splitlines()
    assert first == "OTHER=1"
    assert second.startswith("USERS_SECRET=")


def test_init_names_what_it_cannot_write(tmp_path: Path) -> None:
    """A folder that is not there, and a name that is no Python file."""
    missing = call("init", str(tmp_path / "none" / "hooks.py"))

    assert missing.code == 1
    assert "No such file or directory" in missing.err
    assert call("init", str(tmp_path / "hooks.txt")).code == 2


@pytest.mark.parametrize("arguments", [("evnts",), ("events", "--bogus"), ("dead", "shwo")])
def test_wrong_usage_is_code_2(arguments: tuple[str, ...]) -> None:
    """What is not there is named, on standard error."""
    called = call(*arguments)

    assert (called.code, called.out) == (2, "")
    assert arguments[-1] in called.err


def test_a_slip_of_the_finger_is_recognised() -> None:
    """A command almost right is suggested."""
    assert "'events'" in call("evnts").err


def test_without_arguments_there_is_help() -> None:
    """All commands, in the order in which one meets them."""
    told = call()
    text = told.out + told.err

    assert text.index("  run ") < text.index("  send ") < text.index("  recover ")
    assert "Exit codes:" in text
