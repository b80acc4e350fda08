"""Workflows by themselves: checked and compiled from Python, without a definition around them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import holdfast
from holdfast import DefinitionError, Mistake
from holdfast.compile import check_app, load
from holdfast.steps import field, task
from holdfast.testing import run_workflow

SOUND: dict[str, Any] = {
    "StartAt": "A",
    "States": {"A": {"Type": "Task", "Resource": "${charge}", "End": True}},
}
WRONG: dict[str, Any] = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}}
NO_B = 'no state "B"'


def charge(event: Any) -> None: ...


def test_a_document_is_checked_in_every_form(tmp_path: Path) -> None:
    """A mapping, its text, a file: the same list, and a file's name before its paths."""
    path = tmp_path / "orders.asl.json"
    path.write_text(json.dumps(WRONG))

    assert holdfast.check_workflow(WRONG) == [Mistake("States.A.Next", NO_B)]
    assert holdfast.check_workflow(json.dumps(WRONG)) == [Mistake("States.A.Next", NO_B)]
    assert holdfast.check_workflow(path) == [Mistake(f"{path} States.A.Next", NO_B)]
    assert holdfast.check_workflow("{") == [
        Mistake("the document", "is not JSON: line 1, column 2")
    ]
    for no_object in ("7", 7, None, [WRONG]):
        found = holdfast.check_workflow(no_object)  # type: ignore[arg-type]  # the slip itself
        assert found == [Mistake("the document", "must be an object")]


def test_tasks_are_asked_for_where_they_are_known() -> None:
    """Without `tasks` any name will do; steps know those that they bring along."""
    said = 'no task "charge"; there are: ship'

    assert holdfast.check_workflow(SOUND) == []
    assert holdfast.check_workflow(SOUND, tasks=["charge"]) == []
    assert [one.message for one in holdfast.check_workflow(SOUND, tasks=["ship"])] == [said]
    assert holdfast.check_workflow(task(charge), tasks=[]) == []
    assert len(holdfast.check_workflow(task("${charge}"), tasks=[])) == 1


def test_steps_are_compiled() -> None:
    """To a document without Verify; mistakes are raised, each with its line."""
    assert holdfast.to_asl(task(charge)) == SOUND | {
        "States": {"charge": SOUND["States"]["A"]},
        "StartAt": "charge",
    }
    with pytest.raises(DefinitionError) as raised:
        holdfast.to_asl(task(charge, timeout="soon"))

    (mistake,) = raised.value.mistakes
    assert mistake.place.endswith(" charge.timeout")
    assert __file__.rpartition("/")[2] in mistake.place


def test_steps_run_as_documents_do() -> None:
    """A test of theirs needs neither an app nor a document."""
    run = run_workflow(
        task(charge, result="payment").retry(KeyError, every="7s") >> task(charge),
        {"id": 1},
        mocks={"${charge}": [{"error": "KeyError"}, {"result": 2}]},
    )

    assert (run.status, run.output, run.waits) == ("SUCCEEDED", 2, (7.0,))
    assert [call["input"] for call in run.calls] == [{"id": 1}, {"id": 1}, {"id": 1, "payment": 2}]
    with pytest.raises(DefinitionError):
        run_workflow(task(charge, timeout="soon"))
    with pytest.raises(DefinitionError, match="is not JSON: line 1"):
        run_workflow("{")


def test_steps_may_call_what_only_aws_has() -> None:
    """Played by a test, any Resource will do, with whatever it is given."""
    flow = task("arn:aws:states:::http:invoke", input={"Method": "GET", "Id": field("id")})

    run = run_workflow(flow, {"id": 1}, mocks={"invoke": [{"result": {"StatusCode": 200}}]})

    assert run.output == {"StatusCode": 200}
    assert run.calls[0]["resource"] == "arn:aws:states:::http:invoke"
    assert run.calls[0]["input"] == {"Method": "GET", "Id": 1}


def test_the_check_of_a_definition_is_public() -> None:
    """The list that `holdfast check` prints."""
    app = holdfast.App()
    app.webhook("/orders", workflow=task(charge, timeout="soon"))

    found = holdfast.check(app)

    assert found == check_app(app)
    assert [mistake.place.partition(" ")[2] for mistake in found] == ["/orders charge.timeout"]


def test_a_file_beside_the_definition_is_read_as_strictly(tmp_path: Path) -> None:
    """A state that is there twice is a mistake, not one state less."""
    (tmp_path / "orders.asl.json").write_text('{"StartAt": "A", "States": {"A": 1, "A": 2}}')
    (tmp_path / "hooks.py").write_text(
        'from holdfast import App\napp = App()\napp.webhook("/u", workflow="orders.asl.json")\n'
    )

    (mistake,) = holdfast.check(load(tmp_path / "hooks.py"))

    assert mistake.message == '"orders.asl.json" has "A" twice in one object'
