"""What a sender does to a text before it signs it: `{body|sha256hex}`, `{url|with-port}`.

A transform takes bytes and gives bytes. It raises ValueError where they are nothing that it can
take; `pair:NAME` is the only one with an argument.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

from holdfast.verify.compact import compact
from holdfast.verify.reading import Reading, utf8

Transform = Callable[[bytes, Reading], bytes]

_PORTS: Final = {"http": "80", "https": "443"}

_HUBSPOT: Final = re.compile(rb"%(?:3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.IGNORECASE)
"""The escapes that HubSpot resolves in a URL before it signs it; all others stay."""

_URI: Final = ";/?:@&=+$,#-_.!~*'()"
_URI_COMPONENT: Final = "-_.!~*'()"
"""What JavaScript's encodeURI and encodeURIComponent leave as it is."""

_KIND: Final = re.compile(rb"<kind>\s*([a-z0-9_]+)\s*</kind>")


def transform(data: bytes, names: Sequence[str], reading: Reading) -> bytes:
    """One after the other. Raises ValueError."""
    for name in names:
        word, _, argument = name.partition(":")
        data = _pair(data, argument) if word == "pair" else TRANSFORMS[word](data, reading)
    return data


def transform_mistake(name: str) -> str:
    """What is wrong with a transform's name; empty: nothing."""
    word, colon, argument = name.partition(":")
    known = word in TRANSFORMS and not colon
    if known or (word == "pair" and argument):
        return ""
    return f"|{name} is not a transform; there are {', '.join(TRANSFORMS)} and pair:NAME"


def _pair(data: bytes, name: str) -> bytes:
    """`algorithm` of `key=a,algorithm=b` is `b`."""
    for part in data.decode("latin-1").split(","):
        key, _, value = part.partition("=")
        if key.strip() == name:
            return value.strip().encode("latin-1")
    raise ValueError(f"has no {name}")


def _port(data: bytes, *, shown: bool) -> bytes:
    """The same URL with the port it means, or without any."""
    parts = urlsplit(data.decode("utf-8", "surrogateescape"))
    host, _, port = parts.netloc.rpartition("@")[2].partition(":")
    if parts.netloc.startswith("[") or "[" in host:
        raise ValueError("is of a host that nobody registers")
    credentials = parts.netloc.rpartition("@")[0]
    port = (port or _PORTS.get(parts.scheme, "")) if shown else ""
    netloc = f"{host}:{port}" if port else host
    netloc = f"{credentials}@{netloc}" if credentials else netloc
    return utf8(urlunsplit(parts._replace(netloc=netloc)))


def _hubspot_url(data: bytes, _reading: Reading) -> bytes:
    return _HUBSPOT.sub(lambda found: bytes([int(found[0][1:], 16)]), data)


def _contentful_path(data: bytes, _reading: Reading) -> bytes:
    """The query escaped as one text, and the whole escaped once more: `?x=1` is `?x%253D1`."""
    path, mark, query = data.partition(b"?")
    escaped = quote(query, safe=_URI_COMPONENT)
    return quote(path + mark + escaped.encode(), safe=_URI).encode()


def _signed_headers(data: bytes, reading: Reading) -> bytes:
    """A list of names as the lines of those headers: `a:1;b:2`, by name."""
    names = sorted({name.strip().lower() for name in data.decode("latin-1").split(",")} - {""})
    lines = []
    for name in names:
        value = reading.request.headers.get(name)
        if value is None:
            raise ValueError(f"names {name}, which is not there")
        lines.append(f"{name}:{value}")
    return ";".join(lines).encode("latin-1")


def _as_json(data: bytes, _reading: Reading) -> bytes:
    """A text as JSON writes it, with its quotes."""
    text = data.decode("utf-8", "surrogateescape")
    return utf8(json.dumps(text, ensure_ascii=False))


def _braintree_kind(data: bytes, _reading: Reading) -> bytes:
    """The kind that the XML in base64 names. A pattern will do: it was verified before."""
    found = _KIND.search(base64.b64decode(data))
    if found is None:
        raise ValueError("names no kind")
    return found[1]


TRANSFORMS: Final[Mapping[str, Transform]] = {
    "sha256hex": lambda data, _: hashlib.sha256(data).hexdigest().encode(),
    "sha256base64": lambda data, _: base64.b64encode(hashlib.sha256(data).digest()),
    "sha256base64url": lambda data, _: base64.urlsafe_b64encode(hashlib.sha256(data).digest()),
    "crc32": lambda data, _: str(zlib.crc32(data)).encode(),
    "json": _as_json,
    "compact": lambda data, _: compact(data),
    "with-port": lambda data, _: _port(data, shown=True),
    "without-port": lambda data, _: _port(data, shown=False),
    "hubspot-url": _hubspot_url,
    "contentful-path": _contentful_path,
    "signed-headers": _signed_headers,
    "braintree-kind": _braintree_kind,
}
