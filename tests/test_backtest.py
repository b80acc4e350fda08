"""A changed definition over what was recorded: what it would refuse, accept, or end differently."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from cli_scene import Called, call
from holdfast.clock import ManualClock
from holdfast.message import Failure, Headers, Message, Request, new_message_id
from holdfast.queue.engines.sqlite import SQLiteEngine
from holdfast.testing import sign
from recorded_kit import ADA, HOOKS, NOW_MS, Recorded, Sent, order, recorded, shown, user

DAY_MS: Final = 86_400_000


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    return recorded(tmp_path_factory.mktemp("past"))


def changes(told: Called) -> dict[tuple[str, str, str], Mapping[str, Any]]:
    """By webhook, kind and what became of them then."""
    return {(one["webhook"], one["kind"], one["then"]): one for one in told.json["changes"]}


def backtest(past: Recorded, *changed: tuple[str, str], options: tuple[str, ...] = ()) -> Called:
    hooks = past.changed(*changed) if changed else ""
    told = past.call("backtest", "-o", "json", *options, hooks=hooks)
    shown(told)
    return told


@pytest.mark.parametrize("options", [(), ("--safe", "*")])
def test_what_did_not_change_changes_nothing(past: Recorded, options: tuple[str, ...]) -> None:
    """Done, failed, quarantined, forged, refused, declined: whether tasks are called or not."""
    told = backtest(past, options=options)

    assert (told.code, told.json["changes"]) == (0, [])
    assert (told.json["events"], told.json["refusals"]) == (21, 2)
    assert (told.json["assumed"] == {}) is bool(options)
    people = past.call("backtest", *options)
    assert people.lines[0] == "21 events and 2 refusals: nothing changes"


def test_nothing_is_found_where_no_result_was_kept(tmp_path: Path) -> None:
    """At log level ERROR nobody knows what a task came to; what would die for that is only counted."""
    quiet = HOOKS.replace('    log_level="ALL",\n', "")
    past = recorded(tmp_path, [order(5), order(500)], hooks=quiet)

    told = backtest(past)

    assert (told.code, told.json["changes"]) == (0, [])
    assert list(told.json["skipped"].values()) == [1]


def test_a_stricter_schema_refuses(past: Recorded) -> None:
    """What was done is worse, what rests anyway is not; each with its rule and an example."""
    told = backtest(past, ("ge=18", "ge=40"))

    assert told.code == 5
    found = changes(told)["users", "refused", "done"]
    assert found["now"] == "refused 400 invalid_body: /age minimum"
    assert (found["count"], found["worse"], found["example"]) == (1, True, past.ids[0])
    assert not changes(told)["users", "refused", "dead permanent: Permanent in Handle"]["worse"]
    people = past.call("backtest", hooks=past.changed(("ge=18", "ge=40")))
    assert people.code == 5
    assert people.lines[0].split() == ["events", "webhook", "change", "then", "now", "such", "as"]
    assert "refused, worse" in people.out


def test_a_looser_schema_accepts_what_was_refused(past: Recorded) -> None:
    """A refusal whose body was kept goes the whole way, under the signature that it came with."""
    told = backtest(past, ("ge=18", "ge=10"), options=("--safe", "welcome"))

    assert told.code == 0
    assert told.json["changes"] == [
        {
            "kind": "accepted",
            "webhook": "users",
            "then": "refused 400 invalid_body",
            "now": "accepted, done",
            "worse": False,
            "assumed": False,
            "count": 1,
            "example": past.ids[4],
        }
    ]
    unsafe = backtest(past, ("ge=18", "ge=10")).json["changes"]
    assert [one["assumed"] for one in unsafe] == [True]


def test_a_mended_handler_works_what_rests(past: Recorded) -> None:
    """If it may be called; else it comes to what it came to then, and nothing changes."""
    mended = ('raise KeyError("no such user")', "return None")

    called = backtest(past, mended, options=("--safe", "welcome"))
    assert called.code == 0
    (found,) = called.json["changes"]
    assert (found["kind"], found["then"]) == ("accepted", "dead exhausted: KeyError in Handle")
    assert (found["now"], found["example"]) == ("done", past.ids[1])
    assert backtest(past, mended).json["changes"] == []
    mocked = backtest(past, options=("--mock", "welcome=null", "-w", "users")).json["changes"]
    assert {one["then"].partition(":")[0] for one in mocked} == {"dead exhausted", "dead permanent"}


def test_a_broken_handler_is_worse(past: Recorded) -> None:
    """With its error, the state and what it says, as groups of dead letters do."""
    broken = (
        'if event.body.name == "eve":',
        'if event.body.age == 36 and event.body.name != "mallory":',
    )

    told = backtest(past, broken, options=("--safe", "wel*"))

    assert told.code == 5
    found = changes(told)["users", "ended-differently", "done"]
    assert found["now"].startswith("dead exhausted: KeyError in Handle")
    assert found["worse"] is True


def test_another_secret_is_worse(past: Recorded) -> None:
    """Every genuine event would rest."""
    told = backtest(past, ("env:USERS_SECRET", "env:BASIC_SECRET"))

    assert told.code == 5
    found = changes(told)["users", "ended-differently", "done"]
    assert "body_altered_or_wrong_secret" in found["now"]


def test_without_the_secret_sources_are_not_checked(past: Recorded) -> None:
    """It says so, and what rests for its source is not taken for mended."""
    told = past.call("backtest", "-o", "json", secrets=False)

    assert (told.code, told.json["changes"]) == (0, [])
    assert set(told.json["unchecked"]) == {"users", "basic"}
    assert told.json["skipped"]["their source cannot be checked here: only the door was tried"] == 2


def test_another_workflow_ends_differently(past: Recorded) -> None:
    """To the worse where it fails; by other states alone it is shown, and fails if that is asked."""
    fails = backtest(
        past, ('"BooleanEquals": True, "Next": "Ship"', '"BooleanEquals": False, "Next": "Ship"')
    )
    assert fails.code == 5
    assert changes(fails)["orders", "ended-differently", "done"]["now"].startswith(
        "dead exhausted: Declined in Declined"
    )
    assert ("orders", "accepted", "dead exhausted: Declined in Declined") in changes(fails)

    longer = (
        ('"BooleanEquals": True, "Next": "Ship"', '"BooleanEquals": True, "Next": "Note"'),
        ('"Declined": {"Type"', '"Note": {"Type": "Pass", "Next": "Ship"}, "Declined": {"Type"'),
    )
    told = backtest(past, *longer)
    assert told.code == 0
    (found,) = told.json["changes"]
    assert found["then"] == "done by Verify > Charge > Paid > Ship"
    assert found["now"] == "done by Verify > Charge > Paid > Note > Ship"
    for option, code in (("ended-differently", 5), ("any", 5), ("refused", 0), ("worse", 0)):
        assert backtest(past, *longer, options=("--fail-on", option)).code == code


@pytest.mark.parametrize(
    ("changed", "then", "now"),
    [
        (('"/small", body_limit=2048', '"/small", body_limit=4'), "done", "413 payload_too_large"),
        (('["application/json", "text/plain"]', '["application/json"]'), "done", "415 unsupported"),
        (('"/small"', '"/renamed"'), "done", "404 not_found"),
        (('"/small"', '"/small", methods=["PUT"]'), "done", "405 method_not_allowed"),
        (('"/small"', '"/small", allow=["10.0.0.0/8"]'), "done", "403 address_not_allowed"),
    ],
)
def test_every_check_of_the_door_is_tried(
    past: Recorded, changed: tuple[str, str], then: str, now: str
) -> None:
    """Size, type, path, method and address, in one group for all of the webhook's events."""
    told = backtest(past, changed)

    assert told.code == 5
    found = changes(told)["small", "refused", then]
    assert found["count"] == 12
    assert now in found["now"]


def test_a_rate_limit_is_no_reason(past: Recorded) -> None:
    """The past comes at no rate."""
    told = backtest(
        past,
        ('"/small"', '"/small", rate_limit=RateLimit(per_second=1, burst=1)'),
        ("import App", "import RateLimit, App"),
    )

    assert told.json["changes"] == []


def test_less_can_be_asked_for(past: Recorded) -> None:
    """By webhook, number and time; what is misspelt is told."""
    assert backtest(past, options=("-w", "small")).json["events"] == 12
    assert backtest(past, options=("-n", "5")).json["events"] == 5
    assert backtest(past, options=("--since", "2030-01-01T00:00")).json["events"] == 0
    assert past.call("backtest", "-w", "smal").code == 4
    misspelt = past.call("backtest", "--safe", "welcom")
    assert misspelt.code == 2
    assert "there are charge, kept, ship, small, welcome" in " ".join(misspelt.err.split())
    assert call("backtest", past.hooks, "--store", str(past.folder / "none")).code == 3


STRIPE: Final = """
from holdfast import App, Event, providers
app = App()
@app.webhook("/users", provider=providers.stripe("env:USERS_SECRET"))
def paid(event: Event) -> None: ...
"""


def test_a_signature_is_judged_at_its_arrival(tmp_path: Path) -> None:
    """A month later its timestamp is not too old; a replay is judged as the original was."""
    (tmp_path / "hooks.py").write_text(STRIPE)
    with_store = Recorded(tmp_path, [], [])
    clock = ManualClock(NOW_MS)
    engine = SQLiteEngine(tmp_path / "store", clock=clock, holder="test")
    request = sign(
        "stripe", {"id": "evt"}, secret="s3cr3t-hmac-0815", now=NOW_MS / 1000, url="/users"
    )
    first = Message("a" * 32, "users", NOW_MS, request)
    late = NOW_MS + DAY_MS
    replay = replace(
        first, id="b" * 32, received_at_ms=late, replay_of=first.id, first_received_at_ms=NOW_MS
    )
    engine.send([first, replay])
    engine.settle([lease.receipt for lease in engine.receive("users", 9, 60)])
    engine.close()

    told = with_store.call("backtest", "-o", "json", "--since", "2023-01-01T00:00")

    assert (told.json["events"], told.json["changes"]) == (2, [])


class Crafted:
    """Events that ended in ways which no traffic brings about here."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        (folder / "hooks.py").write_text(HOOKS)
        self.clock = ManualClock(NOW_MS)
        self.engine = SQLiteEngine(folder / "store", clock=self.clock, holder="test")
        self.past = Recorded(folder, [], [])

    def kept(self, sent: Sent, origin: str = "http://here") -> str:
        body, headers = sent.lines()
        request = Request("POST", sent.path, "", Headers.of(headers), body, "192.0.2.1", origin)
        id = new_message_id(self.clock.now_ms())
        verdict = "verified" if origin.startswith("queue") else None
        self.engine.send([Message(id, "users", NOW_MS, request, {}, verdict)])
        return id

    def fail(self, error: str, reason: str = "", state: str = "Handle") -> None:
        (lease,) = self.engine.receive("users", 1, 60)
        failure = Failure(error, "no", state, NOW_MS, 1, reason)
        if reason:
            self.engine.bury(lease.receipt, failure)
        else:
            self.engine.extend([lease.receipt], 0, failure)

    def done(self, duplicate_of: str | None = None) -> None:
        (lease,) = self.engine.receive("users", 1, 60)
        self.engine.settle([lease.receipt], duplicate_of)

    def backtest(self, *changed: tuple[str, str]) -> Called:
        return backtest(self.past, *changed)


@pytest.fixture
def crafted(tmp_path: Path) -> Iterator[Crafted]:
    made = Crafted(tmp_path)
    yield made
    made.engine.close()


def test_what_failed_once_and_was_done_is_done(crafted: Crafted) -> None:
    """Only what rests is played with the failure that it rests for."""
    crafted.kept(user())
    crafted.fail("KeyError")
    crafted.done()

    assert crafted.backtest().json["changes"] == []


def test_the_letters_own_failure_stands_in_for_a_history(crafted: Crafted) -> None:
    """Where no execution was kept; under its reason, in the state where it happened."""
    crafted.kept(user())
    crafted.fail("OutOfStock", "out_of_stock")

    assert crafted.backtest().json["changes"] == []


def test_some_ends_say_nothing(crafted: Crafted) -> None:
    """A duplicate, a purged one, one that died with its worker: only the door is tried, which still
    may refuse them."""
    first = crafted.kept(user())
    crafted.done()
    crafted.kept(user(delivery="ada"))
    crafted.done(duplicate_of=first)
    crafted.kept(user("killer"))
    crafted.fail("WorkerDied", "exhausted", state="")
    gone = crafted.kept(user("gone"))
    crafted.fail("KeyError", "exhausted")
    crafted.engine.purge([gone])

    told = crafted.backtest()

    assert told.json["changes"] == []
    assert told.json["skipped"] == {
        "duplicates: only the door was tried": 1,
        "purged: only the door was tried": 1,
        "died with no state begun: only the door was tried": 1,
    }
    refused = crafted.backtest(("ge=18", "ge=40")).json["changes"]
    assert sum(one["count"] for one in refused) == 4
    assert {one["then"] for one in refused if one["worse"]} == {"done"}


def test_what_waits_may_only_be_refused_or_quarantined(crafted: Crafted) -> None:
    """Nobody knows how it will end; but a schema, a signature that no longer fits is worse."""
    crafted.kept(user())

    assert crafted.backtest().json["changes"] == []
    refused = crafted.backtest(("ge=18", "ge=40"))
    assert (refused.code, refused.json["changes"][0]["then"]) == (5, "under way")
    other = crafted.backtest(("env:USERS_SECRET", "env:BASIC_SECRET"))
    assert (other.code, other.json["changes"][0]["kind"]) == (5, "ended-differently")


def test_what_another_workflow_sent_comes_to_no_door(crafted: Crafted) -> None:
    """It is held against the schema by the first state, and would rest."""
    crafted.kept(Sent("/users", ADA), origin="queue://orders")
    crafted.done()

    assert crafted.backtest().json["changes"] == []
    (found,) = crafted.backtest(("ge=18", "ge=40")).json["changes"]
    assert found["now"].startswith("dead schema_invalid: SchemaInvalid in Verify")
