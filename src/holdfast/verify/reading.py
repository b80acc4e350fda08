"""One request under examination: each place is looked up, and each body parsed, at most once."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import orjson

from holdfast.errors import VerificationFailed
from holdfast.message import Request
from holdfast.verify.compact import compact, member
from holdfast.verify.encoding import decode
from holdfast.verify.forms import first_values, form_fields, query_fields
from holdfast.verify.locate import Locator, json_at

UNPACKED_MAX_BYTES: Final = 16 * 1024 * 1024
"""Sixteen times what a webhook takes by default: a few packed bytes can stand for gigabytes."""

_GZIP: Final = b"\x1f\x8b"


class Reading:
    """A request, and what reading it has found so far."""

    # Defaults of the class, because most requests need none of it: only what differs is set.

    timestamp = ""
    """When it was sent, as the sender wrote it."""
    secret = b""
    """The secret that is tried just now, for the schemes that put it into what they hash."""
    scope: Any = ...
    """The item of the body under examination, where each is signed by itself."""
    entries: Mapping[str, str] = MappingProxyType({})
    """The entries of the signature's header, where it has any."""
    _document: Any = ...
    _form: list[tuple[str, str]] | None = None
    _query: dict[str, str] | None = None

    def __init__(self, request: Request, url: str = "") -> None:
        """`url`: the address as it is registered with the sender, where that is not what we see."""
        self.request = request
        self.url = url
        self.body = request.body
        """As it is signed: unpacked, where the scheme says so."""

    @property
    def document(self) -> Any:
        """The body as JSON, or None."""
        if self._document is ...:
            self._document = _parsed(self.body)
        return self._document

    @document.setter
    def document(self, parsed: Any) -> None:
        self._document = parsed

    @property
    def form(self) -> list[tuple[str, str]]:
        """The fields of a form in the body, in order."""
        if self._form is None:
            self._form = form_fields(self.request.headers.get("content-type"), self.body)
        return self._form

    @property
    def query(self) -> Mapping[str, str]:
        """The parameters of the query; where the registered address is known, those that it signs."""
        if self._query is None:
            self._query = first_values(self._parameters)
        return self._query

    @property
    def _parameters(self) -> list[tuple[str, str]]:
        url = self.full_url() if self.url else f"?{self.request.query}"
        return query_fields(url.partition("?")[2])

    def full_url(self) -> str:
        """The URL as it was signed. Raises VerificationFailed where there is none.

        A registered address without a query takes the one that came; one with a query of its own
        takes what the sender has added to it.
        """
        request = self.request
        if self.url:
            address, _, own = self.url.partition("?")
            added = not own or request.query.startswith(f"{own}&")
            return f"{address}?{request.query}" if added and request.query else self.url
        if not request.url:
            raise VerificationFailed("url_missing")
        return request.url

    def find(self, locator: Locator) -> str | None:
        """The text that stands there; None where there is none."""
        kind, name = locator.kind, locator.name
        if kind == "header":
            return self._header(name)
        if kind == "sig":
            return self.entries.get(name)
        if kind == "json":
            return text_of(json_at(self.root, name))
        if kind == "query":
            return self.query.get(name)
        if kind == "form":
            field, _, path = name.partition("#")
            value = next((text for known, text in self.form if known == field), None)
            if path and value is not None:
                return text_of(json_at(_parsed(utf8(value)), path))
            return value
        if kind == "json-text":
            written = member(self.body, name)
            return None if written is None else compact(written).decode("utf-8", "surrogateescape")
        return text_of(self._claim(name))

    @property
    def root(self) -> Any:
        """Where JSON paths begin."""
        return self.document if self.scope is ... else self.scope

    def need(self, locator: Locator) -> str:
        """The text that stands there. Raises VerificationFailed where there is none."""
        text = self.find(locator)
        if text is None:
            raise missing(locator)
        return text

    def need_bytes(self, locator: Locator) -> bytes:
        """The same as the sender's bytes: headers are kept as latin-1, all else is UTF-8.

        A field or a parameter that is given twice is refused: one would be signed, and whoever works
        the event might read the other.
        """
        text = self.need(locator)
        if self._twice(locator):
            raise malformed(locator, "is given more than once")
        if locator.kind not in ("header", "sig"):
            return utf8(text)
        return header_bytes(text, locator.name)

    def unpack(self) -> None:
        """Take a gzip-compressed body apart, told by its first bytes. Raises VerificationFailed."""
        if not self.body.startswith(_GZIP):
            return
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(self.body)) as packed:
                unpacked = packed.read(UNPACKED_MAX_BYTES + 1)
        except (OSError, EOFError, zlib.error):
            raise VerificationFailed("body_malformed", "it is no gzip after all") from None
        if len(unpacked) > UNPACKED_MAX_BYTES:
            raise VerificationFailed("body_malformed", "unpacked it is too large")
        self.body = unpacked

    def _twice(self, locator: Locator) -> bool:
        if locator.kind == "form":
            name, fields = locator.name.partition("#")[0], self.form
        elif locator.kind == "query":
            name, fields = locator.name, self._parameters
        else:
            return False
        return sum(known == name for known, _ in fields) > 1

    def _header(self, names: str) -> str | None:
        headers = self.request.headers
        if "," not in names:
            return headers.get(names)
        return next((text for name in names.split(",") if (text := headers.get(name))), None)

    def _claim(self, name: str) -> Any:
        """Of a token that was verified before; here it is only read."""
        header, _, claim = name.partition(".")
        parts = (self._header(header) or "").split(".")
        if len(parts) != 3:
            return None
        try:
            return json_at(orjson.loads(decode(parts[1], "base64url")), claim)
        except ValueError:
            return None


def utf8(text: str) -> bytes:
    """Text of a body or a URL as it was sent, bytes included that are no UTF-8."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        # Half of a surrogate pair, from JSON that escapes one.
        return text.encode("utf-8", "surrogatepass")


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


def text_of(value: Any) -> str | None:
    """A JSON value as the text that senders sign; None for objects, lists and null."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else None


def _parsed(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except ValueError:
        return None
