"""The written template in an emulator of AWS, and events through it, to the worker and to dead letters."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import Counter
from typing import Any

import pytest

from cloud_kit import REGION, Cloud, Stack, ask
from conftest import SECRETS
from holdfast.aws.plan import StackPlan
from holdfast.envelope import decode, encode
from holdfast.message import Headers, Message, Request, new_message_id
from pipes_kit import Pipe


def signed(body: bytes, secret: str = SECRETS["hooks/USERS_SECRET"]) -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"Content-Type": "application/json", "X-Signature-256": f"sha256={digest}"}


def a_message(name: str, delivery: str, **fields: Any) -> Message:
    """As the door would keep it; `secret`: what it is signed with."""
    secret = fields.pop("secret", SECRETS["hooks/USERS_SECRET"])
    body = json.dumps({"name": name, "age": 36, **fields}).encode()
    headers = Headers.of({**signed(body, secret), "X-Delivery": delivery})
    request = Request("POST", "/users", "", headers, body, "192.0.2.7", "https://hooks.example")
    return Message(new_message_id(1_800_000_000_000), "users", 1_800_000_000_000, request)


class Users:
    """The webhook `/users` of the stack, from outside."""

    def __init__(self, stack: Stack, batch: int) -> None:
        self.parts = stack.parts["users"]
        self.cloud: Cloud = stack.cloud
        self.sqs = stack.cloud.client("sqs")
        self.pipe = Pipe(stack.cloud, self.parts["queue"], self.parts["machine"], batch)

    def send(self, *messages: Message) -> None:
        for each in messages:
            self.sqs.send_message(QueueUrl=self.parts["queue"], MessageBody=encode(each))

    def worked(self) -> Counter[str]:
        """What the handlers have written since somebody last looked."""
        url = self.sqs.create_queue(QueueName="worked")["QueueUrl"]
        return Counter(each["Body"] for each in self._all(url))

    def letters(self) -> dict[str, dict[str, str]]:
        """Dead letters by the id of their event: their attributes. They are gone from there."""
        found = {}
        for each in self._all(self.parts["dead"]):
            told = each.get("MessageAttributes", {})
            id = decode(each["Body"], "users").id
            found[id] = {name: value["StringValue"] for name, value in told.items()}
        return found

    def _all(self, url: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while batch := self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages"):
            found += batch
            for each in batch:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
        return found


@pytest.fixture
def users(deployed: Stack, hooks: StackPlan) -> Users:
    (planned,) = (each for each in hooks.webhooks if each.name == "users")
    made = Users(deployed, planned.pipe.batch)
    made.worked()
    made.letters()
    return made


def test_every_resource_of_the_template_is_made(
    deployed: Stack, template: dict[str, Any]
) -> None:
    """CloudFormation makes all of them, from the template as it was written."""
    asked = Counter(each["Type"] for each in template["Resources"].values())

    assert deployed.types == asked
    assert asked.total() > 80


def test_a_batch_of_events_is_worked_once_each(users: Users) -> None:
    """Valid events go through pipe, state machine and functions to the handler, and are gone."""
    users.send(a_message("ada", "d-1"), a_message("grace", "d-2"))

    rounds = users.pipe.until_empty()

    assert [each.kept for each in rounds] == [frozenset()] * len(rounds)
    assert users.worked() == {"ada": 1, "grace": 1}
    assert users.letters() == {}


def test_a_bad_signature_rests_with_its_reason(users: Users) -> None:
    """It is quarantined at its first receive, says why, and its neighbour is worked."""
    forged = a_message("eve", "d-3", secret="a guess")
    users.send(forged, a_message("ada", "d-4"))

    users.pipe.until_empty()

    letters = users.letters()
    assert letters[forged.id]["reason"] == "signature_mismatch"
    assert letters[forged.id]["attempt"] == "1"
    assert SECRETS["hooks/USERS_SECRET"] not in str(letters)
    assert users.worked() == {"ada": 1}


def test_what_fails_rests_after_three_receives_and_takes_nobody_along(users: Users) -> None:
    """The good ones of its batch are worked once; redriven once the outage is over, it is worked too."""
    outage = users.sqs.create_queue(QueueName="outage")["QueueUrl"]
    failing = a_message("alan", "d-5", needs="outage")
    users.send(a_message("ada", "d-6"), failing, a_message("grace", "d-7"))

    rounds = users.pipe.until_empty()

    assert len(rounds) >= 3
    assert sum(len(each.kept) for each in rounds) == 2
    assert users.worked() == {"ada": 1, "grace": 1}
    letters = users.letters()
    assert list(letters) == [failing.id]
    assert letters[failing.id]["reason"] == "exhausted"
    assert letters[failing.id]["attempt"] == "3"
    assert "outage is out" in letters[failing.id]["cause"]

    users.sqs.delete_queue(QueueUrl=outage)
    users.send(failing)
    users.pipe.until_empty()

    assert users.worked() == {"alan": 1}
    assert users.letters() == {}


def test_the_door_keeps_what_fits_and_refuses_what_does_not(
    deployed: Stack, users: Users
) -> None:
    """Over HTTP: the function at Slack's door answers its handshake, and 401 to a stranger's."""
    (api,) = (id for name, id in deployed.resources.items() if name.startswith("sharedapiDC"))
    url = f"{deployed.cloud.endpoint}/restapis/{api}/live/_user_request_/slack"
    body = b'{"type":"url_verification","challenge":"c-1"}'

    status, answer, _ = ask(url, "POST", body, {"Content-Type": "application/json"})

    assert (status, answer, REGION) == (200, b"c-1", REGION)
