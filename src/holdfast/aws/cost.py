"""What a million webhooks cost on AWS: list prices of us-east-1 in USD, without free tiers. Pure.

An estimate that shows its arithmetic: each line is a count per webhook times a price per million.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

REST_REQUEST: Final = 3.50
SQS_REQUEST: Final = 0.40
PIPES_REQUEST: Final = 0.40
EXPRESS_REQUEST: Final = 1.00
EXPRESS_GB_SECOND: Final = 16.67
LAMBDA_REQUEST: Final = 0.20
LAMBDA_GB_SECOND: Final = 13.3334
DYNAMODB_WRITE: Final = 0.625
LOG_KILOBYTE: Final = 0.50
"""0.50 USD per GB, and a million kilobytes are one."""

ALARM_MONTH: Final = 0.10
SECRET_MONTH: Final = 0.40
DASHBOARD_MONTH: Final = 3.00
POLLING_MONTH: Final = 0.26
"""Five pollers that wait twenty seconds at a time."""

CHUNK_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What the arithmetic takes a webhook to be like."""

    body_bytes: int = 2_048
    function_memory_gb: float = 0.25
    function_seconds: float = 0.05
    """Of each function and record, start-up included."""
    execution_memory_gb: float = 0.0625
    execution_seconds: float = 0.3
    """Of an execution over one record."""
    execution_seconds_more: float = 0.2 / 9
    """For each further record of a batch."""
    access_log_bytes: int = 512
    execution_log_bytes: int = 5_120
    """Of one execution at log level ALL."""


ASSUMED: Final = Assumptions()


@dataclass(frozen=True, slots=True)
class Line:
    """`count` per webhook at `price` USD per million; `usd` for a million webhooks."""

    what: str
    count: float
    price: float
    usd: float


@dataclass(frozen=True, slots=True)
class Cost:
    """`usd_per_million`: one record per batch, the dear end. `usd_per_million_batched`: full
    batches, as a steady stream has them. `usd_per_month`: whatever comes in or does not."""

    usd_per_million: float
    usd_per_million_batched: float
    usd_per_month: float
    lines: tuple[Line, ...]
    monthly: tuple[Line, ...]
    assumptions: Assumptions


def cost(
    *,
    batch: int,
    functions: int,
    door: bool,
    table_writes: int,
    logs_all: bool,
    alarms: int,
    secrets: int,
    assumed: Assumptions = ASSUMED,
) -> Cost:
    """`batch`: records of a full batch. `functions`: invocations for each record. `door`: a function
    stands before the queue. `table_writes`: for each webhook."""

    def lines_of(records: int) -> list[Line]:
        return _lines(
            records,
            functions=functions,
            door=door,
            table_writes=table_writes,
            logs_all=logs_all,
            assumed=assumed,
        )

    monthly = (
        Line("alarms", alarms, ALARM_MONTH, alarms * ALARM_MONTH),
        Line("secrets", secrets, SECRET_MONTH, secrets * SECRET_MONTH),
        Line("polling an empty queue", 1, POLLING_MONTH, POLLING_MONTH),
    )
    single = lines_of(1)
    return Cost(
        usd_per_million=_total(single),
        usd_per_million_batched=_total(lines_of(batch)),
        usd_per_month=_total(monthly),
        lines=tuple(single),
        monthly=tuple(line for line in monthly if line.count),
        assumptions=assumed,
    )


def stack_usd_per_month(alarms: int) -> float:
    """What a stack costs beside its webhooks, whatever comes in or does not: so many alarms of its
    own, and its dashboard."""
    return alarms * ALARM_MONTH + DASHBOARD_MONTH


def _lines(
    records: int,
    *,
    functions: int,
    door: bool,
    table_writes: int,
    logs_all: bool,
    assumed: Assumptions,
) -> list[Line]:
    """With so many records in every batch."""
    envelope = assumed.body_bytes * 4 / 3 + 1_024
    chunks = math.ceil(envelope / CHUNK_BYTES)
    seconds = assumed.execution_seconds + assumed.execution_seconds_more * (records - 1)
    execution = EXPRESS_REQUEST + seconds * assumed.execution_memory_gb * EXPRESS_GB_SECOND
    function = (
        LAMBDA_REQUEST + assumed.function_seconds * assumed.function_memory_gb * LAMBDA_GB_SECOND
    )
    found = [
        _line("API Gateway: one request", 1, REST_REQUEST),
        _line("the door: one invocation", int(door), function),
        _line(
            "SQS: send, and receive and delete by batch",
            chunks + (chunks + 1) / records,
            SQS_REQUEST,
        ),
        _line("EventBridge Pipes: one event", chunks, PIPES_REQUEST),
        _line("Step Functions Express: one execution per batch", 1 / records, execution),
        _line("Lambda: an invocation per state that is a task", functions, function),
        _line("DynamoDB: claim and done", table_writes, DYNAMODB_WRITE),
        _line("access log, by KB", assumed.access_log_bytes / 1_024, LOG_KILOBYTE),
    ]
    if logs_all:
        size = assumed.execution_log_bytes / 1_024 / records
        found.append(_line("execution log at level ALL, by KB", size, LOG_KILOBYTE))
    return [line for line in found if line.count]


def _line(what: str, count: float, price: float) -> Line:
    return Line(what, count, price, count * price)


def _total(lines: list[Line] | tuple[Line, ...]) -> float:
    return math.fsum(line.usd for line in lines)
