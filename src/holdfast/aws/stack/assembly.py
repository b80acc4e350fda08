"""A definition as a cloud assembly: what `cdk deploy` and every other deployment tool take."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from aws_cdk import App

from holdfast.aws.bundle import Bundle
from holdfast.aws.plan import TEXT_MAX_BYTES
from holdfast.aws.stack.stack import WebhookStack
from holdfast.errors import DefinitionError, Mistake

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,39}")
"""Of stacks: shorter than CloudFormation has it, as it is the prefix of the store as well."""


def stack_name(app: str) -> str:
    """What the stack of an app is called where nobody says: `shop-orders` becomes `ShopOrders`."""
    words = re.findall(r"[A-Za-z0-9]+", app)
    name = "".join(word[:1].upper() + word[1:] for word in words)[:40]
    return name if _NAME.fullmatch(name) else "Hooks"


def synth(
    definition: Path,
    out: Path,
    name: str,
    *,
    tracing: bool = False,
    account_role: bool = True,
    bundle: Bundle | None = None,
) -> Path:
    """Write the assembly to `out`. The template's path. No account is asked for anything.

    Raises ValueError where no stack can have that name, DefinitionError, BundleFailed.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{name!r}: a stack's name is a letter, then up to 39 letters, digits or -"
        )
    app = App(outdir=str(out), analytics_reporting=False)
    WebhookStack(
        app,
        name,
        definition=definition,
        tracing=tracing,
        account_role=account_role,
        bundle=bundle,
    )
    app.synth()
    template = out / f"{name}.template.json"
    size = template.stat().st_size
    if size > TEXT_MAX_BYTES:
        said = f"{size:,} bytes of text, and a template has {TEXT_MAX_BYTES:,}; write several apps"
        raise DefinitionError([Mistake(f"the stack {name}", said)])
    return template
