"""Sample bodies: whatever the schema, the door accepts them."""

from __future__ import annotations

import datetime as dt
import enum
import json
import uuid
from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, EmailStr, Field, HttpUrl, IPvAnyAddress, TypeAdapter, create_model

from holdfast.compile import compile_app
from holdfast.compiled import CompiledWebhook
from holdfast.definition import App
from holdfast.gateway.schema import BodySchema
from holdfast.sample import sample_body


def webhook_for(body: Any = None, schema: dict[str, Any] | None = None) -> CompiledWebhook:
    app = App()

    @app.webhook("/u", body=body, schema=schema)
    def work() -> None: ...

    return compile_app(app).webhooks[0]


class Color(enum.Enum):
    RED = "red"


class Node(BaseModel):
    label: str
    children: list[Node] = []
    parent: Node | None


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: Annotated[int, Field(ge=1, le=9)]


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str


class Everything(BaseModel):
    """One field of each common kind, every one of them required."""

    text: Annotated[str, Field(min_length=20)]
    code: Annotated[str, Field(max_length=2)]
    amount: Annotated[Decimal, Field(gt=0)]
    share: Annotated[float, Field(gt=0, lt=1)]
    even: Annotated[int, Field(multiple_of=2, gt=10)]
    below: Annotated[int, Field(lt=-5)]
    yes: bool
    nothing: None
    at: dt.datetime
    day: dt.date
    took: dt.timedelta
    id: uuid.UUID
    mail: EmailStr
    site: HttpUrl
    address: IPvAnyAddress
    color: Color
    word: Literal["a", "b"]
    either: int | str
    maybe: str | None
    listed: Annotated[list[int], Field(min_length=3)]
    unique: Annotated[set[int], Field(min_length=2)]
    pair: tuple[int, str]
    table: dict[str, int]
    filled: Annotated[dict[str, int], Field(min_length=1)]
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    node: Node
    anything: Any


def test_a_sample_has_one_of_everything() -> None:
    """Every common type of field gets a value that the door and the model accept."""
    webhook = webhook_for(Everything)
    body = sample_body(webhook)

    assert Everything.model_fields.keys() == json.loads(body).keys()
    Everything.model_validate_json(body)


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({}, "sample"),
        ({"type": "object"}, {}),
        ({"type": "object", "properties": {"a": {}}}, {}),
        ({"type": "object", "required": ["name"]}, {"name": "Ada"}),
        ({"const": 7}, 7),
        ({"enum": ["b", "a"]}, "b"),
        ({"type": "integer", "default": 5}, 5),
        ({"type": "integer", "examples": ["no", 6]}, 6),
        ({"type": ["null", "integer"]}, 1),
        ({"type": "number", "minimum": 0.25, "maximum": 0.5}, 0.25),
        ({"type": "number", "exclusiveMinimum": 2}, 3),
        ({"type": "string", "format": "ipv4"}, "203.0.113.7"),
        ({"type": "string", "pattern": "^[0-9]+$"}, "1"),
        ({"oneOf": [{"type": "null"}, {"type": "boolean"}]}, True),
        ({"allOf": [{"required": ["a"]}, {"properties": {"a": {"type": "integer"}}}]}, {"a": 1}),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "boolean"}}}, True),
    ],
)
def test_a_sample_follows_the_schema(schema: dict[str, Any], expected: Any) -> None:
    """What the author wrote comes first, then the least that fits."""
    assert json.loads(sample_body(webhook_for(schema=schema))) == expected


@pytest.mark.parametrize(
    "schema",
    [
        None,
        {"type": "string", "pattern": "^[A-Z]{3}-[0-9]{4}$"},
        {"not": {}},
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}},
        {"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}},
    ],
)
def test_an_empty_object_where_nothing_better_is_known(schema: dict[str, Any] | None) -> None:
    """A schema beyond a sample costs nothing but the sample."""
    assert sample_body(webhook_for(schema=schema)) == b"{}"


def test_the_same_schema_gives_the_same_sample() -> None:
    """A sample is documentation: it does not change from run to run."""
    webhook = webhook_for(Everything)

    assert sample_body(webhook) == sample_body(replace(webhook))


bounds = st.integers(-1000, 1000)
texts = st.builds(
    lambda low, more: Field(min_length=low, max_length=low + more), *[st.integers(0, 30)] * 2
)
whole = st.builds(lambda low, more: Field(ge=low, le=low + more), bounds, st.integers(0, 50))
broken = st.builds(lambda low, more: Field(gt=low, lt=low + more), bounds, st.integers(1, 50))
scalars: st.SearchStrategy[Any] = st.one_of(
    texts.map(lambda field: Annotated[str, field]),
    whole.map(lambda field: Annotated[int, field]),
    broken.map(lambda field: Annotated[float, field]),
    st.sampled_from([bool, str, int, float, EmailStr, uuid.UUID, dt.datetime, None]),
    st.lists(st.text(max_size=5), min_size=1, max_size=3, unique=True).map(
        lambda words: Literal[tuple(words)]
    ),
)


def models(fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Models whose fields are of these types, some of them optional."""
    names = st.sampled_from(["name", "a", "b", "email", "total"])
    return st.dictionaries(names, st.tuples(fields, st.booleans()), max_size=4).map(
        lambda chosen: create_model(
            "Model",
            **{
                name: (kind | None, None) if optional and kind is not None else (kind, ...)
                for name, (kind, optional) in chosen.items()
            },  # type: ignore[call-overload]  # the fields are made up as we go
        )
    )


types = st.recursive(
    scalars,
    lambda inner: st.one_of(
        inner.map(lambda kind: list[kind]),  # type: ignore[valid-type]  # a type made up as we go
        inner.map(lambda kind: dict[str, kind]),  # type: ignore[valid-type]  # as above
        st.tuples(inner, inner).map(lambda kinds: tuple[kinds]),  # type: ignore[valid-type]  # as above
        models(inner),
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(models(types))
def test_a_sample_fits_whatever_model_there_is(model: Any) -> None:
    """For any model of common types the sample passes the door, and then the model itself."""
    webhook = webhook_for(model)
    body = sample_body(webhook)

    assert webhook.schema is not None
    assert BodySchema(webhook.schema).violations(body) == ()
    TypeAdapter(model).validate_json(body)
