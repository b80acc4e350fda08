"""Recorded traffic in both homes: alike where the code is, told apart where it is broken."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import pytest

from cli_scene import call
from holdfast.aws import door, mapping, velocity
from holdfast.aws import plan as planning
from holdfast.aws.worker import verify as worker_verify
from holdfast.queue.engines.sqlite import SQLiteEngine
from recorded_kit import (
    HMAC,
    HOOKS,
    TRAFFIC,
    Recorded,
    Sent,
    differences,
    recorded,
    shown,
    stages,
    user,
)

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture(scope="module")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    return recorded(tmp_path_factory.mktemp("traffic"))


def test_recorded_traffic_is_the_same_in_both_homes(traffic: Recorded) -> None:
    """Worked, failed, quarantined, forged and refused alike: nothing differs that is not foretold."""
    told = traffic.call("parity", "-o", "json")

    assert (told.code, differences(told)) == (0, [])
    assert told.json["alike"] is True
    # All of them: two were refused, with their bodies kept.
    assert told.json["events"] == {"users": 6, "basic": 2, "orders": 3, "small": 12}
    assert sorted(traffic.statuses) == [200] * (len(TRAFFIC) - 2) + [400] * 2
    assert told.json["ends"] == {
        "done": 15,
        "refused 400": 2,
        "dead letter, exhausted": 3,
        "dead letter, permanent": 1,
        "dead letter, body_altered_or_wrong_secret": 1,
        "dead letter, credentials_mismatch": 1,
    }
    text = traffic.call("parity")
    assert text.code == 0
    assert text.lines[-1] == "23 events: the same in both homes, but for what plan declares"
    assert "authorization lies in the queue, encrypted" in shown(text)


def test_what_plan_foretells_is_declared(tmp_path: Path) -> None:
    """With its sentence, and only where its cause is there."""
    odd = recorded(
        tmp_path,
        [
            user("wide", email="ada@"),
            Sent("/small", b"\xff{}", {"Content-Type": "text/plain"}),
            Sent("/small", b"", {"Content-Type": "application/json", "Content-Length": "0"}),
            Sent("/small?a=1&b=two%20words&a=2", "text", {"Content-Type": "text/plain"}),
            Sent("/small", "text", {"Content-Type": "text/plain; charset=ascii"}),
            Sent("/tenants/a/orders", b'{"total":1}' + b" " * 200_000),
        ],
    )

    told = odd.call("parity", "-o", "json")

    assert told.code == 0
    by = {(each["event"], each["stage"]): each for each in told.json["differences"]}
    wide, garbled, _, asked, spelt, large = odd.ids
    assert by[wide, "answer"]["topic"] == "schema"
    assert by[wide, "answer"]["declared"].startswith("widened at the door: email is held")
    assert by[garbled, "body"]["topic"] == "invalid UTF-8"
    assert by[asked, "request"]["topic"] == "query"
    assert (by[spelt, "answer"]["aws"][:3], by[spelt, "answer"]["topic"]) == ("415", "content type")
    assert (by[large, "answer"]["aws"][:3], by[large, "answer"]["topic"]) == ("413", "size")
    text = odd.call("parity")
    assert text.lines[0] == "declared by plan"
    assert "SQS" not in text.lines[-1]


STOPS = HOOKS.replace(
    '@app.webhook("/small", body_limit=2048, content_types=["application/json", "text/plain"])\n'
    "def small(event: Event) -> None: ...\n",
    """
app.webhook("/small", body_limit=2048, tasks=[ship], workflow={
    "StartAt": "Pick",
    "States": {
        "Pick": {"Type": "Pass", "InputPath": "$.body.inner", "Next": "Ship"},
        "Ship": {"Type": "Task", "Resource": "${ship}", "End": True}}},
    queue=Queue(max_receive_count=1))
""",
)


def test_a_batch_that_falls_together_is_declared(tmp_path: Path) -> None:
    """What nothing may catch takes its batch along on AWS, as plan says, and its letter tells no error;
    by itself each record ends as it does here."""
    several = recorded(
        tmp_path,
        [Sent("/small", {"inner" if n else "outer": {"id": n}}) for n in range(4)],
        hooks=STOPS,
    )

    told = several.call("parity", "-o", "json")

    settled = [each for each in told.json["differences"] if each["stage"] == "settle"]
    assert {each["event"]: (each["topic"], each["here"].partition(":")[0]) for each in settled} == {
        several.ids[0]: ("attempt history", "dead letter, exhausted"),
        **dict.fromkeys(several.ids[1:], ("batch", "done")),
    }
    assert told.code == 0


def test_tasks_come_to_what_somebody_says(traffic: Recorded) -> None:
    """On both sides: what would be declined is then paid, and goes the other way."""
    told = traffic.call("parity", "-w", "orders", "--mock", 'charge={"paid": true}')

    assert told.code == 0
    assert traffic.call("parity", "--mock", "charge").code == 2
    misspelt = traffic.call("parity", "--mock", "chrage={}")
    assert (misspelt.code, "no task or state" in misspelt.err) == (2, True)


def test_less_can_be_asked_for(traffic: Recorded) -> None:
    """One webhook, the newest few, only from then on; what is not there is said."""
    one = traffic.call("parity", "-w", "small", "-n", "3", "-o", "json")

    assert one.json["events"] == {"small": 3}
    assert traffic.call("parity", "-w", "smal").code == 4
    later = traffic.call("parity", "--since", "2030-01-01T00:00")
    assert later.code == 1
    assert "--samples makes up traffic" in later.err


def test_without_secrets_all_but_the_sources_is_compared(traffic: Recorded) -> None:
    """It says so, names the reference, and everything else still has to be the same."""
    told = traffic.call("parity", "-o", "json", secrets=False)

    assert told.code == 0
    assert "env:USERS_SECRET" in told.json["unchecked"]["users"]
    assert told.err.count("sources were not checked") == 2


def test_a_store_that_is_not_there_or_empty_is_told(tmp_path: Path) -> None:
    """Code 3 for none; an empty one proves nothing, so that is code 1."""
    (tmp_path / "hooks.py").write_text(HOOKS)
    hooks = str(tmp_path / "hooks.py")

    assert call("parity", hooks, "--store", str(tmp_path / "none")).code == 3
    SQLiteEngine(tmp_path / "empty", holder="test").close()
    assert call("parity", hooks, "--store", str(tmp_path / "empty")).code == 1


@pytest.mark.parametrize("name", ["users.py", "shop.py", "checkout.py"])
def test_the_examples_are_the_same_in_both_homes(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over made-up traffic of every kind, without a store and without a secret."""
    for reference in ("USERS_SECRET", "STRIPE_WEBHOOK_SECRET"):
        monkeypatch.delenv(reference, raising=False)

    told = call("parity", str(EXAMPLES / name), "--samples", "-o", "json")

    assert (told.code, differences(told)) == (0, [])
    assert sum(told.json["events"].values()) > 50
    assert told.json["unchecked"] == {}


SENDERS = """
from holdfast import App, Event, providers
app = App()
given = providers.{name}("env:A_SECRET"{more})
@app.webhook("/{name}", provider=given)
def handle(event: Event) -> None: ...
"""


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("dropbox_sign", ""),  # forms in parts, of a type that is not among the usual ones
        ("twilio", ', url="https://hooks.example.com/twilio"'),  # forms, and the URL is signed
        ("slack", ""),  # a handshake by POST: a function stands at the door
        ("meta", ', verify_token="env:A_TOKEN"'),  # a handshake by GET that needs a secret
        ("standard_webhooks", ""),  # a timestamp in what is signed
        ("gitlab", ""),  # a secret in a header
        ("github", ""),  # a ping, which goes into the queue there
    ],
)
def test_senders_of_every_kind_are_the_same_in_both_homes(
    name: str, more: str, tmp_path: Path
) -> None:
    """What they sign is verified in both, and every way to be refused is the same."""
    (tmp_path / "hooks.py").write_text(SENDERS.format(name=name, more=more))

    told = call("parity", str(tmp_path / "hooks.py"), "--samples", "-o", "json")

    assert (told.code, differences(told)) == (0, [])
    assert told.json["ends"]["done"] >= 1
    assert {"refused 404", "refused 405", "refused 413"} <= set(told.json["ends"])


def test_a_ping_that_is_worked_as_an_event_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gateway answers it here, so there it has to end with Verify."""
    (tmp_path / "hooks.py").write_text(SENDERS.format(name="github", more=""))
    monkeypatch.setattr(worker_verify, "ping_of", lambda _request, _pings: None)

    told = call("parity", str(tmp_path / "hooks.py"), "--samples", "-o", "json")

    (found,) = differences(told)
    assert (found["here"], found["aws"]) == ("a handshake", "worked as an event")


LISTED: Final = """
from holdfast import App, Event
app = App()
@app.webhook("/listed", allow=["203.0.113.0/24", "2001:db8::/32"])
def handle(event: Event) -> None: ...
"""


def test_strangers_are_among_the_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An allow-list lets the same addresses in, and where it is forgotten that is found."""
    (tmp_path / "hooks.py").write_text(LISTED)
    hooks = str(tmp_path / "hooks.py")

    told = call("parity", hooks, "--samples", "-o", "json")
    assert (told.code, told.json["ends"]["refused 403"]) == (0, 1)

    monkeypatch.setattr(planning, "allowed", lambda _webhook: None)
    (found,) = differences(call("parity", hooks, "--samples", "-o", "json"))
    assert found["here"].startswith("403 address_not_allowed")
    assert found["aws"].startswith("200")


def test_samples_are_of_every_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some are worked, some rest and some are refused, for each reason that a sender can bring about;
    what is broken is found with them too."""
    made = mapping.request_template
    monkeypatch.setattr(
        door,
        "request_template",
        lambda path, binary=False: made(path, binary=binary).replace("($input.body)", "('{}')"),
    )

    told = call("parity", str(EXAMPLES / "users.py"), "--samples", "-o", "json")

    ends = {"done", "dead letter, body_altered_or_wrong_secret", "dead letter, header_missing"}
    refused = {f"refused {status}" for status in (400, 404, 405, 413, 415)}
    assert ends | refused <= set(told.json["ends"])
    assert told.code == 5
    assert {("users", "body"), ("users", "verdict"), ("users", "settle")} <= stages(told)


def test_a_missing_interpreter_is_named(traffic: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it."""
    velocity._parsed.cache_clear()
    monkeypatch.setitem(sys.modules, "airspeed", None)

    told = traffic.call("parity")

    assert told.code == 1
    assert "pip install 'holdfast[parity]'" in told.err


def test_what_cannot_be_deployed_is_told_first(tmp_path: Path) -> None:
    """Obstacles of the plan, each with its place."""
    (tmp_path / "hooks.py").write_text(
        'from holdfast import App, Event\napp = App()\n@app.webhook("/a~b")\n'
        "def a(event: Event) -> None: ...\n"
    )

    told = call("parity", str(tmp_path / "hooks.py"), "--samples")

    assert told.code == 1
    assert "API Gateway takes letters" in told.err


def test_secrets_are_in_no_output(traffic: Recorded) -> None:
    """Neither the shared ones nor what a sender wrote."""
    for options in ((), ("-o", "json")):
        text = shown(traffic.call("parity", *options))
        assert HMAC not in text
