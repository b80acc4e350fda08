"""Putting a text where a locator says: the inverse of reading, for those who sign."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote_plus, urlencode

import orjson

from holdfast.errors import NotSupported
from holdfast.message import Headers, Request
from holdfast.verify.forms import FORM_TYPE, form_fields, is_multipart
from holdfast.verify.locate import Locator


def put(request: Request, locator: Locator, text: str) -> Request:
    """The request with that text in that place, whatever stood there.

    Raises NotSupported where the request has no such place, such as a field of a body that is no
    JSON object.
    """
    kind, name = locator.kind, locator.name
    if kind == "header":
        return with_headers(request, {name.partition(",")[0]: text})
    if kind == "query":
        return replace(request, query=_with_parameter(request.query, name, text))
    if kind == "form":
        return _with_field(request, name, text)
    if kind == "json":
        document = _object(request.body or b"{}", str(locator))
        set_json(document, name, text)
        return replace(request, body=orjson.dumps(document))
    raise NotSupported(f"nothing can be written to {locator}")


def with_headers(request: Request, added: Mapping[str, str]) -> Request:
    """The request with these headers in place of any of the same name."""
    new = Headers.of(added)
    kept = tuple(line for line in request.headers.lines if line[0] not in new)
    return replace(request, headers=Headers(kept + new.lines))


def set_json(document: Any, path: str, text: str) -> None:
    """Write into parsed JSON. A number stays one. Raises NotSupported where the path leads nowhere."""
    *steps, last = path.split(".")
    for step in steps:
        document = _enter(document, step, path)
    if isinstance(document, dict):
        document[last] = _like(document.get(last), text)
    elif isinstance(document, list) and last.isdigit() and int(last) < len(document):
        document[int(last)] = _like(document[int(last)], text)
    else:
        raise NotSupported(f"the body has no {path}")


def _enter(document: Any, step: str, path: str) -> Any:
    if isinstance(document, dict):
        return document.setdefault(step, {})
    if isinstance(document, list) and step.isdigit() and int(step) < len(document):
        return document[int(step)]
    raise NotSupported(f"the body has no {path}")


def _like(old: Any, text: str) -> Any:
    return int(text) if isinstance(old, int) and text.isdigit() else text


def _object(data: bytes, where: str) -> dict[str, Any]:
    try:
        document = orjson.loads(data)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise NotSupported(f"{where} wants a JSON object as the body")
    return document


def _with_parameter(query: str, name: str, text: str) -> str:
    written = f"{quote_plus(name)}={quote_plus(text)}"
    kept = [part for part in query.split("&") if part and part.partition("=")[0] != name]
    return "&".join([*kept, written])


def _with_field(request: Request, name: str, text: str) -> Request:
    field, _, path = name.partition("#")
    content_type = request.headers.get("content-type")
    if is_multipart(content_type):
        raise NotSupported("a multipart body is not written anew; send the fields URL-encoded")
    fields = form_fields(FORM_TYPE, request.body)
    if path:
        old = next((value for known, value in fields if known == field), "{}")
        document = _object(old.encode("utf-8", "replace"), f"form:{name}")
        set_json(document, path, text)
        text = orjson.dumps(document).decode()
    kept = [(known, value) for known, value in fields if known != field]
    body = urlencode([*kept, (field, text)], errors="surrogateescape").encode()
    request = replace(request, body=body)
    return request if content_type else with_headers(request, {"content-type": FORM_TYPE})
