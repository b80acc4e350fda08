"""Search: what is decided of one message, and that the index leaves nothing out."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import orjson
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from holdfast.clock import ManualClock
from holdfast.message import Headers, Message, Request
from holdfast.queue.contract import Filter, State
from holdfast.queue.engines.sqlite import SQLiteEngine, search
from holdfast.queue.matching import Matcher, read_path, values_at
from holdfast.queue.views import Query
from sqlite_kit import DAY, LIMITS, failure, opened, received, upkeep

ANY = Filter()


def message(number: int, body: bytes, webhook: str = "orders", **given: Any) -> Message:
    headers = Headers.of(given.get("headers", {}))
    request = Request("POST", "/orders", given.get("query", ""), headers, body, "203.0.113.7")
    return Message(f"{number:032x}", webhook, 1_700_000_000_000 + number, request)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[SQLiteEngine]:
    one = opened(tmp_path / "store", ManualClock())
    yield one
    one.close()


def indexed(engine: SQLiteEngine) -> None:
    while engine.index():
        pass


def found(engine: SQLiteEngine, query: Query, filter: Filter = ANY, **given: Any) -> list[int]:
    """The numbers of the messages."""
    page = engine.search(query, filter, **given)
    return [int(entry.message.id, 16) for entry in page.entries]


BODIES = [
    b'{"id":"evt_1","data":{"customer":"cus_0005","lines":[{"sku":"A-1"},{"sku":"B-2"}]}}',
    b'{ "id" : "evt_2", "data": {"customer": "cus_0006", "total": 12.5, "paid": true} }',
    b'{"name":"Zo\\u00eb","note":"She said \\"hi\\"","gone":null}',
    "Grüße aus Köln".encode(),
    b"\xff\xfe\x00binary evt_9",
    "caf\xe9 latin".encode("latin-1"),
    b"",
]

QUERIES = [
    (Query(("evt_1",)), [0]),
    (Query(("EVT",)), [1, 0]),
    (Query(("cus_000",)), [1, 0]),
    (Query(("ada", "shop")), [6]),
    (Query(("zoë",)), [2]),
    (Query(('said "hi"',)), [2]),
    (Query(("GRÜSSE AUS",)), []),
    (Query(("grüße",)), [3]),
    (Query(("evt_9",)), []),
    (Query(("café",)), [5]),
    (Query(("x=1",)), [6]),
    (Query(("203.0.113.7",)), [6, 5, 4, 3, 2, 1, 0]),
    (Query(("!!",)), []),
    (Query(paths=(("data.customer", "cus_0005"),)), [0]),
    (Query(paths=(("$.data.lines[1].sku", "B-2"),)), [0]),
    (Query(paths=(("data.lines[*].sku", "B-2"),)), [0]),
    (Query(paths=(("data.lines[0].sku", "B-2"),)), []),
    (Query(paths=(("data.total", "12.5"), ("data.paid", "true"))), [1]),
    (Query(paths=(("data.total", '"12.5"'),)), []),
    (Query(paths=(("name", "Zoë"),)), [2]),
    (Query(paths=(("gone", "null"),)), [2]),
    (Query(("evt",), paths=(("data.customer", "cus_0006"),)), [1]),
]


def sent(engine: SQLiteEngine) -> None:
    last = {"headers": {"x-shop": "ada.shop"}, "query": "x=1"}
    given: list[dict[str, Any]] = [{}] * (len(BODIES) - 1) + [last]
    engine.send([message(n, body, **given[n]) for n, body in enumerate(BODIES)])


@pytest.mark.parametrize(("query", "expected"), QUERIES, ids=str)
@pytest.mark.parametrize("how", ["indexed", "half", "unindexed", "inside"])
def test_what_is_looked_for_is_found(
    engine: SQLiteEngine, query: Query, expected: list[int], how: str
) -> None:
    """By text or by path, newest first: the same with the index, without, or with half of it."""
    if how == "half":
        engine.send([message(100, b"{}")])
        indexed(engine)
    sent(engine)
    if how == "indexed":
        indexed(engine)
    asked = Query(query.texts, query.paths, inside=True) if how == "inside" else query

    numbers = [n for n in found(engine, asked) if n != 100]

    assert numbers == expected


def test_a_text_within_a_word_is_found_where_it_is_asked_for(engine: SQLiteEngine) -> None:
    """The index knows beginnings of words; `inside` reads instead."""
    sent(engine)
    indexed(engine)

    assert found(engine, Query(("0005",))) == [0]
    assert found(engine, Query(("us_0005",))) == []
    assert found(engine, Query(("us_0005",), inside=True)) == [0]


def test_the_filter_narrows(engine: SQLiteEngine) -> None:
    """By webhook, time and state, whatever the index proposes."""
    engine.send(
        [message(n, b'{"a":"needle"}', "rare" if n % 9 == 0 else "orders") for n in range(30)]
    )
    indexed(engine)
    leases = received(engine, 2)
    engine.settle([leases[0].receipt])
    engine.bury(leases[1].receipt, failure())
    needle = Query(("needle",))

    assert found(engine, needle, Filter(webhook="rare")) == [27, 18, 9, 0]
    assert len(found(engine, needle, Filter(webhook="orders"))) == 26
    assert found(engine, needle, Filter(state=State.DEAD)) == [2]
    assert found(engine, needle, Filter(state=State.DONE)) == [1]
    assert found(
        engine, needle, Filter(since_ms=1_700_000_000_003, until_ms=1_700_000_000_005)
    ) == [
        4,
        3,
    ]


def test_a_state_of_which_there_are_many(
    engine: SQLiteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the index is asked, and the state decides afterwards."""
    monkeypatch.setattr(search, "FEW", 1)
    engine.send([message(n, b'{"a":"needle"}') for n in range(6)])
    engine.send([message(n, b"{}") for n in range(6, 9)])
    indexed(engine)
    for lease in received(engine, 8):
        engine.bury(lease.receipt, failure())

    assert found(engine, Query(("needle",)), Filter(state=State.DEAD)) == [5, 4, 3, 2, 1, 0]


def test_pages_go_on_where_they_ended(
    engine: SQLiteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each message comes once, over the border of the index too, and the last page says so."""
    monkeypatch.setattr(search, "PAGE", 3)
    engine.send([message(n, b"needle") for n in range(10)])
    indexed(engine)
    engine.send([message(n, b"needle") for n in range(10, 15)])
    numbers, after = [], None
    while True:
        page = engine.search(Query(("needle",)), ANY, after, 4)
        numbers += [int(entry.message.id, 16) for entry in page.entries]
        if (after := page.after) is None:
            break

    assert numbers == list(range(14, -1, -1))
    assert page.complete


def test_a_search_ends_in_time_and_says_how_far_it_came(
    engine: SQLiteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without time left each page looks at a little, and the next goes on from there."""
    monkeypatch.setattr(search, "PAGE", 2)
    engine.send([message(n, b"needle" if n == 1 else b"hay") for n in range(8)])

    first = engine.search(Query(("needle",)), ANY, budget_seconds=0)
    assert (first.entries, first.complete) == ((), False)
    steps, after = 1, first.after
    while after is not None and steps < 10:
        page = engine.search(Query(("needle",)), ANY, after, budget_seconds=0)
        steps, after = steps + 1, page.after
        if page.entries:
            break

    assert [int(entry.message.id, 16) for entry in page.entries] == [1]
    assert found(engine, Query(("needle",)), after="0") == []


def test_large_bodies_are_read_a_few_at_a_time(
    engine: SQLiteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither indexing nor searching brings more into memory than a step's bytes at once."""
    monkeypatch.setattr(search, "STEP_BYTES", 1_000)
    sizes: list[int] = []
    read = search.SearchFile._messages

    def watched(self: search.SearchFile, which: list[int]) -> Any:
        messages = read(self, which)
        sizes.append(sum(len(one.request.body) for _, one in messages))
        return messages

    monkeypatch.setattr(search.SearchFile, "_messages", watched)
    engine.send([message(n, b"needle " + b"x" * 400) for n in range(9)])
    indexed(engine)

    assert len(found(engine, Query(("needle",)))) == 9
    assert max(sizes) <= 1_000


def test_what_is_removed_is_forgotten(tmp_path: Path) -> None:
    """With retention the index gets smaller; what it still proposes is found to be gone."""
    clock = ManualClock()
    engine = opened(tmp_path, clock)
    engine.send([message(n, b"needle") for n in range(5)])
    indexed(engine)
    engine.settle([lease.receipt for lease in received(engine, 4)])
    clock.advance(LIMITS.retention_seconds - DAY / 2)
    assert engine.index_state().indexed == 5
    clock.advance(DAY)
    with mock.patch.object(search.SearchFile, "forget"):  # as where it ends before it could
        upkeep(engine)

    assert found(engine, Query(("needle",))) == [4]
    engine._search.forget([1, 2])
    assert engine.index_state().indexed == 3
    engine.close()


def test_an_index_that_is_lost_or_damaged_is_made_anew(tmp_path: Path) -> None:
    """It is worth nothing that the inbox does not say; searching goes on meanwhile."""
    engine = opened(tmp_path, ManualClock())
    engine.send([message(n, b"needle") for n in range(3)])
    indexed(engine)
    engine.close()
    for name in ("search.db", "search.db-wal"):
        (tmp_path / name).unlink(missing_ok=True)
    (tmp_path / "search.db").write_bytes(b"no database at all" * 400)

    again = opened(tmp_path, ManualClock())
    assert found(again, Query(("needle",))) == [2, 1, 0]
    indexed(again)
    assert again.index_state().behind == 0
    assert found(again, Query(("needle",))) == [2, 1, 0]
    again.close()


@pytest.mark.parametrize("more", [0, 1, 3], ids="{} came since".format)
def test_an_older_inbox_that_was_put_back_is_indexed_anew(tmp_path: Path, more: int) -> None:
    """The index is ahead of it, or, once as many came, of other messages: nothing that is there is
    missed, before it is indexed and after."""
    store, backup = tmp_path / "store", tmp_path / "backup"
    engine = opened(store, ManualClock())
    engine.send([message(n, b"needle") for n in range(3)])
    engine.close()
    shutil.copytree(store, backup)
    engine = opened(store, ManualClock())
    engine.send([message(n, b"hay") for n in range(10, 12)])
    indexed(engine)
    engine.close()
    for name in ("inbox.db", "ledger.db"):
        (store / f"{name}-wal").unlink(missing_ok=True)
        shutil.copy(backup / name, store / name)

    again = opened(store, ManualClock())
    again.send([message(n, b"needle") for n in range(20, 20 + more)])
    expected = [*range(19 + more, 19, -1), 2, 1, 0]
    assert found(again, Query(("needle",))) == expected
    assert again.index_state().behind == 3 + more
    indexed(again)
    assert (again.index_state().indexed, again.index_state().behind) == (3 + more, 0)
    assert found(again, Query(("needle",))) == expected
    assert found(again, Query(("hay",))) == []
    again.close()


words = st.text(st.sampled_from('abAB01_-.@ é"\\{}:'), min_size=1, max_size=12)


@settings(deadline=None, max_examples=50)  # a store is made for each
@given(
    st.lists(
        st.dictionaries(words, words | st.integers(0, 99) | st.none(), max_size=3), max_size=6
    ),
    words,
)
def test_the_index_leaves_nothing_out(bodies: list[Any], text: str) -> None:
    """Whatever begins with a word and is held by a message is found through the index too.

    Words of fewer than three letters are looked for whole, and left out here.
    """
    assume(len(re.findall(r"[^\W_]+", text)) > 1 or len(re.sub(r"[\W_]", "", text)) >= 3)
    engine = _shared(bodies)
    try:
        asked = Query((text,))
        read = found(engine, Query(asked.texts, inside=True))
        proposed = found(engine, asked)
        by_word = [
            n
            for n in read
            if _begins_a_word(json.dumps(bodies[n], ensure_ascii=False).lower(), text.lower())
        ]
        assert set(by_word) <= set(proposed) <= set(read)
    finally:
        engine.close()
        shutil.rmtree(engine._shelf.store.path)


def _shared(bodies: list[Any]) -> SQLiteEngine:
    # Not tmp_path: hypothesis calls a test many times over one.
    engine = opened(Path(tempfile.mkdtemp()), ManualClock())
    engine.send([message(n, orjson.dumps(body)) for n, body in enumerate(bodies)])
    indexed(engine)
    return engine


def _begins_a_word(told: str, text: str) -> bool:
    """Whether the text stands there right after something that is no letter and no digit."""
    place = told.find(text)
    while place >= 0:
        if place == 0 or not (told[place - 1].isalnum() and text[0].isalnum()):
            return True
        place = told.find(text, place + 1)
    return False


@pytest.mark.parametrize("path", ["", "$", ".", "a..b", "a[", "a[x]", "a]b", "['a", "[0"])
def test_a_path_that_is_none_is_said(path: str) -> None:
    """What cannot be read is refused, with the path in the message."""
    with pytest.raises(ValueError, match="is no path"):
        Matcher(Query(paths=((path, "1"),)))


def test_paths_lead_to_values() -> None:
    """Keys, odd keys, places from either end, all items; nowhere where nothing is there."""
    value = {"a.b": [{"c": 1}, {"c": 2}], "d": {"e": [7]}}

    def at(path: str) -> list[Any]:
        return list(values_at(value, read_path(path)))

    assert at("$['a.b'][*].c") == [1, 2]
    assert at('["a.b"][-1].c') == [2]
    assert at("d.e[0]") == [7]
    for nowhere in ("d.e[1]", "d.x", "d[0]", "d.e.f", "['a.b'][-3]"):
        assert at(nowhere) == []
