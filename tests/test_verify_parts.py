"""The small parts: transforms, JSON as it is written, and putting a text where it belongs."""

from __future__ import annotations

import gzip
import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import NotSupported, VerificationFailed
from holdfast.message import Headers, Request
from holdfast.verify.compact import compact, member
from holdfast.verify.forms import form_fields
from holdfast.verify.locate import Locator
from holdfast.verify.reading import UNPACKED_MAX_BYTES, Reading
from holdfast.verify.transforms import TRANSFORMS, transform, transform_mistake
from holdfast.verify.writing import put

HEADERS = Headers.of({"B": "2", "A": "1"})


def test_a_text_that_does_not_end_is_read_once() -> None:
    """Anybody can send one, before any signature is judged: read anew from each of its quotation
    marks, a body within the limit would keep a worker busy for hours."""
    endless = b'{ "a": "' + b'\\" ' * 300_000

    assert compact(endless) == b'{"a":"' + b'\\" ' * 300_000
    assert member(endless, "a") is None


def test_a_member_of_too_many_is_not_looked_for() -> None:
    """Nor one below which lists go on for ever: anybody can send either, and each member of an object
    is walked through before any signature is judged."""
    crowd = b",".join(b'"m%d":0' % number for number in range(999))

    assert member(b'{%s,"a":1}' % crowd, "a") == b"1"
    assert member(b'{%s,"b":0,"a":1}' % crowd, "a") is None
    assert member(b'{"a":%s}' % (b"[" * 100_000), "a") is None
    assert member(b"[%s]" % b",".join([b"0"] * 2_000), "999") == b"0"
    assert member(b"[%s]" % b",".join([b"0"] * 2_000), "1000") is None


def test_half_of_a_surrogate_pair_is_signed_like_any_text() -> None:
    """A query that travelled as JSON may hold one: that must not end the check as a fault of ours."""
    reading = Reading(Request("POST", "/in", "a=\ud800", HEADERS, b""))

    assert reading.need_bytes(Locator("query", "a")) == b"\xed\xa0\x80"


def test_a_form_of_many_fields_is_none() -> None:
    """It is read before its signature is judged."""
    assert len(form_fields(None, b"&".join([b"a=1"] * 1_000))) == 1_000
    assert form_fields(None, b"&".join([b"a=1"] * 1_001)) == []


PACKED = gzip.compress(b"body")
NO_GZIP = {
    "cut off": PACKED[:-4],
    "a broken stream": PACKED[:10] + b"\xff" * 20,
    "another sum": PACKED[:-8] + b"\0" * 8,
    "too large": gzip.compress(b" " * (UNPACKED_MAX_BYTES + 1)),
}


@pytest.mark.parametrize("body", NO_GZIP.values(), ids=NO_GZIP)
def test_a_packed_body_that_cannot_be_unpacked_has_a_name(body: bytes) -> None:
    """Nor does one that stands for more than anybody sends."""
    with pytest.raises(VerificationFailed) as caught:
        Reading(Request("POST", "/in", "", HEADERS, body)).unpack()

    assert caught.value.reason == "body_malformed"


def test_no_more_is_unpacked_than_anybody_sends() -> None:
    """A few packed bytes can stand for gigabytes: what comes after the limit is never looked at."""
    packed = gzip.compress(b" " * (2 * UNPACKED_MAX_BYTES))[:-8] + b"\0" * 8

    with pytest.raises(VerificationFailed) as caught:
        Reading(Request("POST", "/in", "", HEADERS, packed)).unpack()

    assert "too large" in caught.value.detail


def test_bytes_that_are_no_utf8_stay_what_they_are() -> None:
    """A member is signed as it was sent."""
    assert member(b'{"a":"\xff"}', "a") == b'"\xff"'


@pytest.mark.parametrize("token", ["a.!.c", "a.e30x.c", "a.b"])
def test_a_token_that_is_none_has_no_claims(token: str) -> None:
    """Nor does reading it break anything: names are looked for in it whatever it is."""
    reading = Reading(Request("POST", "/in", "", Headers.of({"T": token}), b""))

    assert reading.find(Locator("claim", "t.sub")) is None


def changed(name: str, data: bytes) -> bytes | None:
    reading = Reading(Request("POST", "/in", "", HEADERS, b""))
    try:
        return transform(data, [name], reading)
    except ValueError:
        return None


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("sha256hex", b"", b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("sha256base64", b"", b"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
        ("sha256base64url", b"", b"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU="),
        ("crc32", b"123456789", b"3421780262"),
        ("json", 'a"\\\n\u2028é'.encode(), '"a\\"\\\\\\n\u2028é"'.encode()),
        ("json", b"\xff", b'"\xff"'),
        ("compact", b' { "a b" : [ 1 , "\\" " ] } ', b'{"a b":[1,"\\" "]}'),
        ("pair:b", b"a=1, b=2 ,c", b"2"),
        ("pair:c", b"a=1, b=2 ,c", b""),
        ("pair:d", b"a=1", None),
        ("with-port", b"https://h/p?q#f", b"https://h:443/p?q#f"),
        ("with-port", b"http://h", b"http://h:80"),
        ("with-port", b"https://h:8443/", b"https://h:8443/"),
        ("with-port", b"https://u:p@h/", b"https://u:p@h:443/"),
        ("without-port", b"https://h:8443/p", b"https://h/p"),
        ("without-port", b"https://u@h:1/p", b"https://u@h/p"),
        ("without-port", b"https://[::1]:443/", None),
        ("without-port", b"https://[", None),
        ("hubspot-url", b"/a%3Ab%2fc%20d%26", b"/a:b/c%20d%26"),
        ("contentful-path", b"/a b?x=1&y", b"/a%20b?x%253D1%2526y"),
        ("contentful-path", b"/a", b"/a"),
        ("signed-headers", b"b, A", b"a:1;b:2"),
        ("signed-headers", b"a,c", None),
        ("braintree-kind", b"PGtpbmQ+c3ViX2E8L2tpbmQ+", b"sub_a"),
        ("braintree-kind", b"PGtpbmQ", None),
        ("braintree-kind", b"AAAA", None),
    ],
)
def test_transforms(name: str, data: bytes, expected: bytes | None) -> None:
    """Each does one thing; None: it is nothing that it can take."""
    assert changed(name, data) == expected


def test_transforms_are_known_by_name() -> None:
    """Every one is tried above, and any other is a mistake."""
    assert all(not transform_mistake(name) for name in (*TRANSFORMS, "pair:a"))
    assert all(transform_mistake(name) for name in ("", "pair", "pair:", "json:a", "SHA256"))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a", b"1.10"),
        ("b.c", b'"\\u00e9"'),
        ("b", b'{ "c" : "\\u00e9" }'),
        ("l.0", b"[ ]"),
        ("l.1", b'{"a":2}'),
        ("l.1.a", b"2"),
        ("l.2", b"null"),
        ("l", b'[ [ ], {"a":2}, null ]'),
        ("last", b"2"),
        ("l.3", None),
        ("l.x", None),
        ("a.b", None),
        ("x", None),
        ("l.0.0", None),
    ],
)
def test_a_member_is_found_as_it_is_written(path: str, expected: bytes | None) -> None:
    """Numbers and escapes stay what they are; of a repeated name the last counts."""
    data = (
        b'{"a": 1.10, "b": { "c" : "\\u00e9" }, "l":[ [ ], {"a":2}, null ], "last": 1, "last": 2}'
    )

    assert member(data, path) == expected


DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=2), inner),
    max_leaves=12,
)


@given(DOCUMENTS, st.sampled_from([None, 2]))
def test_compact_json_says_the_same(document: Any, indent: int | None) -> None:
    """However it was indented, what is left is what an encoder without spaces writes."""
    written = json.dumps(document, indent=indent, ensure_ascii=False).encode()

    assert (
        compact(written) == json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    )


@given(DOCUMENTS)
def test_every_member_is_found(document: Any) -> None:
    """What is found is what a parser finds there."""
    written = json.dumps(document, indent=1).encode()
    places = (
        document.items()
        if isinstance(document, dict)
        else enumerate(document)
        if isinstance(document, list)
        else ()
    )
    for name, value in places:
        if name != "":
            found = member(written, str(name))
            assert found is not None
            assert json.loads(found) == value


@given(st.binary(max_size=40), st.sampled_from(["a", "0", "a.0", "a.b.c"]))
def test_what_is_no_json_breaks_nothing(data: bytes, path: str) -> None:
    """Something or nothing is found, and it is a piece of the data."""
    found = member(data, path)

    assert found is None or found in data
    assert isinstance(compact(data), bytes)


def request_of(body: bytes = b"", content_type: str = "", query: str = "a=1&b=2") -> Request:
    lines = {"Content-Type": content_type} if content_type else {}
    return Request("POST", "/in", query, Headers.of({"X-Id": "old", **lines}), body)


@pytest.mark.parametrize(
    ("place", "body", "content_type"),
    [
        ("header:X-Id", b"", ""),
        ("header:X-New,X-Id", b"", ""),
        ("query:a", b"", ""),
        ("query:c.d", b"", ""),
        ("json:a", b"", ""),
        ("json:a.b.c", b'{"a":{"b":{"c":"old"}}}', ""),
        ("json:l.0.a", b'{"l":[{"a":"old"}]}', ""),
        ("json:l.1", b'{"l":[0,"old"]}', ""),
        ("form:f", b"f=1&g=2", "application/x-www-form-urlencoded"),
        ("form:f", b"", ""),
        ("form:j#a.b", b"j=%7B%22a%22%3A%7B%7D%7D&k=1", "application/x-www-form-urlencoded"),
        ("form:j#a.b", b"", ""),
    ],
)
@given(text=st.text(max_size=8))
def test_what_is_put_somewhere_is_found_there(
    place: str, body: bytes, content_type: str, text: str
) -> None:
    """Writing is the inverse of reading, and leaves the rest alone."""
    locator = Locator.parse(place)
    if locator.kind == "header":
        text = text.encode("latin-1", "replace").decode("latin-1") or "x"

    written = put(request_of(body, content_type), locator, text)

    assert Reading(written).find(locator) == text
    if locator.kind != "query":
        assert written.query == "a=1&b=2"
    if b"g=2" in body:
        assert Reading(written).find(Locator.parse("form:g")) == "2"


def test_a_number_stays_one() -> None:
    """A time in milliseconds is replaced by another, not by a text."""
    written = put(request_of(b'{"t":1}'), Locator.parse("json:t"), "1700000000000")

    assert orjson.loads(written.body) == {"t": 1_700_000_000_000}


@pytest.mark.parametrize(
    ("place", "body", "content_type"),
    [
        ("json:a", b"[]", ""),
        ("json:a", b"text", ""),
        ("json:a.b", b'{"a":1}', ""),
        ("json:a.9", b'{"a":[]}', ""),
        ("json:a.9.b", b'{"a":[]}', ""),
        ("form:j#a", b"j=1", ""),
        ("form:f", b"--b--", "multipart/form-data; boundary=b"),
        ("sig:t", b"", ""),
        ("json-text:a", b"{}", ""),
    ],
)
def test_a_place_that_is_not_there_is_told(place: str, body: bytes, content_type: str) -> None:
    """Nothing is forced into a body of another kind."""
    with pytest.raises(NotSupported):
        put(request_of(body, content_type), Locator.parse(place), "x")
