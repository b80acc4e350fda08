"""What selects data: a path, a payload template, or the null that stands for an empty object.

Every selection also knows how large its result can be, given the size of what it selects from.
That bound is what lets the machine hold AWS's 262,144-byte limit without serialising anything small.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import orjson

from holdfast.workflow.paths import Context, Getter, Path, compile_getter, parse_path


@dataclass(frozen=True, slots=True)
class Selection:
    """A getter, and what its result weighs: `fixed` bytes and each source so many times."""

    get: Getter
    fixed: int = 0
    from_data: int = 0
    from_context: int = 0


NOTHING: Final = Selection(lambda _data, _context: {}, fixed=2)
"""A null InputPath or OutputPath: an empty object."""


def select_path(path: Path, *, field: str = "", error: str = "States.Runtime") -> Selection:
    """What the path names. A list adds its commas and brackets, hence 2 and twice the source."""
    times = 1 if path.is_reference else 2
    get = compile_getter(path, field=field, error=error)
    if path.in_context:
        return Selection(get, fixed=2, from_context=times)
    return Selection(get, fixed=2, from_data=times)


Note = Callable[[str, str], None]
"""Takes the place within the template and what is wrong there."""


def select_template(template: dict[str, Any], note: Note) -> Selection:
    """A payload template: itself, with every `"name.$": path` replaced by `"name": value`.

    What is wrong in it is told to `note`, everything at once.
    """
    paths: list[Selection] = []
    build = _build(template, "", note, paths)
    if not paths:
        constant = template
        return Selection(lambda _data, _context: constant, fixed=weight(template))
    return Selection(
        build,
        weight(template) + sum(path.fixed for path in paths),
        sum(path.from_data for path in paths),
        sum(path.from_context for path in paths),
    )


def weight(value: Any) -> int:
    """An upper bound of the bytes of a constant: six for each one cover every kind of escape."""
    try:
        return len(orjson.dumps(value)) * 6
    except TypeError:
        return len(repr(value)) * 6


def _build(value: Any, place: str, note: Note, paths: list[Selection]) -> Getter:
    if isinstance(value, dict):
        return _build_object(value, place, note, paths)
    if isinstance(value, list):
        return _build_list(value, place, note, paths)
    return lambda _data, _context: value


def _build_object(value: dict[str, Any], place: str, note: Note, paths: list[Selection]) -> Getter:
    before = len(paths)
    fields: list[tuple[str, Getter]] = []
    for key, below in value.items():
        here = f"{place}.{key}"
        if not key.endswith(".$"):
            fields.append((key, _build(below, here, note, paths)))
            continue
        name = key.removesuffix(".$")
        if name in value:
            note(here, f"{name!r} is given twice")
        fields.append((name, _build_reference(below, here, note, paths)))
    if len(paths) == before:
        return lambda _data, _context: value

    def get(data: Any, context: Context) -> dict[str, Any]:
        return {name: part(data, context) for name, part in fields}

    return get


def _build_list(value: list[Any], place: str, note: Note, paths: list[Selection]) -> Getter:
    before = len(paths)
    items = [_build(item, f"{place}[{index}]", note, paths) for index, item in enumerate(value)]
    if len(paths) == before:
        return lambda _data, _context: value
    return lambda data, context: [item(data, context) for item in items]


def _build_reference(value: Any, place: str, note: Note, paths: list[Selection]) -> Getter:
    if not isinstance(value, str):
        note(place, "the value of a field that ends in .$ must be a JSONPath")
        return lambda _data, _context: None
    try:
        path = parse_path(value)
    except ValueError as error:
        note(place, str(error))
        return lambda _data, _context: None
    name = place.rpartition(".")[0].rpartition(".")[2] + ".$"
    selection = select_path(path, field=name, error="States.ParameterPathFailure")
    paths.append(selection)
    return selection.get
