"""What is drawn: no wider than the terminal, readable, and harmless whatever a sender wrote."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from holdfast.terminal.drawing import draw
from holdfast.terminal.feed import Counts, News, Shown
from holdfast.terminal.lines import as_json, as_line
from holdfast.terminal.rows import Answer, clock_time, event_row, letter_row
from holdfast.terminal.showing import show
from holdfast.terminal.text import fit, printable, size, took, wrap
from holdfast.terminal.view import resized, showing
from holdfast.terminal.view import took as taken
from terminal_kit import NOW_MS, a_row, a_view, pressed, text_of

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\n\t\u202egnp.exe\u2028\x00\x7f"


def api_row(**given: Any) -> dict[str, Any]:
    return {
        "kind": "event", "id": "0" * 32, "webhook": "orders", "type": "order.paid",
        "received_at": "2023-11-14T22:13:20.000Z", "method": "POST", "path": "/orders",
        "remote": "203.0.113.7", "bytes": 12, "state": "done", "status": None, "reason": None,
        "error": None, "verification": "verified", "attempts": 2,
        "finished_at": "2023-11-14T22:13:21.500Z", "duplicate_of": None, "replay_of": None,
        **given,
    }  # fmt: skip


def harmless(text: str) -> bool:
    return all(unicodedata.category(c) not in ("Cc", "Cf", "Zl", "Zp", "Cs") for c in text)


def test_a_line_tells_what_an_operator_asks() -> None:
    """Time, webhook, type, state, whether it is genuine, how long, how often, how large, why."""
    row = event_row(api_row(reason="exhausted", error="KeyError", state="dead"))
    view = taken(a_view(0), News((row,), Counts(1_200, 3, ("orders",))), NOW_MS)

    title, names, line, *_ = text_of(draw(view))

    assert re.search(r"1,200 waiting  3 dead  1 paused", title)
    assert names.split() == [
        "time",
        "webhook",
        "type",
        "status",
        "ok",
        "took",
        "tries",
        "size",
        "why",
    ]
    assert line.split()[1:] == [
        "orders", "order.paid", "dead", "✓", "1.5s", "2", "12B", "exhausted", "KeyError",
    ]  # fmt: skip
    assert "[r] Retry" in text_of(draw(view))[-1]


def test_a_refusal_shows_what_was_answered() -> None:
    """Its status in place of a state, its path where no webhook has it."""
    row = event_row(
        api_row(kind="refusal", state="refused", status=404, webhook=None, path="/nowhere",
                type=None, finished_at=None, verification="unknown", attempts=0,
                reason="not_found")
    )  # fmt: skip

    told = "".join(text for _, text in as_line(row))
    assert " /nowhere " in told
    assert " 404 " in told
    assert row.over


def test_a_forwarded_event_shows_what_the_program_said() -> None:
    """Its status and how long it took; no answer is told with its reason."""
    good = a_row(1).answered(Answer(204, 12.4))
    bad = a_row(2).answered(Answer(None, 30_000, "no answer within 30s"))
    view = taken(a_view(0, forwards=True), News((good, bad)), NOW_MS)

    first, second = text_of(draw(view))[2:4]
    assert first.split()[5:7] == ["204", "12ms"]
    assert "none" in second
    assert "no answer within 30s" in second
    assert orjson.loads(as_json(good))["forwarded_status"] == 204


@pytest.mark.parametrize("size_", [(1, 1), (10, 3), (40, 6), (80, 24), (200, 50)])
def test_every_size_is_filled_exactly(size_: tuple[int, int]) -> None:
    """No line is wider than the terminal, and there are as many as it has."""
    rows = tuple(a_row(n, type="注文.支払い済み" * 4, why="x" * 300) for n in range(1, 60))
    view = resized(taken(a_view(0), News(rows), NOW_MS), *size_)
    shown = Shown(rows[0], show(api_event(), None, size_[0], NOW_MS))

    for one in (view, pressed(view, "?"), pressed(view, "/"), showing(view, shown)):
        lines = text_of(draw(one))
        assert len(lines) == size_[1]
        assert max(map(cell_len, lines)) <= size_[0]


def api_event(**given: Any) -> dict[str, Any]:
    return {
        **api_row(),
        "query": "a=1",
        "explanation": None,
        "delivery_id": "d-1",
        "verification": {"result": "failed", "reason": "signature_mismatch", "explanation": "wrong"},
        "attempts": [
            {"attempt": 1, "at": "2023-11-14T22:13:21.000Z", "state": "Charge", "error": "KeyError",
             "cause": '{"errorMessage": "no order", "errorType": "KeyError",'
                      ' "stackTrace": ["  File hooks.py, line 3\\n"]}', "reason": None},
        ],
        "timeline": [
            {"kind": "received", "came": "ok", "at": "2023-11-14T22:13:20.000Z", "execution": None,
             "states": [], "detail": {"method": "POST", "path": "/orders", "bytes": 2_048}},
            {"kind": "attempt", "came": "failed", "at": "2023-11-14T22:13:20.500Z", "execution": 0,
             "detail": {"attempt": 1, "status": "FAILED", "duration_ms": 12.0, "state": "Charge",
                        "error": "KeyError", "cause": "x", "kept": True},
             "states": [{"state": "Charge", "came": "failed", "duration_ms": 11, "error": "KeyError"}]},
            {"kind": "waiting", "came": "pending", "at": None, "detail": {"due": None},
             "execution": None, "states": []},
        ],
        "headers": [["content-type", "application/json"]],
        "bytes": 9,
        "body": '{"id":1}\n',
        "body_base64": None,
        **given,
    }  # fmt: skip


def test_an_event_in_full_tells_its_story() -> None:
    """Facts, timeline with its states, the last failure with its stack, headers and body."""
    told = "\n".join(text_of(show(api_event(state="dead"), None, 100, NOW_MS)))

    for part in (
        "source        failed, signature_mismatch, wrong",
        "received POST /orders 2.0K",
        "attempt 1: FAILED in 12ms state Charge KeyError",
        "Charge failed 11ms KeyError",
        "KeyError: no order",
        "File hooks.py, line 3",
        "content-type: application/json",
        "body, 9 bytes",
        '{"id":1}',
    ):
        assert part in told
    assert "last failure" in told


def test_what_was_done_after_all_shows_no_last_failure() -> None:
    """The attempts that failed stand in its timeline alone."""
    told = "\n".join(text_of(show(api_event(state="done"), None, 100, NOW_MS)))

    assert "attempt 1: FAILED in 12ms state Charge KeyError" in told
    assert "last failure" not in told


def test_json_is_indented_only_where_that_changes_nothing() -> None:
    """Whoever looks for the byte that breaks a signature sees the bytes that came."""

    def body(raw: str) -> list[str]:
        lines = text_of(show(api_event(body=raw, bytes=len(raw)), None, 100, NOW_MS))
        return lines[next(n for n, line in enumerate(lines) if line.startswith("body,")) + 1 :]

    assert body('{"a":[1,2]}') == ["  {", '    "a": [', "      1,", "      2", "    ]", "  }"]
    for raw in ('{"a": 1.50}', '{"a":12345678901234567890123}', '{"a":"\\u00e9"}', '{"a":1,"a":2}'):
        assert body(raw) == [f"  {raw}"]


def test_a_binary_body_is_shown_in_bytes() -> None:
    """Sixteen in a row, with their signs."""
    lines = text_of(show(api_event(), b"\x00\xffA\x1b" * 5, 100, NOW_MS))

    assert "  000000  00 ff 41 1b 00 ff 41 1b 00 ff 41 1b 00 ff 41 1b  ..A...A...A...A." in lines


@pytest.mark.parametrize("place", ["webhook", "type", "reason", "error", "path"])
def test_nothing_of_a_row_reaches_the_terminal_as_a_command(place: str) -> None:
    """Escapes, C1 controls, line ends and marks that turn the text around are shown, not sent."""
    row = event_row(api_row(**{"webhook": None, place: EVIL}))
    view = taken(a_view(0), News((row,)), NOW_MS)

    assert all(map(harmless, text_of([*draw(view), as_line(row)])))
    assert as_json(row).isascii()
    assert b"\x1b" not in as_json(row)
    assert orjson.loads(as_json(row))[place] == EVIL


@given(st.text() | st.just(EVIL), st.binary())
def test_nothing_of_an_event_reaches_the_terminal_as_a_command(text: str, body: bytes) -> None:
    """In whatever field of it, and in its body."""
    text = text.encode("utf-8", "replace").decode()
    evil = dict.fromkeys(("webhook", "type", "path", "query", "remote", "delivery_id"), text)
    timeline = [
        {"kind": "attempt", "came": "failed", "at": None, "execution": None,
         "detail": {"attempt": 1, "error": text, "state": text, "status": text},
         "states": [{"state": text, "came": "failed", "duration_ms": 1, "error": text}]}
    ]  # fmt: skip
    attempts = [{"error": text, "cause": text}]
    fields = api_event(
        **evil, timeline=timeline, attempts=attempts, headers=[[text, text]], detail=text
    )

    assert all(map(harmless, text_of(show(fields, body, 60, NOW_MS))))


@given(st.text(), st.integers(0, 40), st.booleans())
def test_a_cell_is_exactly_as_wide_as_it_should_be(text: str, width: int, right: bool) -> None:
    """Padded or cut, wide characters too."""
    assert cell_len(fit(printable(text), width, right=right)) == width


@given(st.text(), st.integers(2, 40))
def test_wrapping_loses_nothing(text: str, width: int) -> None:
    """Every character is there, in lines that fit."""
    pieces = wrap(printable(text), width)

    assert "".join(pieces) == printable(text)
    assert max(map(cell_len, pieces)) <= width


def test_letters_are_rows_too() -> None:
    """Of an engine without history: reason, error, where and why."""
    row = letter_row(
        {"id": "1" * 32, "webhook": "orders", "type": None, "reason": "exhausted",
         "state": "Charge", "error": "KeyError", "message": EVIL,
         "died_at": "2023-11-14T22:13:20.000Z", "received_at": "2023-11-14T22:13:10.000Z",
         "attempts": 3, "bytes": 1, "group": "g", "parked_at": None, "superseded_by": None}
    )  # fmt: skip

    assert row.why.startswith("exhausted KeyError in Charge ")
    assert harmless(row.why)
    assert (row.state, row.took_ms, row.at_ms) == ("dead", 10_000, NOW_MS)


def test_numbers_are_short() -> None:
    """Sizes, durations and times in a few characters."""
    assert [size(n) for n in (0, 999, 1_000, 1_048_576, 10**12)] == [
        "0B", "999B", "1.0K", "1.0M", "931.3G",
    ]  # fmt: skip
    assert [took(ms) for ms in (0.4, 999, 1_500, 125_000, 3 * 3_600_000, 3 * 86_400_000)] == [
        "0ms", "999ms", "1.5s", "2m", "3h", "3d",
    ]  # fmt: skip
    assert len(clock_time(NOW_MS, NOW_MS)) == 8
    assert len(clock_time(NOW_MS, NOW_MS + 86_400_000 * 3)) == 8
    assert len(clock_time(NOW_MS, NOW_MS + 86_400_000 * 600)) == 8
