"""Known senders: `providers.stripe("env:STRIPE_WEBHOOK_SECRET")`, and 100 others.

What is known of each stands in a file of its own, in `data`: how it signs, names its deliveries and
shakes hands, how long it waits, when it tries again and when it gives up. A sender of your own is a
file of the same kind, `providers.from_file("acme.toml")("env:ACME_SECRET")`, or the same as a
mapping.

    providers.NAME(secret, ...)   the sender, for `app.webhook(..., provider=...)`
    from_file, from_mapping       the same for a description of your own
    load(id), names()             a sender's description by its id, and all ids

A file is read when its sender is first asked for. `__init__.pyi` tells type checkers and editors
what each takes; it is written from the files by `python tests/generated.py`.
"""

from __future__ import annotations

from holdfast.errors import UnknownProvider
from holdfast.providers.files import from_file, from_mapping, load, names
from holdfast.providers.preset import Preset

__all__ = ["Preset", "from_file", "from_mapping", "load", "names"]


def __getattr__(name: str) -> Preset:
    if name.startswith("__"):  # Python's own, which no sender is called
        raise AttributeError(name)
    try:
        return load(name.replace("_", "-"))
    except UnknownProvider as error:
        raise AttributeError(str(error)) from None


def __dir__() -> list[str]:
    return sorted([*__all__, *(id.replace("-", "_") for id in names())])
