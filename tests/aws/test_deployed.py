"""The written template in an emulator of AWS, and events through it, to the worker and to dead letters."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import subprocess
import sys
from collections import Counter
from typing import Any, Final

import pytest
from cloud_kit import KEYS, REGION, Cloud, Stack, ask
from conftest import ORDERS_SECRET, SECRETS
from pipes_kit import Pipe

from holdfast import providers
from holdfast.aws.plan import StackPlan
from holdfast.clock import SYSTEM_CLOCK
from holdfast.envelope import decode, encode
from holdfast.message import Headers, Message, Request, new_message_id
from holdfast.testing import sign

SLACK: Final = providers.slack("env:SLACK_SIGNING_SECRET")


def signed(body: bytes, secret: str = SECRETS["hooks/USERS_SECRET"]) -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"Content-Type": "application/json", "X-Signature-256": f"sha256={digest}"}


def a_message(name: str, delivery: str, **fields: Any) -> Message:
    """As the door would keep it; `secret`: what it is signed with."""
    secret = fields.pop("secret", SECRETS["hooks/USERS_SECRET"])
    return kept("users", {"name": name, "age": 36, **fields}, secret, delivery)


def kept(webhook: str, fields: Any, secret: str, delivery: str) -> Message:
    body = json.dumps(fields).encode()
    headers = Headers.of({**signed(body, secret), "X-Delivery": delivery})
    request = Request(
        "POST", f"/{webhook}", "", headers, body, "192.0.2.7", "https://hooks.example"
    )
    return Message(new_message_id(1_800_000_000_000), webhook, 1_800_000_000_000, request)


def holdfast(cloud: Cloud, *arguments: str) -> str:
    """What the command says, run on the deployed stack. Success is asserted."""
    target = f"aws:Hooks?region={REGION}&endpoint={cloud.endpoint}"
    command = [sys.executable, "-m", "holdfast", "--target", target, *arguments]
    done = subprocess.run(  # noqa: S603 - our own command
        command, env={**os.environ, **KEYS}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (done.stdout, done.stderr)
    return done.stdout


class Users:
    """The webhook `/users` of the stack, from outside."""

    def __init__(self, stack: Stack, batch: int) -> None:
        self.stack = stack
        self.parts = stack.parts["users"]
        self.cloud: Cloud = stack.cloud
        self.sqs = stack.cloud.client("sqs")
        self.pipe = Pipe(stack.cloud, self.parts["queue"], self.parts["machine"], batch)

    def send(self, *messages: Message) -> list[str]:
        """The ids that SQS gives them."""
        url = self.parts["queue"]
        answers = [self.sqs.send_message(QueueUrl=url, MessageBody=encode(one)) for one in messages]
        return [answer["MessageId"] for answer in answers]

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
            QueueUrl=url,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            WaitTimeSeconds=0,
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


def test_every_resource_of_the_template_is_made(deployed: Stack, template: dict[str, Any]) -> None:
    """CloudFormation makes all of them, from the template as it was written."""
    asked = Counter(each["Type"] for each in template["Resources"].values())

    assert deployed.types == asked
    assert asked.total() > 80


def test_a_batch_of_events_is_worked_once_each(users: Users) -> None:
    """Valid events go through pipe, state machine and functions to the handler, and are gone."""
    sent = users.send(a_message("ada", "d-1"), a_message("grace", "d-2"))

    rounds = users.pipe.until_empty()

    # On a slow machine a function may overrun its time: then its record is kept once, and worked.
    assert sorted(id for each in rounds for id in each.settled) == sorted(sent)
    assert users.worked() == {"ada": 1, "grace": 1}
    assert users.letters() == {}


def test_a_bad_signature_rests_with_its_reason(users: Users) -> None:
    """It is quarantined without being tried until it is exhausted, says why, and its neighbour is worked."""
    forged = a_message("eve", "d-3", secret="a guess")
    users.send(forged, a_message("ada", "d-4"))

    users.pipe.until_empty()

    letters = users.letters()
    assert letters[forged.id]["reason"] == "body_altered_or_wrong_secret"
    assert letters[forged.id]["attempt"] in {"1", "2"}  # where the first overran its time
    assert SECRETS["hooks/USERS_SECRET"] not in str(letters)
    assert users.worked() == {"ada": 1}


def test_what_fails_rests_after_three_receives_and_takes_nobody_along(users: Users) -> None:
    """The good ones of its batch are worked once; redriven once the outage is over, it is worked too."""
    outage = users.sqs.create_queue(QueueName="outage")["QueueUrl"]
    failing = a_message("alan", "d-5", needs="outage")
    _, fails, _ = users.send(a_message("ada", "d-6"), failing, a_message("grace", "d-7"))

    rounds = users.pipe.until_empty()

    assert len(rounds) >= 3
    assert sum(fails in each.kept for each in rounds) == 2
    assert users.worked() == {"ada": 1, "grace": 1}
    told = holdfast(users.cloud, "dead", "--webhook", "users", "--output", "json")
    (letter,) = json.loads(told)
    assert letter["id"] == failing.id
    assert (letter["reason"], letter["receive_count"]) == ("exhausted", 3)
    assert "outage is out" in json.dumps(letter)

    users.sqs.delete_queue(QueueUrl=outage)
    holdfast(users.cloud, "dead", "redrive", "--id", failing.id)
    users.pipe.until_empty()

    assert users.worked() == {"alan": 1}
    assert users.letters() == {}


def test_a_workflow_sends_to_another_webhook(users: Users) -> None:
    """Verified with a secret from Parameter Store; what it sends is no envelope and is worked as here."""
    parts = users.stack.parts["orders"]
    order = kept("orders", {"buyer": "ada", "told": False}, ORDERS_SECRET, "o-1")
    users.sqs.send_message(QueueUrl=parts["queue"], MessageBody=encode(order))

    Pipe(users.cloud, parts["queue"], parts["machine"], 1).until_empty()
    users.pipe.until_empty()

    assert users.letters() == {}
    assert users.worked() == {"ada": 1}


def test_a_stack_is_watched_and_paused_like_a_store(users: Users) -> None:
    """`status`, `pause`, `resume` on it: the depths of its queues, the desired state of its pipe."""
    users.send(a_message("ada", "d-8"))
    pipes = users.cloud.client("pipes")

    holdfast(users.cloud, "pause", "users")
    paused = pipes.describe_pipe(Name=users.parts["pipe"])["DesiredState"]
    told = json.loads(holdfast(users.cloud, "status", "--output", "json"))
    holdfast(users.cloud, "resume", "users")
    running = pipes.describe_pipe(Name=users.parts["pipe"])["DesiredState"]
    users.pipe.until_empty()

    assert (paused, running) == ("STOPPED", "RUNNING")
    depths = {each["webhook"]: each for each in told["webhooks"]}
    assert (depths["users"]["waiting"], depths["users"]["paused"]) == (1, True)
    assert depths["slack"]["paused"] is False


def test_slack_is_answered_by_the_function_at_the_door(deployed: Stack) -> None:
    """Over HTTP: its handshake, signed, is answered; an event is kept; a stranger's is refused."""
    secret, now = SECRETS["hooks/SLACK_SIGNING_SECRET"], SYSTEM_CLOCK.now_ms() / 1000
    greeting = {"type": "url_verification", "challenge": "c-1"}
    event = {"type": "event_callback", "event_id": "Ev1", "event": {"type": "message"}}

    hello = signed_post(deployed, "/slack", sign(SLACK, greeting, secret=secret, now=now))
    kept = signed_post(deployed, "/slack", sign(SLACK, event, secret=secret, now=now))
    forged = signed_post(deployed, "/slack", sign(SLACK, greeting, secret="a guess", now=now))

    assert hello == (200, b"c-1")
    assert kept[0] == 200
    assert forged[0] == 401
    assert json.loads(forged[1])["error"] == "signature_mismatch"
    waiting = deployed.cloud.client("sqs").receive_message(
        QueueUrl=deployed.parts["slack"]["queue"], WaitTimeSeconds=1
    )["Messages"]
    message = decode(waiting[0]["Body"], "slack")
    assert message.id == json.loads(kept[1])["id"]
    assert json.loads(message.request.body) == event
    assert SLACK.verification is not None


def test_no_success_without_a_queue(deployed: Stack) -> None:
    """Once the queue is gone, the function at the door answers 503, and says when to come back."""
    secret, now = SECRETS["hooks/SLACK_SIGNING_SECRET"], SYSTEM_CLOCK.now_ms() / 1000
    event = {"type": "event_callback", "event_id": "Ev2"}
    sqs = deployed.cloud.client("sqs")
    sqs.delete_queue(QueueUrl=deployed.parts["slack"]["queue"])

    status, _ = signed_post(deployed, "/slack", sign(SLACK, event, secret=secret, now=now))

    assert status == 503


def signed_post(stack: Stack, path: str, request: Request) -> tuple[int, bytes]:
    """Status and body of what the API answers."""
    (api,) = (id for name, id in stack.resources.items() if name.startswith("sharedapiDC"))
    url = f"{stack.cloud.endpoint}/restapis/{api}/live/_user_request_{path}"
    status, body, _ = ask(url, "POST", request.body, dict(request.headers))
    return status, body
