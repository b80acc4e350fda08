"""What happens to a request or a secret between a sender and its verification, each undone.

Every change is what was done, in words for whoever has to mend it, and the thing without it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from holdfast.definition import Verification
from holdfast.message import Request
from holdfast.verify.keys import Key
from holdfast.verify.methods import Mac
from holdfast.verify.signed import Signed
from holdfast.verify.writing import with_headers


@dataclass(frozen=True, slots=True)
class Trial:
    """What is tried together."""

    request: Request
    secrets: tuple[str, ...] = field(repr=False)
    verification: Verification


class Change(NamedTuple):
    """One way in which a trial differs from what was captured."""

    name: str
    """Short, for programs: `body_trailing_newline`."""
    advice: str
    trial: Trial


_PREFIXES: Final = ("whsec_", "sk_", "v1,", "Bearer ")


def body_changes(trial: Trial) -> Iterator[Change]:
    """White space, line ends, and JSON that was read and written again."""
    body = trial.request.body

    def change(name: str, advice: str, other: bytes) -> Change:
        return Change(name, advice, replace(trial, request=replace(trial.request, body=other)))

    stripped = body.rstrip(b"\r\n")
    if stripped != body:
        yield change(
            "body_trailing_newline",
            "the file ends in a line break that was not sent: write the body without one",
            stripped,
        )
    yield change(
        "body_newline_lost",
        "a line break at the end of the body was lost: keep the bytes as they came",
        body + b"\n",
    )
    yield change(
        "body_newline_lost",
        "a line break (CR LF) at the end of the body was lost: keep the bytes as they came",
        body + b"\r\n",
    )
    if b"\r\n" in body:
        yield change(
            "body_crlf",
            "line breaks became CR LF on the way: they were LF when it was signed",
            body.replace(b"\r\n", b"\n"),
        )
    elif b"\n" in body:
        yield change(
            "body_lf",
            "line breaks became LF on the way: they were CR LF when it was signed",
            body.replace(b"\n", b"\r\n"),
        )
    if body.startswith(b"\xef\xbb\xbf"):
        yield change(
            "body_bom",
            "a byte order mark was put before the body: save the file without one",
            body[3:],
        )
    for told, other in _rewritten(body):
        yield change(
            "body_reserialised",
            f"the body was parsed and written anew: {told} fits; verify the bytes as they came, "
            "before anything parses them",
            other,
        )


def _rewritten(body: bytes) -> Iterator[tuple[str, bytes]]:
    """The same JSON in the ways in which it is commonly written."""
    try:
        value: Any = json.loads(body)
    except (ValueError, RecursionError):
        return
    seen = {body}
    styles: tuple[tuple[str, dict[str, Any]], ...] = (
        ("compact JSON", {"separators": (",", ":")}),
        ("JSON with spaces, as Python writes it", {}),
        ("indented JSON (2)", {"indent": 2}),
        ("indented JSON (4)", {"indent": 4}),
    )
    for told, style in styles:
        for ascii_told, ascii_only in (("", False), (", with \\u escapes", True)):
            for sorted_told, sort in (("", False), (", keys sorted", True)):
                text = json.dumps(value, ensure_ascii=ascii_only, sort_keys=sort, **style)
                for slash_told, other in (
                    ("", text),
                    (", slashes escaped", text.replace("/", "\\/")),
                ):
                    data = other.encode("utf-8", "surrogatepass")
                    if data not in seen:
                        seen.add(data)
                        yield told + ascii_told + sorted_told + slash_told, data


def secret_changes(trial: Trial) -> Iterator[Change]:
    """White space, quotes and prefixes around it, and how it is decoded."""
    edits = (
        (
            "secret_whitespace",
            "the secret has white space or a line break around it: take it off",
            lambda text: text.strip(),
        ),
        (
            "secret_quotes",
            "the secret has quotation marks around it: take them off",
            lambda text: text.strip().strip("\"'"),
        ),
        (
            "secret_prefix",
            "the secret has a prefix that does not belong to it: take it off",
            _without_prefix,
        ),
        (
            "secret_name",
            "the secret is written NAME=VALUE: only the value belongs there",
            lambda text: text.partition("=")[2] if text.partition("=")[0].isidentifier() else text,
        ),
    )
    for name, advice, edit in edits:
        edited = tuple(map(edit, trial.secrets))
        if edited != trial.secrets and all(edited):
            yield Change(name, advice, replace(trial, secrets=edited))
    if not any(text.startswith(_PREFIXES) for text in trial.secrets):
        yield Change(
            "secret_prefix_lost",
            "the secret begins with whsec_ at the sender, and that belongs to it: keep it",
            replace(trial, secrets=tuple(f"whsec_{text}" for text in trial.secrets)),
        )
    yield from _decodings(trial)


def _without_prefix(text: str) -> str:
    return next((text.removeprefix(each) for each in _PREFIXES if text.startswith(each)), text)


def _decodings(trial: Trial) -> Iterator[Change]:
    scheme = trial.verification
    if not isinstance(scheme, Signed) or not isinstance(scheme.method, Mac):
        return
    named = {
        "utf8": "as it stands",
        "base64": "decoded from base64",
        "hex": "decoded from hex",
    }
    own = [f"{way.encoding}{way.strip}" for way in scheme.method.ways]
    usual = " or ".join(named.get(way.encoding, way.encoding) for way in scheme.method.ways)
    for way in (Key("utf8"), Key("base64"), Key("hex"), Key("base64", "whsec_")):
        if f"{way.encoding}{way.strip}" in own:
            continue
        method = replace(scheme.method, ways=(way,))
        without = f" after {way.strip}" if way.strip else ""
        yield Change(
            "secret_encoding",
            f"it was signed with the secret {named[way.encoding]}{without}, "
            f"where this sender's is taken {usual}: is it the secret of another sender or variant?",
            replace(trial, verification=replace(scheme, method=method)),
        )


def address_changes(trial: Trial) -> Iterator[Change]:
    """What a proxy does to the URL, where the URL is signed."""
    scheme = trial.verification
    if not isinstance(scheme, Signed) or "url" not in scheme.covers:
        return
    request = trial.request
    own = urlsplit(scheme.url or request.url)
    query = f"?{request.query}" if request.query else ""
    host = request.headers.get("x-forwarded-host") or request.headers.get("host") or own.netloc
    hosts = dict.fromkeys((own.netloc, host, own.hostname or own.netloc))
    path = own.path or "/"
    paths = dict.fromkeys((path, path.rstrip("/"), path.rstrip("/") + "/"))
    for protocol in ("https", "http"):
        for name in hosts:
            for each in paths:
                for tail in dict.fromkeys((query, "")):
                    url = f"{protocol}://{name}{each}{tail}"
                    if url == request.url and not scheme.url:
                        continue
                    signed_as = replace(scheme, url=url)
                    yield Change(
                        "url",
                        f'it was signed for {url}: give that address, url="{url}"',
                        replace(trial, verification=signed_as),
                    )


def header_changes(trial: Trial) -> Iterator[Change]:
    """The signature in a header of another name."""
    scheme = trial.verification
    if not isinstance(scheme, Signed):
        return
    for place in scheme.signature.locators:
        if place.kind != "header":
            continue
        expected = place.name.partition(",")[0]
        for name, value in trial.request.headers:
            if name == expected.lower() or len(value) < 16:
                continue
            moved = with_headers(trial.request, {expected: value})
            yield Change(
                "header",
                f"the signature stands in {name}, and is expected in {expected}: was the header "
                "renamed on the way, or is it another sender's?",
                replace(trial, request=moved),
            )
            prefix = scheme.signature.prefix
            if prefix and not value.startswith(prefix):
                moved = with_headers(trial.request, {expected: prefix + value})
                yield Change(
                    "header",
                    f"the signature stands in {name} without {prefix}",
                    replace(trial, request=moved),
                )
