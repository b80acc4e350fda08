"""Templates, models, answers and the state machine, broken on purpose: parity finds it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Any, Final

import pytest

from holdfast.aws import answers, behind, door, mapping, models, state_machine
from holdfast.aws import plan as planning
from holdfast.aws.media import spellings
from holdfast.aws.models import Model
from recorded_kit import Recorded, Sent, differences, recorded, shown, stages


@pytest.fixture(scope="module")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    return recorded(tmp_path_factory.mktemp("traffic"))


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


@breaks(*((name, "body") for name in EVERYWHERE))
def success_said_to_what_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    made = answers.kept
    a_queue_for_smaller_messages(monkeypatch)
    monkeypatch.setattr(door, "kept", lambda each: dataclasses.replace(made(each), pattern=None))
    monkeypatch.setattr(door, "not_kept", lambda: ())


@breaks(*((name, "settle") for name in EVERYWHERE))
def a_state_machine_that_keeps_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    change_machine(
        monkeypatch,
        r'"Output": \{\},\s+"End": true',
        '"Output": {"itemIdentifier": "x"}, "End": true',
    )


@breaks(("users", "settle"), ("orders", "settle"))
def a_state_machine_that_leaves_what_is_exhausted_to_sqs(monkeypatch: pytest.MonkeyPatch) -> None:
    change_machine(monkeypatch, r">= 1 %", ">= 99 %")


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


QUERY: Final = "$input.params().querystring"
"""Where the template finds it."""


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Requests whose query API Gateway writes in other words."""
    plain = {"Content-Type": "text/plain"}
    sent = [Sent("/basic?a=%7e", {}, secret="a guess"), Sent("/small?a=1&b=%7e", "text", plain)]
    return recorded(tmp_path_factory.mktemp("asked"), sent)


@pytest.mark.parametrize(
    ("broken", "found"),
    [
        (lambda _each: None, set()),
        (
            a_state_machine_that_tries_again_what_it_must_not,
            {("basic", "verdict"), ("basic", "settle")},
        ),
        (
            lambda each: in_template(each, QUERY, "$input.params().path"),
            {("basic", "request"), ("small", "request")},
        ),
    ],
)
def test_a_query_that_is_written_anew_excuses_nothing_else(
    asked: Recorded,
    monkeypatch: pytest.MonkeyPatch,
    broken: Callable[[pytest.MonkeyPatch], None],
    found: set[tuple[str, str]],
) -> None:
    """Neither that it is lost, nor what would end otherwise with any query."""
    broken(monkeypatch)

    told = asked.call("parity", "-o", "json")

    assert (told.code, stages(told)) == (5 if found else 0, found)
    assert "query" in {each["topic"] for each in told.json["differences"]} or found


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
