"""Steps that reach beyond the process: an HTTP API, another webhook's queue.

They are tasks whose Resource is AWS's own, so the compiled text runs there as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from holdfast.places import caller_place
from holdfast.steps.step import Task
from holdfast.steps.values import Expr, Field, Intrinsic

HTTP: Final = "arn:aws:states:::http:invoke"
SQS: Final = "arn:aws:states:::sqs:sendMessage"

Arrays = Literal["INDICES", "REPEAT", "COMMAS", "BRACKETS"]
Text = str | Field | Expr | Intrinsic


def call(
    url: Text,
    *,
    connection: str,
    method: Text = "POST",
    body: Any = None,
    headers: Mapping[str, Any] | Field | Expr | None = None,
    query: Mapping[str, Any] | Field | Expr | None = None,
    form: Arrays | None = None,
    select: Any = None,
    result: str | Field | None = None,
    assign: Mapping[str, Any] | None = None,
    timeout: str | Field | Expr | None = None,
    name: str | None = None,
    comment: str | None = None,
) -> Task:
    """Call an HTTP API; any answer but 2xx fails as `States.Http.StatusCode.503`.

    connection: how we prove ourselves: a name in the webhook's `connections`.
    body: JSON, with `field(...)` in it; a text is sent as it is.
    form: send the body as a form instead, its arrays written in this way.
    result: where in the data `{Headers, ResponseBody, StatusCode, StatusText}` is put, or what
        `select` makes of it; default: nowhere.
    """
    given: dict[str, Any] = {
        "ApiEndpoint": url,
        "Method": method,
        "InvocationConfig": {"ConnectionArn": f"${{{connection}}}"},
    }
    lines = dict(headers) if isinstance(headers, Mapping) else headers
    if form is not None:
        given["Transform"] = {
            "RequestBodyEncoding": "URL_ENCODED",
            "RequestEncodingOptions": {"ArrayFormat": form},
        }
        lines = {} if lines is None else lines
        if isinstance(lines, dict) and "content-type" not in map(str.lower, lines):
            lines["content-type"] = "application/x-www-form-urlencoded"
    said = {"Headers": lines, "QueryParameters": query, "RequestBody": body}
    given |= {each: value for each, value in said.items() if value is not None}
    return Task(
        place=caller_place(),
        does=HTTP,
        input=given,
        select=select,
        result=result,
        assign=assign,
        timeout=timeout,
        name=name or f"Call {connection}",
        comment=comment,
    )


def send(
    webhook: str,
    body: Any,
    *,
    attributes: Mapping[str, Text] | None = None,
    delay_seconds: int | Field | Expr | None = None,
    result: str | Field | None = None,
    name: str | None = None,
    comment: str | None = None,
) -> Task:
    """Send a message to another webhook of the definition; it is on disk before the step is over.

    webhook: its name or path. body: JSON, with `field(...)` in it, or a text.
    attributes: they arrive as headers. delay_seconds: 0 to 900, before it is worked.
    """
    given: dict[str, Any] = {"QueueUrl": f"${{queue:{webhook}}}", "MessageBody": body}
    if delay_seconds is not None:
        given["DelaySeconds"] = delay_seconds
    if attributes:
        given["MessageAttributes"] = {
            attribute: {"DataType": "String", "StringValue": value}
            for attribute, value in attributes.items()
        }
    return Task(
        place=caller_place(),
        does=SQS,
        input=given,
        result=result,
        name=name or f"Send to {webhook}",
        comment=comment,
    )
