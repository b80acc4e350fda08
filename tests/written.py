"""Definitions as users write them: text in a file, so that every mistake has a line."""

from __future__ import annotations

from pathlib import Path

from holdfast.compile import check_app, compile_app, load
from holdfast.compiled import CompiledWebhook
from holdfast.errors import DefinitionError

HEAD = """\
from __future__ import annotations
from typing import *
from pydantic import BaseModel, Field
from holdfast.definition import Answer, App, Pipe, Provider, Queue, RateLimit
from holdfast.message import Event
from holdfast.verify import basic, bearer, hmac_sha256
from holdfast import providers
app = App()
class User(BaseModel):
    name: str
    age: Annotated[int, Field(ge=18)]
"""
FIRST_LINE = HEAD.count("\n") + 1
"""The line on which what a test writes begins."""


def write(directory: Path, text: str, name: str = "hooks.py") -> Path:
    path = directory / name
    path.write_text(HEAD + text, encoding="utf-8")
    return path


def mistakes(directory: Path, text: str) -> list[str]:
    """As `holdfast check` would print them; `@` stands for the file and the line after the head."""
    path = write(directory, text)
    try:
        found = check_app(load(path))
    except DefinitionError as error:
        found = list(error.mistakes)
    return [str(mistake).replace(f"hooks.py:{FIRST_LINE} ", "@ ") for mistake in found]


def compiled(directory: Path, text: str) -> CompiledWebhook:
    """The first webhook of a definition without mistakes."""
    return compile_app(load(write(directory, text))).webhooks[0]
