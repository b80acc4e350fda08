"""Whether a document is plain JSON of a size that AWS takes: what is read next may rely on it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from holdfast.errors import Mistake
from holdfast.workflow.fields import below

DOCUMENT_BYTES_MAX: Final = 1_048_576
"""AWS takes no larger definition."""

_DEPTH_MAX: Final = 200
"""Nobody's intention, and within what everything that reads JSON can hold."""


def foreign(document: Mapping[str, Any]) -> list[Mistake]:
    """What in it is not JSON, or too much of it; each with its path."""
    found = list(_within(document, "", 0))
    if found:
        return found
    size = len(json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    if size > DOCUMENT_BYTES_MAX:
        limit = f"is larger than {DOCUMENT_BYTES_MAX} bytes, the most that AWS takes"
        return [Mistake("the document", limit)]
    return []


def _within(value: Any, place: str, depth: int) -> Iterator[Mistake]:
    if depth > _DEPTH_MAX:
        # Told of the whole: the path would be as long as it is deep.
        yield Mistake("the document", "is nested too deep, or contains itself")
        return
    if isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(name, str):
                yield from _within(inner, below(place, name), depth + 1)
            else:
                yield Mistake(place or "the document", f"has a name that is no string: {name!r}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _within(inner, f"{place}[{index}]", depth + 1)
    elif isinstance(value, float) and not math.isfinite(value):
        yield Mistake(place, f"{value} is not JSON")
    elif value is not None and not isinstance(value, str | int | float):
        yield Mistake(place or "the document", f"a {type(value).__name__} is not JSON")
