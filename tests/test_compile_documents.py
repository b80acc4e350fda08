"""The workflow that a webhook compiles to: the text that runs here and on AWS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from holdfast.compile import documents
from holdfast.compile.comparisons import rule
from holdfast.compile.spot import Spot
from holdfast.compiled import Task
from holdfast.workflow import asl
from written import compiled, mistakes

VERIFY = {"Type": "Task", "Resource": "${holdfast:verify}"}


def test_a_handler_becomes_two_states(tmp_path: Path) -> None:
    """Verify, then Handle; the task's own limit comes before the execution's."""
    webhook = compiled(tmp_path, '@app.webhook("/u", timeout="20s")\ndef work(event): ...\n')

    assert webhook.workflow == {
        "Comment": "/u -> work",
        "StartAt": "Verify",
        "TimeoutSeconds": 25,
        "States": {
            "Verify": {**VERIFY, "Next": "Handle"},
            "Handle": {
                "Type": "Task",
                "Resource": "${work}",
                "TimeoutSeconds": 20,
                "End": True,
            },
        },
    }


def test_an_execution_never_outlasts_what_aws_grants(tmp_path: Path) -> None:
    """Five minutes are the end of an Express execution."""
    webhook = compiled(tmp_path, '@app.webhook("/u", timeout="5m")\ndef work(event): ...\n')

    assert webhook.workflow["TimeoutSeconds"] == 300


def test_a_forward_becomes_two_states(tmp_path: Path) -> None:
    """Verify, then Forward."""
    webhook = compiled(tmp_path, 'app.webhook("/u").forward("http://localhost:3000/")\n')

    assert list(webhook.workflow["States"]) == ["Verify", "Forward"]
    assert webhook.workflow["States"]["Forward"]["Resource"] == "${forward}"


TYPED = 'u = app.webhook("/u", event_type="json:type")\n'


def test_types_become_a_choice_in_the_order_of_the_file(tmp_path: Path) -> None:
    """The first pattern that fits wins; what nobody asked for ends as a success."""
    webhook = compiled(
        tmp_path,
        f'{TYPED}@u.on("invoice.*")\ndef any_invoice(event): ...\n'
        '@u.on("invoice.paid")\ndef paid(event): ...\n',
    )
    states = webhook.workflow["States"]

    assert list(states) == ["Verify", "Route", "any_invoice", "paid", "Ignore"]
    assert states["Route"] == {
        "Type": "Choice",
        "Comment": "The first pattern that fits, in the order of the definition",
        "Choices": [
            {"Not": {"Variable": "$.type", "IsString": True}, "Next": "Ignore"},
            {"Variable": "$.type", "StringMatches": "invoice.*", "Next": "any_invoice"},
            {"Variable": "$.type", "StringEquals": "invoice.paid", "Next": "paid"},
        ],
        "Default": "Ignore",
    }
    assert states["Ignore"]["Type"] == "Succeed"


def test_a_plain_handler_beside_types_takes_the_rest(tmp_path: Path) -> None:
    """Also events without any type."""
    webhook = compiled(
        tmp_path, f'{TYPED}@u\ndef rest(event): ...\n@u.on("a")\ndef first(event): ...\n'
    )
    route = webhook.workflow["States"]["Route"]

    assert "rest" == route["Default"] == route["Choices"][0]["Next"]
    assert "Ignore" not in webhook.workflow["States"]


def test_one_function_may_work_several_types(tmp_path: Path) -> None:
    """It is one state and one task, however many patterns lead to it."""
    webhook = compiled(tmp_path, f'{TYPED}@u.on("a")\n@u.on("b")\ndef f(event): ...\n')

    assert list(webhook.tasks) == ["f"]
    assert list(webhook.workflow["States"]) == ["Verify", "Route", "f", "Ignore"]
    assert len(webhook.workflow["States"]["Route"]["Choices"]) == 3


@pytest.mark.parametrize(
    ("pattern", "comparison"),
    [
        ("invoice.paid", {"StringEquals": "invoice.paid"}),
        ("invoice.*", {"StringMatches": "invoice.*"}),
        ("*", {"StringMatches": "*"}),
        (r"a\*b", {"StringEquals": "a*b"}),
        (r"a\\b", {"StringEquals": r"a\b"}),
        (r"a\\*", {"StringMatches": r"a\\*"}),
        (r"a\*b*", {"StringMatches": r"a\*b*"}),
    ],
)
def test_a_star_is_a_wildcard_unless_escaped(pattern: str, comparison: Mapping[str, str]) -> None:
    """Escapes are those of StringMatches; without a wildcard the plain text is compared."""
    spot = Spot([], "hooks.py:1")

    assert {"Variable": "$.type", **comparison} == rule(spot, documents.matches(pattern))


@pytest.mark.parametrize(
    "text",
    [
        '@app.webhook("/u")\ndef f(event): ...\n',
        'app.webhook("/u").forward("http://localhost:3000/")\n',
        f'{TYPED}@u.on("a")\ndef f(event): ...\n@u.on("*")\ndef g(event): ...\n',
        f'{TYPED}@u\ndef f(event): ...\n@u.on("a")\ndef g(event): ...\n',
    ],
)
def test_what_is_generated_passes_the_check_of_the_language(text: str, tmp_path: Path) -> None:
    """No document of ours would be refused if a user had written it."""
    webhook = compiled(tmp_path, text)

    assert asl.check(webhook.workflow, webhook.tasks.keys()) == []


STEPS: dict[str, Any] = {
    "StartAt": "Charge",
    "States": {
        "Charge": {"Type": "Task", "Resource": "${charge}", "Next": "Ship"},
        "Ship": {"Type": "Task", "Resource": "${ship}", "End": True},
    },
}
TASKS = "def charge(input: User): ...\nasync def ship(event): ...\n"


def test_a_workflow_gets_verify_in_front(tmp_path: Path) -> None:
    """The document is taken as it is written, but nothing runs before the source is verified."""
    (tmp_path / "orders.asl.json").write_text(json.dumps(STEPS))
    text = f'{TASKS}app.webhook("/u", workflow="orders.asl.json", tasks=[charge, ship])\n'

    webhook = compiled(tmp_path, text)

    assert webhook.workflow["StartAt"] == "Verify"
    assert webhook.workflow["States"]["Verify"] == {**VERIFY, "Next": "Charge"}
    assert STEPS["States"].items() <= webhook.workflow["States"].items()
    assert list(webhook.tasks) == ["charge", "ship"]


def test_tasks_take_the_input_or_the_event(tmp_path: Path) -> None:
    """A parameter called `input` asks for the state's input, as the annotated type."""
    text = f'{TASKS}app.webhook("/u", workflow={STEPS}, tasks=dict(charge=charge, ship=ship))\n'

    charge, ship = compiled(tmp_path, text).tasks.values()

    assert isinstance(charge, Task)
    assert isinstance(ship, Task)
    assert (charge.takes, ship.takes) == ("input", "event")
    assert charge.model.__name__ == "User"
    assert (charge.is_async, ship.is_async) == (False, True)


@pytest.mark.parametrize("name", ["Verify", "Check"])
def test_a_workflow_that_begins_with_verify_is_left_alone(name: str, tmp_path: Path) -> None:
    """Whoever writes the first state himself may call it as he likes."""
    document = {
        "StartAt": name,
        "TimeoutSeconds": 30,
        "States": {name: {**VERIFY, "Next": "Done"}, "Done": {"Type": "Succeed"}},
    }

    assert document == compiled(tmp_path, f'app.webhook("/u", workflow={document})\n').workflow


TAKEN: dict[str, Any] = {
    "StartAt": "Verify",
    "States": {"Verify": {"Type": "Pass", "End": True}},
}
WRONG: dict[str, list[str]] = {
    "workflow=7": ['workflow: 7 is not a workflow; write a mapping or "orders.asl.json"'],
    'workflow="none.json"': [
        'workflow: "none.json" is not there; files are looked for beside the definition'
    ],
    "workflow={}": [
        "workflow: StartAt",
        "workflow: States",
    ],
    f"workflow={STEPS}, tasks=[charge]": ['workflow: States.Ship.Resource: no task "ship"'],
    f"workflow={STEPS}, tasks=[charge, charge, ship]": [
        "tasks.charge: two functions are called charge; name them: tasks={...}"
    ],
    f"workflow={STEPS}, tasks=[charge, ship, print]": [
        "tasks.print: print is built in; write a function that calls it"
    ],
    f"workflow={STEPS}, tasks={{'charge': charge, 'ship': ship, 'a b': ship}}": [
        'tasks.a b: "a b" cannot name a task; use ASCII letters, digits, _ and -'
    ],
    f"workflow={STEPS}, tasks=charge": [
        "tasks: not a list of functions; write tasks=[charge, ship]",
        "workflow: States.Charge.Resource: ",
        "workflow: States.Ship.Resource: ",
    ],
    f"workflow={TAKEN}": ['workflow: a state is called "Verify", the name of the state that is '],
    f"workflow={STEPS | {'TimeoutSeconds': 120}}, tasks=[charge, ship]": [
        'workflow: TimeoutSeconds 120 is longer than the webhook\'s timeout; write timeout="120s"'
    ],
}


@pytest.mark.parametrize("setting", WRONG)
def test_a_wrong_workflow_is_named_with_the_path_in_its_document(
    setting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the language's own check finds is told at the webhook's line."""
    monkeypatch.chdir(tmp_path)

    found = mistakes(tmp_path, f'{TASKS}app.webhook("/u", {setting})\n')

    assert len(WRONG[setting]) == len(found)
    for expected, mistake in zip(WRONG[setting], found, strict=True):
        assert mistake.startswith(f"hooks.py:14 /u {expected}")


def test_a_workflow_stands_alone(tmp_path: Path) -> None:
    """Beside a workflow there is nothing left for a handler or a forward to do."""
    webhook = f'app.webhook("/u", workflow={STEPS}, tasks=[charge, ship])'

    with_handler = mistakes(tmp_path, f"{TASKS}{webhook}(ship)\n")
    with_forward = mistakes(tmp_path, f'{TASKS}{webhook}.forward("http://h/")\n')

    assert with_handler[0].endswith("a workflow works every event; leave out the handlers")
    assert with_forward[0].endswith("a workflow works every event; leave out the forward")
