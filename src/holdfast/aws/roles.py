"""Who may do what, and nothing more: the roles of one webhook."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from holdfast.aws.contract import DOOR
from holdfast.aws.resources import Function, Ref, Role, StateMachine, Statement

_LOG_DELIVERY: Final = (
    *("logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery"),
    *("logs:DeleteLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy"),
    *("logs:DescribeResourcePolicies", "logs:DescribeLogGroups"),
)
"""What AWS wants of a state machine that writes a log; it knows no narrower resource."""

_LOG_WRITING: Final = ("logs:CreateLogStream", "logs:PutLogEvents")
_WAITING: Final = Ref("queue", "arn")


def roles(
    machine: StateMachine, functions: tuple[Function, ...], *, direct: bool
) -> tuple[Role, ...]:
    """`direct`: some method sends to the queue without a function."""
    sending = Statement(("sqs:SendMessage",), (_WAITING,))
    door = (Role("role:api", "apigateway.amazonaws.com", (sending,)),) if direct else ()
    return (
        *door,
        _of_pipe(),
        Role("role:state_machine", "states.amazonaws.com", tuple(_working(machine, functions))),
        *map(_of_function, functions),
    )


def _of_pipe() -> Role:
    takes = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
    statements = (
        Statement(takes, (_WAITING,)),
        Statement(("states:StartSyncExecution",), (Ref("state_machine", "arn"),)),
        Statement(_LOG_WRITING, (Ref("log:pipe", "arn"),)),
    )
    return Role("role:pipe", "pipes.amazonaws.com", statements, same_account=True)


def _working(machine: StateMachine, functions: tuple[Function, ...]) -> Iterator[Statement]:
    invoked = tuple(Ref(each.part, "arn") for each in functions if each.task != DOOR)
    yield Statement(("lambda:InvokeFunction",), invoked)
    named = [each for each in machine.substitutions.values() if isinstance(each, Ref)]
    others = tuple(Ref("queue", "arn", each.webhook) for each in named if each.part == "queue")
    yield Statement(("sqs:SendMessage",), (Ref("dead_letters", "arn"), *others))
    yield Statement(_LOG_DELIVERY, ("*",))
    called = tuple(each for each in named if each.part.startswith("connection:"))
    if called:
        yield Statement(("states:InvokeHTTPEndpoint",), ("*",))
        yield Statement(("events:RetrieveConnectionCredentials",), called)
        reading = ("secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret")
        yield Statement(reading, ("secret:events!connection/*",))


def _of_function(function: Function) -> Role:
    may = [Statement(_LOG_WRITING, (Ref(f"log:{function.part}", "arn"),))]
    if function.secrets:
        names = tuple(f"secret:{each.name}" for each in function.secrets)
        may.append(Statement(("secretsmanager:GetSecretValue",), names))
    if "HOLDFAST_TABLE" in function.environment:
        verbs = ("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:GetItem")
        may.append(Statement(verbs, (Ref("table", "arn"),)))
    if function.task == DOOR:
        may.append(Statement(("sqs:SendMessage",), (_WAITING,)))
    return Role(f"role:{function.part}", "lambda.amazonaws.com", tuple(may))
