"""`lambda:invoke` and the ARNs of Lambda functions: which task they mean, what comes back. Pure.

A function is known by its name alone: region and account are those of a deployment, and of its
versions there is one here, the one that is loaded.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from holdfast.workflow.arguments import Arguments, Given
from holdfast.workflow.failures import StateFailure
from holdfast.workflow.limits import measure
from holdfast.workflow.references import NAMED, Known
from holdfast.workflow.sdk import refused, sdk_metadata

FIELDS: Final = (
    "ClientContext",
    "FunctionName",
    "InvocationType",
    "LogType",
    "Payload",
    "Qualifier",
)
LATEST: Final = "$LATEST"

_PLAIN: Final = r"(?P<name>[A-Za-z0-9_-]{1,64})(:(?P<qualifier>\$LATEST|[A-Za-z0-9_-]{1,128}))?"
_ARN: Final = re.compile(rf"arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{{12}}:function:{_PLAIN}")
_PARTIAL: Final = re.compile(rf"(\d{{12}}:)?(function:)?{_PLAIN}")
_NO_NAME: Final = (
    "1 validation error detected: Value at 'functionName' failed to satisfy constraint: "
    "Member must be the name or ARN of a function"
)


class Function(NamedTuple):
    """A task by the name of a Lambda function; `arn` as AWS would complete it."""

    name: str
    qualifier: str | None
    arn: str


class Invocation(NamedTuple):
    function: Function
    payload: Any


def of_arn(text: str) -> Function | None:
    """The function that a whole ARN names, in any partition."""
    found = _ARN.fullmatch(text)
    if found is None:
        return None
    arn = text.removesuffix(f":{found['qualifier']}") if found["qualifier"] else text
    return Function(found["name"], found["qualifier"], arn)


def of_name(text: str) -> Function | None:
    """A `FunctionName`: `${name}`, a name, a partial or whole ARN, with or without a qualifier."""
    found = _PARTIAL.fullmatch(NAMED.sub(r"\1", text))
    if found is None:
        return of_arn(text)
    account = (found[1] or "000000000000:").removesuffix(":")
    arn = f"arn:aws:lambda:local:{account}:function:{found['name']}"
    return Function(found["name"], found["qualifier"], arn)


def judge(arguments: Arguments, known: Known) -> None:
    """What is wrong with the parameters as they are written."""
    arguments.need("FunctionName")
    text = arguments.text("FunctionName")
    function = None if text is None else of_name(text)
    if text is not None and function is None:
        arguments.mistake("FunctionName", f"{text!r} is not the name or ARN of a function")
    if function is not None:
        wrong = known.task_mistake(function.name)
        if wrong is not None:
            arguments.mistake("FunctionName", wrong)
        if function.qualifier is not None and "Qualifier" in arguments:
            arguments.mistake("Qualifier", "stands in FunctionName already")
    arguments.text("Qualifier")
    arguments.text("ClientContext")
    arguments.choice("LogType", ("None", "Tail"))
    if arguments.choice("InvocationType", ("RequestResponse", "Event", "DryRun")) in (
        "Event",
        "DryRun",
    ):
        arguments.mistake(
            "InvocationType",
            "only RequestResponse is here; what nobody waits for goes to another webhook's queue "
            "(sqs:sendMessage)",
        )
    arguments.close(FIELDS)


def read(value: Any, request_id: str) -> Invocation:
    """The call that these parameters ask for. Raises StateFailure."""
    given = Given(value)
    function = of_name(given.text("FunctionName"))
    if function is None:
        code = "ValidationException"
        raise refused("Lambda.AWSLambdaException", _NO_NAME, "AWSLambda", code, request_id)
    kind = given.optional_text("InvocationType") or "RequestResponse"
    if kind != "RequestResponse":
        raise given.wrong(f"The InvocationType '{kind}' is not supported here")
    qualifier = given.optional_text("Qualifier") or function.qualifier
    # A payload of null reaches a function as an empty object (recorded).
    payload = given.raw("Payload")
    return Invocation(function._replace(qualifier=qualifier), {} if payload is None else payload)


def missing(function: Function, request_id: str) -> StateFailure:
    """There is no function of that name."""
    message = f"Function not found: {function.arn}:{function.qualifier or LATEST}"
    code = "ResourceNotFoundException"
    return refused(f"Lambda.{code}", message, "AWSLambda", code, request_id, status=404)


def result(function: Function, payload: Any, size: int, request_id: str) -> tuple[Any, int]:
    """What the state gets to see of a function's answer, and its bytes as JSON."""
    qualifier = function.qualifier or LATEST
    version = qualifier if qualifier.isdecimal() else LATEST
    headers = {
        "Content-Length": str(size),
        "Content-Type": "application/json",
        "X-Amz-Executed-Version": version,
        "x-amzn-RequestId": request_id,
    }
    answer = {
        "ExecutedVersion": version,
        "Payload": None,
        **sdk_metadata(headers, request_id),
        "StatusCode": 200,
    }
    return {**answer, "Payload": payload}, measure(answer) + size
