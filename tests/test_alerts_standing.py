"""Readings over time: what begins, what goes on in quiet, what ends, and what does not flap."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_kit import NOW_MS, USERS, Story, a_rule, high, low
from holdfast.operate.alerts.facts import Ends, Seen
from holdfast.operate.alerts.rules import Reading, read
from holdfast.operate.alerts.standing import CLEAR_SECONDS, Standing, look
from holdfast.operate.alerts.windows import Window
from holdfast.operate.overview import Warned


def test_what_holds_is_told_once_and_again_after_its_quiet_time() -> None:
    """Four hours of an alert that goes on are two messages, not fourteen thousand."""
    story = Story(a_rule(repeat_seconds=14_400.0))
    told = [turn for _ in range(14_401) for turn in story.after(1, high())]

    assert told == ["began", "goes_on"]


def test_without_a_repeat_it_is_told_once() -> None:
    """None means never again, however long it lasts."""
    story = Story(a_rule(repeat_seconds=None))

    assert [story.after(86_400, high()) for _ in range(30)] == [["began"], *[[]] * 29]


def test_it_must_last_before_anybody_is_told() -> None:
    """Fifty-nine seconds are nothing to wake somebody for, and a dip begins them anew."""
    story = Story(a_rule(lasting_seconds=60.0))

    assert story.after(0, high()) == []
    assert story.after(59, high()) == []
    assert story.after(1, low(99, content=False)) == []
    assert story.after(1, high()) == []
    assert story.after(59, high()) == []
    assert story.after(1, high()) == ["began"]


def test_it_ends_once_after_a_minute_of_calm() -> None:
    """Resolved is told once, and what lasted is told with it."""
    story = Story(a_rule())
    story.after(0, high())

    assert story.after(600, low()) == []
    assert story.after(CLEAR_SECONDS - 1, low()) == []
    (ended,) = story.news(1, low())
    assert (ended.turn, ended.since_ms) == ("ended", NOW_MS)
    assert ended.detail == "0 waiting"
    assert story.after(600, low()) == []
    assert story.state == {}


@pytest.mark.parametrize("between", [high(101), low(95, content=False)])
def test_a_number_that_trembles_does_not_flap(between: Reading) -> None:
    """Above the threshold, or just below it, every half minute: one message in an hour."""
    story = Story(a_rule())
    told = story.after(0, high())
    for _ in range(120):
        told += story.after(15, low(80))
        told += story.after(15, between)

    assert told == ["began"]


def test_worse_is_news_and_milder_is_none() -> None:
    """A warning that becomes critical is told at once, and stays critical until it ends."""
    story = Story(a_rule("provider"))

    assert story.after(0, high()) == ["began"]
    assert story.after(1, high(severity="critical")) == ["worse"]
    assert story.after(1, high(severity="warning")) == []
    story.after(1, low())
    (ended,) = story.news(CLEAR_SECONDS, low())
    assert ended.severity == "critical"


def test_a_silent_source_that_is_heard_again_is_over_at_once() -> None:
    """The first event after a silence ends it; nobody waits for a second one."""
    story = Story(a_rule("silence", over=3_600))
    story.after(0, high())

    assert story.after(1, low()) == ["ended"]


def test_what_is_not_known_changes_nothing() -> None:
    """After a restart the counts begin anew: what stands goes on, and nothing new begins."""
    story = Story(a_rule())

    assert story.after(0, None) == []
    story.after(0, high())
    assert story.after(600, None) == []
    assert story.state[USERS].firing


def test_what_no_rule_watches_is_forgotten() -> None:
    """A rule that was taken out of the definition leaves nothing standing."""
    state = {USERS: Standing(NOW_MS, "warning", 1, "", NOW_MS)}

    assert look([], state, {}, NOW_MS) == ({}, [])


@given(
    st.lists(
        st.tuples(st.integers(0, 4_000), st.sampled_from([high(), low(), low(95, content=False)])),
        max_size=60,
    ),
    st.integers(0, 120),
)
def test_news_come_in_an_order_that_makes_sense(
    steps: list[tuple[int, Reading]], lasting: int
) -> None:
    """Whatever is read: it begins before it goes on or ends, ends once, and is quiet in between."""
    story = Story(a_rule(lasting_seconds=float(lasting), repeat_seconds=3_600.0))
    standing, told_ms = False, 0
    for seconds, reading in steps:
        for turn in story.after(seconds, reading):
            if turn == "began":
                assert not standing
                standing = True
            else:
                assert standing
            if turn == "goes_on":
                assert story.now_ms - told_ms >= 3_600_000
            standing = turn != "ended"
            told_ms = story.now_ms
        assert standing == any(one.firing for one in story.state.values())


def reading(watches: str, seen: Seen, ends: Ends | None = None, **fields: Any) -> Reading | None:
    full = fields.pop("full", True)
    since_ms = fields.pop("watched_since_ms", 0)
    rule = a_rule(watches, **fields)
    return read(rule, seen, ends or Ends(), NOW_MS, watched_since_ms=since_ms, full=full)


@pytest.mark.parametrize(
    ("waiting", "holds", "content"),
    [
        (101, True, False),
        (100, False, False),
        (91, False, False),
        (90, False, True),
        (0, False, True),
    ],
)
def test_depth_is_over_above_its_threshold_and_content_a_tenth_below(
    waiting: int, holds: bool, content: bool
) -> None:
    """In between, what stands goes on and nothing begins."""
    found = reading("depth", Seen(waiting=waiting))

    assert found is not None
    assert (found.holds, found.content) == (holds, content)


def test_the_oldest_is_judged_by_its_age() -> None:
    """Eleven minutes are over ten; nothing waiting is no age."""
    old = reading("oldest", Seen(oldest_ms=NOW_MS - 660_000), over=600)
    none = reading("oldest", Seen(), over=600)

    assert old is not None
    assert none is not None
    assert (old.holds, old.detail) == (True, "the oldest has waited for 11m")
    assert (none.holds, none.content) == (False, True)


def test_dead_letters_at_rest_and_new_ones() -> None:
    """One is over none; within a window those count that died in it."""
    resting = reading("dead", Seen(dead=1), over=0)
    new = reading("new_dead", Seen(), Ends(dead=3), over=2, window_seconds=900)
    early = reading("new_dead", Seen(), Ends(dead=2), over=2, window_seconds=900, full=False)

    assert resting is not None
    assert new is not None
    assert (resting.holds, resting.detail) == (True, "1 dead letter")
    assert (new.holds, new.detail) == (True, "3 dead letters within 15m")
    assert early is None


def test_the_failure_rate_counts_attempts_and_needs_enough_of_them() -> None:
    """Retried and dead are failures, what expired was no attempt; nineteen are too few to judge by."""
    told = {"over": 0.2, "window_seconds": 300, "at_least": 20}
    bad = reading("failure_rate", Seen(), Ends(done=15, retried=4, dead=9, expired=8), **told)
    few = reading("failure_rate", Seen(), Ends(retried=19), **told)
    unknown = reading("failure_rate", Seen(), Ends(retried=19), **told, full=False)

    assert bad is not None
    assert few is not None
    assert (bad.holds, bad.detail) == (True, "5 of 20 attempts failed (25%)")
    assert (few.holds, few.content) == (False, True)
    assert unknown is None


@pytest.mark.parametrize(
    ("received_ms", "since_ms", "holds"),
    [
        (NOW_MS - 3_601_000, 0, True),
        (NOW_MS - 3_599_000, 0, False),
        (None, NOW_MS - 3_601_000, True),
        (NOW_MS - 7_200_000, NOW_MS - 60_000, False),
    ],
)
def test_silence_is_time_in_which_somebody_watched(
    received_ms: int | None, since_ms: int, holds: bool
) -> None:
    """From the last event on, or from when watching began: a source is not blamed for our absence."""
    found = reading("silence", Seen(received_ms=received_ms), over=3_600, watched_since_ms=since_ms)

    assert found is not None
    assert found.holds is holds


SILENT = Warned(
    "provider_silent", "warning", "nothing from Stripe for 9h", "users", "usual: 3h", 0,
    {"silent_seconds": 32_400},
)  # fmt: skip
REFUSED = Warned("provider_refused", "critical", "8 refused", "users", "look")


def test_what_the_guard_warns_of_is_divided_in_two() -> None:
    """Silence against its own rhythm is one rule, a sender about to give up the other; no overlap."""
    both = Seen(warnings=(SILENT, REFUSED))
    silence, provider = reading("silence", both, over=None), reading("provider", both, over=None)

    assert silence is not None
    assert provider is not None
    assert (silence.holds, silence.value) == (True, 32_400)
    assert (provider.holds, provider.severity) == (True, "critical")
    assert provider.detail == "8 refused (look)"
    for watches in ("silence", "provider"):
        calm = reading(watches, Seen(), over=None)
        assert calm is not None
        assert calm.content


def test_a_guard_that_began_anew_cannot_say_that_it_is_over() -> None:
    """It counts from the beginning of a run; until then what stood goes on."""
    assert reading("provider", Seen(), over=None, full=False) is None


def test_a_window_knows_what_ended_within_it() -> None:
    """Totals that only grow become differences; what is older than the window falls out."""
    window = Window(60)
    for second in range(0, 121, 1):
        window.take(Ends(done=second), second * 1000)

    assert window.full(120_000)
    assert 60 <= window.ends.done <= 62


def test_a_window_is_not_full_before_it_has_passed() -> None:
    """Nor after the clock was set back."""
    window = Window(60)
    window.take(Ends(), 1_000_000)
    assert not window.full(1_059_000)
    assert window.full(1_060_000)

    window.take(Ends(done=5), 500_000)
    assert not window.full(559_000)
    assert window.ends == Ends()
