"""Arguments and options that name a known sender and how it signs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from holdfast.cli.options import WrongValue
from holdfast.errors import DefinitionError, Mistake
from holdfast.providers.files import from_file, load
from holdfast.providers.preset import Preset
from holdfast.providers.words import example

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The sender's id: stripe.")]
VariantOption = Annotated[
    str | None,
    typer.Option("--variant", metavar="NAME", help="Which of the sender's ways to sign."),
]
ConfigOption = Annotated[
    list[str] | None,
    typer.Option(
        "--config", metavar="NAME=VALUE", help="A setting of the sender's own; may be repeated."
    ),
]
SecretOption = Annotated[
    str | None,
    typer.Option(
        "--secret-from",
        metavar="REFERENCE",
        help="Where its secret is: env:NAME or file:PATH, never the secret itself.",
    ),
]


def settings_of(pairs: list[str] | None) -> dict[str, str]:
    """From `NAME=VALUE`. Raises BadParameter."""
    settings = {}
    for pair in pairs or []:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise WrongValue("--config", f"a setting is written NAME=VALUE, not {pair!r}")
        settings[name] = value
    return settings


def preset_of(name: str) -> Preset:
    """A known sender by its id, in either spelling; or one of your own by its file, `acme.toml`.

    Raises UnknownProvider, and DefinitionError where there is a mistake in the file.
    """
    if name.endswith(".toml"):
        file = Path(name).absolute()
        own = from_file(file)
        if mistakes := example(own).verification.mistakes():
            wrong = [one.removeprefix(f"{file.name} ") for one in mistakes]
            raise DefinitionError([Mistake(name, one) for one in wrong])
        return own
    return load(name.replace("_", "-"))
