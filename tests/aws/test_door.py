"""The part of the template that stands at the door, in LocalStack, whose API Gateway fills in templates.

What it puts into SQS is worked by the stack in MiniStack: together they are the whole way.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cloud_kit import LOCALSTACK, Stack, ask, deploy, door_of, localstack
from conftest import SECRETS
from pipes_kit import Pipe
from test_deployed import Users, signed

from holdfast.aws.plan import StackPlan
from holdfast.envelope import decode

pytestmark = pytest.mark.skipif(
    LOCALSTACK is None,
    reason="HOLDFAST_LOCALSTACK names no Python that has LocalStack; .ci/run makes one",
)
ODD = 'a & b + 100% "quoted" \\ é 😀'


@pytest.fixture(scope="module")
def door(assembly: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    part = door_of(assembly, tmp_path_factory.mktemp("door"))
    with localstack() as cloud:
        yield deploy(cloud, part, "Door")


def post(stack: Stack, body: bytes, **headers: str) -> tuple[int, Any, Any]:
    (api,) = (id for name, id in stack.resources.items() if name.startswith("sharedapiDC"))
    url = f"{stack.cloud.endpoint}/_aws/execute-api/{api}/live/users?x=1&y=a%20b"
    # Of SQS, API Gateway asks for JSON whatever the sender accepts; LocalStack hands that on.
    given = {**signed(body), "Accept": "application/json", **headers}
    status, answer, told = ask(url, "POST", body, given)
    return status, json.loads(answer or b"null"), told


def queued(stack: Stack) -> list[str]:
    """The bodies of what waits; it is gone from there."""
    sqs, found = stack.cloud.client("sqs"), []
    (url,) = (id for name, id in stack.resources.items() if name.startswith("usersqueue4"))
    look = {"QueueUrl": url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 0}
    while batch := sqs.receive_message(**look).get("Messages"):
        for each in batch:
            found.append(each["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
    return found


def test_a_valid_event_is_kept_byte_for_byte_and_worked(
    door: Stack, deployed: Stack, hooks: StackPlan
) -> None:
    """200 with the envelope's id; the body as it was sent; the worker accepts its signature."""
    body = json.dumps({"name": ODD, "age": 36}, ensure_ascii=False, indent=1).encode()

    status, answer, headers = post(door, body, **{"X-Delivery": "door-1"})

    assert status == 200
    (envelope,) = queued(door)
    message = decode(envelope, "users")
    assert message.request.body == body
    assert answer == {"id": message.id}
    assert headers["X-Holdfast-Id"] == message.id
    assert (message.request.method, message.request.query) == ("POST", "x=1&y=a+b")
    (planned,) = (each for each in hooks.webhooks if each.name == "users")
    users = Users(deployed, planned.pipe.batch)
    users.worked()
    users.sqs.send_message(QueueUrl=users.parts["queue"], MessageBody=envelope)
    Pipe(deployed.cloud, users.parts["queue"], users.parts["machine"], 1).until_empty()
    assert users.letters() == {}
    assert users.worked() == {ODD: 1}
    assert SECRETS["hooks/USERS_SECRET"] not in envelope


def test_what_does_not_fit_the_model_is_refused(door: Stack) -> None:
    """400, and nothing is kept: too young, a field that is missing, no JSON."""
    bodies = (b'{"name":"ada","age":17}', b'{"name":"ada"}', b"no JSON")

    assert [post(door, body)[0] for body in bodies] == [400, 400, 400]
    assert queued(door) == []


def test_what_is_too_large_is_refused(door: Stack) -> None:
    """413, and nothing is kept of what SQS does not take."""
    body = json.dumps({"name": "x" * 20_000, "age": 36}).encode()

    status, answer, _ = post(door, body)

    assert (status, answer["error"]) == (413, "payload_too_large")
    assert queued(door) == []


def test_what_has_another_type_is_refused(door: Stack) -> None:
    """And not kept; 415 by the template, of which LocalStack, unlike AWS, makes a 400."""
    body = json.dumps({"name": "ada", "age": 36}).encode()

    status, _, _ = post(door, body, **{"Content-Type": "application/pdf"})

    assert status in {400, 415}
    assert queued(door) == []


def test_without_a_queue_there_is_no_success(door: Stack) -> None:
    """500 and when to come back; last, because the queue is gone then."""
    (url,) = (id for name, id in door.resources.items() if name.startswith("usersqueue4"))
    door.cloud.client("sqs").delete_queue(QueueUrl=url)

    status, answer, headers = post(door, b'{"name":"ada","age":36}')

    assert (status, answer["error"]) == (500, "not_kept")
    assert headers["Retry-After"] == "5"
