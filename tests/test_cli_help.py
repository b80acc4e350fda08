"""--help tells what there is: every command, every option, every exit code."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import typer

import holdfast.cli
from cli_scene import call
from holdfast import __version__

BOOK: Final = (Path(__file__).resolve().parent.parent / "docs" / "cli.md").read_text("utf-8")


def below(name: str, group: Any) -> Iterator[tuple[str, Any]]:
    """Every command of a group with its full name: `dead redrive`."""
    for part in group.list_commands(None):
        command = group.get_command(None, part)
        full = f"{name} {part}".strip()
        yield full, command
        if hasattr(command, "list_commands"):
            yield from below(full, command)


COMMANDS: Final = dict(below("", typer.main.get_command(holdfast.cli.app)))


def sentence(command: Any) -> str:
    """The first paragraph of its help."""
    return " ".join((command.help or "").partition("\n\n")[0].split())


def options(command: Any) -> list[Any]:
    return [one for one in command.params if "--help" not in one.opts]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_has_help(name: str) -> None:
    """A sentence for the command, a few words for each option, all of it shown by -h."""
    command = COMMANDS[name]

    helped = call(*name.split(), "-h")
    said = " ".join(helped.out.split())

    assert helped.code == 0
    assert sentence(command).endswith(".")
    assert sentence(command) in said
    for one in options(command):
        assert one.help
        assert " ".join(one.help.split()) in said
        assert all(flag in said for flag in one.opts if flag.startswith("-"))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_speaks_json(name: str) -> None:
    """`--output json`, or `-o json`, wherever one is."""
    flags = [flag for one in options(COMMANDS[name]) for flag in one.opts]

    assert {"--output", "-o"} <= set(flags)


@pytest.mark.parametrize("group", ["", "providers", "dead", "events", "alerts"])
def test_no_summary_is_cut_off(group: str) -> None:
    """In the list of commands each sentence is there to its end."""
    listed = call(*group.split(), "--help").out.partition("\nCommands:\n")[2].splitlines()
    summaries = [line for line in listed if line.startswith("  ")]

    assert summaries
    assert not [line for line in summaries if line.endswith("...")]


def test_exit_codes_are_told_alike() -> None:
    """The module, --help and the book agree on them."""
    codes = re.findall(r"^ +(\d+) +(.+)$", holdfast.cli.__doc__ or "", re.MULTILINE)

    assert [code for code, _ in codes] == ["0", "1", "2", "3", "4", "5", "130"]
    for code, meaning in codes:
        assert f"{code:<4} {meaning}" in call("--help").out
        assert f"| {code} | {meaning} |" in BOOK


def test_the_version_is_told_without_a_command() -> None:
    """What a report of a mistake begins with."""
    told = call("--version")

    assert (told.code, told.out) == (0, f"holdfast {__version__}\n")


def test_a_value_that_does_not_fit_is_told_in_a_plain_sentence() -> None:
    """Also where Typer asks pydantic, in a command or in one below it; without its words for programs."""
    chosen = call("run", "hooks.py", "--log-level", "loud")
    below_another = call("dead", "groups", "--sort", "odd")
    number = call("run", "hooks.py", "--port", "many")

    assert chosen.err.endswith(
        "Invalid value for '--log-level': 'loud' is not one of 'debug', 'info', 'warning', 'error'.\n"
    )
    assert "Invalid value for '--sort': 'odd' is not one of" in below_another.err
    assert "Invalid value for '--port': Input should be a valid integer\n" in number.err
    assert [one.code for one in (chosen, below_another, number)] == [2, 2, 2]


def test_what_a_terminal_has_no_letters_for_is_escaped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sender may write what it likes; that is no reason for a traceback."""
    told = io.BytesIO()
    out = io.TextIOWrapper(told, encoding="ascii", write_through=True)
    monkeypatch.setattr(sys, "stdout", out)
    file = tmp_path / "caf\u00e9.asl.json"
    file.write_text('{"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": true}}}')

    with pytest.raises(SystemExit, match="0"):
        holdfast.cli.main(["check", str(file)])

    assert b"caf\\xe9.asl.json: 1 state, no mistakes" in told.getvalue()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("run", "hooks.py", "--traces", "nope"), "'nope' is no URL; write http://HOST:4318"),
        (("run", "hooks.py", "--traces", "http://u:p@host"), "credentials do not belong"),
        (("tail", "--url", "ftp://host"), "'ftp://host' is no URL; write http://HOST:PORT"),
        (("tail", "--url", "http://u:p@host"), "give --token env:NAME"),
    ],
)
def test_what_is_no_address_is_told(arguments: tuple[str, ...], told: str) -> None:
    """Before anything is started, and without the password that stands in it."""
    called = call(*arguments)

    assert called.code == 1
    assert told in called.err
    assert "u:p" not in called.err


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        ("events --since soon", "--since"),
        ("events --until soon", "--until"),
        ("events --where a[=1", "--where"),
        ("dead --until soon", "--until"),
        ("recover --from soon", "--from"),
        ("dead redrive --all --stop-at soon", "--stop-at"),
        ("listen --forward http://h --timeout soon", "--timeout"),
        ("audit --action soon", "--action"),
        ("tail --url http://h --token s3cret", "--token"),
    ],
)
def test_a_wrong_value_is_told_with_its_option(arguments: str, option: str, tmp_path: Path) -> None:
    """So that of two times it is known which; what may be a secret is not repeated."""
    called = call(*arguments.split(), "--store", str(tmp_path))

    assert called.code == 2
    assert f"Error: Invalid value for '{option}': " in called.err
    assert "s3cret" not in called.err
