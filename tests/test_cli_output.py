"""How things look: nothing cut off, nothing that a sender wrote reaches the terminal raw."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import ConsoleDimensions

from cli_scene import call
from holdfast.cli import output
from holdfast.cli.pages import told
from holdfast.terminal.text import printable

ROWS = [
    {"id": "a" * 32, "bytes": 7, "why": "a reason of several words that takes some room"},
    {"id": "b" * 32, "bytes": 1_234_567, "why": None},
]


def printed(monkeypatch: pytest.MonkeyPatch, width: int, *, terminal: bool) -> list[str]:
    """ROWS as a table on so many columns."""
    # Not by the environment: rich reads some of it when it starts, and none of it for a dumb terminal.
    monkeypatch.setattr(output.console, "size", ConsoleDimensions(width, 25))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(output.console, "_force_terminal", terminal)
    with output.console.capture() as capture:
        output.print_rows(ROWS, "nothing")
    return capture.get().splitlines()


def test_numbers_stand_to_the_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns line up, numbers by their last digit, with thousands apart."""
    lines = printed(monkeypatch, 200, terminal=False)

    assert lines == [
        f"id{' ' * 30}      bytes  why",
        f"{'a' * 32}          7  a reason of several words that takes some room",
        f"{'b' * 32}  1,234,567  -",
    ]


def test_prose_goes_on_under_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a terminal with some room left, the last column is wrapped and nothing is lost."""
    lines = printed(monkeypatch, 72, terminal=True)

    assert [line.strip() for line in lines[1:4]] == [
        f"{'a' * 32}          7  a reason of several words",
        "that takes some room",
        f"{'b' * 32}  1,234,567  -",
    ]
    assert lines[2].index("that") == lines[1].index("a reason")


def test_prose_gets_a_line_where_there_is_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a narrow terminal ids stay whole, and the reason stands below."""
    lines = printed(monkeypatch, 50, terminal=True)

    assert lines[1] == f"{'a' * 32}          7"
    assert lines[2] == f"    {ROWS[0]['why']}"
    assert lines[3] == f"{'b' * 32}  1,234,567  -"


@given(st.text())
def test_no_text_can_move_the_cursor(text: str) -> None:
    """Whatever the text, what is shown is printable, and printable text is shown as it is."""
    shown = printable(text)

    assert all(character.isprintable() for character in shown)
    assert shown == text or not text.isprintable()


@pytest.mark.parametrize(
    ("per_second", "shown"),
    [
        (0.0, None),
        (1 / 300, "0.2/min"),
        (0.5, "30.0/min"),
        (1.0, "1.0/s"),
        (12_345.6, "12,345.6/s"),
    ],
)
def test_rates_are_readable(per_second: float, shown: str | None) -> None:
    """Per minute below one a second, so that a quiet webhook does not read 0.00."""
    assert output.rate(per_second) == shown


@pytest.mark.parametrize(
    ("cause", "shown"),
    [
        ('{"errorMessage":"no","errorType":"E","stackTrace":["a"]}', ("E: no", ["a"])),
        ('{"errorMessage":"","errorType":"E","stackTrace":[]}', ("E", [])),
        ("plain words", ("E: plain words", [])),
        ("[1]", ("E: [1]", [])),
        ('{"errorMessage":"no"}', ('E: {"errorMessage":"no"}', [])),
        ("", ("E", [])),
    ],
)
def test_causes_are_read_in_either_form(cause: str, shown: tuple[str, list[str]]) -> None:
    """Lambda's JSON is taken apart, anything else is shown as it is."""
    assert told("E", cause) == shown


def test_an_error_leaves_standard_output_empty() -> None:
    """A program that reads JSON gets all of it or nothing."""
    called = call("status", "--store", "nowhere", "-o", "json")

    assert called.out == ""
    assert called.err.startswith("error: there is no store at nowhere")
