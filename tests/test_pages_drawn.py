"""Bodies, strangers' text and figures as pages show them: pure functions, held by what must stay true."""

from __future__ import annotations

import json
import subprocess
import sys
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.console.pages import figures, payload
from holdfast.console.pages.text import header_text, verbatim, visible, visible_markup
from holdfast.console.pages.words import cause
from pages_kit import read, wrong_with

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


def pairs(text: str) -> Any:
    """What is written, every digit and every double key of it."""
    return json.loads(text, parse_int=str, parse_float=str, object_pairs_hook=lambda found: found)


@given(value=JSON, ascii=st.booleans(), indent=st.none() | st.integers(0, 3))
def test_json_is_laid_out_and_not_changed(value: Any, ascii: bool, indent: int | None) -> None:
    """Read back, what is shown says the same: every number, key and order as it was written."""
    text = json.dumps({"v": value}, ensure_ascii=ascii, indent=indent)
    drawn = payload.drawn_text(text, webhook="w")
    assert drawn.kind == "json"
    assert wrong_with(str(drawn.text)) == []
    shown = read(str(drawn.text)).text
    # What cannot be seen is shown as the escape that JSON has for it, beyond 16 bits as people write it.
    if "\\u{" not in shown:
        assert pairs(shown) == pairs(text)


@given(text=st.text())
def test_any_text_can_be_shown(text: str) -> None:
    """Whatever it holds: no markup of its own, nothing unseen, and what can be seen is all there."""
    drawn = payload.drawn_text(text)
    assert wrong_with(str(drawn.text)) == []
    for shown in (str(visible_markup(text)), str(drawn.text), visible(text)):
        assert not [
            one
            for one in shown
            if unicodedata.category(one) in ("Cs", "Zl", "Zp")
            or (unicodedata.category(one) == "Cc" and one not in "\n\t")
            or unicodedata.bidirectional(one) in ("RLO", "LRO", "RLE", "LRE", "RLI", "LRI", "PDF")
        ]
    assert "<" not in str(visible_markup(text)).replace('<b class="esc">', "").replace("</b>", "")


@given(body=st.binary(max_size=3_000))
def test_any_body_can_be_shown(body: bytes) -> None:
    """Text as text, the rest as its bytes, of which none is missing."""
    drawn = payload.binary(body)
    pairs_shown = "".join(line[10:57] for line in read(str(drawn.text)).text.split("\n"))
    assert bytes.fromhex(pairs_shown.replace(" ", "")) == body
    assert wrong_with(str(payload.beginning(body, 1_000).text)) == []


@pytest.mark.parametrize(
    "text",
    ["{", "[1,]", '{"a": NaN}', '{"a": 1} x', "[" * 3_000 + "]" * 3_000, "\ufeff{}", "'a'", "nul"],
)
def test_what_only_looks_like_json_is_text(text: str) -> None:
    """It is shown as it came, and nothing of it is dropped."""
    assert read(str(payload.drawn_text(text).text)).text.replace("\\ufeff", "\ufeff") == text


def test_values_that_json_has_not_are_shown() -> None:
    """A handler may return anything; what JSON has no word for is written, not dropped."""
    shown = read(str(payload.value({"large": 1 << 70, "odd": float("nan")}))).text
    assert str(1 << 70) in shown
    assert "NaN" in shown


def test_deep_and_wide_bodies_stay_small() -> None:
    """Indentation has an end, and so has nesting: a page does not explode."""
    deep = "[" * 200 + "]" * 200
    wide = json.dumps({f"k{n}": [n] * 50 for n in range(500)})
    for text in (deep, wide, '{"a":' * 400 + "1" + "}" * 400):
        assert len(str(payload.drawn_text(text, webhook="w").text)) < 40 * len(text) + 10_000


def test_many_small_pieces_are_shown_as_they_came() -> None:
    """A mebibyte of ones would be a page of eleven; it stays text, and all of it."""
    text = "[" + "1," * 500_000 + "1]"
    drawn = payload.drawn_text(text)
    assert (drawn.kind, str(drawn.text)) == ("json", text)


def test_a_character_that_was_cut_is_no_binary() -> None:
    """The beginning of a text ends where a character would be halved; what is no text stays none."""
    text = "é" * 1_000
    assert payload.beginning(text.encode(), 1_001).kind == "text"
    assert payload.beginning(text.encode(), 1_001).cut
    assert payload.beginning(b"\xff\xfe" * 1_000, 1_001).kind == "binary"


def test_fields_are_given_back_unchanged() -> None:
    """A form's value is what it was, also where it is hostile or cannot be seen."""
    for text in ('"><script>', "a\u202eb", "caf\u00e9", "tab\there"):
        (field,) = read(f'<input value="{verbatim(text)}">').all("input")
        assert field.attributes["value"] == text
    assert verbatim("half \ud83d of a pair") == "half \ufffd of a pair"
    assert header_text("caf\u00c3\u00a9") == "caf\u00e9"
    assert header_text("caf\u00e9") == "caf\u00e9"


@pytest.mark.parametrize(
    ("milliseconds", "told"),
    [
        (0, "0 ms"), (0.42, "0.4 ms"), (12.4, "12 ms"), (999, "999 ms"), (1_300, "1.3 s"),
        (59_900, "59.9 s"), (60_000, "1 min"), (125_000, "2 min 5 s"), (3_600_000, "1 h"),
        (11_400_000, "3 h 10 min"), (86_400_000, "1 d"), (187_200_000, "2 d 4 h"), (-5, "0 ms"),
        (5e10, "578 d 16 h"),
    ],
)  # fmt: skip
def test_durations_are_read_at_a_glance(milliseconds: float, told: str) -> None:
    """Two units at the most, and no digits that nobody reads."""
    assert figures.took(milliseconds) == told


@pytest.mark.parametrize(
    ("count", "told"),
    [(0, "0 B"), (1_023, "1023 B"), (1_024, "1.0 KiB"), (943_718, "922 KiB"), (4 << 20, "4.0 MiB")],
)
def test_sizes_are_read_at_a_glance(count: int, told: str) -> None:
    """In the unit that leaves a short number."""
    assert figures.size(count) == told


def test_numbers_keep_their_weight() -> None:
    """Thousands are grouped; small fractions keep two digits."""
    told = [figures.number(one) for one in (0, 12, 1_234_567, 0.256, 3.14159, 1_234.5)]
    assert told == ["0", "12", "1,234,567", "0.26", "3.1", "1,234"]
    assert figures.between("2026-11-26T01:00:00.000Z", "2026-11-26T01:00:00.250Z") == 250
    assert figures.between("2026-11-26T01:00:00.000Z", None) is None
    assert (
        figures.ago("2026-11-26T01:00:00.000Z", figures.milliseconds("2026-11-26T04:30:00Z"))
        == "3 h"
    )


def test_a_cause_is_told_as_a_message() -> None:
    """Lambda's JSON is taken apart; whatever else there is is the message."""
    told = cause('{"errorMessage": "no", "errorType": "E", "stackTrace": ["  File x\\n", "y"]}')
    assert (told.message, told.trace) == ("no", "  File x\ny")
    assert cause("plain").message == "plain"
    assert cause('{"errorMessage": 7}').message == '{"errorMessage": 7}'
    assert cause("").message == ""


def test_only_the_console_pays_for_templates() -> None:
    """Gateway, workers, supervisor and commands start without the template engine."""
    code = (
        "import sys, holdfast, holdfast.cli.run, holdfast.runtime.supervisor, holdfast.runtime.child,"
        " holdfast.runtime.roles.gateway, holdfast.runtime.roles.worker;"
        "sys.exit(any(name in sys.modules for name in ('jinja2', 'markupsafe', 'starlette')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603 - our own
