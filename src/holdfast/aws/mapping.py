"""A request becomes a message in the queue: the template that API Gateway fills in, without a Lambda.

What it writes is the envelope that `holdfast.envelope` reads. Everything that a sender has a hand in
is base64 or percent-encoded, so that no character of it can end a JSON text, a form's field or the
template. The template keeps to what Velocity 1.7 and airspeed have in common, is one line, and has
its JSON written percent-encoded, because the request to SQS is a form:

    {"v": 1, "id": ..., "ts": ..., "ip": ..., "m": method, "o": origin, "q": query,
     "p64": base64 of the path, "params64": {name: base64}, "h": {name: base64}, "b": base64}

Of headers and of parameters in the query API Gateway knows one value each, the last, and not their
order. Names of headers are percent-encoded in the JSON, which changes none that senders use: whatever
may come through as a name, it cannot write a field of its own. The id is the one that API Gateway
makes itself: `$context.requestId` may be chosen by the sender, and be another event's too.
"""

from __future__ import annotations

import re
from typing import Final

ID: Final = "$context.extendedRequestId"

FORM: Final = "application/x-www-form-urlencoded"
"""SQS's query protocol."""

_PARAMETER: Final = re.compile(r"\{([^{}]+)\}")
_HEADERS: Final = "$input.params().header"
_QUERY: Final = "$input.params().querystring"
_PATH: Final = "$input.params().path"


def request_template(path: str, *, binary: bool = False) -> str:
    """The body of the request to SQS for one webhook.

    path: the webhook's, with its parameters in braces. binary: API Gateway hands over the body as
    base64 already.
    """
    header = f'"{_twice("$k.toLowerCase()")}":"{_base64(f"{_HEADERS}.get($k)")}"'
    parameter = f"{_twice('$k')}={_twice(f'{_QUERY}.get($k)')}"
    body = "$util.urlEncode($input.body)" if binary else _base64("$input.body")
    fields = ",".join(
        (
            '"v":1',
            f'"id":"{_said(ID)}"',
            '"ts":$context.requestTimeEpoch',
            f'"ip":"{_said("$context.identity.sourceIp")}"',
            '"m":"$context.httpMethod"',
            f'"o":"https://{_said("$context.domainName")}"',
            f'"q":"{_each(_QUERY, parameter, "&")}"',
            f'"p64":"{_base64("$context.path")}"',
            f'"params64":{{{_params(path)}}}',
            f'"h":{{{_each(_HEADERS, header, ",")}}}',
            f'"b":"{body}"',
        )
    )
    return "Action=SendMessage&MessageBody=" + _encoded(f"{{{fields}}}")


def _said(value: str) -> str:
    """Text that API Gateway makes itself, and that holds no quote."""
    return f"$util.urlEncode({value})"


def _base64(value: str) -> str:
    return f"$util.urlEncode($util.base64Encode({value}))"


def _each(values: str, written: str, between: str) -> str:
    """`written` for each name `$k` of a map."""
    return f"#foreach($k in {values}.keySet()){written}#if($foreach.hasNext){between}#end#end"


def _twice(value: str) -> str:
    """Percent-encoded as a query is written, and once more for the form that carries it."""
    return f"$util.urlEncode($util.urlEncode({value}))"


def _params(path: str) -> str:
    values = {name: _base64(f"{_PATH}.get('{name}')") for name in _PARAMETER.findall(path)}
    return ",".join(f'"{name}":"{value}"' for name, value in values.items())


_PUNCTUATION: Final = {character: f"%{ord(character):02X}" for character in '{}":,&=/'}


def _encoded(text: str) -> str:
    """The JSON's own characters percent-encoded; those of the template, `$#().'`, stay.

    A `:` or `=` of the template does not occur, so that every one of them is the JSON's.
    """
    return "".join(_PUNCTUATION.get(character, character) for character in text)
