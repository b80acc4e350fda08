"""A changed definition over what was recorded: what it would refuse, accept, or end differently."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from cli_scene import Called, call
from holdfast.clock import ManualClock
from holdfast.message import Headers, Message, Request
from holdfast.operate.past import walk
from holdfast.queue.contract import Filter, Refusal
from holdfast.queue.engines.sqlite import SQLiteEngine
from holdfast.testing import sign
from recorded_kit import HOOKS, NOW_MS, Recorded, Sent, backtest, order, recorded, user

DAY_MS: Final = 86_400_000


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    return recorded(tmp_path_factory.mktemp("past"))


def changes(told: Called) -> dict[tuple[str, str, str], Mapping[str, Any]]:
    """By webhook, kind and what became of them then."""
    return {(one["webhook"], one["kind"], one["then"]): one for one in told.json["changes"]}


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
    misspelt = backtest(past, options=("--mock", "wellcome=null", "--safe", "welcome"))
    assert (misspelt.code, "'--mock': no task or state 'wellcome'" in misspelt.err) == (2, True)


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
    few = backtest(past, options=("-n", "5")).json
    assert few["events"] + few["refusals"] == 5
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


def test_the_newest_come_first_whatever_became_of_them(tmp_path: Path) -> None:
    """Events and refusals in one order, so that few of them are the last few."""
    ids = ["d", "c", "b", "a"]
    engine = SQLiteEngine(tmp_path / "store", clock=ManualClock(NOW_MS), holder="test")
    body, headers = user("child", age=17).lines()
    request = Request("POST", "/users", "", Headers.of(headers), body)
    engine.send([Message(ids[n] * 32, "users", NOW_MS, request) for n in (1, 3)])
    lines = tuple(headers.items())
    engine.refuse(
        [
            Refusal(
                each * 32,
                NOW_MS,
                "users",
                "POST",
                "/users",
                "",
                400,
                "invalid_body",
                "",
                lines,
                body,
            )
            for each in (ids[0], ids[2])
        ]
    )

    assert [past.id[0] for past in walk(engine, Filter())] == ids
    assert [past.id[0] for past in walk(engine, Filter(webhook="orders"))] == []
    engine.close()


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


CATCH: Final = (
    '"ResultPath": "$.payment", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Declined"}],'
)
UNLUCKY: Final = """def charge(event: Event) -> dict[str, Any]:
    if event.body["total"] == 13:
        raise KeyError("unlucky")
"""


def test_a_failure_that_was_caught_is_played_too(tmp_path: Path) -> None:
    """What rests for another reason than the failure of its task still comes to that failure."""
    hooks = HOOKS.replace('"ResultPath": "$.payment",', CATCH)
    hooks = hooks.replace("def charge(event: Event) -> dict[str, Any]:\n", UNLUCKY)
    caught = recorded(tmp_path, [order(13)], hooks=hooks)

    told = backtest(caught)

    assert (told.json["events"], told.json["changes"]) == (1, [])
    assert (told.json["skipped"], told.json["assumed"]) == ({}, {})


def test_a_body_that_was_cut_is_not_tried(tmp_path: Path) -> None:
    """Of a refusal the first 4 KiB are kept; what is longer is counted."""
    long = Sent("/users", b'{"name":"' + b"x" * 5_000 + b'"}')
    cut = recorded(tmp_path, [long, user("child", age=17)])

    told = backtest(cut, ("ge=18", "ge=10"))

    assert told.json["refusals"] == 1
    assert told.json["skipped"] == {"refused, and not all of the body was kept": 1}
