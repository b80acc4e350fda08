"""Regular expressions at API Gateway's door, in a real ECMAScript 5 engine: never stricter than here."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any, Final

import dukpy  # type: ignore[import-untyped]  # it has no types
import jsonschema_rs
import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from holdfast.aws.patterns import FORMATS, Untranslatable, translate

ATOMS: Final = (
    *(
        "a",
        "b",
        "é",
        " ",
        "-",
        "_",
        "@",
        "]",
        "}",
        "😀",
        r"\.",
        r"\-",
        r"\/",
        r"\u00e9",
        r"\x62",
        r"\t",
    ),
    *(
        ".",
        r"\d",
        r"\D",
        r"\w",
        r"\W",
        r"\s",
        r"\S",
        "[ab]",
        "[^a]",
        r"[^\n]",
        "[a-z0-9_.-]",
        r"[\w@]",
    ),
    *(
        r"[^\s@]",
        "[é-ü]",
        "[a-\uffff]",
        "[^é-\uffff]",
        "[[a]",
        "[😀]",
        r"[\D]",
        r"[a\]\\^-]",
        r"\b",
        "(?<=a)",
        r"\1",
    ),
)
QUANTIFIERS: Final = ("", "", "", "*", "+", "?", "{2}", "{1,}", "{0,1}", "{1,3}", "+?", "{1,2}?")
TEXTS: Final = st.text(alphabet="abz09 -_.@é\n\r\t\u2028\u00a0]}😀😎", max_size=7)


def _joined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Groups, alternatives and looks ahead, made of what is inside."""
    quantified = st.tuples(st.sampled_from(("(", "(?:")), inner, st.sampled_from(QUANTIFIERS))
    return st.one_of(
        quantified.map(lambda parts: f"{parts[0]}{parts[1]}){parts[2]}"),
        st.tuples(st.sampled_from(("(?=", "(?!")), inner).map(
            lambda parts: f"{parts[0]}{parts[1]})"
        ),
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.tuples(inner, inner).map("|".join),
    )


_ATOM: Final = st.tuples(st.sampled_from(ATOMS), st.sampled_from(QUANTIFIERS)).map("".join)
PATTERNS: Final = st.tuples(
    st.sampled_from(("^", "")),
    st.recursive(_ATOM, _joined, max_leaves=5),
    st.sampled_from(("$", "")),
).map("".join)


@cache
def engine() -> Any:
    return dukpy.JSInterpreter()


def theirs(pattern: str, text: str) -> bool:
    """As their validator runs it: ECMAScript 5, on UTF-16."""
    source = "new RegExp(dukpy['pattern']).test(dukpy['text'])"
    return bool(engine().evaljs(source, pattern=pattern, text=text))


def ours(pattern: str) -> Callable[[str], bool] | None:
    """As the local door runs it; None where it does not take the pattern."""
    try:
        return jsonschema_rs.Draft202012Validator({"pattern": pattern}).is_valid
    except jsonschema_rs.ValidationError:
        return None


def refused_by_python(pattern: str, text: str) -> bool:
    """Where a third one, which takes more than both, says no: jsonschema-rs takes "_" for
    `^(a?)_+a?_+$`, which wants two of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return re.search(pattern, text) is None
        except re.error:
            return False


@settings(max_examples=800, deadline=None)
@given(PATTERNS, st.lists(TEXTS, min_size=1, max_size=6))
def test_a_translation_accepts_whatever_the_pattern_does(pattern: str, texts: list[str]) -> None:
    """For any pattern and texts, emoji among them; and nothing more where it says it is exact."""
    matches = ours(pattern)
    if matches is None:
        return
    try:
        translation = translate(pattern)
    except Untranslatable:
        event("not translated")
        return
    event("exact" if translation.exact else "wider")
    again = ours(translation.text)
    assert again is not None
    for text in texts:
        assume(not (matches(text) and refused_by_python(pattern, text)))
        assert theirs(translation.text, text) or not matches(text), (translation, text)
        assert again(text) or not matches(text), (translation, text)
        if translation.exact:
            assert theirs(translation.text, text) == matches(text), (translation, text)


@pytest.mark.parametrize(
    ("pattern", "text", "exact"),
    [
        ("^[a-z]+(-[0-9]{2,4})?$", "^[a-z]+(-[0-9]{2,4})?$", True),
        ("^(?!x-)[a-z]*$", "^(?!x-)[a-z]*$", True),
        ("^.{1,3}$", "^.{1,6}$", False),
        ("^.$", "^.{1,2}$", False),
        (r"^\S{2}[^@]?$", r"^\S{2,4}[^@]{0,2}$", False),
        ("^[^@]+@.+$", "^[^@]+@.+$", False),
        ("^(a.)?(?:.*,)*$", "^(a.{1,2})?(?:.*,)*$", False),
        (r"^(?=\d)\w?.$", r"^(?=[\d\u0080-\uffff]{1,2})[\w\u0080-\uffff]{0,2}[^\n]{1,2}$", False),
        (r"(?!\d)[\s.]+", r"(?!\d)[\s.\u0080-\uffff]+", False),
    ],
)
def test_an_emoji_is_two_characters_there(pattern: str, text: str, exact: bool) -> None:
    """Where one may stand there is room for two, and everything else stays as it is."""
    translation = translate(pattern)

    assert (translation.text, translation.exact) == (text, exact)


@pytest.mark.parametrize(
    "pattern",
    [
        *(
            r"\bword\b",
            r"(a)\1",
            "(?<=a)b",
            "(?<name>a)",
            "(?i)a",
            r"\p{L}",
            r"\u{1f600}",
            "a++",
            "a{70000}",
        ),
        *(
            "😀+",
            "[😀]",
            "(?!.)a",
            r"\ud83d",
            "[]",
            "[^]",
            "a(b",
            "a)b",
            "*a",
            "a{,3}",
            "[z-a]",
            "a\\",
        ),
        *(r'^(?:[^"\\]|\\.)*$', "(a.){2}", "((?:.a)?)+", r"(?=\d)(\d-){1,}"),
        *("." * 17 + "x", ".?" * 17 + "x", ".{400}-.{400}x"),
        *(r"\<a", r"[\d-z]", "[a", "[^a-\uffff]", "(?![a-\uffff])", r"(?!\s)", r"(?=a)[^\s]"),
    ],
)
def test_what_means_something_else_there_is_not_translated(pattern: str) -> None:
    """Unicode's words and classes, looks behind, flags, halves of characters, broken ones; and what
    would be tried in ever more ways there, because much of it is one character or two, or repeated."""
    with pytest.raises(Untranslatable):
        translate(pattern)


CANDIDATES: Final = {
    "date": st.dates().map(str),
    "date-time": st.datetimes().map(lambda each: each.isoformat() + "Z"),
    "duration": st.from_regex(r"\AP([0-9]+[YMWD])?(T[0-9]+[HMS])?\Z"),
    "email": st.emails(),
    "hostname": st.from_regex(r"\A[a-zA-Z0-9._-]{1,9}(\.[a-z]{2,4})?\Z"),
    "idn-email": st.emails() | st.from_regex(r"\A\w{1,4}@\w{1,4}\.\w{1,3}\Z"),
    "ipv4": st.ip_addresses(v=4).map(str),
    "ipv6": st.ip_addresses(v=6).map(str) | st.just("::ffff:1.2.3.4") | st.just("fe80::1%eth0"),
    "iri": st.from_regex(r"\A[a-z][a-z+.-]{0,3}:(//)?\w{0,5}\Z"),
    "json-pointer": st.from_regex(r"\A(/[\w~]{0,3}){0,3}\Z"),
    "relative-json-pointer": st.from_regex(r"\A[0-9]{1,2}(#|(/\w{0,3}){0,2})\Z"),
    "time": st.times().map(lambda each: each.isoformat() + "+01:00"),
    "uri": st.from_regex(r"\A[A-Za-z][a-z0-9+.-]{0,3}:(//)?[a-z0-9%/?#@:]{0,6}\Z"),
    "uuid": st.uuids().map(str) | st.uuids().map(lambda each: each.hex) | st.uuids().map(lambda each: each.urn),
}  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(st.data())
@pytest.mark.parametrize("name", [name for name, looser in FORMATS.items() if looser is not None])
def test_the_pattern_of_a_format_lets_all_of_it_through(name: str, data: st.DataObject) -> None:
    """What the local door takes for that format fits its pattern, here and in ECMAScript."""
    holds = jsonschema_rs.Draft202012Validator({"format": name}, validate_formats=True).is_valid
    text = data.draw(CANDIDATES[name] | st.text(max_size=8))
    pattern = FORMATS[name]
    assert pattern is not None
    again = ours(pattern)

    event(f"{name}: {holds(text)}")
    if holds(text):
        assert theirs(pattern, text)
        assert again is not None
        assert again(text)


def test_every_format_that_the_door_knows_is_judged() -> None:
    """A format that would turn some text away is in the table, and one that is in it does so."""
    known = {
        *(
            "date",
            "date-time",
            "duration",
            "email",
            "hostname",
            "idn-email",
            "idn-hostname",
            "ipv4",
        ),
        *("ipv6", "iri", "iri-reference", "json-pointer", "regex", "relative-json-pointer", "time"),
        *("uri", "uri-reference", "uri-template", "uuid"),
    }
    refused = "\\{[ \n"

    def refuses(name: str) -> bool:
        schema = {"format": name}
        return not jsonschema_rs.Draft202012Validator(schema, validate_formats=True).is_valid(
            refused
        )

    assert set(FORMATS) == {name for name in known if refuses(name)}
    assert not refuses("made-up")
