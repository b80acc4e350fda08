"""`http:invoke`: the request that a state asks for, with AWS's fields and header rules. Pure.

What comes back is read by `holdfast.workflow.http_answer`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, cast
from urllib.parse import urlsplit

from holdfast.message import Headers, Request
from holdfast.workflow.arguments import DECIDED, Arguments, Given
from holdfast.workflow.failures import StateFailure
from holdfast.workflow.form_encoding import (
    ARRAY_FORMATS,
    ArrayFormat,
    escaped,
    form_encoded,
    scalar,
)
from holdfast.workflow.limits import compact
from holdfast.workflow.references import Known, connection_name
from holdfast.workflow.urls import url_flaw

FIELDS: Final = (
    "ApiEndpoint",
    "Authentication",
    "Headers",
    "InvocationConfig",
    "Method",
    "QueryParameters",
    "RequestBody",
    "Transform",
)
METHODS: Final = ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD")
BODY_ENCODINGS: Final = ("NONE", "URL_ENCODED")
LIMIT_SECONDS: Final = 60.0

OWN_HEADERS: Final = {"user-agent": "Holdfast|HttpInvoke|local", "range": "bytes=0-262144"}
"""Set for every request, whatever the state says, as AWS sets its own."""

_FORBIDDEN: Final = """
    a-im accept-charset accept-datetime accept-encoding authorization cache-control connection
    content-encoding content-md5 date expect forwarded from host http2-settings if-match
    if-modified-since if-none-match if-range if-unmodified-since max-forwards origin pragma
    proxy-authorization referer server te trailer transfer-encoding upgrade via warning
"""
FORBIDDEN: Final = frozenset(_FORBIDDEN.split())
"""Headers that a state may not set on AWS, beside the families below."""

_FAMILIES: Final = ("x-forwarded-", "x-amz-", "x-amzn-")
_CONFIGS: Final = ("InvocationConfig", "Authentication")
_JSON: Final = "application/json; charset=UTF-8"
_FORM: Final = "application/x-www-form-urlencoded"
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


class Call(NamedTuple):
    """The request, but for what the connection adds to it."""

    request: Request
    connection: str
    """`${payments}`, or an ARN."""


def is_forbidden(name: str) -> bool:
    lower = name.lower()
    return lower in FORBIDDEN or lower.startswith(_FAMILIES)


def judge(arguments: Arguments, known: Known) -> None:
    """What is wrong with the parameters as they are written."""
    arguments.need("ApiEndpoint", "Method")
    endpoint = arguments.text("ApiEndpoint")
    flaw = None if endpoint is None else url_flaw(endpoint)
    if flaw == "credentials":
        arguments.mistake("ApiEndpoint", "carries credentials; they belong to a connection")
    elif flaw is not None:
        arguments.mistake("ApiEndpoint", f"{endpoint!r} is not an http or https URL")
    arguments.choice("Method", METHODS)
    _judge_connection(arguments, known)
    headers = arguments.object("Headers")
    if headers is not None:
        _judge_headers(headers)
    _judge_query(arguments)
    transform = arguments.object("Transform")
    encoded = None if transform is None else _judge_transform(transform)
    if encoded == "URL_ENCODED" and (headers is not None or "Headers" not in arguments):
        names = () if headers is None else (name.lower() for name, _ in headers.items())
        if "content-type" not in names:
            arguments.mistake("Headers", f"needs content-type: {_FORM}, or AWS calls it JSON")
    arguments.close(FIELDS)


def _judge_connection(arguments: Arguments, known: Known) -> None:
    given = [name for name in _CONFIGS if name in arguments]
    if len(given) != 1:
        arguments.mistake(
            "",
            "Authentication and InvocationConfig cannot stand together"
            if given
            else 'needs "InvocationConfig": {"ConnectionArn": "${NAME}"}, as AWS does; for an API '
            "that asks for nothing: connections={NAME: None}",
        )
        return
    config = arguments.object(given[0])
    if config is None:
        return
    config.need("ConnectionArn")
    arn = config.text("ConnectionArn")
    wrong = None if arn is None else known.connection_mistake(arn)
    if wrong is not None:
        config.mistake("ConnectionArn", wrong)
    config.close(("ConnectionArn",))


def _judge_headers(headers: Arguments) -> None:
    for name, value in headers.items():
        if is_forbidden(name):
            what = (
                "a connection carries it" if name.lower() == "authorization" else "AWS refuses it"
            )
            headers.mistake(name, f"cannot be set: {what}")
        elif not _TOKEN.fullmatch(name):
            headers.mistake(name, "is not a header name")
        elif value is not DECIDED and not isinstance(value, str | list):
            headers.mistake(name, "must be a string, or a list of strings")


def _judge_query(arguments: Arguments) -> None:
    if isinstance(arguments.written("QueryParameters"), str):
        return
    query = arguments.object("QueryParameters")
    for name, value in query.items() if query is not None else ():
        if isinstance(value, Mapping):
            arguments.mistake("QueryParameters", f"{name} must be a value, or a list of values")


def _judge_transform(transform: Arguments) -> str | None:
    encoding = transform.choice("RequestBodyEncoding", BODY_ENCODINGS)
    options = transform.object("RequestEncodingOptions")
    if options is not None:
        options.choice("ArrayFormat", ARRAY_FORMATS)
        options.close(("ArrayFormat",))
    transform.close(("RequestBodyEncoding", "RequestEncodingOptions"))
    return encoding


def read(value: Any) -> Call:
    """The request that these parameters ask for. Raises StateFailure."""
    given = Given(value)
    endpoint, method = given.text("ApiEndpoint"), given.text("Method")
    flaw = url_flaw(endpoint)
    if flaw == "credentials":
        raise StateFailure("States.Runtime", "The ApiEndpoint carries credentials.")
    if flaw is not None:
        raise given.wrong("The value for the field 'ApiEndpoint' must be an http or https URL")
    if method not in METHODS:
        raise given.wrong(f"The value for the field 'Method' must be one of {', '.join(METHODS)}")
    arn = _connection(given)
    url = urlsplit(endpoint)
    body = _body(given)
    lines = _header_lines(given)
    if body is not None and not any(name == "content-type" for name, _ in lines):
        lines.append(("content-type", _JSON))
    lines += OWN_HEADERS.items()
    request = Request(
        method=method,
        path=url.path or "/",
        query="&".join(part for part in (url.query, _query(given)) if part),
        headers=Headers.of(lines),
        body=body or b"",
        origin=f"{url.scheme}://{url.netloc}",
    )
    return Call(request, arn)


def _connection(given: Given) -> str:
    configs = [name for name in _CONFIGS if given.raw(name) is not None]
    if len(configs) != 1:
        raise given.wrong("One of the fields 'InvocationConfig' and 'Authentication' is required")
    arn = given.object(configs[0]).get("ConnectionArn")
    if not isinstance(arn, str) or connection_name(arn) is None:
        raise given.wrong("The value for the field 'ConnectionArn' must be an ARN")
    return arn


def _header_lines(given: Given) -> list[tuple[str, str]]:
    lines = []
    for name, value in given.object("Headers").items():
        if is_forbidden(name):
            # Not with its value, which may be worth hiding: Authorization is one of them.
            said = f"The header '{name}' is not supported by an HTTP Task."
            raise StateFailure("States.Runtime", said)
        if not _TOKEN.fullmatch(name):
            raise given.wrong(f"The header '{name}' cannot be sent")
        for text in value if isinstance(value, list) else [value]:
            if not isinstance(text, str):
                raise given.wrong(f"The value for the field '{name}' must be a STRING")
            wire = text.encode("utf-8", "replace").decode("latin-1")
            if not _VALUE.fullmatch(wire):
                raise given.wrong(f"The value of the header '{name}' cannot be sent")
            if name.lower() not in OWN_HEADERS:
                lines.append((name.lower(), wire))
    return lines


def _query(given: Given) -> str:
    value = given.raw("QueryParameters")
    if isinstance(value, str):
        return escaped(value.removeprefix("?"), safe="=&%+,;:@/?-._~!$'()*")
    pairs = []
    for name, values in given.object("QueryParameters").items():
        for each in values if isinstance(values, list) else [values]:
            if isinstance(each, dict | list):
                raise given.wrong(f"The value for the field '{name}' must be a STRING")
            pairs.append(f"{escaped(name)}={escaped(scalar(each))}")
    return "&".join(pairs)


def _body(given: Given) -> bytes | None:
    """None: the request has none."""
    encoding, arrays = _transform(given)
    value = given.raw("RequestBody")
    if value is None:
        return None
    if isinstance(value, str):
        return value.encode("utf-8", "replace")
    if encoding == "URL_ENCODED":
        if not isinstance(value, dict):
            raise given.wrong("The value for the field 'RequestBody' must be an OBJECT")
        return form_encoded(value, arrays).encode()
    return compact(value)


def _transform(given: Given) -> tuple[str, ArrayFormat]:
    transform = Given(given.object("Transform"))
    encoding = transform.optional_text("RequestBodyEncoding") or "NONE"
    options = Given(transform.object("RequestEncodingOptions"))
    arrays = options.optional_text("ArrayFormat") or "INDICES"
    for name, text, allowed in (
        ("RequestBodyEncoding", encoding, BODY_ENCODINGS),
        ("ArrayFormat", arrays, ARRAY_FORMATS),
    ):
        if text not in allowed:
            raise given.wrong(
                f"The value for the field '{name}' must be one of {', '.join(allowed)}"
            )
    return encoding, cast(ArrayFormat, arrays)
