"""Before anything is sent: what is made, what is set, and what is missed by name."""

from __future__ import annotations

import sys

import pytest

from holdfast.errors import ExtraMissing, StoreError
from holdfast.queue.contract import QueueLimits
from holdfast.queue.engines.sqs import Location
from holdfast.queue.engines.sqs.engine import SQSEngine
from sqs_kit import Cloud, cloud
from sqs_scene import ORDERS, Scene, scene

_ = cloud, scene


def test_a_role_that_may_not_set_numbers_runs_with_those_that_are_there(scene: Scene) -> None:
    """And says so. What agrees is not set at all."""
    scene.engine.configure({ORDERS: QueueLimits()})
    assert scene.cloud.asked("SetQueueAttributes") == []
    scene.cloud.fail("SetQueueAttributes", "AccessDenied", status=403)

    scene.engine.configure({ORDERS: QueueLimits(max_receive_count=9)})

    assert "keeps other numbers" in scene.warnings[0]


@pytest.mark.parametrize(
    "limits",
    [
        QueueLimits(retention_seconds=59),
        QueueLimits(retention_seconds=15 * 86_400),
        QueueLimits(dead_retention_seconds=15 * 86_400),
        QueueLimits(max_receive_count=1_001),
    ],
)
def test_numbers_that_sqs_has_not_are_refused(scene: Scene, limits: QueueLimits) -> None:
    """With the webhook's name, and what there is."""
    with pytest.raises(StoreError, match="orders: SQS has a"):
        scene.engine.configure({ORDERS: limits})


def test_nothing_is_made_that_was_not_asked_for(scene: Scene) -> None:
    """A queue, or a table, that is not there is an error that says what makes it."""
    engine = SQSEngine(scene.cloud.location("mistyped"), clock=scene.clock, attempts=1)
    try:
        for verb in (
            lambda: engine.configure({ORDERS: QueueLimits()}),
            lambda: engine.send([scene.message()]),
            engine.depth,
        ):
            with pytest.raises(StoreError, match="holdfast provision"):
                verb()
    finally:
        engine.close()
    assert scene.cloud.asked("CreateQueue") == []


def test_a_queue_that_was_deleted_is_missed(scene: Scene) -> None:
    """A worker of it does not go on as if there were just no mail."""
    engine = scene.open(create=False)
    assert scene.receive(engine) == []
    client, url = scene.client(scene.queue)
    client.delete_queue(QueueUrl=url)

    for verb in (
        lambda: scene.receive(engine),
        lambda: scene.receive(engine),
        lambda: engine.send([scene.message()]),
    ):
        with pytest.raises(StoreError):
            verb()


def test_provisioning_twice_makes_nothing_twice(scene: Scene) -> None:
    """It says what it made, and brings the numbers of what was there up to date."""
    limits = {"new": QueueLimits(max_receive_count=5)}
    dead, queue = f"{scene.prefix}_new-dlq", f"{scene.prefix}_new"

    assert scene.engine.create(limits, {"new": 90}) == [dead, queue]
    assert scene.engine.create(limits, {"new": 91}) == []

    client, url = scene.client(queue)
    told = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert told["VisibilityTimeout"] == "91"
    assert told["MaximumMessageSize"] == "1032192"
    assert '"maxReceiveCount":5' in told["RedrivePolicy"]
    assert scene.engine.webhooks() == ["new", ORDERS]


def test_queues_of_a_stack_are_left_as_they_are(scene: Scene) -> None:
    """Their numbers are the stack's to set, and its names the only ones."""
    ours = scene.engine.location
    stack = Location(ours.prefix, ours.region, ours.endpoint, queues={ORDERS: ours.names(ORDERS)})
    engine = SQSEngine(stack, clock=scene.clock, attempts=1)
    try:
        engine.configure({ORDERS: QueueLimits(max_receive_count=9)})
        assert engine.webhooks() == [ORDERS]
        assert engine.send([scene.message()]) == [None]
    finally:
        engine.close()
    assert scene.cloud.asked("SetQueueAttributes") == []


def test_a_missing_extra_is_named(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it."""
    monkeypatch.setitem(sys.modules, "botocore", None)

    with pytest.raises(ExtraMissing, match=r"pip install 'holdfast\[aws\]'"):
        cloud.engine("hooks")


@pytest.mark.usefixtures("cloud")
def test_a_missing_region_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """And how to say it."""
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_CONFIG_FILE", "nowhere")

    with pytest.raises(StoreError, match="no AWS region"):
        SQSEngine(Location("hooks"))


def test_missing_credentials_are_named(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """In words, when they are first needed."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "nowhere")
    engine = cloud.engine("hooks")
    try:
        with pytest.raises(StoreError, match="no AWS credentials"):
            engine.depth()
    finally:
        engine.close()
