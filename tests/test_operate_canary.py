"""The steps of a run: a few first, then the rest, and no further once too many come back."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.operate.canary import (
    CHUNK,
    ENDS,
    IN_FLIGHT,
    Enter,
    Plan,
    Send,
    Stage,
    Standing,
    StopAt,
    Wait,
    decide,
)


def standing(stage: Stage, **given: int | float | bool) -> Standing:
    return replace(Standing(stage), **given)  # type: ignore[arg-type]  # fields by name


@pytest.mark.parametrize(
    ("plan", "where", "asked", "step"),
    [
        (Plan(9, try_first=5), standing(Stage.TRYING), None, Send(5)),
        (Plan(9, try_first=5), standing(Stage.TRYING, sent=3), None, Send(2)),
        (Plan(9, try_first=5), standing(Stage.TRYING, sent=5, done=4), None, Wait()),
        (Plan(9, try_first=5), standing(Stage.TRYING, sent=5, done=5), None, Enter(Stage.ROLLING)),
        (Plan(9, 5, go_on=False), standing(Stage.TRYING, sent=5, done=5), None, Enter(Stage.TRIED)),
        (
            Plan(3, try_first=5),
            standing(Stage.TRYING, sent=3, done=3, left=False),
            None,
            Enter(Stage.FINISHED),
        ),
        (
            Plan(9, try_first=5),
            standing(Stage.TRYING, sent=5, done=4, dead=1),
            None,
            Enter(Stage.STOPPED, "1 of 5 came back dead"),
        ),
        (
            Plan(9, try_first=5),
            standing(Stage.TRYING, sent=5, done=1, quiet_seconds=301),
            None,
            Enter(Stage.STOPPED, "4 of the first did not come to an end"),
        ),
        (Plan(9), standing(Stage.TRIED), None, Wait()),
        (Plan(9), standing(Stage.TRIED), "go_on", Enter(Stage.ROLLING)),
        (Plan(900), standing(Stage.ROLLING), None, Send(CHUNK)),
        (Plan(900), standing(Stage.ROLLING, sent=IN_FLIGHT), None, Wait()),
        (Plan(900, watch=False), standing(Stage.ROLLING, sent=IN_FLIGHT), None, Send(CHUNK)),
        (
            Plan(900, stop_at=StopAt()),
            standing(Stage.ROLLING, sent=IN_FLIGHT, dead=50),
            None,
            Send(CHUNK),
        ),
        (Plan(900), standing(Stage.ROLLING, sent=IN_FLIGHT - 3), None, Send(3)),
        (
            Plan(900),
            standing(Stage.ROLLING, sent=IN_FLIGHT, quiet_seconds=301),
            None,
            Enter(Stage.STOPPED, f"{IN_FLIGHT} did not come to an end"),
        ),
        (Plan(9), standing(Stage.ROLLING, sent=9, left=False), None, Enter(Stage.SETTLING)),
        (
            Plan(9, watch=False),
            standing(Stage.ROLLING, sent=9, left=False),
            None,
            Enter(Stage.FINISHED),
        ),
        (Plan(9), standing(Stage.SETTLING, sent=9, done=8), None, Wait()),
        (Plan(9), standing(Stage.SETTLING, sent=9, done=9), None, Enter(Stage.FINISHED)),
        (
            Plan(9),
            standing(Stage.SETTLING, sent=9, done=8, quiet_seconds=301),
            None,
            Enter(Stage.FINISHED, "1 are still under way"),
        ),
        (
            Plan(9, stop_at=StopAt(count=2)),
            standing(Stage.SETTLING, sent=9, done=6, dead=2),
            None,
            Enter(Stage.STOPPED, "2 of 8 came back dead"),
        ),
        (
            Plan(9),
            standing(Stage.ROLLING, sent=4),
            "cancel",
            Enter(Stage.CANCELLED, "an operator stopped it"),
        ),
        (Plan(9), standing(Stage.FINISHED), "cancel", Wait()),
    ],
)
def test_each_step(plan: Plan, where: Standing, asked: str | None, step: object) -> None:
    """From every stage, what follows from where it stands and what was asked."""
    assert decide(plan, where, asked) == step


@pytest.mark.parametrize(
    ("done", "dead", "pending", "stops"),
    [(0, 1, 3, False), (0, 1, 0, True), (4, 1, 9, True), (5, 1, 9, False), (400, 99, 1, False)],
)
def test_a_share_is_judged_once_enough_have_ended(
    done: int, dead: int, pending: int, stops: bool
) -> None:
    """At 20 %: one of five stops a run, one of the first two that ended does not yet."""
    where = standing(Stage.ROLLING, sent=done + dead + pending, done=done, dead=dead)

    assert isinstance(decide(Plan(1000), where), Enter) is stops


def test_a_rate_is_kept_whatever_held_the_run_up() -> None:
    """Half a second's worth together, then as long a pause; a long stall is not made up for."""
    plan = Plan(1000, rate=10.0)

    assert decide(plan, standing(Stage.ROLLING)) == Send(5)
    just = standing(Stage.ROLLING, sent=5, last_sent=5, since_sent_seconds=0.2)
    assert decide(plan, just) == Wait(pytest.approx(0.3))  # type: ignore[arg-type]  # compares as one
    late = standing(Stage.ROLLING, sent=5, last_sent=5, since_sent_seconds=3_600.0)
    assert decide(plan, late) == Send(5)
    slow = Plan(1000, rate=0.5)
    assert decide(slow, standing(Stage.ROLLING)) == Send(1)
    waits = standing(Stage.ROLLING, sent=1, last_sent=1, since_sent_seconds=0.5)
    assert decide(slow, waits) == Wait(1.5)


@given(
    st.integers(0, 400),
    st.integers(0, 20),
    st.sampled_from([StopAt(), StopAt(share=0.2), StopAt(count=3)]),
    st.floats(0, 1),
    st.randoms(use_true_random=False),
)
def test_a_run_always_ends_and_never_sends_too_much(
    total: int, try_first: int, stop_at: StopAt, failing: float, chance: random.Random
) -> None:
    """Whatever share comes back dead: each letter is sent once at most, few enough are under way,
    the first few come before the rest, and a run that was to stop has left letters alone."""
    plan = Plan(total, try_first, stop_at=stop_at)
    where = Standing(Stage.TRYING if try_first else Stage.ROLLING, left=total > 0)
    for _ in range(10_000):
        step = decide(plan, where)
        match step:
            case Send(count):
                assert count > 0
                if where.stage is Stage.TRYING:
                    assert where.sent + count <= try_first
                sent = min(total, where.sent + count)
                where = replace(where, sent=sent, left=sent < total)
            case Enter(stage, _):
                where = replace(where, stage=stage)
            case _ if where.pending:
                died = chance.random() < failing
                where = replace(where, dead=where.dead + died, done=where.done + (not died))
        assert where.sent <= total
        if not stop_at.never:
            assert where.pending <= max(IN_FLIGHT, try_first)
        if where.stage in ENDS:
            break
    assert where.stage in (Stage.FINISHED, Stage.STOPPED)
    if where.stage is Stage.FINISHED:
        assert where.sent == total == where.done + where.dead
    else:
        assert where.dead > 0


@pytest.mark.parametrize(
    ("text", "stop_at"),
    [
        ("5", StopAt(5)),
        ("20%", StopAt(share=0.2)),
        (" Never ", StopAt()),
        ("0.5 %", StopAt(share=0.005)),
    ],
)
def test_when_to_stop_is_read_and_written(text: str, stop_at: StopAt) -> None:
    """As a number, a share, or never; what is written is read again as the same."""
    assert StopAt.parse(text) == stop_at
    assert StopAt.parse(str(stop_at)) == stop_at


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "0%", "101%", "some", "1.5", "5 letters", "\u0665"]
)
def test_when_to_stop_cannot_be_anything(text: str) -> None:
    """What is neither is said, with what could be written."""
    with pytest.raises(ValueError, match="neither a number of letters"):
        StopAt.parse(text)
