"""A body that fits a webhook's schema: what `make run` signs and sends to itself.

Pure and always the same for the same schema, so that what a user sees the first time is what the
documentation shows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

import jsonschema_rs
import orjson

from holdfast.compiled import CompiledWebhook
from holdfast.gateway.schema import BodySchema

_FORMATS: Final = {
    "email": "ada@example.com",
    "idn-email": "ada@example.com",
    "uuid": "5f0c1d9e-8a44-4b9c-9a57-2f6f3d0f7f10",
    "date-time": "2024-05-01T12:00:00Z",
    "date": "2024-05-01",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "uri-reference": "/",
    "hostname": "example.com",
    "ipv4": "203.0.113.7",
    "ipv6": "2001:db8::7",
    "ipvanyaddress": "203.0.113.7",
    "ipvanynetwork": "203.0.113.0/24",
    "json-pointer": "/name",
    "regex": ".*",
}
_BY_NAME: Final = {
    "name": "Ada",
    "first_name": "Ada",
    "last_name": "Lovelace",
    "email": "ada@example.com",
    "currency": "EUR",
    "country": "GB",
}
_TEXTS: Final = ("sample", "a", "1", "A", "ABC", "AB", "abc-1", "12345", "0.5", "1.0")
"""Tried in order where a pattern asks for something."""
_DEEPEST: Final = 24
"""A schema may contain itself; by then what is optional has been left out."""


def sample_body(webhook: CompiledWebhook) -> bytes:
    """A small JSON body that the webhook's door accepts; `{}` where no schema says or none fits."""
    if webhook.schema is None:
        return b"{}"
    try:
        body = orjson.dumps(_Sampler(webhook.schema).value(webhook.schema, "", 0))
    except (_Impossible, TypeError):
        return b"{}"
    return b"{}" if BodySchema(webhook.schema).violations(body) else body


class _Impossible(Exception):
    """This part of the schema is beyond a sample."""


class _Sampler:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root

    def value(self, schema: Any, name: str, depth: int) -> Any:
        """A value for this part of the schema. `name`: the property that it is for."""
        if schema is True or schema == {}:
            return _BY_NAME.get(name, "sample")
        if not isinstance(schema, Mapping) or depth > _DEEPEST:
            raise _Impossible
        if "$ref" in schema:
            rest = {key: part for key, part in schema.items() if key != "$ref"}
            return self.value(_merged(self._target(schema["$ref"]), rest), name, depth + 1)
        for candidate in _written(schema):
            if self._fits(schema, candidate):
                return candidate
        if "allOf" in schema:
            return self.value(self._all_of(schema), name, depth + 1)
        for word in ("anyOf", "oneOf"):
            if word in schema:
                return self._one_of(schema, word, name, depth)
        return self._typed(schema, name, depth)

    def _target(self, ref: str) -> Mapping[str, Any]:
        """What a reference inside this schema names."""
        target: Any = self._root
        if not ref.startswith("#"):
            raise _Impossible
        for part in ref[1:].split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(target, Mapping) or key not in target:
                raise _Impossible
            target = target[key]
        return target if isinstance(target, Mapping) else {}

    def _all_of(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        merged: Mapping[str, Any] = {k: part for k, part in schema.items() if k != "allOf"}
        for part in schema["allOf"]:
            if not isinstance(part, Mapping):
                continue
            resolved = self._target(part["$ref"]) if "$ref" in part else part
            merged = _merged(resolved, merged)
        return merged

    def _one_of(self, schema: Mapping[str, Any], word: str, name: str, depth: int) -> Any:
        """The first alternative that works out, null last: a sample shows what can be there."""
        rest = {key: part for key, part in schema.items() if key != word}
        parts = sorted(schema[word], key=lambda part: part == {"type": "null"})
        for part in parts:
            try:
                candidate = self.value(_merged(part, rest), name, depth + 1)
            except _Impossible:
                continue
            if self._fits(schema, candidate):
                return candidate
        raise _Impossible

    def _fits(self, schema: Mapping[str, Any], candidate: Any) -> bool:
        """Judged by the same validator as the door's, with the definitions of the whole schema."""
        whole = {**schema, "$defs": self._root.get("$defs", {})}
        try:
            return jsonschema_rs.Draft202012Validator(whole, validate_formats=True).is_valid(
                candidate
            )
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError):
            return False

    def _typed(self, schema: Mapping[str, Any], name: str, depth: int) -> Any:
        match _kind(schema):
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, name, depth)
            case "integer":
                return _number(schema, whole=True)
            case "number":
                return _number(schema, whole=False)
            case "boolean":
                return True
            case "null":
                return None
            case _:
                return self._text(schema, name)

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        """What is required, and no more than that."""
        properties: Mapping[str, Any] = schema.get("properties", {})
        names = list(schema.get("required", ()))
        optional = (name for name in properties if name not in names)
        while len(names) < schema.get("minProperties", 0):
            names.append(next(optional, f"sample{len(names)}"))
        others = schema.get("additionalProperties", True)
        return {name: self.value(properties.get(name, others), name, depth + 1) for name in names}

    def _array(self, schema: Mapping[str, Any], name: str, depth: int) -> list[Any]:
        """As short as allowed; its items tell themselves apart where they must be unique."""
        wanted = schema.get("minItems", 0)
        parts = schema.get("prefixItems", ())
        items = [self.value(part, name, depth + 1) for part in parts[: wanted or len(parts)]]
        rest = schema.get("items", True)
        while len(items) < wanted:
            items.append(self._another(rest, items, name, depth, schema.get("uniqueItems", False)))
        return items

    def _another(self, part: Any, items: list[Any], name: str, depth: int, unique: bool) -> Any:
        item = self.value(part, name, depth + 1)
        if not unique or item not in items:
            return item
        for candidate in _variations(part, item, len(items)):
            if candidate not in items and self._fits(part, candidate):
                return candidate
        raise _Impossible

    def _text(self, schema: Mapping[str, Any], name: str) -> str:
        """By format, then by the property's name, then whatever pattern and length let through."""
        written = [_FORMATS.get(schema.get("format", ""), ""), _BY_NAME.get(name, ""), *_TEXTS]
        shortest, longest = schema.get("minLength", 0), schema.get("maxLength", math.inf)
        for text in filter(None, written):
            filled = text if len(text) >= shortest else text + text[-1] * (shortest - len(text))
            cut = filled if len(filled) <= longest else filled[: int(longest)]
            if self._fits(schema, cut):
                return cut
        raise _Impossible


def _written(schema: Mapping[str, Any]) -> Iterable[Any]:
    """What the schema's author wrote down as a value, most telling first."""
    yield from schema.get("examples", ())
    if "const" in schema:
        yield schema["const"]
    if "default" in schema and schema["default"] is not None:
        yield schema["default"]
    yield from schema.get("enum", ())


def _merged(one: Any, other: Mapping[str, Any]) -> Mapping[str, Any]:
    """Both at once, as far as a sample needs it: objects add up, the rest is overridden."""
    if not isinstance(one, Mapping):
        return other
    merged = {**one, **other}
    if "properties" in one and "properties" in other:
        merged["properties"] = {**one["properties"], **other["properties"]}
    if "required" in one and "required" in other:
        merged["required"] = list(dict.fromkeys([*one["required"], *other["required"]]))
    return merged


def _kind(schema: Mapping[str, Any]) -> str:
    """The type to make: the first said that is not null, or what the other words imply."""
    said = schema.get("type", ())
    kinds = [said] if isinstance(said, str) else [kind for kind in said if kind != "null"]
    if kinds:
        return str(kinds[0])
    if said:
        return "null"
    if {"properties", "required", "minProperties", "additionalProperties"} & schema.keys():
        return "object"
    if {"items", "prefixItems", "minItems"} & schema.keys():
        return "array"
    if {"minimum", "maximum", "multipleOf", "exclusiveMinimum", "exclusiveMaximum"} & schema.keys():
        return "number"
    return "string"


def _number(schema: Mapping[str, Any], *, whole: bool) -> int | float:
    """The number nearest to 1 that the bounds allow, on the grid of multipleOf."""
    step = schema.get("multipleOf", 1 if whole else None)
    low = max(schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf))
    high = min(schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf))
    if step is None:
        return _between(schema, low, high)
    if whole and step != int(step):
        step = 1
    first = math.ceil(max(low, 1) / step) if high >= 1 else math.floor(high / step)
    for count in (first, first + 1, first - 1):
        number = count * step
        if _inside(schema, number):
            return int(number) if whole else number
    raise _Impossible


def _between(schema: Mapping[str, Any], low: float, high: float) -> int | float:
    middle = (low + high) / 2 if math.isfinite(low) and math.isfinite(high) else low + 1
    for number in (1, low, high, middle, high - 1):
        if math.isfinite(number) and _inside(schema, number):
            return int(number) if number == int(number) else number
    raise _Impossible


def _inside(schema: Mapping[str, Any], number: float) -> bool:
    return bool(
        schema.get("minimum", -math.inf) <= number <= schema.get("maximum", math.inf)
        and number > schema.get("exclusiveMinimum", -math.inf)
        and number < schema.get("exclusiveMaximum", math.inf)
    )


def _variations(part: Any, item: Any, count: int) -> Iterable[Any]:
    """Other values of the same kind, for arrays whose items must differ."""
    if isinstance(part, Mapping):
        yield from part.get("enum", ())
    if isinstance(item, bool):
        yield not item
    elif isinstance(item, int | float):
        yield from (item + count, item - count)
    elif isinstance(item, str):
        yield from (f"{item}{count}", f"{count}{item}"[: len(item)], chr(97 + count % 26))
