"""Who may do what, and nothing more: the roles of one webhook."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from holdfast.aws.calls import called_by_name, http_calls
from holdfast.aws.contract import DOOR
from holdfast.aws.resources import (
    Function,
    Joined,
    Ref,
    Role,
    Secret,
    StateMachine,
    Statement,
)

_LOG_DELIVERY: Final = (
    *("logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery"),
    *("logs:DeleteLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy"),
    *("logs:DescribeResourcePolicies", "logs:DescribeLogGroups"),
)
"""What AWS wants of a state machine that writes a log; it knows no narrower resource."""

_LOG_WRITING: Final = ("logs:CreateLogStream", "logs:PutLogEvents")
_WAITING: Final = Ref("queue", "arn")


def roles(
    webhook: str, machine: StateMachine, functions: tuple[Function, ...], *, direct: bool
) -> tuple[Role, ...]:
    """`webhook`: its name. `direct`: some method sends to the queue without a function."""
    sending = Statement(("sqs:SendMessage",), (_WAITING,))
    door = (Role("role:api", "apigateway.amazonaws.com", (sending,)),) if direct else ()
    return (
        *door,
        _of_pipe(),
        _of_machine(machine, functions),
        *(_of_function(each, webhook) for each in functions),
    )


def _of_pipe() -> Role:
    takes = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
    statements = (
        Statement(takes, (_WAITING,)),
        Statement(("states:StartSyncExecution",), (Ref("state_machine", "arn"),)),
        Statement(_LOG_WRITING, (Ref("log:pipe", "arn"),)),
    )
    return Role("role:pipe", "pipes.amazonaws.com", statements, same_account=True)


def _of_machine(machine: StateMachine, functions: tuple[Function, ...]) -> Role:
    # Whoever it sends to knows its role by the id, and may be one of the functions that it calls.
    told = any(
        isinstance(each, Ref) and each.part == "queue" for each in machine.substitutions.values()
    )
    statements = tuple(_working(machine, functions))
    return Role(
        "role:state_machine", "states.amazonaws.com", statements, same_account=True, apart=told
    )


def _working(machine: StateMachine, functions: tuple[Function, ...]) -> Iterator[Statement]:
    invoked = tuple(Ref(each.part, "arn") for each in functions if each.task != DOOR)
    document = json.loads(machine.definition)
    foreign = tuple(map(_function, called_by_name(document)))
    yield Statement(("lambda:InvokeFunction",), (*invoked, *foreign))
    named = [each for each in machine.substitutions.values() if isinstance(each, Ref)]
    others = tuple(Ref("queue", "arn", each.webhook) for each in named if each.part == "queue")
    yield Statement(("sqs:SendMessage",), (Ref("dead_letters", "arn"), *others))
    yield Statement(_LOG_DELIVERY, ("*",))
    called = tuple(each for each in named if each.part.startswith("connection:"))
    if called:
        yield _calling(document)
        yield Statement(("events:RetrieveConnectionCredentials",), called)
        reading = ("secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret")
        yield Statement(reading, ("secret:events!connection/*",))


def _function(name: str) -> str:
    """A function of the account, by its name, which may say an alias, or by its ARN."""
    return name if name.startswith("arn:") else f"function:{name.rpartition(':function:')[2]}"


def _calling(document: Mapping[str, Any]) -> Statement:
    """To those addresses alone that the states say; where the data says one, to any."""
    methods, endpoints = http_calls(document)
    conditions = {}
    if methods is not None:
        conditions["StringEquals"] = {"states:HTTPMethod": methods}
    if endpoints is not None:
        # Nobody says whether a query counts; `${?}` is a question mark, and a `?` any character.
        told = tuple(one for each in endpoints for one in (each, f"{each}${{?}}*"))
        conditions["StringLike"] = {"states:HTTPEndpoint": told}
    return Statement(("states:InvokeHTTPEndpoint",), ("states:*",), conditions)


def _of_function(function: Function, webhook: str) -> Role:
    may = [Statement(_LOG_WRITING, (Ref(f"log:{function.part}", "arn"),))]
    may += _reading(function.secrets)
    if function.keeps is not None:
        may.append(_keeping(function.keeps))
    if "HOLDFAST_TABLE" in function.environment:
        claims = Joined((Ref("stack", "name"), f"/claim/{webhook}/*"))
        own = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": (claims,)}}
        may.append(Statement(("dynamodb:PutItem",), (Ref("table", "arn"),), own))
    if function.task == DOOR:
        may.append(Statement(("sqs:SendMessage",), (_WAITING,)))
    return Role(f"role:{function.part}", "lambda.amazonaws.com", tuple(may))


def _reading(secrets: tuple[Secret, ...]) -> Iterator[Statement]:
    kept = tuple(f"secret:{each.name}" for each in secrets if each.store == "secretsmanager")
    parameters = tuple(f"parameter:{each.name}" for each in secrets if each.store == "ssm")
    if kept:
        yield Statement(("secretsmanager:GetSecretValue",), kept)
    if parameters:
        yield Statement(("ssm:GetParameter",), parameters)


def _keeping(secret: Secret) -> Statement:
    """To make it where it is not there; never to change one that is."""
    if secret.store == "ssm":
        return Statement(("ssm:PutParameter",), (f"parameter:{secret.name}",))
    places = (f"new-secret:{secret.name}", f"secret:{secret.name}")
    return Statement(("secretsmanager:CreateSecret",), places)
