"""One request under examination: each place is looked up, and each body parsed, at most once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson

from holdfast.errors import VerificationFailed
from holdfast.message import Request
from holdfast.verify.locate import Locator, json_at


class Reading:
    """A request, and what reading it has found so far."""

    __slots__ = ("_document", "_form", "_query", "entries", "request", "timestamp")

    def __init__(self, request: Request) -> None:
        self.request = request
        self.entries: Mapping[str, str] = {}
        """The entries of the signature's header, where it has any."""
        self.timestamp = ""
        """When it was sent, as the sender wrote it."""
        self._document: Any = ...
        self._form: dict[str, str] | None = None
        self._query: dict[str, str] | None = None

    def find(self, locator: Locator) -> str | None:
        """The text that stands there; None where there is none."""
        kind, name = locator.kind, locator.name
        if kind == "header":
            return self.request.headers.get(name)
        if kind == "sig":
            return self.entries.get(name)
        if kind == "query":
            if self._query is None:
                self._query = _fields(self.request.query)
            return self._query.get(name)
        if kind == "form":
            if self._form is None:
                self._form = _fields(self.request.body.decode("latin-1"))
            return self._form.get(name)
        return _text(json_at(self._json(), name))

    def need(self, locator: Locator) -> str:
        """The text that stands there. Raises VerificationFailed where there is none."""
        text = self.find(locator)
        if text is None:
            raise missing(locator)
        return text

    def need_bytes(self, locator: Locator) -> bytes:
        """The same as the sender's bytes: headers are kept as latin-1, all else is UTF-8."""
        text = self.need(locator)
        if locator.kind not in ("header", "sig"):
            return text.encode("utf-8", "surrogatepass")
        return header_bytes(text, locator.name)

    def _json(self) -> Any:
        if self._document is ...:
            try:
                self._document = orjson.loads(self.request.body)
            except ValueError:
                self._document = None
        return self._document


def header_bytes(text: str, name: str) -> bytes:
    """A header's value as it was on the wire. Raises VerificationFailed if it never was on one."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        raise VerificationFailed("header_malformed", f"{name} holds what no header can") from None


def missing(locator: Locator) -> VerificationFailed:
    """The failure that a text is not where the scheme needs it."""
    if locator.kind == "header":
        return VerificationFailed("header_missing", locator.name)
    if locator.kind == "sig":
        return VerificationFailed("header_malformed", f"the signature has no {locator.name} entry")
    return VerificationFailed("field_missing", str(locator))


def malformed(locator: Locator, why: str) -> VerificationFailed:
    """The failure that what stands there is not what the scheme writes."""
    reason = "header_malformed" if locator.kind in ("header", "sig") else "field_malformed"
    return VerificationFailed(reason, f"{locator.name} {why}")


def _fields(encoded: str) -> dict[str, str]:
    """Form or query fields; of a repeated one the first, as `Headers.get` has it."""
    fields: dict[str, str] = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        fields.setdefault(name, value)
    return fields


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else None
