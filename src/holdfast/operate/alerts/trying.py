"""A test message to a target, and what became of it: for `holdfast alerts test` and the API alike."""

from __future__ import annotations

import os
from collections.abc import Collection

from typing_extensions import TypedDict

from holdfast.clock import Clock
from holdfast.compiled import AlertTarget, Compiled
from holdfast.errors import HoldfastError, NotFound
from holdfast.operate.alerts.fields import kind
from holdfast.operate.alerts.letters import trial
from holdfast.operate.alerts.targets import deliver, where
from holdfast.secrets import Secrets


class TrialFields(TypedDict):
    target: str
    kind: str
    where: str
    sent: bool
    message: str
    """Its id, as the target was shown it."""
    seconds: float
    remark: str | None
    error: str | None


def chosen(compiled: Compiled, names: Collection[str]) -> list[AlertTarget]:
    """The targets of these names, all where none is given. Raises NotFound."""
    known = {one.name: one for one in compiled.notify}
    for name in names:
        if name not in known:
            raise NotFound(f"there is no target {name}; there are: {', '.join(known) or 'none'}")
    return [one for one in known.values() if not names or one.name in names]


def tried(
    target: AlertTarget, app: str, console_url: str | None, secrets: Secrets, clock: Clock
) -> TrialFields:
    """Blocks until the target has it, or has not."""
    now_ms, began = clock.now_ms(), clock.monotonic()
    id = f"msg_{os.urandom(16).hex()}"
    letter = trial(app, target.name, id=id, console_url=console_url, now_ms=now_ms)
    error, remark = None, ""
    try:
        remark = deliver(target, letter, secrets, now_ms / 1000)
    except HoldfastError as failure:
        error = str(failure)
    return {
        "target": target.name,
        "kind": kind(target),
        "where": where(target),
        "sent": error is None,
        "message": id,
        "seconds": round(clock.monotonic() - began, 3),
        "remark": remark or None,
        "error": error,
    }
