"""A definition on AWS, number by number against what the local runtime uses. No CDK, no account."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import re
import string
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from holdfast import compiled as data
from holdfast.aws.contract import DEAD_LETTERS, SETTLE
from holdfast.aws.cost import POLLING_MONTH, cost
from holdfast.aws.door import BURST_MAX, DEFAULT_THROTTLE
from holdfast.aws.limits import HEAD_BYTES, MESSAGE_MAX_BYTES, RECORD_BYTES, limits
from holdfast.aws.models import model_of
from holdfast.aws.resources import Ref, Throttle
from holdfast.compile import compile_app
from holdfast.definition import App, Queue
from holdfast.envelope import encode
from holdfast.message import Headers, Message, Request
from holdfast.runtime.assembly import limits_of
from holdfast.verify import token
from holdfast.workflow.asl import VERIFY
from holdfast.workflow.limits import DATA_LIMIT_BYTES
from plan_kit import DOCUMENT, EXAMPLE_FILES, EXAMPLES, example, handle, one, planned


def test_the_defaults_of_the_reference_architecture() -> None:
    """Seven days and fourteen, three receives, six times the execution's limit, 240 KiB, a pipe that
    runs and waits for its answer, and errors in the log."""
    _, stack = example("users.py")
    (users,) = stack.webhooks

    assert (users.queue.retention_seconds, users.dead_letters.retention_seconds) == (
        604_800,
        1_209_600,
    )
    assert users.queue.max_receive_count == 3
    assert users.queue.visibility_timeout_seconds == 6 * users.state_machine.timeout_seconds == 390
    assert users.queue.maximum_message_bytes == 245_760
    assert users.dead_letters.maximum_message_bytes == 1_048_576
    assert (users.pipe.invocation, users.pipe.desired_state) == ("REQUEST_RESPONSE", "RUNNING")
    assert (users.pipe.batch, users.pipe.window_seconds, users.pipe.log_level) == (1, 0, "ERROR")
    assert (users.state_machine.log_level, users.state_machine.include_execution_data) == (
        "ERROR",
        False,
    )
    assert {group.retention_days for group in users.log_groups} == {30}
    assert (stack.table.partition_key, stack.table.ttl_attribute) == ("pk", "ttl")
    assert stack.ready


@pytest.mark.parametrize("name", EXAMPLE_FILES)
def test_every_number_is_the_local_ones(name: str) -> None:
    """What the queue is told locally, how long a document may run, how often it is tried, what is
    logged, what senders hear: the same, webhook by webhook."""
    compiled, stack = example(name)
    local = limits_of(compiled)

    assert stack.name == compiled.name
    for webhook, there in zip(compiled.webhooks, stack.webhooks, strict=True):
        here = local[webhook.name]
        assert (there.name, there.path) == (webhook.name, webhook.path)
        assert there.queue.retention_seconds == here.retention_seconds
        assert there.dead_letters.retention_seconds == here.dead_retention_seconds
        assert there.queue.max_receive_count == here.max_receive_count
        assert there.queue.visibility_timeout_seconds >= webhook.queue.visibility_timeout_seconds
        assert there.state_machine.timeout_seconds == webhook.workflow["TimeoutSeconds"]
        assert there.state_machine.log_level == webhook.log_level
        assert there.pipe.window_seconds == webhook.pipe.window_seconds
        assert there.pipe.batch <= webhook.pipe.batch
        carrying = [each for each in there.methods if each.integration.kind != "mock"]
        assert tuple(each.verb for each in carrying) == webhook.methods
        assert f">= {webhook.queue.max_receive_count} %}}" in there.state_machine.definition
        rate = webhook.rate_limit
        assert there.throttle == (
            Throttle(rate.per_second, rate.burst) if rate else DEFAULT_THROTTLE
        )
        for method in carrying:
            for response in method.integration.responses[:1]:
                assert response.status == webhook.answer.status
        if there.model is not None:
            assert webhook.schema is not None
            assert there.model == model_of(webhook.schema)


@settings(max_examples=400, deadline=None)
@given(
    body_limit=st.integers(1, 2_000_000),
    batch=st.integers(1, 10_000),
    concurrency=st.integers(1, 10_000),
    seconds=st.integers(1, 300),
    retention=st.floats(60, 1_209_600),
    visibility=st.floats(0, 43_200),
    window=st.floats(0, 300),
)
def test_numbers_fit_together_whatever_is_defined(
    body_limit: int,
    batch: int,
    concurrency: int,
    seconds: int,
    retention: float,
    visibility: float,
    window: float,
) -> None:
    """A whole batch fits into Step Functions' input and time; a lease outlasts the work; a body of the
    webhook's limit fits where any such can; seconds are whole, and never fewer."""
    webhook = one(
        body_limit_bytes=body_limit,
        pipe=data.Pipe(batch, window, concurrency, 1.0, 60.0),
        queue=data.Queue(retention, retention, 3, visibility),
        workflow={**DOCUMENT, "TimeoutSeconds": seconds},
    )
    numbers = limits(webhook)

    event(f"batch {numbers.batch}")
    assert 1 <= numbers.batch <= min(10, batch)
    assert 1 <= numbers.concurrency <= min(concurrency, numbers.batch)
    assert numbers.batch * (numbers.message_bytes + 2_048) <= DATA_LIMIT_BYTES or numbers.batch == 1
    assert 1_024 <= numbers.message_bytes <= MESSAGE_MAX_BYTES
    rounds = math.ceil(numbers.batch / numbers.concurrency)
    assert numbers.execution_seconds == rounds * seconds <= 300
    assert numbers.visibility_timeout_seconds >= 6 * numbers.execution_seconds
    assert (
        numbers.visibility_timeout_seconds >= visibility
        or numbers.visibility_timeout_seconds == 43_200
    )
    assert numbers.retention_seconds == math.ceil(retention)
    assert numbers.window_seconds == math.ceil(window)
    if numbers.message_bytes < MESSAGE_MAX_BYTES:
        assert numbers.body_bytes >= body_limit
    assert HEAD_BYTES + 4 * math.ceil(numbers.body_bytes / 3) <= numbers.message_bytes


def test_a_smaller_body_limit_travels_in_larger_batches() -> None:
    """Eight of two kilobytes, five of sixteen, one of anything that fills an input by itself; about
    half as many where workflows send texts of which every quote counts twice."""
    webhooks = [one(body_limit_bytes=size) for size in (2_048, 16_384, 65_536, 1 << 20)]

    assert [limits(each).batch for each in webhooks] == [8, 5, 2, 1]
    assert [limits(each, sent_to=True).batch for each in webhooks] == [5, 3, 1, 1]


@pytest.mark.parametrize("body_bytes", [256, 2_048, 16_384, 65_536])
def test_no_headers_make_a_batch_too_large(body_bytes: int) -> None:
    """As many headers as API Gateway takes, each as short as can be: quoted in a record's JSON, a batch
    of such messages is an execution's input all the same."""
    numbers = limits(one(body_limit_bytes=body_bytes))
    letters = string.ascii_lowercase + string.digits + "!#$&'*+-.^_`|~"
    names = itertools.islice(itertools.product(letters, repeat=2), 10_240 // len("ab:x\r\n"))
    headers = Headers.of({f"{one}{two}": "x" for one, two in names})
    message = Message("0" * 32, "hooks", 0, Request("POST", "/hooks", "", headers, b""))
    envelope = encode(message).ljust(numbers.message_bytes)[: numbers.message_bytes]
    record = json.dumps({"body": envelope})

    assert envelope.count('"') > 4 * len(headers.lines) > 6_000
    assert numbers.batch * (len(record) + RECORD_BYTES) <= DATA_LIMIT_BYTES


def test_one_at_a_time_makes_batches_as_long_as_an_execution_may_be() -> None:
    """Four of 65 seconds each, one after the other, are 260 of 300 seconds."""
    webhook = one(body_limit_bytes=1_024, pipe=data.Pipe(10, 0.0, 1, 1.0, 60.0))
    there = planned(webhook)

    assert (there.pipe.batch, there.state_machine.timeout_seconds) == (4, 260)
    assert json.loads(there.state_machine.definition)["States"]["Records"]["MaxConcurrency"] == 1
    assert there.queue.visibility_timeout_seconds == 1_560


def test_every_placeholder_is_something_of_the_stack() -> None:
    """Verify, the tasks that are named, Settle where it is, and the dead letters; nothing is left."""
    for name in EXAMPLE_FILES:
        compiled, stack = example(name)
        for webhook, there in zip(compiled.webhooks, stack.webhooks, strict=True):
            text, named = there.state_machine.definition, there.state_machine.substitutions
            functions = {each.part: each for each in there.functions}
            for placeholder, value in named.items():
                assert isinstance(value, Ref)
                text = text.replace(f"${{{placeholder}}}", "arn")
                if placeholder == DEAD_LETTERS:
                    assert value == Ref("dead_letters", "url")
                else:
                    assert functions[value.part].task == placeholder
            assert "${" not in text
            assert set(webhook.tasks) <= set(named)
            assert (SETTLE in named) == bool(webhook.delivery_id)


def test_each_function_has_its_time_and_what_it_must_know() -> None:
    """A task a second more than its state, so that the state's limit is what ends it; Verify its
    secret and how long a claim lasts."""
    _, stack = example("shop.py")
    found = {each.task: each for webhook in stack.webhooks for each in webhook.functions}

    assert {
        name: found[name].timeout_seconds
        for name in ("mark_paid", "forward", "charge", "ship", VERIFY, SETTLE)
    } == {
        "mark_paid": 61,
        "forward": 11,
        "charge": 21,
        "ship": 66,
        VERIFY: 16,
        SETTLE: 16,
    }
    orders = next(each for each in stack.webhooks if each.name == "tenants-tenant-orders")
    (verify,) = (each for each in orders.functions if each.task == "holdfast:verify")
    assert verify.environment == {
        "HOLDFAST_WEBHOOK": "tenants-tenant-orders",
        "HOLDFAST_TASK": "holdfast:verify",
        "HOLDFAST_SECRETS": '{"env:ORDERS_TOKEN": "shop/ORDERS_TOKEN"}',
    }
    stripe = next(each for each in stack.webhooks if each.name == "stripe")
    deliveries = {
        "HOLDFAST_TABLE": Ref("table", "name"),
        "HOLDFAST_STACK": Ref("stack", "name"),
        "HOLDFAST_EXECUTION_SECONDS": str(stripe.state_machine.timeout_seconds),
    }
    assert deliveries.items() <= stripe.functions[0].environment.items()
    assert {each.architecture for each in found.values()} == {"arm64"}


def test_secrets_are_named_and_never_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the environment has values, no plan shows one."""
    monkeypatch.setenv("ORDERS_TOKEN", "top secret value")
    monkeypatch.setenv("USERS_SECRET", "top secret value")
    for name in EXAMPLE_FILES:
        _, stack = example(name)
        assert b"top secret value" not in orjson.dumps(stack)
    webhook = one(
        verification=token(["file:/run/keys/partner", "aws-secret:prod/partner"], header="X-Key")
    )

    assert [(each.reference, each.name) for each in planned(webhook).secrets] == [
        ("file:/run/keys/partner", "shop/partner"),
        ("aws-secret:prod/partner", "prod/partner"),
    ]


def test_a_plan_needs_neither_cdk_nor_sdk() -> None:
    """Nothing of AWS's is imported by any of it, in a process that does nothing else."""
    code = (
        "import sys\nfrom plan_kit import example\nexample('shop.py')\n"
        "print([n for n in sys.modules if n.split('.')[0] in ('aws_cdk', 'boto3', 'botocore')])"
    )
    here = Path(__file__).parent
    done = subprocess.run(  # noqa: S603 - the code above
        [sys.executable, "-c", code], cwd=here, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


def test_costs_are_the_sum_of_their_lines() -> None:
    """Alone 6.78 and in tens 4.90 for one function, as the list prices give; the rest is added."""
    plain = cost(
        batch=10, functions=1, door=False, table_writes=0, logs_all=False, alarms=0, secrets=0
    )
    full = cost(
        batch=10, functions=3, door=True, table_writes=2, logs_all=True, alarms=9, secrets=2
    )
    access = 0.25

    assert round(plain.usd_per_million - access, 2) == 6.78
    assert round(plain.usd_per_million_batched - access, 2) == 4.90
    assert plain.usd_per_month == POLLING_MONTH
    assert full.usd_per_million == pytest.approx(
        plain.usd_per_million + 3 * 0.36667 + 1.25 + 2.50, abs=0.01
    )
    assert full.usd_per_million == pytest.approx(sum(line.usd for line in full.lines))
    assert full.usd_per_month == pytest.approx(9 * 0.10 + 2 * 0.40 + 0.26)


def test_the_book_has_the_cost_of_the_reference_example() -> None:
    """Line by line and together, as `plan` prints it."""
    _, stack = example("users.py")
    page = (EXAMPLES.parent / "docs" / "aws.md").read_text()
    bill = stack.webhooks[0].cost

    assert f"| **{bill.usd_per_million:.2f}** |" in page
    for line in bill.lines:
        assert re.search(rf"\| {line.usd:.2f} \|", page), line


def test_a_burst_is_what_an_account_may_have() -> None:
    """More than that would be refused at deployment."""
    webhook = one(rate_limit=data.RateLimit(9_000.0, 100_000))

    assert planned(webhook).throttle == Throttle(9_000.0, BURST_MAX)


def test_a_definition_of_ones_own_is_planned_as_it_is_written() -> None:
    """From the settings that a user gives, in the user's words, to the numbers of AWS."""
    app = App("own")
    app.webhook("/own", queue=Queue("1h", "2d", 7, "30m"), log_level="ALL")(handle)
    compiled = compile_app(app)
    there = planned(dataclasses.replace(compiled.webhooks[0]))

    assert (there.queue.retention_seconds, there.dead_letters.retention_seconds) == (3_600, 172_800)
    assert (there.queue.max_receive_count, there.queue.visibility_timeout_seconds) == (7, 1_800)
    assert (there.state_machine.log_level, there.pipe.log_level) == ("ALL", "INFO")
