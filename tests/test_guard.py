"""The provider guard: warns in time, tells what is news, and knows what is usual for a source."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway_scene import Told, webhook
from holdfast import providers
from holdfast.clock import ManualClock
from holdfast.compiled import Compiled
from holdfast.operate.guard import Counted, Guard, Sender, read_warnings, senders_of
from holdfast.operate.guard.notes import read_rhythms, write_notes
from holdfast.operate.guard.rhythm import DAY_MS, Rhythm
from holdfast.operate.guard.rules import percentile, refused, silent, slow
from holdfast.runtime.guarding import Guarding, counted
from holdfast.runtime.metrics import Counts
from holdfast.telemetry import ANSWER_BOUNDS_MS, EVENTS, Telemetry

NOW: Final = 1_700_000_000_000
SHOP: Final = Sender("shop", "Shop", 5.0, 14_400.0, 8)
BOUNDS: Final = (100.0, 1_000.0, 5_000.0)


@pytest.mark.parametrize(
    ("waits", "severity"),
    [
        ((1_000, 0, 0, 0), None),
        ((98, 0, 2, 0), "warning"),
        ((50, 0, 50, 0), "critical"),
        ((0, 0, 0, 20), "critical"),
        ((0, 0, 19, 0), None),
        ((999, 1, 0, 0), None),
    ],
)
def test_answers_that_come_near_the_deadline_are_told(
    waits: tuple[int, ...], severity: str | None
) -> None:
    """By their 99th percentile, from half the deadline on, and never from a handful of requests."""
    warned = slow(SHOP, BOUNDS, waits, NOW)

    assert (warned.severity if warned else None) == severity


def test_a_warning_says_until_when_the_sender_tries() -> None:
    """First failure plus its retry period, in UTC; None where that is not known."""
    warned = slow(SHOP, BOUNDS, (0, 0, 50), NOW)
    unknown = slow(Sender("a", "A", 5.0), BOUNDS, (0, 0, 50), NOW)

    assert warned is not None
    assert warned.facts["until"] == "2023-11-15T02:13:20Z"
    assert "tried again until 2023-11-15T02:13:20Z" in warned.detail
    assert unknown is not None
    assert unknown.facts["until"] is None
    assert slow(Sender("a", "A"), BOUNDS, (0, 0, 50), NOW) is None


@pytest.mark.parametrize(
    ("failures", "severity"),
    [(0, None), (3, None), (4, "warning"), (7, "warning"), (8, "critical")],
)
def test_refusals_that_come_near_the_end_are_told(failures: int, severity: str | None) -> None:
    """Half of what makes the sender stop is a warning, nine tenths are critical."""
    warned = refused(SHOP, failures, 1_000, NOW)

    assert (warned.severity if warned else None) == severity


@pytest.mark.parametrize(
    ("failures", "requests", "told"), [(9, 20, False), (10, 20, True), (9, 9, False)]
)
def test_without_a_known_number_the_share_counts(
    failures: int, requests: int, *, told: bool
) -> None:
    """Half of all requests, if there are enough of them to speak of a share."""
    assert (refused(Sender("a", "A"), failures, requests, NOW) is not None) is told


@pytest.mark.parametrize(
    ("silence", "usual", "told"),
    [(299, 1, False), (300, 1, True), (7_199, 3_600, False), (7_200, 3_600, True)],
)
def test_silence_is_told_against_what_is_usual(silence: float, usual: float, *, told: bool) -> None:
    """Twice the longest silence, and five minutes at least."""
    assert (silent(SHOP, silence, usual, NOW) is not None) is told


@given(st.lists(st.integers(0, 50), min_size=4, max_size=4).filter(any), st.floats(0.01, 1))
def test_a_percentile_lies_between_the_bounds(counts: list[int], share: float) -> None:
    """It never decreases with its share, and stays within the buckets."""
    found = percentile(BOUNDS, counts, share)

    assert 0 <= found <= BOUNDS[-1]
    assert found <= percentile(BOUNDS, counts, 1.0)


def test_a_rhythm_wants_a_day_and_forgets_after_eight() -> None:
    """Before a day of watching nothing is usual; a long silence is usual for a week and a day."""
    rhythm = Rhythm(NOW, NOW)
    for minute in range(30):
        rhythm.arrived(1, NOW + minute * 60_000)
    assert rhythm.usual_seconds(NOW + 1_800_000) is None
    rhythm.arrived(1, NOW + DAY_MS)
    night = (DAY_MS - 29 * 60_000) / 1000
    assert rhythm.usual_seconds(NOW + DAY_MS) == night
    for day in range(2, 9):
        for minute in range(0, 1_440, 10):
            rhythm.arrived(1, NOW + day * DAY_MS + minute * 60_000)
    assert rhythm.usual_seconds(NOW + 8 * DAY_MS) == 86_400
    assert rhythm.usual_seconds(NOW + 10 * DAY_MS) == 600
    again = Rhythm.from_fields(rhythm.fields(), NOW + 12 * DAY_MS)
    assert again.silence_seconds(NOW + 12 * DAY_MS) == 0
    assert again.arrivals == rhythm.arrivals
    assert Rhythm.from_fields({"longest_ms": 1}, NOW) == Rhythm(NOW, NOW)


class Watch:
    """A guard of one sender, looked at once a second."""

    def __init__(self, sender: Sender = SHOP, rhythms: dict[str, Any] | None = None) -> None:
        self.now = NOW
        self.total = Counted(0, 0, (0, 0, 0, 0))
        self.guard = Guard([sender], BOUNDS, NOW, rhythms)
        self.look()

    def look(
        self, accepted: int = 0, refused: int = 0, bucket: int = 0, seconds: float = 1
    ) -> list[str]:
        waits = list(self.total.waits)
        waits[bucket] += accepted
        self.total = Counted(
            self.total.accepted + accepted, self.total.refused + refused, tuple(waits)
        )
        self.now += round(seconds * 1000)
        told = self.guard.look({"shop": self.total}, self.now)
        return [
            f"{'+' if one.began else '-'}{one.warning.code} {one.warning.severity}" for one in told
        ]


def test_refusals_in_a_row_are_told_once_until_they_end() -> None:
    """At four, at eight as critical, and that it is over a minute after the next success."""
    watch = Watch()

    said = [watch.look(refused=1) for _ in range(10)]
    assert list(itertools.chain(*said)) == [
        "+provider_refused warning",
        "+provider_refused critical",
    ]
    assert said[3] == ["+provider_refused warning"]
    (standing,) = watch.guard.warnings
    assert standing.since_ms == NOW + 2_000
    assert watch.look(accepted=1) == []
    assert watch.look(seconds=59) == []
    assert watch.look(seconds=2) == ["-provider_refused critical"]
    assert watch.guard.warnings == ()


def test_a_success_between_begins_the_row_anew() -> None:
    """Three, one success, three: the sender does not stop at six."""
    watch = Watch()
    for _ in range(10):
        for step in (1, 1, 1):
            assert watch.look(refused=step) == []
        assert watch.look(accepted=1) == []


def test_failures_within_a_window_are_added_up() -> None:
    """Where the sender counts by the day, successes between do not help; a day later it is over."""
    watch = Watch(Sender("shop", "Shop", None, None, 40, 86_400.0))
    said = [watch.look(accepted=1, refused=1, seconds=600) for _ in range(20)]

    assert said[-1] == ["+provider_refused warning"]
    assert watch.look(accepted=1, seconds=90_000) == []
    assert watch.look(seconds=61) == ["-provider_refused warning"]


def test_slow_answers_are_told_within_the_window_and_forgotten_after_it() -> None:
    """Fifty slow ones; six minutes of quick ones later it is over."""
    watch = Watch()
    said = [watch.look(accepted=10, bucket=2, seconds=10) for _ in range(5)]
    assert "+provider_slow critical" in list(itertools.chain(*said))
    said = [watch.look(accepted=100, seconds=10) for _ in range(45)]

    assert list(itertools.chain(*said)) == ["-provider_slow warning"]


def test_a_source_that_falls_silent_is_told_and_heard_of_again() -> None:
    """A day of an event a minute, then nothing; the first one that comes ends it at once."""
    watch = Watch()
    for _ in range(1_500):
        assert watch.look(accepted=1, seconds=60) == []
    assert watch.look(seconds=290) == []
    assert watch.look(seconds=20) == ["+provider_silent warning"]
    assert watch.look(seconds=3_600) == []
    assert watch.look(accepted=1) == ["-provider_silent warning"]


def test_what_was_not_watched_is_no_silence() -> None:
    """After a restart the rhythm is known, and the time between is nobody's silence."""
    watch = Watch()
    for _ in range(1_500):
        watch.look(accepted=1, seconds=60)
    again = Guard([SHOP], BOUNDS, watch.now + DAY_MS, watch.guard.rhythm_fields())

    assert again.look({}, watch.now + DAY_MS + 1_000) == []
    assert [one.warning.code for one in again.look({}, watch.now + DAY_MS + 310_000)] == [
        "provider_silent"
    ]


@example([(0, 8, 0, 0.0), (1, 0, 0, 0.0), (0, 4, 0, 0.0), (0, 4, 0, 0.0)])  # milder in between
@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 3), st.floats(0, 4_000))
    )
)
def test_every_warning_that_begins_ends_before_it_begins_again(
    steps: list[tuple[int, int, int, float]],
) -> None:
    """Whatever is counted: a beginning, perhaps a worsening, an end; and what stands was begun."""
    watch, standing = Watch(), dict[str, str]()
    for accepted, rejected, bucket, seconds in steps:
        for said in watch.look(accepted, rejected, bucket, seconds):
            code, _, severity = said[1:].partition(" ")
            if said[0] == "+":
                assert (standing.get(code), severity) in {
                    (None, "warning"), (None, "critical"), ("warning", "critical"),
                }  # fmt: skip
                standing[code] = severity
            else:
                del standing[code]
    assert {one.code for one in watch.guard.warnings} == set(standing)


def test_what_is_known_of_a_sender_is_looked_up() -> None:
    """Deadline, retries and disabling come from the description; any webhook may fall silent."""
    shopify, github = providers.shopify("env:S"), providers.github("env:S")
    linear = providers.linear("env:S")
    hooks = tuple(
        webhook(f"/{one.name}", provider=one, verification=one.verification)
        for one in (shopify, github, linear)
    )

    assert senders_of(Compiled("x", (*hooks, webhook("/plain")))) == (
        Sender("shopify", "Shopify", 5, 14_400, 8),
        Sender("github", "GitHub", 10),
        Sender("linear", "Linear", 5, 25_260),
        Sender("plain", "plain"),
    )


def test_counts_come_from_telemetry_and_news_go_there(tmp_path: Path) -> None:
    """Refusals counted in one place are told in another, with all fields, and noted in the store."""
    clock, telemetry = ManualClock(), Telemetry()
    said, counts = Told(telemetry), Counts()
    telemetry.subscribe(counts)
    shop = providers.shopify("env:S")
    hooks = (webhook("/shop", provider=shop, verification=shop.verification),)
    guarding = Guarding(Compiled("x", hooks), tmp_path, telemetry, clock)
    totals: dict[Any, float] = {}

    def look() -> None:
        totals.clear()
        totals.update({tuple(row[:-1]): row[-1] for row in counts.rows()})
        guarding.look(totals)
        clock.advance(1)

    look()
    for id in "abcd":
        facts = {"status": 401, "reason": "signature_mismatch", "path": "/shop"}
        telemetry.emit("request.refused", id=id, webhook="shop", **facts)
        look()
    (fields,) = [fields for name, fields in said.events if name == "provider.refused"]
    assert set(fields) == set(EVENTS["provider.refused"].fields)
    assert (fields["refused"], fields["threshold"], fields["severity"]) == (4, 8, "warning")
    assert [one.code for one in read_warnings(tmp_path)] == ["provider_refused"]
    telemetry.emit("request.accepted", id="e", webhook="shop", bytes=1, duration_ms=3.0)
    assert counted({tuple(row[:-1]): row[-1] for row in counts.rows()})["shop"].waits[0] == 1
    look()
    clock.advance(61)
    look()
    assert said.names()[-1] == "provider.recovered"
    assert set(said.events[-1][1]) == set(EVENTS["provider.recovered"].fields)
    assert read_warnings(tmp_path) == ()
    assert set(read_rhythms(tmp_path)) == {"shop"}


def test_a_note_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    """A file that somebody spoiled, or none at all, stops nothing."""
    assert read_warnings(tmp_path) == ()
    for text in (b"", b"[]", b'{"warnings": [{"x": 1}], "rhythms": 7}', b'{"warnings": 1}'):
        (tmp_path / "guard.json").write_bytes(text)
        assert (read_warnings(tmp_path), read_rhythms(tmp_path)) == ((), {})
    write_notes(tmp_path, (), {"a": 1})
    assert read_rhythms(tmp_path) == {"a": 1}
    assert (tmp_path / "guard.json").stat().st_mode & 0o777 == 0o600


def test_an_answer_is_counted_in_the_bucket_of_its_time() -> None:
    """On the bound it still belongs below, and what takes longer than all has a bucket of its own."""
    counts = Counts()
    for duration_ms in (0.1, 5.0, 5.1, 1e9):
        counts(EVENTS["request.accepted"], {"webhook": "a", "bytes": 0, "duration_ms": duration_ms})
    waits = counted({tuple(row[:-1]): row[-1] for row in counts.rows()})["a"].waits

    assert (waits[:2], waits[-1], sum(waits)) == ((2, 1), 1, 4)
    assert len(waits) == len(ANSWER_BOUNDS_MS) + 1
