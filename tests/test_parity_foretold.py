"""A wider model is believed where the plan names what is wider, and nowhere else."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from random import Random
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import jsonschema_rs
import orjson
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, EmailStr, Field, TypeAdapter

from holdfast.aws.models import model_of
from holdfast.aws.parity.foretold import Foretold
from holdfast.gateway.schema import BodySchema
from holdfast.message import Headers, Request
from plan_kit import one, planned
from schema_kit import Maker


def foretold(schema: Mapping[str, Any]) -> Foretold:
    webhook = one(schema=schema, content_types=("application/json",))
    return Foretold(webhook, planned(webhook))


def request(value: Any) -> Request:
    return Request("POST", "/", "", Headers(), orjson.dumps(value))


def lets_through(schema: Mapping[str, Any], value: Any) -> bool:
    model = model_of(schema).schema
    return jsonschema_rs.Draft4Validator(dict(model)).is_valid(value)


@settings(max_examples=1_000, deadline=None)
@given(st.randoms(use_true_random=True))
def test_whatever_the_model_lets_through_is_foretold(random: Random) -> None:
    """For any schema and value: where the door refuses and the model does not, the plan says why."""
    schema, value = Maker(random).pair()
    try:
        fits = BodySchema(schema).violations(orjson.dumps(value)) == ()
    except ValueError:
        return
    # The validator leaves a name of no letters out of the places that it tells.
    if fits or b'"":' in orjson.dumps(schema) or not lets_through(schema, value):
        return
    event("wider")
    difference = foretold(schema).widened(request(value))

    assert difference is not None, (schema, value)
    assert difference.topic == "schema"


class Person(BaseModel):
    mail: EmailStr
    born: datetime | None = None
    boss: Person | None = None


class Card(BaseModel):
    kind: Literal["card"]
    id: UUID


class Bank(BaseModel):
    kind: Literal["bank"]
    digits: Annotated[int, Field(gt=3)]


class Team(BaseModel):
    people: Annotated[list[Person], Field(min_length=1)]
    lead: Person | None = None
    pays: Annotated[Card | Bank, Field(discriminator="kind")]
    price: Annotated[float, Field(multiple_of=0.01)] = 1


SCHEMA: Final = TypeAdapter(Team).json_schema()
FITS: Final[dict[str, Any]] = {
    "people": [{"mail": "ada@example.com"}],
    "pays": {"kind": "bank", "digits": 4},
}

WIDER: Final[list[tuple[dict[str, Any], str]]] = [
    ({"people": [{"mail": "ada@"}]}, "email is held to the looser pattern"),
    ({"people": [{"mail": "a@example.com", "boss": {"mail": "b@"}}]}, "email is held"),
    ({"lead": {"mail": "ada@"}}, "email is held"),
    ({"price": 0.015}, "a fraction divides"),
]


@pytest.mark.parametrize(("changed", "why"), WIDER)
def test_what_a_model_of_pydantic_leaves_out_is_foretold(changed: dict[str, Any], why: str) -> None:
    """In lists, behind references, in what may be null; by the sentence of the very keyword."""
    assert lets_through(SCHEMA, {**FITS, **changed})
    difference = foretold(SCHEMA).widened(request({**FITS, **changed}))

    assert difference is not None
    assert why in difference.aws


@pytest.mark.parametrize(
    "changed",
    [
        {"people": []},
        {"people": [{"mail": 7}]},
        {"people": [{"mail": "ada@"}], "price": "x"},
        {"lead": {"mail": "ada@", "born": 7}},
        {"lead": 7},
        {"pays": {"kind": "bank"}},
        {"pays": {"kind": "bank", "digits": 3}},
        {"pays": {"kind": "cash"}},
    ],
)
def test_what_the_model_holds_is_no_excuse(changed: dict[str, Any]) -> None:
    """A model that lets one of these through has lost something that nobody said."""
    assert not lets_through(SCHEMA, {**FITS, **changed})
    assert foretold(SCHEMA).widened(request({**FITS, **changed})) is None


@pytest.mark.parametrize(
    ("body", "topic"),
    [
        (b'{"a":1,"a":2}', "schema"),
        (b"[" * 70 + b"]" * 70, "schema"),
        (b"", "empty body"),
        (b"{", None),
        (b"\xff{}", None),
        (b'{"a":"\xff"}', "invalid UTF-8"),
    ],
)
def test_a_stricter_reading_of_json_is_foretold(body: bytes, topic: str | None) -> None:
    """Keys given twice and deep nesting, but not what is no JSON to anybody."""
    made = foretold({"type": "object"})
    difference = made.widened(dataclasses.replace(request({}), body=body))

    assert (difference.topic if difference else None) == topic


def test_a_model_that_was_too_large_says_so_for_all() -> None:
    """Only an outline of it is there."""
    options = [f"option {number:06}" for number in range(30_000)]
    made = foretold({"type": "object", "properties": {"kind": {"enum": options, "type": "string"}}})

    difference = made.widened(request({"kind": "another"}))

    assert difference is not None
    assert "everything below" in difference.here


@pytest.mark.parametrize(
    ("cause", "answers", "topic"),
    [
        ({"body": b" " * 300_000}, (200, 413), "size"),
        ({"body": b" " * 300}, (200, 413), None),
        ({"headers": Headers((("content-type", "text/x"),))}, (200, 415), "content type"),
        ({"headers": Headers((("content-type", "application/json"),))}, (200, 415), None),
        ({"headers": Headers()}, (200, 415), None),
        ({}, (503, 504), "answers"),
        ({}, (200, 500), None),
        ({"body": b"\xff"}, (200, 400), "invalid UTF-8"),
        ({"body": b"\xff"}, (200, 500), None),
        ({"body": b""}, (200, 403), None),
        ({"body": b""}, (403, 200), None),
        ({"body": b"\xff"}, (405, 401), None),
        ({"body": b"{}"}, (200, 400), None),
    ],
)
def test_an_answer_is_foretold_where_its_cause_is_there(
    cause: dict[str, Any], answers: tuple[int, int], topic: str | None
) -> None:
    """And only there: a small body that is too large, a known type that is not, are faults."""
    webhook = one(content_types=("application/json",))
    asked = dataclasses.replace(request({}), **cause)
    difference = Foretold(webhook, planned(webhook)).answer(asked, *answers, "", 0)

    assert (difference.topic if difference else None) == topic
