"""`holdfast --target aws:STACK tail`: dead letters and depths of a stack, through AWS's own APIs."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import botocore.session
import orjson
import pytest

from holdfast.aws.deployed import PARTS, TABLE
from holdfast.clock import SYSTEM_CLOCK
from holdfast.message import Failure, Headers, Message, Request, new_message_id
from holdfast.queue.contract import QueueLimits
from process_kit import Process, holdfast
from sqs_kit import Cloud, cloud, new_prefix

_ = cloud
REGION = "eu-central-1"


@pytest.fixture
def stack(cloud: Cloud) -> str:
    """The target of a stack with one webhook, whose only event died; its pipe is stopped."""
    prefix = new_prefix()
    engine = cloud.engine(prefix, SYSTEM_CLOCK)
    engine.configure({"orders": QueueLimits()})
    now = SYSTEM_CLOCK.now_ms()
    request = Request("POST", "/orders", "", Headers(), b'{"n":1}')
    engine.send([Message(new_message_id(now), "orders", now, request)])
    (lease,) = engine.receive("orders", 1, 30)
    engine.bury(lease.receipt, Failure("KeyError", "no order 1", "Charge", now, 1, "permanent"))
    names = engine.location.names("orders")
    engine.close()
    session = botocore.session.Session()

    def client(service: str) -> Any:
        return session.create_client(service, region_name=REGION, endpoint_url=cloud.endpoint)

    root = f"{cloud.endpoint}/000000000000"
    parts = {
        "webhook": "orders",
        "url": f"{cloud.endpoint}/live/orders",
        "queue": f"{root}/{names.queue}",
        "dead": f"{root}/{names.dead}",
        "pipe": f"{prefix}-pipe",
        "machine": f"arn:aws:states:{REGION}:000000000000:stateMachine:orders",
    }
    outputs = {
        "Parts": {"Value": orjson.dumps(parts).decode(), "Description": PARTS},
        "Table": {"Value": engine.location.ledger, "Description": TABLE},
    }
    topic = {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {}}}
    client("cloudformation").create_stack(
        StackName="Hooks",
        TemplateBody=orjson.dumps({"Resources": topic, "Outputs": outputs}).decode(),
    )
    client("pipes").create_pipe(
        Name=parts["pipe"],
        RoleArn=f"arn:aws:iam::000000000000:role/{prefix}",
        Source=f"arn:aws:sqs:{REGION}:000000000000:{names.queue}",
        Target=parts["machine"],
        DesiredState="STOPPED",
    )
    return f"aws:Hooks?region={REGION}&endpoint={cloud.endpoint}"


def test_dead_letters_of_a_stack_are_told(stack: str, tmp_path: Path) -> None:
    """With what a stack cannot tell, in one line, and where that stands instead."""
    process = Process(holdfast("--target", stack, "tail"), tmp_path)
    try:
        process.hear("keeps no history.*CloudWatch")
        process.hear(r"orders .* dead .*permanent KeyError in Charge no order 1")
        process.send(signal.SIGINT)
        assert process.code() == 0
    finally:
        process.close()
