"""What is done with an event: handlers, a forward, or a workflow. One of the three."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, cast

from holdfast.compile import bodies, documents
from holdfast.compile.flows import RESERVED, Composed, compose
from holdfast.compile.forwards import forward
from holdfast.compile.functions import task
from holdfast.compile.named import Named
from holdfast.compile.sources import connections
from holdfast.compile.spot import Spot, by_line, quoted
from holdfast.compiled import Forward, Task
from holdfast.definition import Forward as WrittenForward
from holdfast.definition import Handler, Verification, Webhook
from holdfast.errors import Mistake
from holdfast.steps.step import Step
from holdfast.workflow import asl

FORWARD: Final = "forward"


@dataclass(frozen=True, slots=True)
class Work:
    """The compiled half of a webhook that comes after Verify."""

    document: Mapping[str, Any]
    tasks: Mapping[str, Task | Forward]
    model: Any = None
    """The body's type: what `body=` or the functions' annotations say; None: nothing."""
    model_spot: Spot | None = None
    """Who said so."""
    connections: Mapping[str, Verification | None] = field(default_factory=dict)


_NOTHING: Final = Work({}, {})


def work(
    spot: Spot,
    webhook: Webhook,
    timeout_seconds: float,
    *,
    typed: bool,
    queues: Collection[str],
) -> Work:
    """typed: whether anything says where the type of an event is.

    queues: the names and paths of all webhooks.
    """
    given = webhook.settings
    if given["workflow"] is not None:
        if webhook.handlers or webhook.forwards:
            spot.under("workflow").wrong(
                "a workflow works every event; leave out the "
                + ("handlers" if webhook.handlers else "forward")
            )
        return _workflow(spot, webhook, timeout_seconds, queues)
    if not _is_empty(given["tasks"]):
        spot.under("tasks").wrong("tasks are named by the states of a workflow; give workflow=...")
    if given["connections"]:
        spot.under("connections").wrong(
            "connections are named by the HTTP tasks of a workflow; give workflow=..."
        )
    if webhook.forwards:
        if webhook.handlers:
            spot.at(webhook.forwards[0].place, FORWARD).wrong(
                "the handlers work every event already; forward from a webhook of its own"
            )
        return _forward(spot, webhook.forwards, webhook.path, timeout_seconds, given["body"])
    if webhook.handlers:
        return _handlers(spot, webhook, timeout_seconds, typed=typed)
    spot.wrong(
        "nothing is done with its events; decorate a function with it, "
        "or write .forward(url) or workflow=..."
    )
    return replace(_NOTHING, model=given["body"], model_spot=spot.under("body"))


def _is_empty(tasks: object) -> bool:
    return tasks is None or (isinstance(tasks, Mapping | Sequence) and len(tasks) == 0)


def _handlers(spot: Spot, webhook: Webhook, timeout_seconds: float, *, typed: bool) -> Work:
    tasks, spots = _tasks_of(spot, webhook.handlers)
    model, model_spot = _one_model(spot, webhook.settings["body"], tasks, spots)
    defaults = [each for each in webhook.handlers if each.pattern is None]
    for extra in defaults[1:]:
        _spot_of(spot, extra).wrong(
            f"{_spot_of(spot, defaults[0]).place.split(' ', 1)[0]} works every event already; "
            'use .on("type") for events of one type'
        )
    patterns = _patterns(spot, webhook.handlers, typed=typed)
    default = _called(defaults[0]) if defaults else None
    if patterns:
        document = documents.route(webhook.path, patterns, default, timeout_seconds)
        for name in set(tasks) & set(documents.OWN_STATES):
            spots[name].wrong(
                f"{name} is what a state of Holdfast's own is called; rename the function"
            )
    else:
        document = documents.handle(webhook.path, default or "", timeout_seconds)
    return Work(document, _with_model(tasks, model), model, model_spot)


def _called(handler: Handler) -> str:
    return str(getattr(handler.function, "__name__", handler.function))


def _spot_of(spot: Spot, handler: Handler) -> Spot:
    return spot.at(handler.place, _called(handler))


def _tasks_of(spot: Spot, handlers: Sequence[Handler]) -> tuple[dict[str, Task], dict[str, Spot]]:
    """By name; the same function under several patterns is one task."""
    tasks: dict[str, Task] = {}
    spots: dict[str, Spot] = {}
    seen: dict[str, object] = {}
    for handler in handlers:
        here, name = _spot_of(spot, handler), _called(handler)
        if name in seen:
            if seen[name] is not handler.function:
                here.wrong(f"another function of this webhook is called {name}; rename one")
            continue
        seen[name] = handler.function
        if made := task(here, handler.function, None, in_workflow=False):
            tasks[name], spots[name] = made, here
    return tasks, spots


def _patterns(spot: Spot, handlers: Sequence[Handler], *, typed: bool) -> list[tuple[str, str]]:
    """Pattern and task, in the order of the definition."""
    patterns: dict[str, str] = {}
    for handler in handlers:
        pattern, here = cast("object", handler.pattern), _spot_of(spot, handler)
        if pattern is None:
            continue
        if not isinstance(pattern, str) or not pattern:
            here.wrong(f'{quoted(pattern)} is not a pattern; write .on("invoice.*")')
        elif documents.has_stray_backslash(pattern):
            here.wrong(f"{quoted(pattern)}: a backslash stands before * or another backslash only")
        elif pattern in patterns:
            here.wrong(f"{quoted(pattern)} is worked by {patterns[pattern]} already")
        else:
            patterns[pattern] = _called(handler)
    if patterns and not typed:
        spot.under("event_type").wrong(
            ".on(...) asks for the type of an event, but nothing says where it is; "
            'give event_type="json:type" or event_type="header:X-Event-Type"'
        )
    return list(patterns.items())


def _one_model(
    spot: Spot, body: Any, tasks: Mapping[str, Task], spots: Mapping[str, Spot]
) -> tuple[Any, Spot]:
    """The type on which `body=` and all functions agree; those that say nothing agree."""
    said, by, model_spot = body, "body=", spot.under("body")
    for name, each in tasks.items():
        if each.takes != "event" or each.model is None:
            continue
        if said is None:
            said, by, model_spot = each.model, name, spots[name]
        elif each.model != said:
            spots[name].wrong(
                f"takes Event[{bodies.called(each.model)}], but {by} says "
                f"{bodies.called(said)}; a webhook has one type of body"
            )
    return said, model_spot


def _with_model(tasks: Mapping[str, Task], model: Any) -> dict[str, Task | Forward]:
    """Tasks that take the event, also unannotated ones, get the one body that was agreed on."""
    return {
        name: replace(each, model=model) if each.takes == "event" else each
        for name, each in tasks.items()
    }


def _forward(
    spot: Spot, forwards: Sequence[WrittenForward], path: str, timeout_seconds: float, body: Any
) -> Work:
    written = forwards[0]
    here = spot.at(written.place, FORWARD)
    for extra in forwards[1:]:
        spot.at(extra.place, FORWARD).wrong(
            "this webhook is forwarded already; for several targets write a workflow"
        )
    made = forward(here, written, FORWARD, timeout_seconds)
    document = documents.forward(path, FORWARD, made.timeout_seconds, timeout_seconds)
    return Work(document, {FORWARD: made}, body, spot.under("body"))


def _workflow(
    spot: Spot, webhook: Webhook, timeout_seconds: float, queues: Collection[str]
) -> Work:
    named = Named(spot, timeout_seconds)
    named.add_given(webhook.settings["tasks"])
    connected = connections(spot.under("connections"), webhook.settings["connections"])
    given, here, known = webhook.settings["workflow"], spot.under("workflow"), len(spot.found)
    document: dict[str, Any] | None
    if isinstance(given, Step):
        composed = compose(here, given, _by_name(webhook.settings["tasks"]))
        named.add_composed(composed)
        document = _finished(composed, webhook.path, timeout_seconds)
    else:
        composed = Composed({}, places={"": here})
        document = _document(here, given, timeout_seconds)
    tasks, spots = named.tasks, named.spots
    model, model_spot = _one_model(spot, webhook.settings["body"], tasks, spots)
    if document is not None:
        names = connected.keys()
        for mistake in asl.check(document, spots.keys(), queues=queues, connections=names):
            composed.note(mistake)
    spot.found[known:] = by_line(spot.found[known:])
    done = _with_model(tasks, model) | named.forwards
    return Work(document or {}, done, model, model_spot, connected)


def _by_name(tasks: object) -> Mapping[str, Any]:
    """`tasks` as a mapping; what is wrong with them is told elsewhere."""
    if isinstance(tasks, Mapping):
        return tasks
    listed = tasks if isinstance(tasks, list | tuple) else ()
    return {str(getattr(function, "__name__", function)): function for function in listed}


def _finished(composed: Composed, path: str, timeout_seconds: float) -> dict[str, Any]:
    document = composed.document
    try:
        return documents.finished(document, f"The steps of {path}", timeout_seconds)
    except ValueError as error:
        composed.note(Mistake(f"States.{RESERVED}", str(error)))
        return document


def _document(spot: Spot, value: object, timeout_seconds: float) -> dict[str, Any] | None:
    """The document with Verify in front and a limit on the whole."""
    written = bodies.json_file(spot, str(value)) if isinstance(value, str | Path) else value
    if written is None:
        return None
    if not isinstance(written, Mapping):
        spot.wrong(f'{quoted(written)} is not a workflow; write a mapping or "orders.asl.json"')
        return None
    copied = bodies.plain(spot, written)
    if copied is None:
        return None
    limit = copied.setdefault("TimeoutSeconds", documents.execution_seconds(timeout_seconds))
    if type(limit) is int and limit > documents.execution_seconds(timeout_seconds):
        spot.wrong(
            f"TimeoutSeconds {limit} is longer than the webhook's timeout; "
            f'write timeout="{limit}s" (at most "5m")'
        )
    try:
        return documents.in_front(copied)
    except ValueError as error:
        spot.wrong(str(error))
        return None
