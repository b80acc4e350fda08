"""Schemas made to fit a value: the value is drawn first, then keywords that it satisfies.

So most pairs are accepted by the full schema, which is where a model that is too strict shows.
Everything comes from one `Random`: strategies that build themselves a choice at a time take a tenth
of a second for a pair, and thousands are wanted.
"""

from __future__ import annotations

import re
from random import Random
from typing import Any, Final

NAMES: Final = ("a", "b", "id", "x-y", "naïve", "Ref", "a/b", "~", "😀", "")
LIKE_A_FORMAT: Final = (
    *(("email", "ada@example.com"), ("email", '"a b"@example.com'), ("email", "nobody")),
    *(("date-time", "2030-01-01T00:00:00Z"), ("date-time", "2030-01-01t00:00:00.123+01:00")),
    *(("date", "2030-02-28"), ("time", "10:00:00Z"), ("duration", "P1DT2H")),
    *(("uuid", "123e4567-E89B-12d3-a456-426614174000"), ("ipv4", "203.0.113.7")),
    *(("ipv6", "::ffff:203.0.113.7"), ("uri", "urn:isbn:1"), ("hostname", "a-b.example")),
    *(("uri", "https://example.com/a?b#c"), ("json-pointer", "/a~1b"), ("json-pointer", "")),
    *(("regex", "a+"), ("uri-reference", "../a"), ("made-up", "anything")),
)
PATTERNS: Final = (
    *(
        r"^.*$",
        r"^.{0,6}$",
        r"^.{1,3}$",
        r"^[^@]+$",
        r"\S",
        r"^\w*$",
        r"^[a-z0-9 _.-]*$",
        r"^(?!x-)",
    ),
    *(
        r"^\S{2,4}$",
        r"é",
        r"^[^\n]?[^\n]?$",
        r"^(?:a|b|\d)+",
        r"^(?!.*@).*$",
        r"\bab",
        r"😀",
        r"^$",
    ),
)
ALPHABET: Final = "ab0 -_.\n\r\u2028é😀@"


class Maker:
    """Draws values, and schemas that they fit."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def _one_in(self, count: int) -> bool:
        return self._random.randrange(count) == 0

    def pair(self) -> tuple[dict[str, Any], Any]:
        """A schema as a document, and a value that mostly fits it. Parts that are referred to stand
        under `$defs`, so that one is met from several places, itself included."""
        value = self.value(3)
        drawn = self.schema(value, 3)
        root: dict[str, Any] = drawn if isinstance(drawn, dict) else {"allOf": [drawn]}
        parts: list[Any] = []
        _gather(root, parts)
        if parts:
            root["$defs"] = {f"part{at}": part for at, part in enumerate(parts)}
        return root, value

    def value(self, depth: int) -> Any:
        kind = self._random.randrange(8 if depth else 5)
        if kind == 0:
            return self._random.choice((None, True, False))
        if kind <= 2:
            return self._number()
        if kind <= 4:
            return self._text()
        if kind == 5:
            return [self.value(depth - 1) for _ in range(self._random.randrange(4))]
        return {
            self._random.choice(NAMES): self.value(depth - 1)
            for _ in range(self._random.randrange(4))
        }

    def _number(self) -> float:
        whole = self._random.choice(
            (self._random.randint(-20, 20), self._random.randint(-(2**53), 2**53))
        )
        return self._random.choice((whole, float(whole), self._random.randint(-200, 200) / 8))

    def _text(self) -> str:
        if self._one_in(3):
            return self._random.choice(LIKE_A_FORMAT)[1]
        return "".join(self._random.choices(ALPHABET, k=self._random.randrange(7)))

    def schema(self, value: Any, depth: int) -> Any:
        """A schema that the value fits, mostly."""
        if depth == 0 or self._one_in(10):
            return self._random.choice((True, {}, {"description": "anything", "x-own": 1}))
        joined = self._of_kind(value, depth)
        for _ in range(self._random.randrange(3)):
            for keyword, said in self._of_any(value, depth).items():
                joined.setdefault(keyword, said)
        return joined

    def _of_any(self, value: Any, depth: int) -> dict[str, Any]:
        """Keywords for values of every kind."""
        fits = self.schema(value, depth - 1)
        other = self.schema(self.value(1), depth - 1)
        either = [fits, other]
        self._random.shuffle(either)
        return self._random.choice(
            (
                {"const": value},
                {
                    "enum": _unequal(
                        [value, *(self.value(1) for _ in range(self._random.randrange(3)))]
                    )
                },
                {"allOf": [fits]},
                {"anyOf": either},
                {"oneOf": either},
                {"not": other},
                {"if": other, "then": fits, "else": fits},
                {"$ref": "#/$defs/part", "part": fits},
                {"$ref": "#"},
                {"default": value, "examples": [value], "deprecated": True, "readOnly": True},
                {"nullable": True, "discriminator": {"propertyName": "a"}, "$comment": "no"},
            )
        )

    def _of_kind(self, value: Any, depth: int) -> dict[str, Any]:
        match value:
            case None | bool():
                name = "null" if value is None else "boolean"
                return self._random.choice(({"type": name}, {"type": [name, "string"]}, {}))
            case int() | float():
                return self._of_number(value)
            case str():
                return self._of_text(value)
            case list():
                return self._of_array(value, depth)
            case _:
                return self._of_object(value, depth)

    def _of_number(self, value: float) -> dict[str, Any]:
        types: list[Any] = ["number", ["number", "null"], ["integer", "number"]]
        if value == int(value):
            types += ["integer", ["integer", "null"], ["string", "integer"]]
        out: dict[str, Any] = {"type": self._random.choice(types)}
        bounds = (
            ("minimum", -1),
            ("maximum", 1),
            ("exclusiveMinimum", -1),
            ("exclusiveMaximum", 1),
        )
        for keyword, sign in bounds:
            if self._one_in(4):
                out[keyword] = value + sign * self._random.choice((0, 0.0, 0.25, 0.5, 1, 2.0, 3))
        if self._one_in(4):
            out["multipleOf"] = self._random.choice((1, 1.0, 2, 3, 0.5, 0.1, 0.01))
        return out

    def _of_text(self, value: str) -> dict[str, Any]:
        random, length = self._random, len(value)
        out: dict[str, Any] = {"type": random.choice(("string", ["string", "null"]))}
        if self._one_in(2):
            out["minLength"] = random.choice((int, float))(random.randint(0, length))
        if self._one_in(2):
            out["maxLength"] = length + random.randrange(3)
        if self._one_in(2):
            out["pattern"] = random.choice((*PATTERNS, *[f"^{re.escape(value)}$"] * 4))
        if self._one_in(2):
            fitting = [name for name, text in LIKE_A_FORMAT if text == value]
            out["format"] = random.choice(fitting or ["made-up"])
        return out

    def _of_array(self, value: list[Any], depth: int) -> dict[str, Any]:
        random = self._random
        out: dict[str, Any] = {"type": "array"}
        first = random.randint(0, len(value))
        if first:
            out["prefixItems"] = [self.schema(each, depth - 1) for each in value[:first]]
        rest = value[first:]
        if self._one_in(2):
            out["items"] = self.schema(rest[0], depth - 1) if rest else False
        if self._one_in(2):
            out["minItems"] = random.randint(0, len(value))
            out["maxItems"] = len(value) + random.randrange(3)
        if self._one_in(3):
            out["uniqueItems"] = random.choice((True, False))
        if value and self._one_in(4):
            out["contains"] = self.schema(value[-1], depth - 1)
            out["minContains"] = random.randrange(2)
        if self._one_in(8):
            out["unevaluatedItems"] = random.choice((True, False))
        return out

    def _of_object(self, value: dict[str, Any], depth: int) -> dict[str, Any]:
        random, names = self._random, list(value)
        told = [name for name in names if random.randrange(4)]
        out: dict[str, Any] = {"type": "object"}
        out["properties"] = {name: self.schema(value[name], depth - 1) for name in told}
        absent = random.choice(NAMES)
        if absent not in value:
            out["properties"][absent] = random.choice((False, {"type": "null"}))
        if self._one_in(2):
            out["required"] = [name for name in names if random.randrange(2)]
        if self._one_in(3):
            more = [name for name in names if name not in told]
            out["additionalProperties"] = self.schema(value[more[0]], depth - 1) if more else False
        if names and self._one_in(3):
            name = random.choice(names)
            pattern = random.choice((f"^{re.escape(name)}$", r"^.{1,2}$", r"^[a-z]"))
            out["patternProperties"] = {pattern: self.schema(value[name], depth - 1)}
        if names and self._one_in(3):
            name = random.choice(names)
            keyword = random.choice(("dependentRequired", "dependencies"))
            out[keyword] = {name: random.choice(([], names))}
            out["dependentSchemas"] = {name: self.schema(value, depth - 1)}
        if self._one_in(3):
            out["minProperties"] = random.randint(0, len(names))
            out["maxProperties"] = len(names) + random.randrange(3)
        if self._one_in(5):
            out["propertyNames"] = {"minLength": 0, "pattern": random.choice(PATTERNS)}
        if self._one_in(8):
            out["unevaluatedProperties"] = random.choice((True, False))
        return out


def _unequal(values: list[Any]) -> list[Any]:
    return [each for at, each in enumerate(values) if each not in values[:at]]


def _gather(node: Any, parts: list[Any]) -> None:
    """Each part beside a reference moves under `$defs`, and the reference is made to mean it."""
    if isinstance(node, list):
        for each in node:
            _gather(each, parts)
    if not isinstance(node, dict):
        return
    if node.get("$ref") == "#/$defs/part":
        parts.append(node.pop("part"))
        node["$ref"] = f"#/$defs/part{len(parts) - 1}"
        _gather(parts[-1], parts)
    for each in list(node.values()):
        _gather(each, parts)
