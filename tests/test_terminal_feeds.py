"""The feeds by themselves: what they make of outages, of another store, and of no history at all."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli_scene import Scene, scene_in
from console_scene import Scene as ConsoleScene
from console_scene import served
from holdfast.clock import SYSTEM_CLOCK
from holdfast.console import stream
from holdfast.errors import HoldfastError, NotSupported, StoreBusy, StoreFormat
from holdfast.message import Failure
from holdfast.operate.book import COMMAND_LINE, Who
from holdfast.operate.finding import Criteria
from holdfast.queue.contract import Filter, State
from holdfast.queue.views import ActFilter, Query
from holdfast.secrets import Secrets
from holdfast.terminal.api import ConsoleApi
from holdfast.terminal.bookmark import Bookmark
from holdfast.terminal.feed import Counts
from holdfast.terminal.follow import Follow, Start
from holdfast.terminal.remote import RemoteSource
from holdfast.terminal.rows import Row
from holdfast.terminal.source import Came, Changed, Past, Source, Wanted
from holdfast.terminal.store import StoreSource
from process_kit import until
from terminal_kit import text_of

WHO = Who("ada", COMMAND_LINE)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with scene_in(tmp_path / "store") as one:
        yield one


def source_of(scene: Scene, wanted: Wanted | None = None) -> StoreSource:
    return StoreSource(
        scene.engine, wanted or Wanted(), title="store", compiled=None, who=WHO,
        clock=scene.clock, console_url="http://127.0.0.1:8082/",
    )  # fmt: skip


def follow(scene: Scene, start: Start, folder: Path | None = None) -> Follow:
    bookmark = Bookmark("tail", {"store": "x"}, folder) if folder is not None else None
    return Follow(source_of(scene), start, bookmark, scene.clock)


def told(feed: Follow) -> list[str]:
    """Everything until there is no more just now; it is remembered."""
    found: list[str] = []
    while True:
        news = feed.look()
        found += [row.id for row in news.rows]
        feed.keep()
        if not news.more:
            return found


LINES = Start(whole=True)


def test_lines_begin_with_the_last_few_and_go_on(scene: Scene, tmp_path: Path) -> None:
    """Once; the next time with what came meanwhile, with refusals where they belong."""
    made = [scene.kept() for _ in range(30)]
    assert told(follow(scene, LINES, tmp_path)) == made[-20:]

    missed = [scene.refused() if number % 5 == 2 else scene.kept() for number in range(250)]
    again = follow(scene, LINES, tmp_path)
    assert told(again) == missed
    scene.clock.advance(2)
    assert told(again)[:1] != missed[:1]
    assert told(follow(scene, LINES, tmp_path)) == []


def test_since_begins_there_whatever_is_remembered(scene: Scene, tmp_path: Path) -> None:
    """All of it, one after the other, in order."""
    scene.kept()
    scene.clock.advance(3_600)
    since = Wanted(Criteria(Filter(since_ms=scene.clock.now_ms())))
    made = [scene.refused() if number % 7 == 3 else scene.done() for number in range(150)]

    for _ in range(2):
        feed = Follow(
            source_of(scene, since),
            Start(since=True, whole=True),
            Bookmark("tail", {"store": "x"}, tmp_path),
            scene.clock,
        )
        assert told(feed) == made


def test_a_list_is_filled_with_the_newest(scene: Scene, tmp_path: Path) -> None:
    """A screenful of history, everything that was missed, and how much that was."""
    first = [scene.kept() for _ in range(300)]
    feed = follow(scene, Start(), tmp_path)
    assert [row.id for row in feed.look().rows] == first[-100:]
    feed.keep()
    scene.clock.advance(60)
    missed = [scene.kept() for _ in range(140)]
    news = follow(scene, Start(), tmp_path).look()

    assert [row.id for row in news.rows] == missed
    assert news.message.startswith("140 since you left, 1m")
    assert follow(scene, Start(catch_up=False), tmp_path).look().rows == ()


def test_what_becomes_of_an_event_is_told(scene: Scene) -> None:
    """Its end at once; an attempt that failed, and a redrive, within a second."""
    feed = follow(scene, LINES)
    told(feed)
    id = scene.kept()
    (row,) = feed.look().rows
    assert (row.id, row.state, row.over) == (id, "waiting", False)

    (lease,) = scene.engine.receive("users", 1, 30)
    scene.clock.advance(2)
    (row,) = feed.look().rows
    assert (row.state, row.attempts) == ("leased", 1)
    scene.engine.bury(
        lease.receipt, Failure("KeyError", "x", "Handle", scene.clock.now_ms(), 1, "permanent")
    )
    rows = feed.look().rows
    assert [(row.state, row.why) for row in rows] == [("dead", "permanent KeyError")]
    assert feed.retry(rows[0]) == "redriven: back in its queue"
    scene.clock.advance(2)
    assert [row.state for row in feed.look().rows if row.id == id] == ["waiting"]


class Failing(StoreSource):
    """A store that fails when it is told to, and says what changed only once, as a console does."""

    failure: HoldfastError | None = None
    fails_at = ""
    _heard: str | None = None

    def _fail(self, at: str) -> None:
        if self.failure is not None and self.fails_at in ("", at):
            raise self.failure

    def arrivals(self, cursor: str | None, limit: int) -> Came:
        self._fail("arrivals")
        return super().arrivals(cursor, limit)

    def changes(self, cursor: str | None) -> Changed:
        self._fail("changes")
        told = super().changes(self._heard or cursor)
        self._heard = told.cursor
        return told

    def named(self, ids: tuple[str, ...]) -> list[Row]:
        self._fail("named")
        return super().named(ids)

    def past(self, after: str | None, limit: int) -> Past:
        self._fail("past")
        return super().past(after, limit)

    def counts(self) -> Counts:
        self._fail("counts")
        return super().counts()


def failing(scene: Scene) -> Failing:
    return Failing(
        scene.engine, Wanted(), title="store", compiled=None, who=WHO, clock=scene.clock,
        console_url=None,
    )  # fmt: skip


BUSY = StoreBusy("another writer holds the file")


@pytest.mark.parametrize("at", ["arrivals", "changes", "named", "counts"])
def test_an_outage_loses_nothing(scene: Scene, at: str) -> None:
    """Wherever it strikes; it is told while it lasts, and what came meanwhile afterwards, once."""
    source = failing(scene)
    feed = Follow(source, LINES, None, scene.clock)
    told(feed)
    source.failure, source.fails_at = BUSY, at
    made, heard = [scene.kept(), scene.refused()], []
    for _ in range(3):
        scene.clock.advance(2)
        news = feed.look()
        heard += [row.id for row in news.rows]
        assert news.trouble == ("" if at == "counts" else str(BUSY))
    made.append(scene.refused())
    source.failure = None
    assert heard + told(feed) == made
    source.failure, source.fails_at = StoreFormat("corrupt"), ""
    with pytest.raises(StoreFormat):
        feed.look()


@pytest.mark.parametrize("at", ["arrivals", "changes", "named", "past", "counts"])
def test_an_outage_at_the_beginning_loses_nothing(scene: Scene, tmp_path: Path, at: str) -> None:
    """What came while it was off is told once the store is back, refusals too."""
    told(follow(scene, LINES, tmp_path))
    made = [scene.kept(), scene.refused(), scene.kept()]
    source = failing(scene)
    source.failure, source.fails_at = BUSY, at
    feed = Follow(source, LINES, Bookmark("tail", {"store": "x"}, tmp_path), scene.clock)
    heard = [row.id for _ in range(2) for row in feed.look().rows]
    feed.keep()
    source.failure = None

    assert heard + told(feed) == made


def test_what_came_is_remembered_at_once(scene: Scene, tmp_path: Path) -> None:
    """However soon it is killed afterwards, the next one does not tell it again."""
    feed = follow(scene, LINES, tmp_path)
    told(feed)
    made = [scene.kept(), scene.kept()]

    assert told(feed) == made
    assert told(follow(scene, LINES, tmp_path)) == []


def test_ended_in_the_middle_it_skips_nothing(scene: Scene, tmp_path: Path) -> None:
    """Refusals that were heard of, but whose turn had not come, are told by the next one."""
    told(follow(scene, LINES, tmp_path))
    made = [scene.kept() for _ in range(150)]
    turned = [scene.refused() for _ in range(3)]
    feed = follow(scene, LINES, tmp_path)
    first = [row.id for row in feed.look().rows]
    feed.keep()

    assert first == made[:100]
    assert told(follow(scene, LINES, tmp_path)) == [*made[100:], *turned]


def test_more_refusals_than_are_listed_at_once_are_told(scene: Scene, tmp_path: Path) -> None:
    """Changes list the newest of them; the others are looked up."""
    told(follow(scene, LINES, tmp_path))
    scene.clock.advance(1)
    made = [scene.refused() for _ in range(430)]

    assert told(follow(scene, LINES, tmp_path)) == made


def test_another_store_in_its_place_is_said(scene: Scene, tmp_path: Path) -> None:
    """Nothing is skipped silently: it says so, and goes on with what comes."""
    bookmark = Bookmark("tail", {"store": "x"}, tmp_path)
    bookmark.write({"arrivals": "7.deadbeef", "changes": "7.0.1", "at_ms": 1})
    scene.kept()
    feed = follow(scene, LINES, tmp_path)

    assert "another store" in feed.look().message
    later = scene.kept()
    assert told(feed) == [later]


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b"{", b'{"place": 1}', b'{"place": {}}', b'{"place": {"arrivals": 1}}', b"\xff"],
)
def test_a_damaged_place_is_none(scene: Scene, tmp_path: Path, text: bytes) -> None:
    """It then begins as the first time."""
    id = scene.kept()
    bookmark = Bookmark("tail", {"store": "x"}, tmp_path)
    bookmark.write({})
    bookmark.path.write_bytes(text)

    assert told(follow(scene, LINES, tmp_path)) == [id]


def test_retries_are_judged_by_how_things_are_now(scene: Scene) -> None:
    """Not as the line was drawn: what is done is replayed, what waits is not, what was refused never."""
    source = source_of(scene)
    waits, done, dead, refused = scene.kept(), scene.done(), scene.dead(), scene.refused()
    rows = {row.id: row for row in source.past(None, 10).rows}

    with pytest.raises(HoldfastError, match="not over yet"):
        source.retry(rows[waits])
    with pytest.raises(NotSupported, match="only its sender"):
        source.retry(rows[refused])
    assert source.retry(rows[done]).startswith("replayed as ")
    assert source.retry(rows[dead]) == "redriven: back in its queue"
    with pytest.raises(HoldfastError, match="not over yet"):
        source.retry(rows[dead])
    acts = scene.engine.acts(ActFilter())
    assert [(act.action, act.operator, act.via) for act in acts] == [
        ("redrive", "ada", "command line"),
        ("replay", "ada", "command line"),
    ]


def test_everything_can_be_shown_and_found_in_the_console(scene: Scene) -> None:
    """Events and refusals, each by its own address."""
    source = source_of(scene)
    dead, refused = scene.dead(), scene.refused()
    rows = {row.id: row for row in source.past(None, 10).rows}

    assert "CardDeclined" in "\n".join(text_of(source.show(rows[dead], 80).lines))
    assert "too young" in "\n".join(text_of(source.show(rows[refused], 80).lines))
    assert source.page(rows[dead]) == f"http://127.0.0.1:8082/events/{dead}"
    assert source.page(rows[refused]) == f"http://127.0.0.1:8082/refusals/{refused}"


@pytest.fixture
def console(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ConsoleScene]:
    monkeypatch.setattr(stream, "LOOK_SECONDS", 0.02)
    with served(tmp_path / "scene", monkeypatch) as one:
        yield one


def sources(console: ConsoleScene, wanted: Wanted) -> list[Source]:
    """The store itself, and the console that serves it: one is as good as the other."""
    store = StoreSource(
        console.engine, wanted, title="store", compiled=console.compiled, who=WHO,
        clock=SYSTEM_CLOCK, console_url=None,
    )  # fmt: skip
    api = ConsoleApi(f"http://127.0.0.1:{console.port}", None, Secrets())
    return [store, RemoteSource(api, wanted, SYSTEM_CLOCK)]


HOUR_AGO = SYSTEM_CLOCK.now_ms() - 3_600_000


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        (Wanted(), "order dead refused done"),
        (Wanted(Criteria(Filter(webhook="orders"))), "order refused"),
        (Wanted(Criteria(Filter(state=State.DEAD))), "dead"),
        (Wanted(Criteria(Filter(reason="exhausted"))), "dead"),
        (Wanted(Criteria(Filter(error="KeyError"))), "dead"),
        (Wanted(only_refused=True), "refused"),
        (Wanted(Criteria(query=Query(("needle",)))), "order"),
        (Wanted(Criteria(query=Query(paths=(("total", "5"),)))), "order"),
        (Wanted(Criteria(query=Query(("eedl",), inside=True))), "order"),
        (Wanted(Criteria(type="order.*")), "order"),
        (Wanted(Criteria(verification="pending")), "order"),
        (Wanted(Criteria(Filter(until_ms=HOUR_AGO))), ""),
        (Wanted(Criteria(Filter(since_ms=HOUR_AGO))), "order dead refused done"),
    ],
)
def test_what_is_wanted_is_told_and_nothing_else(
    console: ConsoleScene, wanted: Wanted, fits: str
) -> None:
    """Of what was, of what comes, and of what ends; from the store as from a console."""

    made: dict[str, str] = {}

    def story() -> dict[str, str]:
        ids = {
            "order": console.order(b'{"id":"needle","total":5,"kind":"order.paid"}'),
            "dead": console.dead(),
            "refused": console.refused(),
            "done": console.done(),
        }
        made.update((id, name) for name, id in ids.items())
        return ids

    for source in sources(console, wanted):
        with contextlib.closing(source):
            before = story()
            whole = Start(since=wanted.since_ms is not None, whole=True, past=4)
            feed = Follow(source, whole, None, SYSTEM_CLOCK)
            first = told(feed)[-len(fits.split()) :] if fits else told(feed)
            assert first == [before[name] for name in fits.split()]
            after = story()
            expected = [after[name] for name in fits.split()]
            heard: list[str] = []

            def heard_all(
                feed: Follow = feed, heard: list[str] = heard, expected: list[str] = expected
            ) -> bool:
                heard += told(feed)
                return set(heard) >= set(expected)

            until(heard_all, "all of it is told")
            # What ended within a moment of the beginning may be told once more.
            assert {made[id] for id in heard} == set(fits.split())
