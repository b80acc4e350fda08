"""What travels through SQS: a request as one JSON text, written by our gateway or by API Gateway. Pure.

    {"v": 1, "id": "...", "ts": 1700000000000, "ip": "192.0.2.7",
     "h": {"content-type": "YXBwbGljYXRpb24vanNvbg=="}, "b": "eyJhIjoxfQ=="}

That much the mapping template of API Gateway can tell: an id, the time of arrival in milliseconds
since 1970, the peer's address, one value per header, and the body. Values of headers and the body
are base64, because SQS refuses some characters that JSON may hold, and signatures are over bytes.
Every field below may be absent. The template also has `m`, `q`, `o` and

    p64           path, in base64 of its UTF-8: a sender has a hand in it
    params64      the path's parameters by name, likewise

and writes names of headers percent-encoded, values as base64 of UTF-8. Our gateway knows more:

    n             size of the body in bytes: it is exactly what `b` holds
    m, p, q, o    method, path, raw query string, scheme and authority
    r             header lines that `h` has no room for: [place, name, base64]
    params        values of the path's parameters
    verdict       what the door found out about a secret that a header carried
    replay_of     the id of the event that this one repeats
    first_ts      when the event that a replay repeats came in
    trace         the context of its trace, as a traceparent

The text is ASCII throughout, so its length is its size in SQS.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final
from urllib.parse import unquote_plus

import orjson

from holdfast.errors import EnvelopeInvalid
from holdfast.message import Headers, Message, Request

VERSION: Final = 1

EMPTY_BODY: Final = b"{}"
"""What `$input.body` of API Gateway becomes where the request has none."""


class LetterAttribute(StrEnum):
    """The message attributes of a dead letter in SQS: why it is one. Absent: nobody said.

    A letter without a reason was moved by SQS itself, after its last receive.
    """

    REASON = "reason"
    ERROR = "error"
    CAUSE = "cause"
    STATE = "state"
    ATTEMPT = "attempt"
    AT_MS = "at_ms"
    RECEIVE_COUNT = "receive_count"
    DELIVERY_ID = "delivery_id"
    SENT = "sent"
    """No reason: how it came into the queue, where no envelope says so (`holdfast.sent`)."""


def encode(message: Message) -> str:
    """The envelope of a message, with all that we know of it. The webhook is the queue's to know."""
    request = message.request
    headers, repeated = _encode_headers(request.headers)
    document: dict[str, Any] = {
        "v": VERSION,
        "id": message.id,
        "ts": message.received_at_ms,
        "ip": request.remote,
        "h": headers,
        "b": _to_base64(request.body),
        "n": len(request.body),
        "m": request.method,
        "p": request.path,
    }
    more = {
        "q": request.query,
        "o": request.origin,
        "r": repeated,
        "params": dict(message.params),
        "verdict": message.verdict,
        "replay_of": message.replay_of,
        "first_ts": message.first_received_at_ms,
        "trace": message.trace,
    }
    document |= {name: value for name, value in more.items() if value}
    try:
        text = orjson.dumps(document).decode()
    except TypeError:  # text that is none; escaped it travels all the same
        return json.dumps(document)
    return text if text.isascii() else json.dumps(document)


def decode(text: str | bytes, webhook: str, *, method: str = "POST", path: str = "") -> Message:
    """The message of this webhook that an envelope holds.

    method, path: where the envelope does not tell. Raises EnvelopeInvalid, which never repeats what
    the envelope holds.
    """
    document = _parse(text)
    headers = _decode_headers(document)
    request = Request(
        method=_text(document, "m", method),
        path=_utf8(document["p64"], "p64") if _of_aws(document) else _text(document, "p", path),
        query=_text(document, "q", ""),
        headers=headers,
        body=_decode_body(document, headers),
        remote=_text(document, "ip", ""),
        origin=_text(document, "o", ""),
    )
    id = _text(document, "id")
    if not id:
        raise EnvelopeInvalid("id is empty")
    return Message(
        id=id,
        webhook=webhook,
        received_at_ms=_integer(document, "ts"),
        request=request,
        params=_params(document),
        verdict=_text(document, "verdict", "") or None,
        replay_of=_text(document, "replay_of", "") or None,
        first_received_at_ms=_integer(document, "first_ts", 0) or None,
        trace=_text(document, "trace", "") or None,
    )


def is_meant_as_one(text: str) -> bool:
    """Whether a text has an envelope's shape, also one that `decode` refuses."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and {"v", "id", "ts", "h", "b"} <= document.keys()


def _parse(text: str | bytes) -> dict[str, Any]:
    """The document, of which no key stands twice.

    Not with orjson: it takes the last of several values, and a sender could then put a header of
    its own in the place of another.
    """
    try:
        document = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        if isinstance(error, _Repeated):
            raise EnvelopeInvalid(str(error)) from None
        raise EnvelopeInvalid("not JSON") from None
    if not isinstance(document, dict):
        raise EnvelopeInvalid("not an object")
    if document.get("v") != VERSION:
        raise EnvelopeInvalid(f"not of version {VERSION}")
    return document


class _Repeated(ValueError):
    """A key stands twice."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Repeated("a key stands twice")
    return found


def _encode_headers(headers: Headers) -> tuple[dict[str, str], list[tuple[int, str, str]]]:
    """The last line of each name in order, and the others with their places."""
    last = {name: place for place, (name, _) in enumerate(headers)}
    kept: dict[str, str] = {}
    repeated = []
    for place, (name, value) in enumerate(headers):
        encoded = _to_base64(value.encode("latin-1", "replace"))
        if last[name] == place:
            kept[name] = encoded
        else:
            repeated.append((place, name, encoded))
    return kept, repeated


def _decode_headers(document: Mapping[str, Any]) -> Headers:
    told = document.get("h")
    if not isinstance(told, dict):
        raise EnvelopeInvalid("h is not an object")
    spelt = unquote_plus if _of_aws(document) else str
    lines = [(spelt(name).lower(), _from_base64(value, "h")) for name, value in told.items()]
    if len({name for name, _ in lines}) != len(lines):
        raise EnvelopeInvalid("a header stands twice")
    repeated = document.get("r", [])
    if not isinstance(repeated, list):
        raise EnvelopeInvalid("r is not a list")
    for row in repeated:
        match row:
            case [int(place), str(name), value] if 0 <= place <= len(lines):
                lines.insert(place, (name.lower(), _from_base64(value, "r")))
            case _:
                raise EnvelopeInvalid("r holds what is no header line")
    read = _of_utf8 if _of_aws(document) else _of_latin1
    return Headers(tuple((name, read(value)) for name, value in lines))


def _of_aws(document: Mapping[str, Any]) -> bool:
    """Whether the template of API Gateway wrote it, as `holdfast.aws.mapping` says."""
    return "p64" in document


def _of_latin1(value: bytes) -> str:
    return value.decode("latin-1")


def _of_utf8(value: bytes) -> str:
    """A header's value as the bytes on the wire, where AWS read those as Latin-1 and wrote UTF-8.

    What cannot have come about in that way was UTF-8 on the wire already.
    """
    try:
        text = value.decode("utf-8")
        text.encode("latin-1")
    except UnicodeError:
        return _of_latin1(value)
    return text


def _decode_body(document: Mapping[str, Any], headers: Headers) -> bytes:
    if _of_aws(document) and document.get("b") == EMPTY_BODY.decode():
        return b""  # of a type that is no text, so that the template took it for base64
    body = _from_base64(document.get("b"), "b")
    if "n" in document:
        if _integer(document, "n") != len(body):
            raise EnvelopeInvalid("b is not as long as n says")
        return body
    # API Gateway writes `{}` where nothing came. A signature over nothing then has to fit nothing.
    length = (headers.get("content-length") or "0").strip()
    return b"" if body == EMPTY_BODY and length == "0" else body


def _params(document: Mapping[str, Any]) -> dict[str, str]:
    params = document.get("params", {})
    if not isinstance(params, dict) or not all(isinstance(one, str) for one in params.values()):
        raise EnvelopeInvalid("params is not an object of texts")
    encoded = document.get("params64", {})
    if not isinstance(encoded, dict):
        raise EnvelopeInvalid("params64 is not an object")
    return params | {name: _utf8(value, "params64") for name, value in encoded.items()}


def _utf8(value: object, name: str) -> str:
    try:
        return _from_base64(value, name).decode("utf-8")
    except UnicodeDecodeError:
        raise EnvelopeInvalid(f"{name} holds what is not UTF-8") from None


def _text(document: Mapping[str, Any], name: str, default: str | None = None) -> str:
    value = document.get(name, default)
    if not isinstance(value, str):
        raise EnvelopeInvalid(f"{name} is not text")
    return value


def _integer(document: Mapping[str, Any], name: str, default: int | None = None) -> int:
    value = document.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool):
        raise EnvelopeInvalid(f"{name} is not a whole number")
    return value


def _to_base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _from_base64(value: object, name: str) -> bytes:
    if not isinstance(value, str):
        raise EnvelopeInvalid(f"{name} holds what is no text")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise EnvelopeInvalid(f"{name} holds what is not base64") from None
