"""What a Task state may name: a task of this webhook, a Lambda function, three services of AWS.

    ${name}                                            a Python function, or a Forward
    arn:aws:lambda:REGION:ACCOUNT:function:NAME        the function of that name
    arn:aws:states:::lambda:invoke                     the same, by FunctionName
    arn:aws:states:::http:invoke                       any HTTP API, through a connection
    arn:aws:states:::sqs:sendMessage                   another webhook's queue

In a test it may be anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from holdfast.workflow import http_invoke, lambda_invoke, sqs_send
from holdfast.workflow.arguments import Arguments, arguments
from holdfast.workflow.fields import Fields
from holdfast.workflow.references import NAMED, Known

VERIFY: Final = "holdfast:verify"
"""The resource of the state that verifies the source; every webhook has it."""

LAMBDA: Final = "lambda:invoke"
HTTP: Final = "http:invoke"
SQS: Final = "sqs:sendMessage"

_SERVICE: Final = re.compile(r"arn:aws[a-z-]*:states:[a-z0-9-]*:\d*:(?P<service>[\w:.-]+)")
_JUDGES: Final[Mapping[str, Callable[[Arguments, Known], None]]] = {
    LAMBDA: lambda_invoke.judge,
    HTTP: http_invoke.judge,
    SQS: sqs_send.judge,
}


def service(resource: str) -> str | None:
    """Which of the three services it is: `LAMBDA`, `HTTP`, `SQS`; None: none of them."""
    found = _SERVICE.fullmatch(resource)
    return found["service"] if found is not None and found["service"] in _JUDGES else None


@dataclass(frozen=True, slots=True)
class Resources(Known):
    """What there is. `foreign`: whatever it names is played by a test, so anything may stand there."""

    foreign: bool = False

    def read(self, fields: Fields, *, queries: bool) -> str:
        """The resource: a name, or an ARN as it is written; empty where it is a mistake."""
        text = fields.string("Resource", required=True)
        if text is None:
            return ""
        named = NAMED.fullmatch(text)
        if named is not None:
            name = named[1]
            return name if name == VERIFY or self._is_task(fields, name) else ""
        if self.foreign:
            return text
        function = lambda_invoke.of_arn(text)
        if function is not None:
            return text if self._is_task(fields, function.name) else ""
        called = service(text)
        if called is None:
            fields.mistake("Resource", _unknown(text))
            return ""
        given = arguments(fields, queries=queries)
        if given is not None:
            _JUDGES[called](given, self)
        return text

    def _is_task(self, fields: Fields, name: str) -> bool:
        wrong = self.task_mistake(name)
        if wrong is not None:
            fields.mistake("Resource", wrong)
        return wrong is None


def _unknown(text: str) -> str:
    if ".sync" in text:
        return "`.sync` integrations are not part of Express workflows"
    if ".waitForTaskToken" in text:
        return "`.waitForTaskToken` is not part of Express workflows"
    if ":activity:" in text:
        return "activities are not part of Express workflows"
    found = _SERVICE.fullmatch(text)
    if found is None:
        return f"{text!r} is not a task; write ${{name}}"
    called = found["service"]
    plain = called.removeprefix("aws-sdk:")
    if plain in _JUDGES:
        return f"{called} is not here; write arn:aws:states:::{plain}"
    return (
        f"{called} is not here; there are {', '.join(sorted(_JUDGES))} and Lambda functions. "
        f"Write a Python function that calls it, give it in tasks=, and name it ${{name}}"
    )
