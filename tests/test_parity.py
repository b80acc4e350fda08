"""Recorded traffic in both homes: alike where the code is, told apart where it is broken."""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from cli_scene import call
from holdfast.aws import answers, behind, door, mapping, models, state_machine, velocity
from holdfast.aws import plan as planning
from holdfast.aws.media import spellings
from holdfast.aws.models import Model
from holdfast.queue.engines.sqlite import SQLiteEngine
from recorded_kit import HMAC, HOOKS, TRAFFIC, Recorded, Sent, recorded, shown, user

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture(scope="module")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    return recorded(tmp_path_factory.mktemp("traffic"))


def differences(told: Any) -> list[Mapping[str, Any]]:
    """Those that fail."""
    return [each for each in told.json["differences"] if each["declared"] is None]


def stages(told: Any) -> set[tuple[str, str]]:
    return {(each["webhook"], each["stage"]) for each in differences(told)}


def test_recorded_traffic_is_the_same_in_both_homes(traffic: Recorded) -> None:
    """Worked, failed, quarantined, forged and refused alike: nothing differs that is not foretold."""
    told = traffic.call("parity", "-o", "json")

    assert (told.code, differences(told)) == (0, [])
    assert told.json["alike"] is True
    # All of them: two were refused, with their bodies kept.
    assert told.json["events"] == {"users": 6, "basic": 2, "orders": 3, "small": 12}
    assert sorted(traffic.statuses) == [200] * (len(TRAFFIC) - 2) + [400] * 2
    text = traffic.call("parity")
    assert text.code == 0
    assert text.lines[-1] == "23 events: the same in both homes, but for what plan declares"
    assert "authorization lies in the queue, encrypted" in shown(text)


BREAKS: list[tuple[str, Callable[[pytest.MonkeyPatch], None], set[tuple[str, str]]]] = []


Break = Callable[[pytest.MonkeyPatch], None]


def breaks(*found: tuple[str, str]) -> Callable[[Break], Break]:
    """What is broken on purpose, and where it must be found."""

    def register(function: Break) -> Break:
        BREAKS.append((function.__name__, function, set(found)))
        return function

    return register


def in_template(monkeypatch: pytest.MonkeyPatch, old: str, new: str) -> None:
    made = mapping.request_template

    def template(path: str, *, binary: bool = False) -> str:
        return made(path, binary=binary).replace(old, new)

    monkeypatch.setattr(door, "request_template", template)


EVERYWHERE = ("users", "basic", "orders", "small")


@breaks(
    *((name, "body") for name in EVERYWHERE),
    *((name, stage) for name in ("users", "orders") for stage in ("settle",)),
    *((name, stage) for name in ("basic", "orders", "small") for stage in ("input", "tasks")),
    ("users", "verdict"),
)
def a_template_without_the_body(monkeypatch: pytest.MonkeyPatch) -> None:
    in_template(monkeypatch, "$util.urlEncode($util.base64Encode($input.body))", "e30%3D")


@breaks(
    *((name, "headers") for name in EVERYWHERE),
    *((name, stage) for name in ("users", "basic") for stage in ("verdict", "settle")),
    *((name, stage) for name in ("orders", "small") for stage in ("input", "tasks")),
    ("orders", "settle"),
)
def a_template_that_changes_a_header(monkeypatch: pytest.MonkeyPatch) -> None:
    old = "$util.base64Encode($input.params().header.get($k))"
    in_template(monkeypatch, old, "$util.base64Encode('x')")


@breaks(("orders", "request"))
def a_template_that_forgets_a_parameter(monkeypatch: pytest.MonkeyPatch) -> None:
    in_template(monkeypatch, "$input.params().path.get('tenant')", "'other'")


@breaks(*((name, "answer") for name in EVERYWHERE))
def a_template_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    in_template(monkeypatch, "Action=SendMessage", "#foreach(")


@breaks(*((name, "answer") for name in EVERYWHERE))
def success_said_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    made = answers.kept
    monkeypatch.setattr(door, "kept", lambda each: dataclasses.replace(made(each), status=202))


@breaks(("users", "answer"))
def a_model_that_asks_for_more(monkeypatch: pytest.MonkeyPatch) -> None:
    change_model(monkeypatch, lambda schema: {**schema, "required": [*schema["required"], "more"]})


@breaks(("users", "answer"))
def a_model_that_asks_for_less(monkeypatch: pytest.MonkeyPatch) -> None:
    change_model(monkeypatch, lambda schema: {**schema, "properties": {}})


def change_model(monkeypatch: pytest.MonkeyPatch, change: Callable[[Any], Any]) -> None:
    made = models.model_of

    def model_of(schema: Any) -> Model:
        model = made(schema)
        return dataclasses.replace(model, schema=change(model.schema))

    monkeypatch.setattr(planning, "model_of", model_of)


@breaks(("small", "answer"))
def a_content_type_without_a_template(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "spellings", lambda names: spellings(names)[:1])


@breaks(*((name, "answer") for name in EVERYWHERE))
def a_queue_for_smaller_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    made = behind.queue

    def queue(*given: Any) -> Any:
        return dataclasses.replace(made(*given), maximum_message_bytes=100)

    monkeypatch.setattr(behind, "queue", queue)


@breaks(("users", "settle"), ("basic", "settle"), ("users", "verdict"), ("basic", "verdict"))
def a_state_machine_that_tries_again_what_it_must_not(monkeypatch: pytest.MonkeyPatch) -> None:
    change_machine(monkeypatch, r"\[quarantine: ", "[nothing: ")


@breaks(*((name, "settle") for name in EVERYWHERE))
def a_state_machine_that_keeps_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    change_machine(
        monkeypatch,
        r'"Output": \{\},\s+"End": true',
        '"Output": {"itemIdentifier": "x"}, "End": true',
    )


@breaks(("orders", "tasks"), ("orders", "settle"))
def a_document_of_another_workflow(monkeypatch: pytest.MonkeyPatch) -> None:
    change_machine(monkeypatch, r'"BooleanEquals": true', '"BooleanEquals": false')


def change_machine(monkeypatch: pytest.MonkeyPatch, pattern: str, instead: str) -> None:
    made = state_machine.state_machine

    def text(*given: Any, **more: Any) -> str:
        return re.sub(pattern, instead, made(*given, **more))

    monkeypatch.setattr(behind, "state_machine", text)


@pytest.mark.parametrize(
    ("broken", "found"), [each[1:] for each in BREAKS], ids=[b[0] for b in BREAKS]
)
def test_what_is_broken_is_found(
    traffic: Recorded,
    monkeypatch: pytest.MonkeyPatch,
    broken: Callable[[pytest.MonkeyPatch], None],
    found: set[tuple[str, str]],
) -> None:
    """In every webhook that it concerns, at the stage where it shows, and the exit code says so."""
    broken(monkeypatch)

    told = traffic.call("parity", "-o", "json")

    assert (told.code, told.json["alike"]) == (5, False)
    assert stages(told) == found
    for each in differences(told):
        assert each["event"] in traffic.ids
        assert each["here"] != each["aws"]
    shown(told)


def test_people_see_a_table(traffic: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    """Webhook, event, stage, and the value in either home; and how many there are."""
    a_model_that_asks_for_more(monkeypatch)

    told = traffic.call("parity", "--webhook", "users")

    assert told.code == 5
    assert told.lines[0].split() == ["webhook", "event", "stage", "here", "on", "AWS"]
    row = next(line for line in told.lines if traffic.ids[0] in line)
    assert "200 {id}" in row
    assert "400 {details, errors, requestId}" in row
    assert "4 differences in 6 events that plan does not declare" in shown(told)


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
    """What nothing may catch takes its batch along on AWS, as plan says; by itself each record ends
    as it does here."""
    several = recorded(
        tmp_path,
        [Sent("/small", {"inner" if n else "outer": {"id": n}}) for n in range(4)],
        hooks=STOPS,
    )

    told = several.call("parity", "-o", "json")

    settled = [each for each in told.json["differences"] if each["stage"] == "settle"]
    assert {each["event"] for each in settled} == set(several.ids[1:])
    assert {each["topic"] for each in settled} == {"batch"}
    assert {each["here"] for each in settled} == {"done"}
    assert told.code == 0


def test_tasks_come_to_what_somebody_says(traffic: Recorded) -> None:
    """On both sides: what would be declined is then paid, and goes the other way."""
    told = traffic.call("parity", "-w", "orders", "--mock", 'charge={"paid": true}')

    assert told.code == 0
    assert traffic.call("parity", "--mock", "charge").code == 2


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


def test_samples_are_of_every_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some are accepted and some refused, for each reason that a sender can bring about; broken
    things are found with them as well."""
    in_template(monkeypatch, "$util.urlEncode($util.base64Encode($input.body))", "e30%3D")

    told = call("parity", str(EXAMPLES / "users.py"), "--samples", "-o", "json")

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
