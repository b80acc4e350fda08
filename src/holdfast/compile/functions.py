"""The functions of a definition: what each is called with, and the type its annotation names.

def welcome(event: Event[User]) -> None     the event, its body a User
def welcome(event) -> None                  the event, its body as parsed
def welcome() -> None                       nothing
def charge(input: Order) -> Receipt         a workflow's task: the state's effective input
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import (
    Annotated,
    Any,
    Final,
    Literal,
    TypeGuard,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)

from holdfast.compile.bodies import called, schema_of
from holdfast.compile.spot import Spot, quoted
from holdfast.compiled import Task
from holdfast.message import Event

_TASK_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_POSITIONAL: Final = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.VAR_POSITIONAL,
)
_Takes = Literal["event", "input", "nothing"]
_OPEN: Final = (Any, object, inspect.Parameter.empty)
"""Annotations that say nothing."""


def task(spot: Spot, function: object, name: str | None, *, in_workflow: bool) -> Task | None:
    """A function as a task, `model` being what its own annotation says; None where it cannot be one.

    name: how the workflow calls it; default: the function's own name.
    """
    known = len(spot.found)
    if not _is_plain(function, spot):
        return None
    name = name if name is not None else function.__name__
    if name == "<lambda>":
        spot.wrong("a lambda has no name to show in the history; write a function")
    else:
        task_name(spot, name)
    takes, annotation = _parameter(spot, function, in_workflow=in_workflow)
    model = _model(spot, takes, annotation)
    if takes == "input" and model is not None:
        schema_of(spot, model)
    if len(spot.found) > known:
        return None
    return Task(name, function, inspect.iscoroutinefunction(function), takes, model)


def task_name(spot: Spot, name: str) -> None:
    """Names are those of Lambda functions, which they are on AWS."""
    if not _TASK_NAME.fullmatch(name):
        spot.wrong(f"{quoted(name)} cannot name a task; use ASCII letters, digits, _ and -")


def _is_plain(function: object, spot: Spot) -> TypeGuard[Callable[..., Any]]:
    """Whether a worker can call it once and be done."""
    if inspect.isclass(function):
        spot.wrong(f"{function.__name__} is a class; a handler is a function")
    elif inspect.isbuiltin(function):
        spot.wrong(f"{function.__name__} is built in; write a function that calls it")
    elif not inspect.isfunction(function) and not inspect.ismethod(function):
        spot.wrong(f"{quoted(function)} is not a function")
    elif inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        spot.wrong("is a generator, so calling it would run nothing; use return, not yield")
    else:
        return True
    return False


def _parameter(
    spot: Spot, function: Callable[..., Any], *, in_workflow: bool
) -> tuple[_Takes, Any]:
    """What the function is called with, and the annotation of the parameter that takes it."""
    every = inspect.signature(function).parameters.values()
    needed = [each for each in every if each.default is each.empty]
    taking = [each for each in needed if each.kind in _POSITIONAL]
    named = [each.name for each in needed if each.kind is each.KEYWORD_ONLY]
    if named or len(taking) > 1:
        listed = ", ".join([each.name for each in taking] + named)
        spot.wrong(f"needs {listed}, but is called with one argument, the event, or with none")
        return "nothing", inspect.Parameter.empty
    first = next((each for each in every if each.kind in _POSITIONAL), None)
    if first is None:
        return "nothing", inspect.Parameter.empty
    annotation = _resolved(spot, function, first)
    if first.name != "input" or _event_type(annotation) is not None:
        return "event", annotation
    if not in_workflow:
        spot.wrong("`input` is what a workflow's task takes; a handler takes the event: (event)")
    return "input", annotation


def _resolved(spot: Spot, function: Callable[..., Any], parameter: inspect.Parameter) -> Any:
    """The annotation as a type, also where it is written as text.

    Only this one: a return type that cannot be resolved is no concern of ours.
    """
    holder = SimpleNamespace(__annotations__={"it": parameter.annotation})
    if parameter.annotation in _OPEN:
        return parameter.annotation
    names = getattr(inspect.unwrap(function), "__globals__", {})
    try:
        return get_type_hints(holder, globalns=names, include_extras=True)["it"]
    except Exception as error:
        spot.wrong(
            f"the annotation of {parameter.name} cannot be resolved: {error}; "
            "its types must be at the top level of the file, imported at run time"
        )
        return inspect.Parameter.empty


def _model(spot: Spot, takes: _Takes, annotation: Any) -> Any:
    """The T of `Event[T]`, or the type of the input; None where nothing is said."""
    if annotation in _OPEN or takes == "nothing":
        return None
    if takes == "input":
        return annotation
    arguments = _event_type(annotation)
    if arguments is None:
        written = called(annotation)
        spot.wrong(
            f"takes {written}, but it is called with the event; "
            f"write event: Event[{written}], whose event.body is that"
        )
        return None
    model = arguments[0] if arguments else Any
    return None if model in _OPEN or isinstance(model, TypeVar) else model


def _event_type(annotation: Any) -> tuple[Any, ...] | None:
    """What stands in the brackets of `Event[...]`; None where the annotation is no event."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if annotation is Event:
        return ()
    return get_args(annotation) if get_origin(annotation) is Event else None
