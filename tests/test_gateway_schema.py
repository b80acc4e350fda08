"""The door's reading of JSON and its schema check."""

from __future__ import annotations

import json
from collections.abc import Callable

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_scene import ADA, USER_SCHEMA
from holdfast.gateway.schema import (
    COMMAS_MAX,
    DEPTH_MAX,
    VIOLATIONS_MAX,
    BodySchema,
    NotStrict,
    Violation,
    pointer,
    read,
)

USER = BodySchema(USER_SCHEMA)
ANYTHING = BodySchema({})


def test_what_fits_has_no_violations() -> None:
    """The reference user passes."""
    assert USER.violations(ADA) == ()


def test_the_reference_violation() -> None:
    """A user under age is told where, which rule, and what it asks for."""
    young = b'{"name":"Ada","age":3,"email":"ada@example.com"}'

    assert USER.violations(young) == (
        Violation("/age", "value is less than the minimum of 18", "minimum", 18),
    )


def test_every_violation_is_told() -> None:
    """Missing, wrong and malformed fields are told in one answer."""
    found = USER.violations(b'{"name":7,"email":"nobody"}')

    assert {(v.path, v.keyword, v.expected) for v in found} == {
        ("", "required", "age"),
        ("/name", "type", "string"),
        ("/email", "format", "email"),
    }


@pytest.mark.parametrize(
    ("email", "good"),
    [
        ("ada@example.com", True),
        ("a.b+c@sub.example.org", True),
        ("ada", False),
        ("Ada <ada@example.com>", False),
        ("@example.com", False),
    ],
)
def test_formats_are_checked(email: str, good: bool) -> None:
    """`format` is a rule here, not an annotation; a display name is no address."""
    body = orjson.dumps({"name": "Ada", "age": 36, "email": email})

    assert (USER.violations(body) == ()) == good


@pytest.mark.parametrize(
    ("body", "keyword"),
    [
        (b"", "json"),
        (b"  ", "json"),
        (b"not json", "json"),
        (b'{"a":1} x', "json"),
        (b'{"a":1}{"a":1}', "json"),
        (b'{"a":1,}', "json"),
        (b"NaN", "json"),
        (b'{"a":Infinity}', "json"),
        (b'{"a":-Infinity}', "json"),
        (b"\xff\xfe", "json"),
        (b'"\xe9"', "json"),
        (b'"\xed\xa0\x80"', "json"),
        (b'"\\ud800"', "json"),
        (b"\xef\xbb\xbf{}", "json"),
        ('{"a":1}'.encode("utf-16"), "json"),
        (b"1e400", "json"),
        (b"1" * 400, "json"),
        (b"9" * 100_000, "json"),
        (b"[" * 100_000, "json"),
        (b"[" * 100_000 + b"]" * 100_000, "json"),
        (b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1), "depth"),
        (b'{"a":' * (DEPTH_MAX + 1) + b"1" + b"}" * (DEPTH_MAX + 1), "depth"),
    ],
)
def test_what_is_not_strict_json_is_refused(body: bytes, keyword: str) -> None:
    """Everything that readers of JSON disagree about is one violation, whatever the schema."""
    assert [v.keyword for v in ANYTHING.violations(body)] == [keyword]


@pytest.mark.parametrize(
    "body",
    [
        b"[" * DEPTH_MAX + b"]" * DEPTH_MAX,
        b"[" + b"[],{}," * 500 + b"1]",
        b"123456789012345678901234567890",
        b"1e308",
        b'{"a":[{"b":1},{"b":1}],"b":{"a":1}}',
        b'{"url":"https://example.com:80/a:b","at":"12:30:00"}',
        b'{"\\u003a":":"}',
        b'"\\u0000"',
    ],
)
def test_what_is_unusual_but_sound_is_read(body: bytes) -> None:
    """Deep enough, wide, large numbers, colons everywhere: none of it is a mistake."""
    assert ANYTHING.violations(body) == ()


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b'{"a":1,"a":1}', "/a"),
        (b'{"a":1,"b":2,"a":{"c":3}}', "/a"),
        (b'{"users":[{"id":1},{"id":2,"id":3}]}', "/users/1/id"),
        (b'{"a/b~c":1,"a/b~c":2}', "/a~1b~0c"),
        (b'{"a":1,"\\u0061":2}', "/a"),
        (b'{"a":"x:y","a":"\\u003a"}', "/a"),
        (b'{"a":1,"a":"::"}', "/a"),
        (b'{"a":"::::","a":1}', "/a"),
        (b'{"":1,"":2}', "/"),
    ],
)
def test_a_key_given_twice_is_refused_with_its_place(body: bytes, place: str) -> None:
    """No escape and no colon in a value hides a repeated key."""
    assert ANYTHING.violations(body) == (
        Violation(place, "the key is given more than once", "uniqueKeys", None),
    )


KEYS = st.text(alphabet='ab:"\\\u003a', max_size=2)
VALUES: st.SearchStrategy[str] = st.recursive(
    st.text(alphabet='a:"\\ ', max_size=4).map(json.dumps) | st.just("1") | st.just('"\\u003A"'),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda parts: f"[{', '.join(parts)}]")
        | st.lists(st.tuples(KEYS.map(json.dumps), inner), max_size=4).map(
            lambda pairs: "{" + ", ".join(f"{key} : {value}" for key, value in pairs) + "}"
        )
    ),
    max_leaves=12,
)


@given(VALUES)
def test_repeated_keys_are_found_exactly(text: str) -> None:
    """The cheap count agrees with a reader that looks at every key."""
    repeated = False

    def note(pairs: list[tuple[str, object]]) -> dict[str, object]:
        nonlocal repeated
        repeated = repeated or len(dict(pairs)) != len(pairs)
        return dict(pairs)

    json.loads(text, object_pairs_hook=note)

    assert bool(ANYTHING.violations(text.encode())) == repeated


@given(st.binary(max_size=60) | st.text(max_size=40).map(str.encode) | VALUES.map(str.encode))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    """Garbage is one documented error, never another; what is read is what orjson reads."""
    try:
        value = read(body)
    except NotStrict:
        return

    assert value == orjson.loads(body)


def test_the_number_of_violations_is_bounded() -> None:
    """A body that is wrong in every place does not make an endless answer."""
    schema = BodySchema({"items": {"type": "string"}})

    assert len(schema.violations(orjson.dumps([1] * 500))) == VIOLATIONS_MAX
    assert len(schema.violations(orjson.dumps([1] * (COMMAS_MAX + 2)))) == 1


def test_values_are_not_echoed_and_texts_are_short() -> None:
    """What the sender wrote, however long, does not come back."""
    schema = BodySchema({"properties": {"a": {"maxLength": 3}}, "additionalProperties": False})
    body = orjson.dumps({"a": "secret" * 1000, "k" * 5000: 1})

    for violation in schema.violations(body):
        assert len(violation.message) <= 200
        assert len(violation.path) <= 200
        assert "secret" not in violation.message


def test_what_a_rule_expects_is_told_where_it_says_something() -> None:
    """Enumerations, constants and types come along; whole schemas do not."""
    schema = BodySchema(
        {
            "properties": {
                "enum": {"enum": [1, 2]},
                "const": {"const": "x"},
                "types": {"type": ["string", "null"]},
                "any": {"anyOf": [{"type": "string"}]},
            }
        }
    )
    found = schema.violations(b'{"enum":3,"const":"y","types":1,"any":1}')

    assert {v.path: v.expected for v in found} == {
        "/enum": [1, 2],
        "/const": "x",
        "/types": ["null", "string"],
        "/any": None,
    }


BROKEN: list[Callable[[], BodySchema]] = [
    lambda: BodySchema({"type": "nope"}),
    lambda: BodySchema({"pattern": "("}),
    lambda: BodySchema({"$ref": "http://schemas.invalid/user.json"}),
]


@pytest.mark.parametrize("make", BROKEN)
def test_a_schema_that_cannot_compile_says_so(make: Callable[[], BodySchema]) -> None:
    """It is a ValueError when the webhook is made, and nothing is fetched from another host."""
    with pytest.raises(ValueError, match=r".+"):
        make()


@given(st.lists(st.text() | st.integers(min_value=0), max_size=5))
def test_pointers_can_be_read_back(path: list[str | int]) -> None:
    """RFC 6901, unless it had to be cut."""
    text = pointer(path)
    steps = [step.replace("~1", "/").replace("~0", "~") for step in text.split("/")[1:]]

    assert steps == [str(step) for step in path] or len(text) == 200
