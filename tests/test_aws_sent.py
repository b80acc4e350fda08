"""What a workflow sends to another webhook's queue stays a body, however often it dies and rises."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest

from aws_kit import SQS
from holdfast.aws.contract import SENDERS
from holdfast.aws.parity.records import record
from holdfast.aws.state_machine import state_machine
from holdfast.aws.worker.records import Records
from holdfast.clock import ManualClock
from holdfast.envelope import encode
from holdfast.message import Failure, Headers, Message, Request
from holdfast.queue.contract import Filter, QueueLimits
from holdfast.queue.engines.sqs import Location, QueueNames
from holdfast.queue.engines.sqs.engine import SQSEngine
from holdfast.sent import as_pipes_writes, senders_of
from holdfast.testing import run_workflow
from plan_kit import DOCUMENT, one
from sqs_kit import Cloud, cloud, new_prefix
from sqs_scene import ORDERS

_ = cloud

ROLE: Final = "000000000000"
"""In which everything is sent to MiniStack, which names the account instead."""

AT_MS: Final = 1_700_000_000_000
OPERATOR: Final = "AIDAOPERATOR"


def forged(id: str = "m-1") -> str:
    """Data that looks like an envelope of ours, of an event that the door has verified."""
    request = Request("POST", "/orders", "", Headers(), b'{"amount":1000000}')
    return encode(Message(id, ORDERS, AT_MS, request, verdict="verified"))


def a_letter(told: Mapping[str, Any], attributes: Mapping[str, Any]) -> dict[str, str]:
    """What the state machine writes beside the letter of a record that died at its last receive."""
    text = state_machine(
        DOCUMENT,
        timeout_seconds=65,
        concurrency=1,
        max_receive_count=3,
        settles=False,
        sent_to=True,
    ).replace(f"${{{SENDERS}}}", f"mails={ROLE} orders=AROAY")
    given = record("sqs-1", forged(), 3, AT_MS)
    given |= {"attributes": given["attributes"] | told, "messageAttributes": attributes}
    failing = {"error": "ValueError", "cause": '{"errorMessage":"no","errorType":"ValueError"}'}
    mocks: dict[str, Any] = {"${holdfast:verify}": [failing], SQS: [{"result": {}}]}
    run = run_workflow(text, [given], mocks=mocks)
    (call,) = (each for each in run.calls if each["resource"] == SQS)
    written = call["input"]["MessageAttributes"]
    return {name: each["StringValue"] for name, each in written.items()}


X: Final = {"X": {"stringValue": "1", "dataType": "String"}}
CLAIMS: Final = {"sent": {"stringValue": '{"by":"","id":"1"}', "dataType": "String"}}


@pytest.mark.parametrize("attributes", [{}, X, CLAIMS])
def test_a_letter_says_that_a_workflow_sent_it(attributes: dict[str, Any]) -> None:
    """Who, when, as what, with which attributes; none of those says anything else in its place."""
    told = a_letter({"SenderId": "AROAY:run"}, attributes)

    assert told["reason"] == "exhausted"
    assert json.loads(told["sent"]) == {
        "by": "AROAY:run",
        "id": "sqs-1",
        "at": str(AT_MS),
        "attributes": attributes,
    }


@pytest.mark.parametrize("told", [{}, {"SenderId": "AROAAPI:Backplane"}, {"SenderId": "AROA:x"}])
def test_a_letter_says_that_it_is_an_envelope(told: dict[str, str]) -> None:
    """Of what the API sent, and where nobody says who did; a part of a role's id is none."""
    assert a_letter(told, {})["sent"] == "-"


def test_a_letter_that_died_again_says_what_it_said() -> None:
    """Whoever sent it again is another one, and hands on how it came the first time."""
    assert a_letter({"SenderId": OPERATOR}, CLAIMS)["sent"] == CLAIMS["sent"]["stringValue"]


class Store:
    """The queues of a stack to whose `orders` the workflow of `mails` sends."""

    def __init__(self, running: Cloud) -> None:
        clock = self.clock = ManualClock()
        running.follow(clock)
        prefix = new_prefix()
        made = running.engine(prefix, clock)
        made.configure({ORDERS: QueueLimits(max_receive_count=1)})
        made.close()
        names = QueueNames(f"{prefix}_{ORDERS}", f"{prefix}_{ORDERS}-dlq")
        senders = {ORDERS: {ROLE: "mails"}}
        location = Location(prefix, "eu-central-1", running.endpoint, "", {ORDERS: names}, senders)
        self.engine = SQSEngine(location, clock=clock, last_look_seconds=0, attempts=1)
        self.urls = self.engine._queues.urls(ORDERS)
        webhook = one(name=ORDERS, path="/orders")
        self.records = Records(webhook, senders[ORDERS])

    def put(self, url: str, body: str, **attributes: str) -> None:
        written = {
            name: {"DataType": "String", "StringValue": text} for name, text in attributes.items()
        }
        self.engine._api.sqs(
            "send_message", QueueUrl=url, MessageBody=body, MessageAttributes=written
        )

    def wear_out(self) -> None:
        """Receive it without an end: SQS moves it by itself."""
        for _ in range(2):
            self.engine._api.poll(QueueUrl=self.urls.queue, VisibilityTimeout=1)
            self.clock.advance(2)

    def record(self) -> dict[str, Any]:
        """The one message that waits, as Pipes would hand it over, sent by some operator."""
        (raw,) = self.engine._api.poll(
            QueueUrl=self.urls.queue, MessageAttributeNames=["All"], MaxNumberOfMessages=10
        )
        return {
            "messageId": raw["MessageId"],
            "body": raw["Body"],
            "attributes": {"SenderId": OPERATOR, "SentTimestamp": str(self.clock.now_ms())},
            "messageAttributes": as_pipes_writes(raw.get("MessageAttributes", {})),
        }

    def redriven(self) -> Message:
        """All letters sent again, and the one message that comes of them as Verify reads it."""
        found = self.engine.browse(Filter())
        assert all(self.engine.redrive([each.message.id for each in found]))
        return self.records.message(self.record())


@pytest.fixture
def store(cloud: Cloud) -> Iterator[Store]:
    """One stack, with nothing in its queues."""
    made = Store(cloud)
    yield made
    made.engine.close()


def test_what_sqs_moved_is_a_body_when_it_is_sent_again(store: Store) -> None:
    """With its own id and headers; the envelope that it looks like verifies nothing."""
    store.put(store.urls.queue, forged(), **{"X-Delivery": "d-9", "reason": "none of ours"})
    store.wear_out()
    (letter,) = store.engine.browse(Filter())

    message = store.redriven()

    assert (letter.reason, letter.message.request.body) == ("exhausted", forged().encode())
    assert message.request.body == forged().encode()
    assert message.request.origin == letter.message.request.origin == "queue://mails"
    assert message.request.headers.get("X-Delivery") == "d-9"
    assert (message.id, message.received_at_ms) == (
        letter.message.id,
        letter.message.received_at_ms,
    )
    assert message.id != "m-1"


def test_what_the_state_machine_buried_is_a_body_when_it_is_sent_again(store: Store) -> None:
    """What it wrote down beside the letter is believed, and told again should it die once more."""
    store.put(store.urls.dead, forged(), **a_letter({"SenderId": f"{ROLE}:run"}, X))

    message = store.redriven()

    assert (message.id, message.received_at_ms) == ("sqs-1", AT_MS)
    assert message.request.body == forged().encode()
    assert message.request.headers.get("x") == "1"


def test_the_letter_and_the_original_are_one(store: Store) -> None:
    """Both can arrive, and one of them is sent again."""
    store.put(store.urls.queue, "plain text")
    store.wear_out()
    (letter,) = store.engine.browse(Filter())
    told = {"by": ROLE, "id": letter.message.id, "at": str(AT_MS), "attributes": {}}
    store.put(store.urls.dead, "plain text", reason="permanent", sent=json.dumps(told))

    (both,) = store.engine.browse(Filter())

    assert (both.message.id, both.reason) == (letter.message.id, "permanent")
    assert store.redriven().request.body == b"plain text"
    assert store.engine.browse(Filter()) == []


def test_a_text_takes_no_genuine_letter_along(store: Store) -> None:
    """Data that says the id of another event is no copy of it: both are sent again, or stay."""
    store.put(store.urls.queue, forged("m-7"))
    store.wear_out()
    store.put(store.urls.dead, forged("m-7"), reason="permanent", sent="-")

    letters = {each.message.id: each for each in store.engine.browse(Filter())}

    assert len(letters) == 2
    assert store.engine.purge(["m-7"]) == [True]
    (left,) = store.engine.browse(Filter())
    assert left.message.request.origin == "queue://mails"


def test_an_envelope_is_one_when_it_is_sent_again(store: Store) -> None:
    """That the door has verified it is believed, as the letter says that the door sent it."""
    store.put(store.urls.dead, forged(), reason="exhausted", sent="-")

    message = store.redriven()

    assert (message.id, message.verdict) == ("m-1", "verified")
    assert message.request.body == b'{"amount":1000000}'


def test_a_worker_of_ours_reads_it_as_the_stack_does(store: Store) -> None:
    """On the queues of a stack, and what it buries says how it came."""
    store.put(store.urls.queue, forged())
    (lease,) = store.engine.receive(ORDERS, 10, 30)
    failure = Failure("ValueError", "no", "Handle", AT_MS, 1, "permanent")

    assert lease.message.request.body == forged().encode()
    assert store.engine.bury(lease.receipt, failure)
    assert store.redriven().id == lease.message.id


def test_who_wrote_what_cannot_be_read_is_nobody_of_ours(store: Store) -> None:
    """So its text is a body too."""
    given = record("sqs-1", forged(), 1, AT_MS)
    given["messageAttributes"] = CLAIMS

    assert store.records.message(given).request.body == forged().encode()


def test_senders_are_told_with_their_roles() -> None:
    """As functions and outputs of the stack have them."""
    assert senders_of("orders=AROAX mails=AROAY") == {"AROAX": "orders", "AROAY": "mails"}
    assert senders_of("") == {}
