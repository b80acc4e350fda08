"""What travels through SQS: a request as one JSON text, written by our gateway or by API Gateway. Pure.

    {"v": 1, "id": "...", "ts": 1700000000000, "ip": "192.0.2.7",
     "h": {"content-type": "YXBwbGljYXRpb24vanNvbg=="}, "b": "eyJhIjoxfQ=="}

That much the mapping template of API Gateway can tell: an id, the time of arrival in milliseconds
since 1970, the peer's address, one value per header, and the body. Values of headers and the body
are base64, because SQS refuses some characters that JSON may hold, and signatures are over bytes.
Our gateway knows more, and adds it; every field below may be absent:

    n             size of the body in bytes: it is exactly what `b` holds
    m, p, q, o    method, path, raw query string, scheme and authority
    r             header lines that `h` has no room for: [place, name, base64]
    params        values of the path's parameters
    verdict       what the door found out about a secret that a header carried
    replay_of     the id of the event that this one repeats
    first_ts      when the event that a replay repeats came in

API Gateway knows most of that too, but has no way to escape text in JSON: `m`, `q` and `o` as above, and

    p64, params64   path and its parameters in base64; with them, names in `h` are percent-encoded

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


_PATH: Final = "p64"
"""Only API Gateway writes it: what has it was written by the mapping template."""


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
        path=_path(document, path),
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
    )


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
    if _PATH in document:
        told = {unquote_plus(name): value for name, value in told.items()}
    lines = [(name.lower(), _from_base64(value, "h")) for name, value in told.items()]
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
    read = _as_text if _PATH in document else _as_bytes
    return Headers(tuple((name, read(value)) for name, value in lines))


def _as_bytes(value: bytes) -> str:
    return value.decode("latin-1")


def _as_text(value: bytes) -> str:
    """API Gateway reads a header's bytes as characters before it writes those as UTF-8."""
    text = value.decode("utf-8", "replace")
    return text if all(character <= "\xff" for character in text) else _as_bytes(value)


def _path(document: Mapping[str, Any], default: str) -> str:
    if _PATH in document:
        return _from_base64(document[_PATH], _PATH).decode("utf-8", "replace")
    return _text(document, "p", default)


def _decode_body(document: Mapping[str, Any], headers: Headers) -> bytes:
    written = document.get("b")
    # What it takes for binary it hands over in base64, but for the two characters of nothing.
    nothing = _PATH in document and written == EMPTY_BODY.decode()
    body = EMPTY_BODY if nothing else _from_base64(written, "b")
    if "n" in document:
        if _integer(document, "n") != len(body):
            raise EnvelopeInvalid("b is not as long as n says")
        return body
    # API Gateway writes `{}` where nothing came. A signature over nothing then has to fit nothing.
    length = (headers.get("content-length") or "0").strip()
    return b"" if body == EMPTY_BODY and length == "0" else body


def _params(document: Mapping[str, Any]) -> dict[str, str]:
    encoded = document.get("params64")
    if isinstance(encoded, dict):
        return {
            name: _from_base64(value, "params64").decode("utf-8", "replace")
            for name, value in encoded.items()
        }
    params = document.get("params", {})
    if not isinstance(params, dict) or not all(isinstance(one, str) for one in params.values()):
        raise EnvelopeInvalid("params is not an object of texts")
    return params


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
