"""holdfast plan: what a definition becomes on AWS, before anything is deployed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from cli_scene import call

EXAMPLES: Final = Path(__file__).parent.parent / "examples"
USERS: Final = str(EXAMPLES / "users.py")
SHOP: Final = str(EXAMPLES / "shop.py")

UNREADY: Final = """
from holdfast import App, Event

app = App()

@app.webhook("/a~b")
def a(event: Event) -> None: ...
"""


def test_a_webhook_is_told_with_resources_cost_and_differences() -> None:
    """Every resource with its numbers, what a million cost, and what differs; code 0."""
    told = call("plan", USERS)

    assert (told.code, told.err) == (0, "")
    assert told.lines[0] == "users  /users"
    assert any(line.split() == ["SQS", "dead", "letters", "14d"] for line in told.lines)
    assert (
        "SQS queue                        7d, messages of 245,760 bytes, visibility 6m 30s"
        in told.out
    )
    assert "about 7.40 USD per million webhooks, and 1.66 a month" in told.out
    assert "secret users/USERS_SECRET        Secrets Manager, for env:USERS_SECRET" in told.out
    assert "AWS: widened at the door: email is held to the looser pattern" in told.out


def test_programs_get_all_of_it() -> None:
    """Templates, models, the state machine's text and every number, as one JSON document."""
    plan = call("plan", USERS, "-o", "json").json
    (users,) = plan["webhooks"]

    assert plan["ready"] is True
    assert users["queue"]["maximum_message_bytes"] == 245_760
    assert users["model"]["schema"]["required"] == ["name", "age", "email"]
    post = next(each for each in users["methods"] if each["verb"] == "POST")
    assert post["integration"]["templates"]["application/json"].startswith("Action=SendMessage&")
    assert json.loads(users["state_machine"]["definition"])["StartAt"] == "Records"
    assert users["state_machine"]["substitutions"]["welcome"] == {
        "part": "function:welcome",
        "attribute": "arn",
        "webhook": None,
    }
    assert users["cost"]["assumptions"]["body_bytes"] == 2_048
    assert {"topic", "here", "aws", "todo"} == set(users["differences"][0])


def test_what_holds_for_all_is_told_once() -> None:
    """Under a heading of its own; with one webhook there is nothing to share."""
    told = call("plan", SHOP)

    assert told.code == 0
    assert told.out.count("API Gateway's extended request id") == 1
    assert told.out.count("differs from local, for every webhook") == 1
    assert "for every webhook" not in call("plan", USERS).out


def test_what_there_is_once_is_told_with_its_cost() -> None:
    """API, table, topic, dashboard and their alarm, and how near the stack is to its end; not where
    one webhook was asked for."""
    told = call("plan", SHOP)
    rows = [line.split("  ", 1) for line in told.lines]
    stack = {row[0]: row[1].strip() for row in rows if len(row) == 2}

    assert stack["REST API shop"] == "Regional, stage live, 1,000/s, 2,000 at once"
    assert stack["alarm api-5xx"] == "senders are told to come back (5XXError >= 1)"
    assert {"access log", "DynamoDB table", "SNS topic", "dashboard", "resources"} <= stack.keys()
    assert "about 3.10 USD a month for the dashboard and alarms" in told.out
    assert "the stack  beside" not in call("plan", SHOP, "-w", "slack").out


def test_one_webhook_can_be_asked_for() -> None:
    """By its name; one that is not there is code 4."""
    told = call("plan", SHOP, "-w", "slack")

    assert told.lines[0] == "slack  /slack"
    assert "stripe" not in told.out
    assert [
        each["name"] for each in call("plan", SHOP, "-w", "slack", "-o", "json").json["webhooks"]
    ] == ["slack"]
    assert call("plan", SHOP, "-w", "slak").code == 4


def test_an_obstacle_is_code_1(tmp_path: Path) -> None:
    """With its place, and after everything else."""
    path = tmp_path / "hooks.py"
    path.write_text(UNREADY)

    told = call("plan", str(path))

    assert told.code == 1
    assert told.lines[-1].startswith(f"{path}:6 /a~b 'a~b': API Gateway takes letters")
    assert told.err == "1 obstacle: not ready for AWS\n"
    assert call("plan", str(path), "-o", "json").json["ready"] is False


def test_a_definition_with_mistakes_is_no_plan(tmp_path: Path) -> None:
    """It is told as by check, code 1."""
    path = tmp_path / "hooks.py"
    path.write_text(UNREADY.replace("/a~b", "a"))

    told = call("plan", str(path))

    assert (told.code, told.out) == (1, "")
    assert 'write "/a"' in told.err


def test_no_secret_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same with and without one in the environment, and it is in neither."""
    monkeypatch.delenv("USERS_SECRET", raising=False)
    without = call("plan", USERS, "-o", "json")
    monkeypatch.setenv("USERS_SECRET", "top secret value")

    assert call("plan", USERS, "-o", "json") == without
    assert "top secret value" not in without.out


def test_prose_is_folded_at_a_terminal() -> None:
    """Under itself, so that topics can be read down the left."""
    told = call("plan", USERS, terminal=True)
    lines = [line for line in told.lines if "a first call takes" in line or "snapshots" in line]

    assert lines
    assert all(len(line) <= 100 for line in lines)
