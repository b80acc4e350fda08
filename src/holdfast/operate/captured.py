"""A request that somebody captured, read from files. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from holdfast.errors import HoldfastError
from holdfast.message import Headers, Request

_REQUEST_LINE: Final = re.compile(r"([A-Z]+) (\S+)(?: HTTP/[0-9.]+)?")
_PSEUDO: Final = (":method", ":path", ":authority", ":scheme")


def captured_request(
    headers: bytes, body: bytes, *, method: str | None = None, url: str | None = None
) -> Request:
    """From the text of its headers and the bytes of its body.

    headers: `NAME: VALUE` in lines, with or without a request line (`POST /hook HTTP/1.1`) and with or
        without the marks of curl (`> `); or JSON: an object, a list of pairs, or of objects with
        `name` and `value`.
    url: the whole address; default: the request line's, on the host of the headers.

    Raises HoldfastError, naming the line that is none.
    """
    line, pairs = _headers(headers)
    lines = Headers.of(pairs)
    verb, _, target = line.partition(" ")
    if url is None and target:
        host = lines.get("x-forwarded-host") or lines.get("host") or ""
        scheme = lines.get("x-forwarded-proto") or "https"
        url = target if "://" in target else f"{scheme}://{host}{target}" if host else target
    parts = urlsplit(url or "")
    # Taken apart so that it can be put together again letter by letter.
    whole, _, query = (url or "").partition("?")
    origin = f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
    path = whole.removeprefix(origin)
    return Request(method or verb or "POST", path, query, lines, body, "", origin)


def _headers(data: bytes) -> tuple[str, list[tuple[str, str]]]:
    """The request line, if there is one, and the headers."""
    if data.lstrip()[:1] in (b"{", b"["):
        return "", list(_from_json(data))
    request_line = ""
    pairs: list[tuple[str, str]] = []
    for number, raw in enumerate(data.decode("latin-1").splitlines(), 1):
        text = raw.removeprefix("> ").strip()
        if not text or text in (">", "<"):
            continue
        found = _REQUEST_LINE.fullmatch(text)
        if found and not pairs:
            request_line = f"{found[1]} {found[2]}"
            continue
        if text.startswith(_PSEUDO):
            continue
        name, colon, value = text.partition(":")
        if not colon or not name.strip() or " " in name.strip():
            # Not repeated: it may be a secret that stands in the wrong file.
            raise HoldfastError(f"line {number} of the headers is not written NAME: VALUE")
        pairs.append((name.strip(), value.strip()))
    return request_line, pairs


def _from_json(data: bytes) -> Iterator[tuple[str, str]]:
    try:
        value: Any = orjson.loads(data)
    except ValueError as error:
        raise HoldfastError(f"the headers are no JSON: {error}") from None
    if isinstance(value, dict) and isinstance(value.get("headers"), dict | list):
        value = value["headers"]
    for item in value.items() if isinstance(value, dict) else value:
        if isinstance(item, dict) and "name" in item and "value" in item:
            yield str(item["name"]), str(item["value"])
        elif isinstance(item, list | tuple) and len(item) == 2:
            several = item[1] if isinstance(item[1], list) else [item[1]]
            yield from ((str(item[0]), str(each)) for each in several)
        else:
            raise HoldfastError("the headers are a JSON object, or a list of pairs")
