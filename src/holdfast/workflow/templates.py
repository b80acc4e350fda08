"""What selects data: a path, a payload template, or the null that stands for an empty object.

Every selection also knows how large its result can be, given the size of what it selects from.
That bound is what lets the machine hold AWS's 262,144-byte limit without serialising anything small.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import orjson

from holdfast.workflow.intrinsics import compile_intrinsic
from holdfast.workflow.misses import in_template
from holdfast.workflow.paths import Context, Getter, Miss, Path, compile_getter, parse_path


@dataclass(frozen=True, slots=True)
class Selection:
    """A getter, and what its result weighs: `fixed` bytes and each source so many times.

    `from_data` is None where nothing is known beforehand: a function, a variable, an expression.
    """

    get: Getter
    fixed: int = 0
    from_data: int | None = 0
    from_context: int = 0


NOTHING: Final = Selection(lambda _data, _context: {}, fixed=2)
"""A null InputPath or OutputPath: an empty object."""


def constant(value: Any) -> Selection:
    """The value itself, whatever comes in."""
    return Selection(lambda _data, _context: value, fixed=weight(value))


def select_path(path: Path, miss: Miss, *, past_end_is_null: bool = False) -> Selection:
    """What the path names. A list adds its commas and brackets, hence 2 and twice the source."""
    times = 1 if path.is_definite else 2
    get = compile_getter(path, miss, past_end_is_null=past_end_is_null)
    if path.reorders or path.origin not in ("$", "$$"):
        return Selection(get, from_data=None)
    if path.origin == "$$":
        return Selection(get, fixed=4, from_context=times)
    return Selection(get, fixed=4, from_data=times)


def select_text(text: str, *, field: str, error: str) -> Selection:
    """What a path or an intrinsic function gives. Raises ValueError.

    An index past the end of its list gives null in a path of its own (observed on AWS), and fails
    as an argument of a function.
    """
    if text.startswith("$"):
        return select_path(parse_path(text), in_template(field, error), past_end_is_null=True)
    return Selection(compile_intrinsic(text, error=error), from_data=None)


Note = Callable[[str, str], None]
"""Takes the place within the template and what is wrong there."""


def select_template(
    template: dict[str, Any], note: Note, *, error: str = "States.ParameterPathFailure"
) -> Selection:
    """A payload template: itself, with every `"name.$": path` replaced by `"name": value`.

    `error` is what a path that leads nowhere fails with. What is wrong in the template is told to
    `note`, everything at once.
    """
    building = _Building(note, error)
    build = building.any(template, "")
    parts = building.parts
    if not parts:
        return constant(template)
    known = [part.from_data for part in parts if part.from_data is not None]
    return Selection(
        build,
        weight(template) + sum(part.fixed for part in parts),
        sum(known) if len(known) == len(parts) else None,
        sum(part.from_context for part in parts),
    )


def weight(value: Any) -> int:
    """An upper bound of the bytes of a constant: six for each one cover every kind of escape."""
    try:
        return len(orjson.dumps(value)) * 6
    except TypeError:
        return len(repr(value)) * 6


class _Building:
    """Reads one template, and gathers the selections in it."""

    def __init__(self, note: Note, error: str) -> None:
        self._note = note
        self._error = error
        self.parts: list[Selection] = []

    def any(self, value: Any, place: str) -> Getter:
        if isinstance(value, dict):
            return self._object(value, place)
        if isinstance(value, list):
            return self._list(value, place)
        return lambda _data, _context: value

    def _object(self, value: dict[str, Any], place: str) -> Getter:
        before = len(self.parts)
        fields: list[tuple[str, Getter]] = []
        for key, below in value.items():
            here = f"{place}.{key}"
            if not key.endswith(".$"):
                fields.append((key, self.any(below, here)))
                continue
            name = key.removesuffix(".$")
            if name in value:
                self._note(here, f"{name!r} is given twice")
            fields.append((name, self._reference(below, here, key)))
        if len(self.parts) == before:
            return lambda _data, _context: value

        def get(data: Any, context: Context) -> dict[str, Any]:
            return {name: part(data, context) for name, part in fields}

        return get

    def _list(self, value: list[Any], place: str) -> Getter:
        before = len(self.parts)
        items = [self.any(item, f"{place}[{index}]") for index, item in enumerate(value)]
        if len(self.parts) == before:
            return lambda _data, _context: value
        return lambda data, context: [item(data, context) for item in items]

    def _reference(self, value: Any, place: str, key: str) -> Getter:
        if not isinstance(value, str):
            message = "the value of a field that ends in .$ must be a JSONPath or a function"
            self._note(place, message)
            return lambda _data, _context: None
        try:
            selection = select_text(value, field=key, error=self._error)
        except ValueError as error:
            self._note(place, str(error))
            return lambda _data, _context: None
        self.parts.append(selection)
        return selection.get
