"""What is written from the senders' descriptions: the stub for type checkers, the table in the docs.

`python tests/generated.py` writes both anew; `test_providers.py` holds them against the data.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from holdfast import providers
from holdfast.clock import format_duration
from holdfast.providers.preset import Preset
from holdfast.providers.ways import Way
from holdfast.verify.content import Content, Group, Placeholder
from holdfast.verify.credentials import Credentials
from holdfast.verify.methods import Ecdsa, KeyedDigest, Mac, Rsa
from holdfast.verify.signed import Signed
from holdfast.verify.webtoken import WebToken
from vector_kit import VECTORS

ROOT: Final = Path(__file__).resolve().parent.parent
STUB: Final = ROOT / "src" / "holdfast" / "providers" / "__init__.pyi"
PAGE: Final = ROOT / "docs" / "providers.md"
BEGIN: Final = "<!-- written by tests/generated.py: begin -->\n"
END: Final = "<!-- written by tests/generated.py: end -->\n"

HEAD: Final = """\
# Known senders, as type checkers see them. Written by tests/generated.py; not by hand.

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

from holdfast.definition import Provider
from holdfast.providers.preset import Preset as Preset

_References: TypeAlias = str | Sequence[str]

def from_file(path: str | Path) -> Preset: ...
def from_mapping(description: Mapping[str, Any], *, name: str = "custom") -> Preset: ...
def load(id: str) -> Preset: ...
def names() -> tuple[str, ...]: ...
"""


def stub() -> str:
    """`__init__.pyi`, as the formatter would leave it."""
    return HEAD + "".join(_definition(providers.load(name)) for name in providers.names())


def _definition(preset: Preset) -> str:
    ways = list(preset.ways.values())
    parameters: list[str] = []
    if all(way.needs_secret for way in ways):
        parameters.append("secret: _References")
    elif any(way.takes_secret for way in ways):
        parameters.append("secret: _References | None = None")
    named = _named(preset, ways)
    if named:
        parameters += ["*", *named]
    name = preset.id.replace("-", "_")
    line = f"def {name}({', '.join(parameters)}) -> Provider: ..."
    if len(line) <= 100:
        return f"{line}\n"
    inside = ", ".join(parameters)
    if len(inside) <= 96:
        return f"def {name}(\n    {inside}\n) -> Provider: ...\n"
    return (
        f"def {name}(\n" + "".join(f"    {each},\n" for each in parameters) + ") -> Provider: ...\n"
    )


def _named(preset: Preset, ways: list[Way]) -> list[str]:
    first = ways[0].config()
    named = [f"{key}: str" for key in preset.config if first.get(key)]
    if preset.variants:
        literal = _literal(preset.variants)
        none = "\n    | None" if "\n" in literal else " | None"
        named.append(f"variant: {literal}{none} = None")
    if any(way.age for way in ways):
        named.append("tolerance: str | None = None")
    if any(way.signs_url for way in ways):
        named.append("url: str | None = None")
    return named + [f"{key}: str = ..." for key in preset.config if not first.get(key)]


def _literal(words: tuple[str, ...]) -> str:
    quoted = [f'"{word}"' for word in words]
    if len(words) <= 3:
        return f"Literal[{', '.join(quoted)}]"
    return "Literal[\n" + "".join(f"        {word},\n" for word in quoted) + "    ]"


def sentence() -> str:
    """How many senders are known, and how well they are proven."""
    proven = {vector.delivery.provider for vector in VECTORS}
    return (
        f"{len(providers.names())} known senders; "
        f"{len(VECTORS)} published deliveries of {len(proven)} of them are the proof"
    )


def table() -> str:
    """One row for each sender."""
    rows = [
        "| | signs | over | good for | delivery id | type | waits |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    rows += [_row(providers.load(name)) for name in providers.names()]
    return f"{sentence()}.\n\n" + "\n".join(rows) + "\n"


def _row(preset: Preset) -> str:
    way = next(iter(preset.ways.values()))
    config = dict.fromkeys(way.config(), "")
    provider = preset("env:SECRET" if way.needs_secret else None, **config)
    scheme = provider.verification
    others = len(preset.variants) - 1
    more = f"; {others} more variant{'s' if others > 1 else ''}" if others > 0 else ""
    cells = [
        f"`{preset.id.replace('-', '_')}`, {provider.title}",
        _how(scheme) + more,
        _over(scheme),
        _good_for(scheme),
        _places(provider.delivery_id),
        _places(provider.event_type),
        format_duration(provider.deadline_seconds) if provider.deadline_seconds else "",
    ]
    return "| " + " | ".join(cells) + " |"


def _how(scheme: object) -> str:
    if isinstance(scheme, Signed):
        method = scheme.method
        places = ", ".join(f"`{place}`" for place in scheme.signature.locators)
        if isinstance(method, Mac | KeyedDigest | Rsa | Ecdsa):
            kind = {"hmac": "HMAC-", "digest": "hash: ", "rsa": "RSA-", "ecdsa": "ECDSA-"}
            return (
                f"{kind[method.kind]}{method.hash.upper()}, {scheme.signature.encoding}; {places}"
            )
        return f"Ed25519, {scheme.signature.encoding}; {places}"
    if isinstance(scheme, WebToken):
        return f"JWT, {', '.join(scheme.algorithms)}; `{scheme.place}`"
    if isinstance(scheme, Credentials):
        return f"{scheme.name}; `{scheme.place}`"
    return "nothing"


def _over(scheme: object) -> str:
    if isinstance(scheme, Signed):
        each = f"each of `{scheme.each}`: " if scheme.each else ""
        return each + _code("".join(_written(scheme.contents[0])))
    if isinstance(scheme, WebToken):
        claims = [f"{claim.name}" for claim in scheme.claims]
        return "claims " + ", ".join(claims) if claims else ""
    return ""


def _written(content: Content) -> list[str]:
    return [_part(part) for part in content.parts]


def _part(part: bytes | Placeholder | Group) -> str:
    if isinstance(part, bytes):
        return part.decode()
    if isinstance(part, Group):
        return "[" + "".join(_part(inner) for inner in part.parts) + "]"
    pipes = "".join(f"|{name}" for name in part.transforms)
    return f"{{{part.place}{pipes}}}"


def _code(text: str) -> str:
    return "`" + text.replace("\n", "\\n").replace("|", "\\|") + "`"


def _good_for(scheme: object) -> str:
    if isinstance(scheme, Signed) and scheme.timestamp:
        tolerance = scheme.timestamp.tolerance_ms
        return "ever" if tolerance is None else format_duration(tolerance / 1000)
    if isinstance(scheme, WebToken):
        return format_duration(scheme.max_age_ms / 1000) if scheme.max_age_ms else "as it says"
    return ""


def _places(places: tuple[str, ...]) -> str:
    return ", else ".join(_code(place) for place in places)


def page() -> str:
    """The page as it stands, with the table as it should be."""
    text = PAGE.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    STUB.write_text(stub(), "utf-8")
    PAGE.write_text(page(), "utf-8")
    sys.stdout.write(f"{sentence()}\n")
