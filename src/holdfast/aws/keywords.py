"""What each keyword of JSON Schema 2020-12 becomes in draft-04, one rule for those that belong together.

A rule looks at one schema, writes what draft-04 says instead into `out`, and names what it leaves out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

from holdfast.aws import patterns
from holdfast.aws.patterns import FORMATS, Untranslatable

COUNT_MAX: Final = 2**31 - 1
"""A Java int: what the validator there counts with."""

EXACT_MAX: Final = 2**53 - 1
"""Up to here a whole number comes through whatever reads it as a double: the CDK is JavaScript."""

_TOO_FAR: Final = f"beyond {EXACT_MAX:,} a number is another one there"

LOST: Final = {
    "if": "draft-04 has no conditions",
    "contains": "draft-04 cannot ask for one item among others",
    "propertyNames": "draft-04 holds names to nothing",
    "unevaluatedProperties": "draft-04 does not know what other keywords have seen",
    "unevaluatedItems": "draft-04 does not know what other keywords have seen",
    "$dynamicRef": "draft-04 has no dynamic references",
}
"""Keywords with nothing in their place."""

Node = Mapping[str, Any]
Out = dict[str, Any]


class Converter(Protocol):
    """What a rule needs of the whole."""

    def schema(self, node: Any, path: str) -> Out:
        """The part at `path`, converted."""
        ...

    def lose(self, path: str, keyword: str, why: str) -> None:
        """Note that `keyword` at `path` is left out, or says less."""
        ...

    def exact(self, path: str) -> bool:
        """Whether the part at `path` says the same in draft-04, with all that it refers to."""
        ...


def conjoin(out: Out, also: Node) -> None:
    """`out`, and this as well."""
    out["allOf"] = [*out.get("allOf", ()), also]


def step(name: str) -> str:
    """A name as one step of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def is_function(name: str) -> bool:
    """Whether CloudFormation takes an object of this one member for a function of its own."""
    return name == "Ref" or name.startswith("Fn::")


def asks(keyword: str, node: Node) -> bool:
    """Whether a keyword of `LOST` asks for anything where it stands."""
    if keyword == "if":
        return not {"then", "else"}.isdisjoint(node)
    if keyword == "contains":
        return node.get("minContains", 1) > 0 or "maxContains" in node
    return node[keyword] is not True


def _types(_convert: Converter, node: Node, _path: str, out: Out) -> None:
    """An integer is a number without a fraction here, and one without a point in draft-04: 18.0."""
    if "type" not in node:
        return
    given = [node["type"]] if isinstance(node["type"], str) else list(node["type"])
    if "integer" in given:
        if "number" not in given:
            out["multipleOf"] = 1
        given = ["number" if each == "integer" else each for each in given]
    types = list(dict.fromkeys(given))
    out["type"] = types[0] if len(types) == 1 else types


def _numbers(convert: Converter, node: Node, path: str, out: Out) -> None:
    whole = out.get("multipleOf") == 1
    for side, strict, further in (
        ("minimum", "exclusiveMinimum", 1),
        ("maximum", "exclusiveMaximum", -1),
    ):
        bounds = [(node[side], False)] if side in node else []
        bounds += [(node[strict], True)] if strict in node else []
        if not bounds:
            continue
        # The tighter of the two; of equal ones, the one that leaves the bound itself out.
        bound, open_end = max(bounds, key=lambda each: (each[0] * further, each[1]))
        if abs(bound) > EXACT_MAX:
            convert.lose(path, strict if open_end else side, _TOO_FAR)
            continue
        if open_end and whole:
            bound = math.floor(bound) + 1 if further == 1 else math.ceil(bound) - 1
        elif open_end:
            out[strict] = True
        out[side] = bound
    if "multipleOf" in node:
        divisor = node["multipleOf"]
        if divisor > EXACT_MAX:
            convert.lose(path, "multipleOf", _TOO_FAR)
        elif divisor == int(divisor):
            out["multipleOf"] = int(divisor)
        else:
            why = "a fraction divides binary numbers, which are ours, and decimal ones differently"
            convert.lose(path, "multipleOf", why)


def _counts(convert: Converter, node: Node, path: str, out: Out) -> None:
    for keyword in (
        *("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
    ):
        if keyword not in node:
            continue
        count = int(node[keyword])
        if count <= COUNT_MAX:
            out[keyword] = count
        elif keyword.startswith("min"):
            convert.lose(path, keyword, "it counts further than the validator there")
    if node.get("uniqueItems") is True:
        out["uniqueItems"] = True


def _texts(convert: Converter, node: Node, path: str, out: Out) -> None:
    if "pattern" in node:
        try:
            out["pattern"] = _pattern(convert, node["pattern"], path)
        except Untranslatable as error:
            convert.lose(path, "pattern", f"{node['pattern']!r} cannot be said there: {error}")
    name = node.get("format")
    if not isinstance(name, str) or name not in FORMATS:
        return  # says nothing here either
    looser = FORMATS[name]
    if looser is None:
        convert.lose(path, "format", f"what AWS takes for {name} is not documented")
        return
    convert.lose(path, "format", f"{name} is held to the looser pattern {looser}")
    if "pattern" in out:
        conjoin(out, {"pattern": looser})
    else:
        out["pattern"] = looser


def _pattern(convert: Converter, pattern: str, path: str) -> str:
    translation = patterns.translate(pattern)
    if not translation.exact:
        why = f"{pattern!r} is widened, because characters beyond U+FFFF count double there"
        convert.lose(path, "pattern", why)
    return translation.text


def _values(convert: Converter, node: Node, path: str, out: Out) -> None:
    for keyword in ("enum", "const"):
        if keyword in node:
            allowed = node[keyword] if keyword == "enum" else [node[keyword]]
            said = _one_of(convert, _distinct(allowed), path, keyword)
            if out.keys() & said.keys():
                conjoin(out, said)
            else:
                out.update(said)


def _one_of(convert: Converter, allowed: Sequence[Any], path: str, keyword: str) -> Out:
    """Templates of CloudFormation hold no null, so that one is said by its type."""
    others = [value for value in allowed if value is not None]
    if not all(map(_comes_through, others)):
        why = (
            f"one of its values cannot stand in a template: null, Ref or Fn:: inside, or {_TOO_FAR}"
        )
        convert.lose(path, keyword, why)
        return {}
    if len(others) == len(allowed):
        return {"enum": others} if others else {"not": {}}
    return {"anyOf": [{"enum": others}, {"type": "null"}]} if others else {"type": "null"}


def _comes_through(value: Any) -> bool:
    """Whether a template of CloudFormation hands on this value as it is."""
    if isinstance(value, Mapping):
        return not any(map(is_function, value)) and all(map(_comes_through, value.values()))
    if isinstance(value, list):
        return all(map(_comes_through, value))
    return isinstance(value, str) or (value is not None and abs(value) <= EXACT_MAX)


def _distinct(values: Iterable[Any]) -> list[Any]:
    """Each once, as JSON counts: 1 and 1.0 are equal, 1 and true are not."""
    return list({_identity(value): value for value in reversed(list(values))}.values())[::-1]


def _identity(value: Any) -> Any:
    if isinstance(value, Mapping):
        return "object", frozenset((name, _identity(each)) for name, each in value.items())
    if isinstance(value, list):
        return "array", tuple(map(_identity, value))
    return isinstance(value, bool), value


def _properties(convert: Converter, node: Node, path: str, out: Out) -> None:
    if node.get("required"):
        out["required"] = list(dict.fromkeys(node["required"]))
    by_name = _named(convert, node, path, out)
    by_pattern = _named_by_pattern(convert, node, path, out)
    others = node.get("additionalProperties", True)
    if others is True:
        return
    if not (by_name and by_pattern):
        why = "some of the names beside it are left out, and would fall to it"
        convert.lose(path, "additionalProperties", why)
    elif others is False:
        out["additionalProperties"] = False
    else:
        out["additionalProperties"] = convert.schema(others, f"{path}/additionalProperties")


def _named(convert: Converter, node: Node, path: str, out: Out) -> bool:
    """Whether every property with a name is said."""
    if "properties" not in node:
        return True
    place, said = f"{path}/properties", {}
    for name, child in node["properties"].items():
        if is_function(name):
            convert.lose(place, name, "CloudFormation takes that name for a function of its own")
        else:
            said[name] = convert.schema(child, f"{place}/{step(name)}")
    out["properties"] = said
    return len(said) == len(node["properties"])


def _named_by_pattern(convert: Converter, node: Node, path: str, out: Out) -> bool:
    """Whether every pattern of names is said: a wider one would hold more properties to its rule."""
    said = {}
    for pattern, child in node.get("patternProperties", {}).items():
        try:
            translation = patterns.translate(pattern)
            if not translation.exact:
                raise Untranslatable("characters beyond U+FFFF count double there")
            if is_function(translation.text):
                raise Untranslatable("CloudFormation takes it for a function of its own")
        except Untranslatable as error:
            convert.lose(path, "patternProperties", f"{pattern!r} cannot be said there: {error}")
            continue
        said[translation.text] = convert.schema(child, f"{path}/patternProperties/{step(pattern)}")
    if said:
        out["patternProperties"] = said
    return len(said) == len(node.get("patternProperties", ()))


def _dependencies(convert: Converter, node: Node, path: str, out: Out) -> None:
    """By property: names, a schema, or both; draft-04 has one keyword for either."""
    found: dict[str, list[Any]] = {}
    for keyword in ("dependentRequired", "dependentSchemas", "dependencies"):
        for name, asked in node.get(keyword, {}).items():
            if is_function(name):
                why = f"CloudFormation takes {name} for a function of its own"
                convert.lose(path, keyword, why)
            elif isinstance(asked, list):
                if asked:
                    found.setdefault(name, []).append(list(dict.fromkeys(asked)))
            else:
                child = convert.schema(asked, f"{path}/{keyword}/{step(name)}")
                found.setdefault(name, []).append(child)
    if not found:
        return
    dependencies: dict[str, Any] = {}
    for name, several in found.items():
        if len(several) == 1:
            dependencies[name] = several[0]
        else:
            named = ({"required": each} if isinstance(each, list) else each for each in several)
            dependencies[name] = {"allOf": list(named)}
    out["dependencies"] = dependencies


def _items(convert: Converter, node: Node, path: str, out: Out) -> None:
    others = node.get("items", True)
    if "prefixItems" in node:
        first = enumerate(node["prefixItems"])
        out["items"] = [convert.schema(each, f"{path}/prefixItems/{at}") for at, each in first]
        if others is not True:
            rest = others is not False and convert.schema(others, f"{path}/items")
            out["additionalItems"] = rest
    elif others is False:
        out["maxItems"] = 0
    elif others is not True:
        out["items"] = convert.schema(others, f"{path}/items")


def _combined(convert: Converter, node: Node, path: str, out: Out) -> None:
    if "allOf" in node:
        for each in _several(convert, node, path, "allOf"):
            conjoin(out, each)
    for keyword in ("anyOf", "oneOf"):
        if keyword not in node:
            continue
        said = {keyword: _several(convert, node, path, keyword)}
        places = range(len(node[keyword]))
        if keyword == "oneOf" and not all(convert.exact(f"{path}/oneOf/{at}") for at in places):
            said = {"anyOf": said["oneOf"]}
            why = "a wider branch may fit beside the one that is meant: any number of them may"
            convert.lose(path, "oneOf", why)
        if out.keys() & said.keys():
            conjoin(out, said)
        else:
            out.update(said)
    if "not" in node:
        if not convert.exact(f"{path}/not"):
            convert.lose(path, "not", "what is inside cannot be said exactly, and less is stricter")
        elif "not" in out:
            conjoin(out, {"not": convert.schema(node["not"], f"{path}/not")})
        else:
            out["not"] = convert.schema(node["not"], f"{path}/not")


def _several(convert: Converter, node: Node, path: str, keyword: str) -> list[Out]:
    return [convert.schema(each, f"{path}/{keyword}/{at}") for at, each in enumerate(node[keyword])]


Rule = Callable[[Converter, Node, str, Out], None]

RULES: Final[tuple[Rule, ...]] = (
    _types,
    _numbers,
    _counts,
    _texts,
    _values,
    _properties,
    _dependencies,
    _items,
    _combined,
)
"""In this order: `_numbers` asks what `_types` found, and the later ones join what is there."""
