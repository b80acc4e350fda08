"""What tasks are to come to in a dry run, as it is written on the command line."""

from __future__ import annotations

from typing import Annotated

import orjson
import typer

from holdfast.cli.options import WrongValue
from holdfast.compiled import Compiled
from holdfast.operate.casting import Mock, mockable

MockOption = Annotated[
    list[str] | None,
    typer.Option(
        "--mock",
        metavar="TASK=JSON",
        help="What a task is to come to, by its name or its state's; may be repeated.",
    ),
]


def parse_mocks(written: list[str] | None, compiled: Compiled) -> dict[str, Mock]:
    """By task or state, what each is to come to.

    Raises BadParameter, for a name that no webhook has too: what was misspelt would be assumed, or
    even called where it is declared safe.
    """
    mocks = dict(map(_mock, written or ()))
    names = frozenset[str]().union(*map(mockable, compiled.webhooks))
    for name in mocks:
        if name not in names:
            there = ", ".join(sorted(names))
            raise WrongValue("--mock", f"no task or state {name!r}; there are {there}")
    return mocks


def _mock(written: str) -> tuple[str, Mock]:
    name, equals, value = written.partition("=")
    try:
        if not (name and equals):
            raise ValueError("no =")
        return name, Mock(orjson.loads(value))
    except ValueError:
        told = f"{written!r} is not written TASK=JSON, such as charge={{}}"
        raise WrongValue("--mock", told) from None
