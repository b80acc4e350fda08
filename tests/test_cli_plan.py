"""holdfast plan: what a definition becomes on AWS, before anything is deployed."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from cli_scene import call
from holdfast.aws.differences.kind import EVENT_TOPICS

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
    assert "users  /users" in told.lines
    assert any(line.split() == ["SQS", "dead", "letters", "14d"] for line in told.lines)
    assert re.search(r"SQS queue +7d, messages of 245,760 bytes, visibility 6m 30s", told.out)
    assert "about 7.40 USD per million webhooks, and 1.66 a month" in told.out
    assert re.search(r"secret users/USERS_SECRET +Secrets Manager, for env:USERS_SECRET", told.out)
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


def test_the_verdict_comes_first() -> None:
    """Ready, how many differences, what those are about that can change what happens to an event, so
    that whoever counts them comes to the number that is said, and the cost."""
    told, whole = call("plan", SHOP), call("plan", SHOP, "-o", "json").json
    verdict, webhooks = whole["verdict"], whole["webhooks"]
    every = {tuple(each.values()): each for one in webhooks for each in one["differences"]}
    changing = [each for each in every.values() if each["topic"] in EVENT_TOPICS]

    assert told.lines[0] == "shop is ready for AWS"
    said, _, topics = told.lines[1].partition(": ")
    assert said.split() == [
        *f"differences {len(every)} from local; {len(changing)} of them can change what".split(),
        *["happens", "to", "an", "event"],
    ]
    numbers = [re.search(r"\((\d+)\)$", each) for each in topics.split(", ")]
    assert sum(int(each[1]) if each else 1 for each in numbers) == len(changing)
    assert told.lines[2].split()[:5] == ["cost", "about", "7.76", "to", "9.38"]
    assert told.lines[3] == ""
    assert verdict == {
        "ready": True,
        "obstacles": 0,
        "differences": len(every),
        "differences_for_events": len(changing),
        "topics_for_events": Counter(each["topic"] for each in changing),
        "usd_per_million_min": min(each["cost"]["usd_per_million"] for each in webhooks),
        "usd_per_million_max": max(each["cost"]["usd_per_million"] for each in webhooks),
        "usd_per_month": pytest.approx(
            3.1 + sum(each["cost"]["usd_per_month"] for each in webhooks)
        ),
    }


def test_what_changes_events_is_told_before_the_rest() -> None:
    """Under two headings, every difference under one of them."""
    first, _, rest = call("plan", USERS).out.partition("differs from local otherwise")
    head = "differs from local, and can change what happens to an event"

    assert "\n  expiry  " in first.partition(head)[2]
    assert "\n  ids  " in rest
    assert not any(f"\n  {topic}  " in rest for topic in EVENT_TOPICS)


def test_what_holds_for_several_is_told_once() -> None:
    """With those that it holds for, unless these are all; no difference stands twice."""
    told = call("plan", SHOP)
    said = sum(line.startswith(" " * 24 + "AWS: ") for line in told.lines)

    assert told.code == 0
    assert said == call("plan", SHOP, "-o", "json").json["verdict"]["differences"]
    assert told.out.count("API Gateway's extended request id") == 1
    assert told.lines.count("every webhook") == 1
    assert "                        of: stripe, github, slack, shopify" in told.lines
    assert sum(line.startswith("function holdfast:verify") for line in told.lines) == 1
    assert "every webhook" not in call("plan", USERS).out


def test_what_there_is_once_is_told_with_its_cost() -> None:
    """API, table, topic, dashboard and their alarm, and how near the stack is to its end; not where
    one webhook was asked for."""
    told = call("plan", SHOP)
    rows = [line.split("  ", 1) for line in told.lines]
    stack = {row[0]: row[1].strip() for row in rows if len(row) == 2}

    assert stack["REST API shop"] == "Regional, stage live, 1,000/s, 2,000 at once"
    assert stack["alarm api-5xx"] == "senders are told to come back (5XXError >= 1)"
    assert {"access log", "DynamoDB table", "SNS topic", "dashboard", "resources"} <= stack.keys()
    assert stack["cost"] == "about 3.10 USD a month for the dashboard and alarms"
    assert "the stack  beside" not in call("plan", SHOP, "-w", "slack").out


def test_one_webhook_can_be_asked_for() -> None:
    """By its name; one that is not there is code 4."""
    told = call("plan", SHOP, "-w", "slack")

    assert "slack  /slack" in told.lines
    assert "about 9.38 USD per million webhooks, and 1.86 a month" in told.lines[2]
    assert "stripe" not in told.out
    assert [
        each["name"] for each in call("plan", SHOP, "-w", "slack", "-o", "json").json["webhooks"]
    ] == ["slack"]
    assert call("plan", SHOP, "-w", "slak").code == 4


def test_an_obstacle_is_code_1(tmp_path: Path) -> None:
    """With its place, before everything else."""
    path = tmp_path / "hooks.py"
    path.write_text(UNREADY)

    told = call("plan", str(path))

    assert told.code == 1
    assert told.lines[0].endswith(" is not ready for AWS")
    assert told.lines[1].startswith(f"{path}:6 /a~b 'a~b': API Gateway takes letters")
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
