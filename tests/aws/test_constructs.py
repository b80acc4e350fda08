"""The constructs in other hands: a stack of one's own, and one with many webhooks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest
from aws_cdk import App, Stack
from conftest import DEFINITION, without_code

from holdfast.aws.deployed import PARTS, TABLE
from holdfast.aws.plan import StackPlan, plan
from holdfast.aws.stack import ResilientWebhook, SharedParts
from holdfast.aws.stack.assembly import synth
from holdfast.compile import compile_app, load
from holdfast.errors import DefinitionError

MANY: Final = """
from holdfast import App, Event

app = App("many")

def work(event: Event) -> None: ...

for number in range(12):
    app.webhook(f"/w{number}", content_types=["application/json"])(work)
"""


def test_no_widget_shows_more_alarms_than_cloudwatch_takes(tmp_path: Path) -> None:
    """A hundred; the dashboard of a large stack has several, and every alarm is on it once."""
    definition = tmp_path / "app" / "many.py"
    definition.parent.mkdir()
    definition.write_text(MANY)
    written = synth(definition, tmp_path / "out", "Many", bundle=without_code(definition))
    template = json.loads(written.read_text())
    found = template["Resources"].items()
    (board,) = (each for _, each in found if each["Type"] == "AWS::CloudWatch::Dashboard")
    alarms = {id for id, each in found if each["Type"] == "AWS::CloudWatch::Alarm"}

    text = "".join(
        part if isinstance(part, str) else part.get("Fn::GetAtt", [part.get("Ref")])[0]
        for part in board["Properties"]["DashboardBody"]["Fn::Join"][1]
    )
    shown = [
        each["properties"]["alarms"]
        for each in json.loads(text)["widgets"]
        if each["type"] == "alarm"
    ]

    assert len(alarms) > 100
    assert [len(each) for each in shown] == [100, len(alarms) - 100]
    assert {one for each in shown for one in each} == alarms


def test_a_stack_of_ones_own_is_found_by_the_operator_verbs(hooks: StackPlan) -> None:
    """Its outputs say where the table is and what each webhook consists of, as they do in ours."""
    app = App()
    stack = Stack(app, "Mine")
    code = without_code(DEFINITION)
    shared = SharedParts(stack, "shared", plan=hooks, bundle=code)
    for each in hooks.webhooks:
        ResilientWebhook(stack, each.name, webhook=each, shared=shared)

    outputs = app.synth().get_stack_by_name("Mine").template["Outputs"].values()

    told = [each.get("Description", "") for each in outputs]
    assert (told.count(TABLE), told.count(PARTS)) == (1, len(hooks.webhooks))


def test_a_stack_of_ones_own_is_not_made_with_an_obstacle_either(tmp_path: Path) -> None:
    """What cannot be on AWS as it is defined is refused by the constructs too, and not deployed."""
    definition = tmp_path / "hooks.py"
    definition.write_text(MANY.replace('f"/w{number}"', 'f"/w~{number}"'))
    planned = plan(compile_app(load(definition)))

    with pytest.raises(DefinitionError, match="w~0"):
        SharedParts(Stack(), "shared", plan=planned, bundle=without_code(definition))
