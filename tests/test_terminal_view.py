"""What the list holds and selects, and how keys and news change it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.terminal.drawing import draw
from holdfast.terminal.feed import Counts, News, Shown
from holdfast.terminal.rows import Answer
from holdfast.terminal.view import (
    ROWS_MAX,
    Act,
    Mode,
    View,
    press,
    resized,
    saying,
    showing,
    took,
)
from terminal_kit import NOW_MS, a_row, a_view, pressed, text_of


def selected(view: View) -> int:
    assert view.row is not None
    return int(view.row.id, 16)


def on_screen(view: View) -> list[int]:
    return [int(row.id, 16) for row in view.listed[view.top : view.top + view.room]]


def test_the_newest_is_selected_as_news_come() -> None:
    """Until somebody goes elsewhere; then that line stays selected, and on the screen."""
    view = a_view(20)
    assert (selected(view), on_screen(view)) == (20, [15, 16, 17, 18, 19, 20])

    view = took(view, News((a_row(21),)), NOW_MS)
    assert selected(view) == 21

    view = pressed(view, "up", "k")
    view = took(view, News(tuple(map(a_row, range(22, 40)))), NOW_MS)
    assert selected(view) == 19
    assert 19 in on_screen(view)

    view = pressed(view, "G")
    view = took(view, News((a_row(41),)), NOW_MS)
    assert selected(view) == 41


@pytest.mark.parametrize(
    ("keys", "at"),
    [
        (["up"], 19),
        (["k", "k", "j"], 19),
        (["pageup"], 14),
        (["pageup", "pagedown"], 20),
        (["g"], 1),
        (["home", "up"], 1),
        (["home", "down"], 2),
        (["g", "end"], 20),
        (["down"], 20),
    ],
)
def test_keys_move_within_the_list(keys: list[str], at: int) -> None:
    """Up and down, by screens, to either end, and never out of it; what is selected is shown."""
    view = pressed(a_view(20), *keys)

    assert selected(view) == at
    assert at in on_screen(view)


def test_an_empty_list_takes_every_key() -> None:
    """Nothing is selected, and nothing is asked for."""
    for key in ("up", "G", "pagedown", "r", "d", "enter", "o", "p", "?", "/", "escape", "x"):
        view, act = press(a_view(0), key)
        assert act is None, key
        assert view.row is None


def test_an_event_that_ends_stays_in_its_place() -> None:
    """News of an event that is listed change its line, and do not add one."""
    view = pressed(a_view(5), "up")
    view = took(view, News((a_row(2, state="dead"),)), NOW_MS)

    assert [row.state for row in view.rows] == ["done", "dead", "done", "done", "done"]
    assert selected(view) == 4


def test_the_oldest_go_once_the_list_is_full() -> None:
    """A thousand lines, the newest."""
    view = a_view(ROWS_MAX)
    view = pressed(view, "g")
    view = took(view, News((a_row(ROWS_MAX + 1), a_row(ROWS_MAX + 2))), NOW_MS)

    assert len(view.rows) == ROWS_MAX
    assert int(view.rows[0].id, 16) == 3
    assert view.row is not None


def test_a_pause_holds_the_list_still() -> None:
    """What comes waits and is counted; what is listed changes its state; p lets the others in."""
    view = pressed(a_view(3), "p")
    view = took(view, News((a_row(4), a_row(2, state="dead"))), NOW_MS)

    assert [int(row.id, 16) for row in view.rows] == [1, 2, 3]
    assert view.rows[1].state == "dead"
    assert len(view.held) == 1
    assert "1 more came" in "".join(text for line in draw(view) for _, text in line)

    view = pressed(view, "p")
    assert [int(row.id, 16) for row in view.rows] == [1, 2, 3, 4]
    assert (view.held, selected(view)) == ((), 4)


def test_a_filter_narrows_as_it_is_typed() -> None:
    """All words must stand in the line; enter keeps it, escape leaves it as it was."""
    rows = (
        a_row(1, webhook="users", state="dead", why="permanent CardDeclined"),
        a_row(2, webhook="users"),
        a_row(3, webhook="orders", state="dead"),
    )
    view = took(a_view(0), News(rows), NOW_MS)

    view = pressed(view, "/", *"DEAD")
    assert (view.mode, len(view.listed)) == (Mode.FILTER, 2)
    view = pressed(view, *" card", "enter")
    assert (view.mode, view.filter, len(view.listed)) == (Mode.LIST, "DEAD card", 1)
    assert selected(view) == 1

    view = pressed(view, "/", "backspace", "c-u", *"x", "escape")
    assert (view.filter, len(view.listed)) == ("DEAD card", 1)
    view = pressed(view, "escape")
    assert len(view.listed) == 3
    assert pressed(view, "/", *"users", "enter").listed == rows[:2]


def test_letters_of_a_filter_are_no_commands() -> None:
    """q, r and p are typed, and only Ctrl-C ends it."""
    view = a_view(3)
    view, _ = press(view, "/")
    for key in "qrpdo":
        view, act = press(view, key)
        assert act is None
    assert view.typed == "qrpdo"
    assert press(view, "c-c")[1] == Act("quit")


@pytest.mark.parametrize(
    ("key", "what"), [("r", "retry"), ("d", "show"), ("enter", "show"), ("o", "open")]
)
def test_keys_ask_for_the_selected_line(key: str, what: str) -> None:
    """Of the line that is selected, as it is now."""
    view = pressed(a_view(5), "up")
    view, act = press(view, key)

    assert act is not None
    assert (act.what, act.row) == (what, view.rows[3])


def test_one_event_is_scrolled_and_left() -> None:
    """Not beyond its ends; r and o are for what is shown, whatever has become of the list."""
    row = a_row(1)
    shown = Shown(row, tuple((("", str(number)),) for number in range(30)))
    view = showing(a_view(5, height=13), shown)

    assert [view.scroll for view in [pressed(view, "up"), pressed(view, "j")]] == [0, 1]
    assert pressed(view, "G").scroll == 30 - 13 + 2
    assert pressed(view, "G", "down", "pagedown").scroll == 30 - 13 + 2
    assert pressed(view, " ", "pageup").scroll == 0
    assert press(view, "r")[1] == Act("retry", row)
    assert press(view, "o")[1] == Act("open", row)
    for key in ("q", "escape", "d", "enter"):
        left, act = press(pressed(view, "j"), key)
        assert (left.mode, left.shown, act) == (Mode.LIST, None, None)


def test_help_is_left_with_any_key() -> None:
    """It says what every key does."""
    view = pressed(a_view(1), "?")
    told = "".join(text for line in draw(view) for _, text in line)

    assert view.mode is Mode.HELP
    assert "redriven" in told
    assert pressed(view, "x").mode is Mode.LIST


def test_messages_stay_until_the_next_key() -> None:
    """News do not wipe out what somebody is to read."""
    view = took(saying(a_view(1), "replayed as 1"), News(), NOW_MS)

    assert view.message == "replayed as 1"
    assert pressed(view, "x").message == ""


def test_trouble_is_told_while_it_lasts() -> None:
    """And is gone with the next good news."""
    view = took(a_view(1), News(trouble="no console answers"), NOW_MS)
    assert view.trouble
    assert text_of(draw(view))[-2] == "no console answers; trying again"
    assert took(view, News(), NOW_MS).trouble == ""


def test_the_rate_is_that_of_the_last_minute() -> None:
    """What came in before it is forgotten."""
    view = a_view(30)
    assert view.per_second == pytest.approx(0.5)
    view = took(view, News(counts=Counts(1, 2)), NOW_MS + 61_000)
    assert view.per_second == 0
    assert view.counts == Counts(1, 2)


def test_an_answer_stays_with_its_event() -> None:
    """News of the event itself do not take away what the program here said."""
    answered = a_row(1).answered(Answer(200, 3.0))
    view = took(a_view(0), News((answered,)), NOW_MS)
    view = took(view, News((a_row(1, state="dead"),)), NOW_MS)

    assert (view.rows[0].state, view.rows[0].answer) == ("dead", Answer(200, 3.0))


KEYS = st.sampled_from(
    ["up", "down", "pageup", "pagedown", "g", "G", "p", "/", "d", "x", "enter", "escape", "?", "r"]
)


@given(
    st.lists(st.one_of(KEYS, st.integers(1, 40), st.tuples(st.integers(1, 90), st.integers(1, 30))))
)
def test_whatever_happens_the_screen_is_whole(story: list[str | int | tuple[int, int]]) -> None:
    """Keys, news and sizes in any order: as many lines as the terminal has, the selection on it."""
    view = a_view(3)
    for one in story:
        if isinstance(one, str):
            view, act = press(view, one)
            if act is not None and act.what == "show" and act.row is not None:
                view = showing(view, Shown(act.row, ((("", "x"),),) * 7))
        elif isinstance(one, int):
            view = took(view, News((a_row(one, state="dead"),), arrived=1), NOW_MS)
        else:
            view = resized(view, *one)
        assert len(draw(view)) == view.height
        if view.place is not None:
            assert view.top <= view.place < view.top + view.room
