"""Reads a Map state: what its items are, how many at once, how many may fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from holdfast.workflow.fields import Fields
from holdfast.workflow.misses import in_items
from holdfast.workflow.paths import compile_getter
from holdfast.workflow.queries import is_query, source
from holdfast.workflow.recovery import Recovery
from holdfast.workflow.shaping import Tongue, payload
from holdfast.workflow.sources import Source
from holdfast.workflow.states import MapState
from holdfast.workflow.templates import Selection

_DISTRIBUTED: Final = ("ItemReader", "ItemBatcher", "ResultWriter", "Label")
_ITEMS_MAX: Final = 100_000_000


def read_map(
    name: str,
    following: str | None,
    fields: Fields,
    tongue: Tongue,
    recovery: Recovery,
    read_start: Callable[[Fields], str],
) -> MapState:
    """`read_start` reads the states of the processor and gives the one to start at."""
    fields.refuse(_DISTRIBUTED, "belongs to the Distributed Map, which Express does not have")
    selector = _selector(fields, tongue)
    flow = ("Assign", "ResultPath", "ResultSelector")
    return MapState(
        name=name,
        next=following,
        shaping=tongue.shaping(fields, *flow),
        start=_start(fields, read_start),
        items=_items(fields, tongue),
        selector=selector,
        concurrency=_limit(fields, tongue, "MaxConcurrency", _ITEMS_MAX),
        tolerated_count=_limit(fields, tongue, "ToleratedFailureCount", _ITEMS_MAX),
        tolerated_percentage=_percentage(fields, tongue),
        recovery=recovery,
    )


def _start(fields: Fields, read_start: Callable[[Fields], str]) -> str:
    fields.one_of(("ItemProcessor", "Iterator"), required=True)
    found = [
        processor for name in ("ItemProcessor", "Iterator") if (processor := fields.object(name))
    ]
    for processor in found:
        processor.string("Comment")
        config = processor.object("ProcessorConfig")
        if config is not None:
            if config.choice("Mode", ("INLINE", "DISTRIBUTED")) == "DISTRIBUTED":
                config.mistake("Mode", "the Distributed Map is not part of Express workflows")
                config.raw("ExecutionType")
            config.close()
        return read_start(processor)
    return ""


def _selector(fields: Fields, tongue: Tongue) -> Selection | None:
    if tongue.queries:
        return tongue.template(fields, "ItemSelector") if "ItemSelector" in fields else None
    # Parameters is what ItemSelector was called before.
    fields.one_of(("ItemSelector", "Parameters"))
    selector, parameters = payload(fields, "ItemSelector"), payload(fields, "Parameters")
    return selector or parameters


def _items(fields: Fields, tongue: Tongue) -> Source | None:
    if not tongue.queries:
        path = fields.path("ItemsPath")
        if path is None:
            return None
        return Source(compile_getter(path, in_items), "ItemsPath", path.text, queries=False)
    if "Items" not in fields:
        return None
    given = fields.raw("Items")
    if not isinstance(given, list) and not is_query(given):
        fields.mistake("Items", "must be a list, or a JSONata expression, {% ... %}")
        return None
    return source(given, "Items", fields.note("Items"))


def _limit(fields: Fields, tongue: Tongue, name: str, most: int) -> int | Source | None:
    fields.one_of((name, f"{name}Path"))
    given, number = tongue.source(fields, name), tongue.integer(fields, name, 0, most)
    return number if given is None else given


def _percentage(fields: Fields, tongue: Tongue) -> float | Source | None:
    name = "ToleratedFailurePercentage"
    fields.one_of((name, f"{name}Path"))
    given = tongue.source(fields, name)
    number = None if tongue.queries and given is not None else fields.number(name, 0.0)
    if number is not None and number > 100:
        fields.mistake(name, "must be a number from 0 to 100")
    return number if given is None else given
