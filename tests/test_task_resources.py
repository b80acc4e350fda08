"""What a Task state may name, and what is said of everything else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from holdfast.testing import run_workflow
from holdfast.workflow import http_invoke, lambda_invoke, sqs_send
from holdfast.workflow.resources import HTTP, LAMBDA, SQS, service
from task_kit import document, mistakes

_NO_SYNC = "`.sync` integrations are not part of Express workflows"
_NO_TOKEN = "`.waitForTaskToken` is not part of Express workflows"
_THERE_ARE = (
    "there are http:invoke, lambda:invoke, sqs:sendMessage and Lambda functions. Write a Python "
    "function that calls it, give it in tasks=, and name it ${name}"
)


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        ("arn:aws:states:::states:startExecution.sync:2", _NO_SYNC),
        ("arn:aws:states:::glue:startJobRun.sync", _NO_SYNC),
        ("arn:aws:states:::sqs:sendMessage.waitForTaskToken", _NO_TOKEN),
        ("arn:aws:states:::lambda:invoke.waitForTaskToken", _NO_TOKEN),
        (
            "arn:aws:states:eu-west-1:123456789012:activity:sign",
            "activities are not part of Express workflows",
        ),
        ("arn:aws:states:::dynamodb:putItem", f"dynamodb:putItem is not here; {_THERE_ARE}"),
        (
            "arn:aws:states:::aws-sdk:dynamodb:putItem",
            f"aws-sdk:dynamodb:putItem is not here; {_THERE_ARE}",
        ),
        (
            "arn:aws:states:::aws-sdk:sqs:sendMessage",
            "aws-sdk:sqs:sendMessage is not here; write arn:aws:states:::sqs:sendMessage",
        ),
        ("arn:aws:states:::http:call", f"http:call is not here; {_THERE_ARE}"),
        ("charge", "'charge' is not a task; write ${name}"),
        ("${other}", 'no task "other"; there are: charge'),
        ("", "'' is not a task; write ${name}"),
    ],
)
def test_what_is_not_here_is_refused_with_what_is(resource: str, reason: str) -> None:
    """What Express has not, says so; what AWS has and we have not, says what to do instead."""
    assert mistakes(resource, {}) == [f"Resource: {reason}"]


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
@pytest.mark.parametrize("name", [LAMBDA, HTTP, SQS])
def test_the_services_are_the_same_in_every_partition(partition: str, name: str) -> None:
    """`arn:aws-cn:states:::http:invoke` is what `arn:aws:...` is."""
    assert service(f"arn:{partition}:states:::{name}") == name


def test_a_test_may_play_anything() -> None:
    """In `run_workflow` a resource is whatever it says, unjudged, and the call quotes it."""
    for resource in ("arn:aws:states:::dynamodb:putItem", "arn:aws:states:::http:invoke", "x"):
        definition = document(resource, {"Anything": 1})
        played = run_workflow(
            definition, mocks={"Verify": [{"result": {}}], "Call": [{"result": 7}]}
        )

        assert (played.output, played.calls[1]["resource"]) == (7, resource)
        assert played.calls[1]["input"] == {"Anything": 1}


PAGE = (Path(__file__).parent.parent / "docs/tasks.md").read_text()


@pytest.mark.parametrize(
    "fields", [http_invoke.FIELDS, lambda_invoke.FIELDS, sqs_send.FIELDS, http_invoke.METHODS]
)
def test_every_field_is_in_the_documentation(fields: tuple[str, ...]) -> None:
    """The page on tasks leaves none out."""
    assert [name for name in fields if not re.search(rf"\b{name}\b", PAGE)] == []


def test_the_forbidden_headers_are_those_of_the_documentation() -> None:
    """The page lists what is refused, and nothing else."""
    listed = PAGE.partition("AWS lets no state set these headers")[2].partition("\n\n")[0]
    named = {name.lower() for name in re.findall(r"`([\w*-]+)`", listed)}
    plain = {name for name in named if not name.endswith("*")}

    assert {name for name in http_invoke.FORBIDDEN if not name.startswith("if-")} == plain
    assert named - plain == {"if-*", "x-forwarded-*", "x-amz-*", "x-amzn-*"}
    assert all(map(http_invoke.is_forbidden, plain))
