"""What `plan` says will be otherwise on AWS: for this very webhook, and nothing that is not so."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import ipaddress
import re
from pathlib import Path
from typing import Any, Final

import pytest

from holdfast import compiled as data
from holdfast import providers
from holdfast.aws import differences as module
from holdfast.aws.differences import ALWAYS, Difference
from holdfast.aws.differences.kind import EVENT_TOPICS
from holdfast.definition import Provider
from holdfast.verify import FunctionVerification, bearer, hmac_sha256
from plan_kit import DOCUMENT, example, handle, one, planned

EVERY: Final = {
    *("size", "backoff", "visibility timeout", "expiry", "dead letters", "attempt history"),
    "duplicates",
    *("concurrency", "batch", "timeout", "functions", "environment", "input", "rate limit"),
    *("content type", "invalid UTF-8", "empty body", "repeated headers", "query"),
    *(each.topic for each in ALWAYS),
}
"""Of the plainest webhook."""


def differences(**fields: Any) -> list[Difference]:
    return list(planned(one(content_types=("application/json",), **fields)).differences)


def topics(**fields: Any) -> set[str]:
    return {each.topic for each in differences(**fields)}


def told(topic: str, **fields: Any) -> str:
    """What is said under a topic."""
    found = [each for each in differences(**fields) if each.topic == topic]
    return " / ".join(f"{each.here} | {each.aws} | {each.todo}" for each in found)


def test_the_plainest_webhook_differs_in_what_every_webhook_does() -> None:
    """And in nothing else."""
    assert topics() == EVERY


PROVIDER: Final = Provider("p", "P", hmac_sha256("env:X"), handshakes=("slack_url_verification",))
ALL_DOORS: Final = {"provider": PROVIDER, "verification": hmac_sha256("env:X")}
SNS: Final = providers.aws_sns()
ALL_VISITS: Final = {"provider": SNS, "verification": SNS.verification}
GITHUB: Final = providers.github("env:X")
PINGS: Final = {"provider": GITHUB, "verification": GITHUB.verification}
AT_DOOR: Final = {"content type", "empty body", "repeated headers"}


@pytest.mark.parametrize(
    ("fields", "more", "less"),
    [
        ({"schema": {"type": "object"}}, {"schema"}, set()),
        ({"verification": bearer("env:X")}, {"static secret"}, set()),
        (
            {"verification": bearer("env:X"), "verify_at": "gateway"},
            {"function at the door"},
            AT_DOOR,
        ),
        ({"verification": FunctionVerification(lambda _: True)}, {"verification function"}, set()),
        (ALL_DOORS, {"function at the door"}, AT_DOOR),
        ({"delivery_id": ("json:id",)}, set(), set()),
        ({"allow": (ipaddress.ip_network("10.0.0.0/8"),)}, {"allow-list"}, set()),
        ({"log_level": "ALL"}, {"execution log"}, set()),
        ({"verification": providers.square("env:X").verification}, {"signed URL"}, set()),
        ({"verification": providers.github("env:X").verification}, set(), set()),
        ({"connections": {"pay": bearer("env:X")}}, {"connection"}, set()),
        ({"connections": {"pay": None}}, set(), set()),
        (PINGS, {"ping"}, set()),
        (ALL_VISITS, {"function at the door", "visit"}, AT_DOOR),
        ({"queue": data.Queue(604_800, 1_209_600, 3, 390.0)}, set(), {"visibility timeout"}),
        ({"pipe": data.Pipe(1, 0.0, 1, 1.0, 60.0)}, set(), {"batch"}),
        ({"content_types": ("application/pdf",)}, set(), {"invalid UTF-8"}),
    ],
)
def test_each_setting_tells_what_it_changes(
    fields: dict[str, Any], more: set[str], less: set[str]
) -> None:
    """A schema, a secret in a header, a function, a handshake, an id, an allow-list, a log level."""
    webhook = dataclasses.replace(one(content_types=("application/json",)), **fields)

    assert {each.topic for each in planned(webhook).differences} == (EVERY | more) - less


def test_the_numbers_are_this_webhooks_own() -> None:
    """Not those of the defaults."""
    fields = {"queue": data.Queue(3_600, 7_200, 3, 60.0), "pipe": data.Pipe(9, 0.0, 4, 2.0, 60.0)}

    assert "grows from 2s to 1m" in told("backoff", **fields)
    assert "always the visibility timeout, 6m 30s" in told("backoff", **fields)
    assert "longer than 1h becomes a dead letter" in told("expiry", **fields)
    assert "as little as 1h may be left | a shorter retention" in told("dead letters", **fields)
    assert "4 messages at once" in told("concurrency", **fields)
    assert "an attempt may take 4m 50s | AWS ends" in told("timeout", timeout_seconds=290.0)
    assert "an attempt may take" not in told("timeout")
    assert "up to 9 messages" in told("batch", **fields)
    assert "5,000 bytes is answered 413" in told("size", body_limit_bytes=5_000)
    assert "bodies of up to 1,048,576 bytes" in told("size")


def test_what_comes_twice_is_told_by_whether_anybody_would_know() -> None:
    """Without a delivery id a handler sees it again; with one, the second waits and is counted."""
    assert "sees it twice | a delivery_id lets" in told("duplicates")
    assert "counted as a receive" in told("duplicates", delivery_id=("json:id",))


def test_a_signed_address_is_told_as_it_will_be() -> None:
    """With the stage; and where `url=` gives it, that this is what has to change."""
    plain = told("signed URL", verification=providers.square("env:X").verification)
    given = providers.square("env:X", url="https://me.example/users").verification

    assert "execute-api.REGION.amazonaws.com/live/users" in plain
    assert "as url= gives it, https://me.example/users" in told("signed URL", verification=given)


def test_a_batch_of_several_says_what_it_costs_to_be_in_one() -> None:
    """Only where a batch has more than one record."""
    several = told("batch", body_limit_bytes=2_048)

    assert "takes its batch along" in several
    assert "Pipe(batch=1)" in several
    assert "takes its batch along" not in told("batch")


def test_every_keyword_that_is_widened_is_told_with_its_place() -> None:
    """Of the model that stands at the door, each once."""
    compiled, stack = example("users.py")
    (users,) = stack.webhooks
    assert users.model is not None
    said = [each for each in users.differences if each.topic == "schema"]

    assert [each.here for each in said if each.aws.startswith("widened")] == [
        "format at /properties/email is held at the door"
    ]
    assert len(said) == len(users.model.widenings) + 2
    assert compiled.webhooks[0].schema is not None


def test_families_of_types_are_told_by_name() -> None:
    """What `*/*` becomes, and that the rest is answered 415."""
    webhook = one(content_types=("*/*",))
    said = next(each for each in planned(webhook).differences if each.here == "*/* is taken")

    assert "application/x-www-form-urlencoded, " in said.aws
    assert said.aws.endswith("any other is answered 415")
    assert "content_types=" in said.todo


def test_a_forward_to_the_next_program_has_nobody_to_go_to() -> None:
    """The shop's example forwards to this machine."""
    _, stack = example("shop.py")
    github = next(each for each in stack.webhooks if each.name == "github")

    (said,) = (each for each in github.differences if each.topic == "forward")

    assert "http://localhost:3000/hooks" in said.here
    assert "nothing listens" in said.aws


def test_a_document_that_looks_at_its_execution_is_warned() -> None:
    """The context object is that of a whole batch."""
    states = {
        **DOCUMENT["States"],
        "Handle": {**DOCUMENT["States"]["Handle"], "Parameters": {"a.$": "$$.Execution.Id"}},
    }
    webhook = one(workflow={**DOCUMENT, "States": states})

    assert "context object" in {each.topic for each in planned(webhook).differences}


def test_one_who_needs_only_the_input_gets_nothing_more() -> None:
    """The event travels only where a task takes it."""
    task = data.Task("handle", handle, is_async=False, takes="input")

    assert "input" not in topics(tasks={"handle": task})
    assert "input" in topics()


def test_every_topic_is_in_the_book() -> None:
    """The table in docs/aws.md has the topics of the code, all of them and no others."""
    sources = sorted(Path(inspect.getfile(module)).parent.glob("*.py"))
    trees = [ast.parse(each.read_text()) for each in sources]
    calls = [each for tree in trees for each in ast.walk(tree) if isinstance(each, ast.Call)]
    real = {
        call.args[0].value
        for call in calls
        if isinstance(call.func, ast.Name)
        and call.func.id == "Difference"
        and isinstance(call.args[0], ast.Constant)
    }
    page = (Path(__file__).parent.parent / "docs" / "aws.md").read_text()
    table = page.partition("<!-- differences")[2].partition("<!-- /differences -->")[0]

    assert set(re.findall(r"^\| ([^|]+?) \|", table, re.MULTILINE)) - {"topic", "---"} == real
    assert real >= EVENT_TOPICS


def test_every_difference_says_both_sides() -> None:
    """Here, there, and a topic to search by; no sentence is empty or left open."""
    for name in ("users.py", "shop.py"):
        _, stack = example(name)
        for webhook in stack.webhooks:
            for each in webhook.differences:
                assert each.topic
                assert each.here
                assert each.aws
                assert not each.aws.endswith((" ", ",", "."))
            assert len(set(webhook.differences)) == len(webhook.differences)
