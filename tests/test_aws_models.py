"""The model at API Gateway's door: draft-04, never stricter than the schema, and honest about it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from random import Random
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import jsonschema_rs
import orjson
import pytest
from hypothesis import Phase, event, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, EmailStr, Field, TypeAdapter

from holdfast.aws.models import DRAFT, MODEL_MAX_BYTES, Model, model_of
from holdfast.aws.patterns import FORMATS
from holdfast.gateway.schema import BodySchema
from schema_kit import Maker

TAKEN: Final = frozenset(
    (
        *("$schema", "$ref", "definitions", "type", "enum", "allOf", "anyOf", "oneOf", "not"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        *("minLength", "maxLength", "pattern"),
        *("items", "additionalItems", "minItems", "maxItems", "uniqueItems"),
        *("properties", "patternProperties", "additionalProperties", "required"),
        *("minProperties", "maxProperties", "dependencies"),
    )
)
"""Draft-04 without `id`, `format`, `default`, `title` and `description`: what a model may hold."""

INTEGER: Final = {"type": "number", "multipleOf": 1}


def keywords(node: Any) -> Iterator[str]:
    """Every keyword of a schema, at any depth."""
    if isinstance(node, list):
        for each in node:
            yield from keywords(each)
    if not isinstance(node, Mapping):
        return
    yield from node
    for keyword, said in node.items():
        if keyword in ("properties", "patternProperties", "definitions", "dependencies"):
            for each in said.values():
                yield from keywords(each) if isinstance(each, Mapping) else ()
        elif keyword != "enum":
            yield from keywords(said)


def door_of(model: Model) -> jsonschema_rs.Draft4Validator:
    """The model as API Gateway would take it: it must pass the metaschema, hold known keywords only,
    fit in, and survive a template, which holds no null and has a meaning of its own for `Ref`."""
    jsonschema_rs.meta.validate(dict(model.schema))
    assert set(keywords(model.schema)) <= TAKEN
    assert len(orjson.dumps(model.schema)) <= MODEL_MAX_BYTES
    text = json.dumps(model.schema, separators=(",", ":"))
    assert not any(each in text for each in (":null", "[null", ",null", '{"Ref":'))
    return jsonschema_rs.Draft4Validator(dict(model.schema), validate_formats=True)


def accepted(schema: Mapping[str, Any], value: Any) -> tuple[bool, bool]:
    """Whether the local door and the model let a value through."""
    body = orjson.dumps(value)
    return BodySchema(schema).violations(body) == (), door_of(model_of(schema)).is_valid(value)


@settings(max_examples=600, deadline=None)
@given(st.randoms(use_true_random=True))
def test_what_the_schema_accepts_the_model_accepts(random: Random) -> None:
    """For any schema and value, written as a user or pydantic might; most of them fit."""
    schema, value = Maker(random).pair()
    try:
        BodySchema(schema)
    except ValueError:
        event("not a schema")
        return
    full, model = accepted(schema, value)

    event("fits" if full else "does not fit", "and the model agrees" if full == model else "wider")
    assert model or not full, (schema, value)


@pytest.mark.parametrize(
    ("schema", "model"),
    [
        ({"const": "a"}, {"enum": ["a"]}),
        ({"const": None}, {"type": "null"}),
        ({"enum": ["a", None]}, {"anyOf": [{"enum": ["a"]}, {"type": "null"}]}),
        ({"enum": [1, 1.0, True, "1", [1], [1.0]]}, {"enum": [1, True, "1", [1]]}),
        ({"enum": []}, {"not": {}}),
        ({"type": "integer"}, INTEGER),
        ({"type": ["integer", "null"]}, {"type": ["number", "null"], "multipleOf": 1}),
        ({"type": ["integer", "number"]}, {"type": "number"}),
        (
            {"type": "integer", "exclusiveMinimum": 18, "exclusiveMaximum": 30.5},
            {**INTEGER, "minimum": 19, "maximum": 30},
        ),
        ({"exclusiveMinimum": 0.5}, {"minimum": 0.5, "exclusiveMinimum": True}),
        ({"minimum": 1, "exclusiveMinimum": 0}, {"minimum": 1}),
        ({"minimum": 1, "exclusiveMinimum": 1}, {"minimum": 1, "exclusiveMinimum": True}),
        ({"type": "integer", "multipleOf": 5.0}, {"type": "number", "multipleOf": 5}),
        ({"minLength": 2.0, "maxLength": 2**40}, {"minLength": 2}),
        ({"required": [], "properties": {"a": True}}, {"properties": {"a": {}}}),
        ({"properties": {"a": False}}, {"properties": {"a": {"not": {}}}}),
        ({"additionalProperties": False}, {"additionalProperties": False}),
        ({"additionalProperties": True}, {}),
        (
            {"prefixItems": [{"type": "string"}], "items": False, "maxItems": 1},
            {"items": [{"type": "string"}], "additionalItems": False, "maxItems": 1},
        ),
        ({"prefixItems": [True], "items": {}}, {"items": [{}], "additionalItems": {}}),
        ({"prefixItems": [True]}, {"items": [{}]}),
        ({"items": False, "maxItems": 3}, {"maxItems": 0}),
        ({"dependentRequired": {"a": ["b"], "c": []}}, {"dependencies": {"a": ["b"]}}),
        (
            {"dependentRequired": {"a": ["b"]}, "dependentSchemas": {"a": {"minProperties": 2}}},
            {"dependencies": {"a": {"allOf": [{"required": ["b"]}, {"minProperties": 2}]}}},
        ),
        (
            {"discriminator": {"propertyName": "a"}, "nullable": True, "x-a": 1, "format": "money"},
            {},
        ),
        ({"default": 1, "examples": [1], "title": "A", "description": "b", "readOnly": True}, {}),
        ({"contains": {"const": 1}, "minContains": 0}, {}),
        ({"if": {"const": 1}}, {}),
        ({"not": {"type": "null"}}, {"not": {"type": "null"}}),
        ({"type": "string", "pattern": "^[a-z]$"}, {"type": "string", "pattern": "^[a-z]$"}),
        (
            {"patternProperties": {"^x-": {"type": "string"}}, "additionalProperties": False},
            {"patternProperties": {"^x-": {"type": "string"}}, "additionalProperties": False},
        ),
        (
            {
                "$defs": {"a b": {"minimum": 1}},
                "properties": {"n": {"$ref": "#/$defs/a%20b", "maximum": 9}},
            },
            {
                "properties": {"n": {"maximum": 9, "allOf": [{"$ref": "#/definitions/ab"}]}},
                "definitions": {"ab": {"minimum": 1}},
            },
        ),
        (
            {
                "$defs": {"a": {"$anchor": "here", "minimum": 1}},
                "items": {"$ref": "#here", "title": "t"},
            },
            {"items": {"$ref": "#/definitions/a"}, "definitions": {"a": {"minimum": 1}}},
        ),
        (
            {"$defs": {"n": {"properties": {"next": {"$ref": "#/$defs/n"}}}}, "$ref": "#/$defs/n"},
            {
                "properties": {"next": {"$ref": "#/definitions/n"}},
                "definitions": {"n": {"properties": {"next": {"$ref": "#/definitions/n"}}}},
            },
        ),
        (
            {"$defs": {"Ref": {"minimum": 1}}, "items": {"$ref": "#/$defs/Ref"}},
            {"items": {"$ref": "#/definitions/Ref2"}, "definitions": {"Ref2": {"minimum": 1}}},
        ),
        (
            {"properties": {"next": {"$ref": "#"}}},
            {
                "properties": {"next": {"$ref": "#/definitions/Root"}},
                "definitions": {"Root": {"properties": {"next": {"$ref": "#/definitions/Root"}}}},
            },
        ),
    ],
)
def test_what_draft_04_can_say_is_said(schema: dict[str, Any], model: dict[str, Any]) -> None:
    """Each rule by itself: the same meaning in the older words, and nothing is reported."""
    made = model_of(schema)

    door_of(made)
    assert made == Model({"$schema": DRAFT, **model}, ())


@pytest.mark.parametrize(
    ("schema", "model", "lost"),
    [
        ({"format": "email"}, {"pattern": "^[^@]+@"}, [("", "format")]),
        ({"format": "regex"}, {}, [("", "format")]),
        (
            {"format": "uri", "pattern": "^h"},
            {"pattern": "^h", "allOf": [{"pattern": FORMATS["uri"]}]},
            [("", "format")],
        ),
        ({"pattern": "^.{1,2}$"}, {"pattern": "^.{1,4}$"}, [("", "pattern")]),
        ({"pattern": r"\bword"}, {}, [("", "pattern")]),
        ({"type": "number", "multipleOf": 0.01}, {"type": "number"}, [("", "multipleOf")]),
        ({"minLength": 2**40}, {}, [("", "minLength")]),
        ({"if": {"const": 1}, "then": {"const": 1}}, {}, [("", "if")]),
        ({"contains": {"const": 1}}, {}, [("", "contains")]),
        ({"contains": {"const": 1}, "minContains": 0, "maxContains": 1}, {}, [("", "contains")]),
        ({"propertyNames": {"maxLength": 3}}, {}, [("", "propertyNames")]),
        ({"unevaluatedProperties": False}, {}, [("", "unevaluatedProperties")]),
        ({"unevaluatedItems": {"const": 1}}, {}, [("", "unevaluatedItems")]),
        ({"$dynamicRef": "#"}, {}, [("", "$dynamicRef")]),
        ({"const": {"a": None}}, {}, [("", "const")]),
        ({"enum": [1, [None]]}, {}, [("", "enum")]),
        ({"enum": [1, [2**53]]}, {}, [("", "enum")]),
        ({"maximum": 2**70, "minimum": -(2**53)}, {}, [("", "minimum"), ("", "maximum")]),
        ({"exclusiveMinimum": 1e20}, {}, [("", "exclusiveMinimum")]),
        ({"multipleOf": 1e20}, {}, [("", "multipleOf")]),
        (
            {"properties": {"Ref": {"type": "null"}, "a": True}, "additionalProperties": False},
            {"properties": {"a": {}}},
            [("/properties", "Ref"), ("", "additionalProperties")],
        ),
        ({"const": [{"Fn::Sub": 1}]}, {}, [("", "const")]),
        ({"dependentRequired": {"Ref": ["a"]}}, {}, [("", "dependentRequired")]),
        ({"patternProperties": {"Ref": False}}, {}, [("", "patternProperties")]),
        (
            {
                "patternProperties": {"^.$": {"const": 1}, "^a": {"const": 2}},
                "additionalProperties": False,
            },
            {"patternProperties": {"^a": {"enum": [2]}}},
            [("", "patternProperties"), ("", "additionalProperties")],
        ),
        ({"not": {"format": "uri"}}, {}, [("", "not")]),
        (
            {"oneOf": [{"format": "regex"}, {"type": "null"}]},
            {"anyOf": [{}, {"type": "null"}]},
            [("/oneOf/0", "format"), ("", "oneOf")],
        ),
        (
            {
                "$defs": {"a/b": {"format": "regex"}},
                "properties": {"c": {"not": {"$ref": "#/$defs/a~1b"}}},
            },
            {"properties": {"c": {}}},
            [("/properties/c", "not")],
        ),
        (
            {"properties": {"a": {"$id": "https://x.example/a", "items": {"$ref": "#"}}}},
            {"properties": {"a": {"items": {}}}},
            [("/properties/a/items", "$ref")],
        ),
        ({"$ref": "https://json-schema.org/draft/2020-12/schema"}, {}, [("", "$ref")]),
    ],
)
def test_what_it_cannot_say_is_left_out_and_named(
    schema: dict[str, Any], model: dict[str, Any], lost: list[tuple[str, str]]
) -> None:
    """With the place in the full schema, the keyword, and why in words."""
    BodySchema(schema)
    made = model_of(schema)

    door_of(made)
    assert made.schema == {"$schema": DRAFT, **model}
    assert [(each.path, each.keyword) for each in made.widenings] == lost
    assert all(each.why for each in made.widenings)


def test_a_root_that_is_no_object_is_a_model_too() -> None:
    """`true` lets all through, `false` nothing."""
    assert model_of(True).schema == {"$schema": DRAFT}
    assert model_of(False).schema == {"$schema": DRAFT, "not": {}}


def test_a_reference_to_the_documents_own_address_is_followed() -> None:
    """By its `$id`, as by nothing."""
    own = "https://x.example/user"
    schema = {"$id": own, "$defs": {"a": {"minimum": 1}}, "items": {"$ref": f"{own}#/$defs/a"}}

    made = model_of(schema)

    assert made == model_of({"$defs": {"a": {"minimum": 1}}, "items": {"$ref": "#/$defs/a"}})
    assert accepted(schema, [0]) == (False, False)


@pytest.mark.parametrize("described", [True, False])
def test_a_model_that_is_too_large_says_less(described: bool) -> None:
    """Names and types while there is room, then only what holds for the whole; and it is told."""
    options = [f"option {number:06}" for number in range(30_000)]
    named = {"kind": {"enum": options, "type": "string"}}
    many = {f"property {number:06} {'x' * 20}": {"type": "string"} for number in range(10_000)}
    schema = {"type": "object", "properties": named if described else many, "required": ["kind"]}

    made = model_of(schema)

    kept = {"type": "object", "required": ["kind"]}
    named_kept = {"properties": {"kind": {"type": "string"}}} if described else {}
    assert made.schema == {"$schema": DRAFT, **kept, **named_kept}
    assert [each.keyword for each in made.widenings] == ["everything below the first properties"]
    door_of(made)


def test_definitions_nested_deeply_are_no_obstacle() -> None:
    """A chain of references a thousand long is followed without a stack as deep."""
    chain = {f"d{at}": {"items": {"$ref": f"#/$defs/d{at + 1}"}} for at in range(1_000)}

    made = model_of({"$defs": {**chain, "d1000": {"type": "null"}}, "$ref": "#/$defs/d0"})

    assert len(made.schema["definitions"]) == 1_001
    assert made.widenings == ()


class Colour(Enum):
    RED = "red"
    NONE = None


class Tagged(BaseModel):
    kind: Literal["a"]
    sent: datetime


class Other(BaseModel):
    kind: Literal["b"]
    price: Decimal = Field(gt=0, decimal_places=2)


class Tree(BaseModel):
    """Any pydantic model of a user: nested, recursive, constrained, aliased."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    mail: EmailStr = Field(alias="e-mail")
    born: date | None = None
    took: timedelta = timedelta(0)
    age: Annotated[int, Field(gt=17, lt=100, multiple_of=1)] = 18
    ratio: Annotated[float, Field(ge=0, lt=1)] = 0.5
    colour: Colour = Colour.RED
    code: Annotated[str, Field(pattern=r"^[A-Z]{2}\d+$", max_length=6)] = "AB1"
    pair: tuple[int, str] = (1, "")
    tags: set[str] = Field(default=set(), max_length=3)
    counts: dict[Annotated[str, Field(pattern="^[a-z]+$")], Annotated[int, Field(ge=0)]] = {}
    item: Annotated[Tagged | Other, Field(discriminator="kind")] | None = None
    children: list[Tree] = []


def trees(depth: int = 2) -> st.SearchStrategy[dict[str, Any]]:
    """What a tree is made of."""
    fields: dict[str, st.SearchStrategy[Any]] = {
        "id": st.uuids(),
        "e-mail": st.emails(),
        "born": st.none() | st.dates(),
        "took": st.integers(0, 10**6).map(lambda seconds: timedelta(seconds=seconds)),
        "age": st.integers(18, 99),
        "ratio": st.floats(0, 1, exclude_max=True),
        "colour": st.sampled_from(Colour),
        "code": st.from_regex(r"\A[A-Z]{2}[0-9]{1,4}\Z"),
        "pair": st.tuples(st.integers(-(2**63), 2**63 - 1), st.text(max_size=4)),
        "tags": st.sets(st.text(max_size=4), max_size=3),
        "counts": st.dictionaries(st.from_regex(r"\A[a-z]{1,3}\Z"), st.integers(0, 9), max_size=3),
        "item": st.none()
        | st.builds(Tagged, sent=st.datetimes(timezones=st.just(UTC)))
        | st.builds(Other, price=st.decimals("0.01", 999, places=2)),
        "children": st.lists(trees(depth - 1), max_size=2) if depth else st.just([]),
    }
    return st.fixed_dictionaries(fields)


TREE: Final = TypeAdapter(Tree).json_schema()


@settings(max_examples=60, deadline=None, phases=[Phase.generate])
@given(trees(), st.randoms(use_true_random=True))
def test_a_model_of_pydantic_lets_its_instances_through(
    fields: dict[str, Any], random: Random
) -> None:
    """What a sender writes from the same model passes both doors, also once some field is spoilt
    in a way that the full schema does not mind."""
    sent = Tree.model_validate(fields).model_dump(mode="json", by_alias=True)
    spoilt = dict(sent)
    name = random.choice(list(spoilt))
    spoilt[name] = Maker(random).value(2)

    for value in (sent, spoilt):
        full, model = accepted(TREE, value)
        event(f"{'as it came' if value is sent else 'spoilt'}: {full}")
        assert model or not full, value


def test_the_door_turns_away_what_it_can() -> None:
    """Widened as it is, the model of a pydantic model still refuses the usual mistakes."""
    door = door_of(model_of(TREE))
    sound = {"id": "123e4567-e89b-12d3-a456-426614174000", "e-mail": "ada@example.com"}
    assert door.is_valid(sound)

    mistakes: list[tuple[str, Any]] = [
        *(("id", "1"), ("e-mail", "ada"), ("born", "soon"), ("took", "long"), ("colour", "blue")),
        *(("age", 17), ("ratio", 1.0), ("code", "ab1"), ("pair", [1]), ("tags", ["a", "a"])),
        *(("counts", {"a": -1}), ("item", {"kind": "c"}), ("children", [{}]), ("another", 1)),
    ]
    for name, value in mistakes:
        assert not door.is_valid({**sound, name: value}), name
    assert not door.is_valid({"id": sound["id"]})
    lost = {(each.path, each.keyword) for each in model_of(TREE).widenings}
    assert ("/$defs/Tree/properties/e-mail", "format") in lost
