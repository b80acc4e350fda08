"""Options that several commands share, and what they turn into."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import is_dataclass
from enum import StrEnum
from functools import wraps
from inspect import Parameter, Signature, signature
from shutil import which
from typing import Annotated, Any

import typer

from holdfast.clock import SYSTEM_CLOCK
from holdfast.errors import StoreError
from holdfast.operate import times
from holdfast.operate.book import COMMAND_LINE, Book, local_user
from holdfast.queue.contract import Engine
from holdfast.queue.engines.sqlite import INBOX
from holdfast.runtime.store import DEFAULT_STORE, is_shared, open_engine, store_path


class WrongUsage(typer.BadParameter):
    """Options that do not go together, or lack one another: no single value is wrong."""

    def format_message(self) -> str:
        return self.message


class WrongValue(typer.BadParameter):
    """What is wrong with the value of an option, which is named."""

    def __init__(self, option: str, why: object) -> None:
        super().__init__(str(why), param_hint=[option])


@contextmanager
def value_of(option: str) -> Iterator[None]:
    """A ValueError in here is about the value of that option."""
    try:
        yield
    except ValueError as error:
        raise WrongValue(option, error) from None


class Output(StrEnum):
    TEXT = "text"
    JSON = "json"


StoreOption = Annotated[
    str,
    typer.Option(
        "--store",
        "--queue",
        envvar="HOLDFAST_STORE",
        metavar="URL",
        help="Where messages are kept: sqlite:PATH, sqs://PREFIX or aws:STACK.",
    ),
]
OutputOption = Annotated[
    Output, typer.Option("--output", "-o", help="For people, or for programs.")
]
WebhookOption = Annotated[
    str | None, typer.Option("--webhook", "-w", metavar="NAME", help="Only this webhook.")
]
SinceOption = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="TIME",
        help="Only from then on: an age (30m, 2h, 7d) or a time (2026-11-23T10:00).",
    ),
]
UntilOption = Annotated[
    str | None, typer.Option("--until", metavar="TIME", help="Only before then.")
]
IdOption = Annotated[
    list[str] | None,
    typer.Option("--id", metavar="ID", help="This one; may be repeated. Its beginning will do."),
]
ReasonOption = Annotated[
    str | None,
    typer.Option("--reason", metavar="NAME", help="Only this reason: exhausted, expired, ..."),
]
ErrorOption = Annotated[
    str | None, typer.Option("--error", metavar="NAME", help="Only this name of the last error.")
]
GroupOption = Annotated[
    str | None,
    typer.Option("--group", "-g", metavar="ID", help="Only this group, see `dead groups`."),
]
AllOption = Annotated[
    bool, typer.Option("--all", help="All but those that are put aside; with --parked, those.")
]
ParkedOption = Annotated[
    bool, typer.Option("--parked", help="Those that are put aside, instead of the others.")
]
ListLimitOption = Annotated[
    int, typer.Option("--limit", "-n", min=1, metavar="COUNT", help="At most so many.")
]
WorkLimitOption = Annotated[
    int | None,
    typer.Option(
        "--limit", "-n", min=1, metavar="COUNT", help="At most so many, the oldest first."
    ),
]
RateOption = Annotated[
    float | None,
    typer.Option("--rate", min=0.01, metavar="NUMBER", help="At most so many a second."),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only say which.")]


def with_options(verb: Callable[..., None]) -> Callable[..., None]:
    """A command, of which a parameter may be a dataclass: each of its fields is an option then.

    Typer reads options off a signature. This one has the fields in the place of the dataclass.
    """

    @wraps(verb)
    def called(**given: Any) -> None:
        _built(verb, given)

    options = [one.replace(kind=Parameter.KEYWORD_ONLY) for one in _options(verb)]
    vars(called)["__signature__"] = Signature(options)
    return called


def _options(taker: Callable[..., Any]) -> Iterator[Parameter]:
    for one in signature(taker, eval_str=True).parameters.values():
        if _bundles(one):
            yield from _options(one.annotation)
        else:
            yield one


def _bundles(one: Parameter) -> bool:
    return is_dataclass(one.annotation)


def _built(taker: Callable[..., Any], given: Mapping[str, Any]) -> Any:
    parameters = signature(taker, eval_str=True).parameters
    return taker(
        **{
            name: _built(one.annotation, given) if _bundles(one) else given[name]
            for name, one in parameters.items()
        }
    )


def command(words: str, store: str) -> str:
    """A command line to try next, as it must be typed here."""
    program = "holdfast"
    if not which(program):
        program = sys.argv[0] if os.access(sys.argv[0], os.X_OK) else "python -m holdfast"
    known = store in (DEFAULT_STORE, os.environ.get("HOLDFAST_STORE"))
    return f"{program} {words}" if known else f"{program} {words} --store {shlex.quote(store)}"


@contextmanager
def engine_on(store: str) -> Iterator[Engine]:
    """The engine on a store that exists. Raises StoreError where none does."""
    path = None if is_shared(store) else store_path(store)
    if path is not None and not (path / INBOX).exists():
        raise StoreError(
            f"there is no store at {path}; `holdfast run` makes one, --store names another"
        )
    engine = open_engine(store)
    try:
        yield engine
    finally:
        engine.close()


def book_on(engine: Engine) -> Book:
    """Where this command writes down what it is about to do."""
    return Book(engine, local_user(COMMAND_LINE), SYSTEM_CLOCK)


def parse_time(text: str | None, option: str = "--since") -> int | None:
    """Milliseconds since 1970 from an age or a time; a time without zone is local."""
    if text is None:
        return None
    with value_of(option):
        return times.parse_time(text, SYSTEM_CLOCK.now_ms())
