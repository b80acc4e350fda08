"""JSON Schema 2020-12 to the draft-04 model that API Gateway holds bodies against. Pure.

It only ever widens: whatever the full schema accepts the model accepts too, because the door on AWS
answers 400 and keeps nothing, while a body that the model lets through is held against the full
schema in the first state. What draft-04 cannot say, or AWS may read more strictly than we do, is
left out and named as a `Widening`.

Two places want more care than leaving out. Inside `not`, less would be stricter: such a `not` goes
as a whole. And where exactly one of several must fit, a wider branch may fit as well: such a `oneOf`
becomes an `anyOf`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

import orjson

from holdfast.aws.keywords import LOST, RULES, asks, conjoin, step

DRAFT: Final = "http://json-schema.org/draft-04/schema#"
MODEL_MAX_BYTES: Final = 400 * 1024

Schema = Mapping[str, Any] | bool


@dataclass(frozen=True, slots=True)
class Widening:
    """Something that the full schema asks for, and the model less so, or not at all.

    `path`: a JSON pointer to the part of the full schema where `keyword` stands.
    """

    path: str
    keyword: str
    why: str


@dataclass(frozen=True, slots=True)
class Model:
    """`schema`: draft-04, free of null, with the keywords that API Gateway takes."""

    schema: Mapping[str, Any]
    widenings: tuple[Widening, ...]


def model_of(schema: Schema) -> Model:
    """The model of a schema that the door compiles, and that is therefore well-formed."""
    converter = _Converter(schema, {})
    root = converter.root("")
    size = len(orjson.dumps(root))
    if size > MODEL_MAX_BYTES:
        root = _outline(root)
        why = f"as a model it has {size:,} bytes, and {MODEL_MAX_BYTES:,} are allowed"
        converter.lose("", "everything below the first properties", why)
    return Model({"$schema": DRAFT, **root}, tuple(dict.fromkeys(converter.widenings)))


class _Converter:
    """One document on its way: its definitions as they are asked for, and what was left out."""

    def __init__(self, document: Schema, known: dict[str, bool]) -> None:
        self._document = document
        self._known = known
        """By pointer: whether the part there is said exactly. Shared with those who try."""
        self._names: dict[str, str] = {}
        """Of the definitions, by the pointer to what they define."""
        self._left: list[str] = []
        self.widenings: list[Widening] = []

    def root(self, path: str) -> dict[str, Any]:
        """The part at `path` as a document of its own."""
        converted = self.schema(self._at(path), path)
        definitions: dict[str, Any] = {}
        while self._left:
            target = self._left.pop()
            definitions[self._names[target]] = self.schema(self._at(target), target)
        seen: set[str] = set()
        while set(converted) == {"$ref"}:  # a root that only refers is said in full
            name = converted["$ref"].rpartition("/")[2]
            converted = {} if name in seen else definitions[name]
            seen.add(name)
        return {**converted, "definitions": definitions} if definitions else converted

    def schema(self, node: Any, path: str) -> dict[str, Any]:
        if isinstance(node, bool):
            return {} if node else {"not": {}}
        out: dict[str, Any] = {}
        for rule in RULES:
            rule(self, node, path, out)
        for keyword, why in LOST.items():
            if keyword in node and asks(keyword, node):
                self.lose(path, keyword, why)
        reference = self._reference(node["$ref"], path) if "$ref" in node else None
        if reference is None:
            return out
        if not out:
            return reference
        conjoin(out, reference)  # draft-04 sees nothing that stands beside a reference
        return out

    def lose(self, path: str, keyword: str, why: str) -> None:
        self.widenings.append(Widening(path, keyword, why))

    def exact(self, path: str) -> bool:
        if path not in self._known:
            self._known[path] = False  # for whoever asks from inside
            attempt = _Converter(self._document, self._known)
            attempt.root(path)
            self._known[path] = not attempt.widenings
        return self._known[path]

    def _at(self, path: str) -> Any:
        node: Any = self._document
        for name in _steps(path):
            node = node[int(name)] if isinstance(node, list) else node[name]
        return node

    def _reference(self, written: str, path: str) -> dict[str, Any] | None:
        target = self._target(written, path)
        if target is None:
            self.lose(path, "$ref", f"{written} cannot be followed there")
            return None
        if target not in self._names:
            self._names[target] = self._new_name(target)
            self._left.append(target)
        return {"$ref": f"#/definitions/{self._names[target]}"}

    def _target(self, written: str, path: str) -> str | None:
        """The pointer that a reference means; None where it leaves this document."""
        address, _, fragment = written.partition("#")
        own = self._document.get("$id", "") if isinstance(self._document, Mapping) else ""
        if (address and address != own.rstrip("#")) or self._elsewhere(path):
            return None
        target: str | None = unquote(fragment)
        if fragment and not fragment.startswith("/"):
            target = next((at for name, at in _anchors(self._document, "") if name == target), None)
        return None if target is None or self._elsewhere(target) else target

    def _elsewhere(self, path: str) -> bool:
        """Whether a part with an `$id` of its own lies on the way: references inside it mean it."""
        node: Any = self._document
        for name in _steps(path):
            node = node[int(name)] if isinstance(node, list) else node[name]
            if isinstance(node, Mapping) and isinstance(node.get("$id"), str):
                return True
        return False

    def _new_name(self, target: str) -> str:
        """Letters and digits: nobody says what else AWS takes for the name of a definition. Not `Ref`,
        which CloudFormation takes for its own."""
        plain = re.sub(r"[^A-Za-z0-9]", "", target.rpartition("/")[2]) or "Root"
        taken, number, name = {*self._names.values(), "Ref"}, 2, plain
        while name in taken:
            name, number = f"{plain}{number}", number + 1
        return name


def _steps(path: str) -> Iterator[str]:
    for name in path.split("/")[1:]:
        yield name.replace("~1", "/").replace("~0", "~")


def _anchors(node: Any, path: str) -> Iterator[tuple[str, str]]:
    """Every anchor, and the pointer to where it stands."""
    if isinstance(node, Mapping):
        for word in ("$anchor", "$dynamicAnchor"):
            if isinstance(node.get(word), str):
                yield node[word], path
    children = node.items() if isinstance(node, Mapping) else enumerate(node)
    for name, child in children:
        if isinstance(child, Mapping | list):
            yield from _anchors(child, f"{path}/{step(str(name))}")


def _outline(root: dict[str, Any]) -> dict[str, Any]:
    """What is said of the whole and, where there is room, of what type its properties are."""
    kept = ("type", "required", "minProperties", "maxProperties", "minItems", "maxItems")
    whole = {keyword: root[keyword] for keyword in kept if keyword in root}
    types = {
        name: {"type": child["type"]} if "type" in child else {}
        for name, child in root.get("properties", {}).items()
    }
    for outline in ({**whole, "properties": types}, whole):
        if len(orjson.dumps(outline)) <= MODEL_MAX_BYTES:
            return outline
    return {"type": root["type"]} if "type" in root else {}
