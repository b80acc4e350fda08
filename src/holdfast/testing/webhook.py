"""A whole event in a test: what a definition makes of it, its own code called, and nothing kept.

    run = run_webhook("hooks.py", delivery({"id": "o-1", "total": 20}, url="/orders"))
    assert run.status == "SUCCEEDED"

The request is taken as one whose sender was checked: whoever tests what is done with an event need
not sign it. Waits and retries take no time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from holdfast.clock import SYSTEM_CLOCK
from holdfast.compile import compile_app, load
from holdfast.definition import App
from holdfast.errors import NotFound
from holdfast.gateway.routes import Router
from holdfast.message import Message, Request, new_message_id
from holdfast.operate.casting import Cast, Mock, Source, mockable
from holdfast.operate.rehearsal import Stage
from holdfast.secrets import Secrets
from holdfast.testing.workflow import WorkflowRun
from holdfast.workflow.sqs_send import VERIFIED

_SAID: Final = {one.name for one in fields(Mock)}


def run_webhook(
    definition: App | str | Path,
    request: Request,
    *,
    mocks: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
) -> WorkflowRun:
    """Work one event to its end.

    `definition`: the app, or its file. `request`: what `delivery` or `sign` gives; its path says which
    webhook it is for. `mocks`: what tasks come to that must not be called, by state or by task,
    `{"result": ...}` or `{"error": "Name", "cause": "why"}`, used up in order; the last one repeats.
    Every other function of the definition is called. What another program does (`forward`, an ARN)
    comes to null where no mock says otherwise.

    Raises NotFound where no webhook has this path or a mock names no state or task of it, ValueError
    for a mock that says nothing or something else, TypeError for no request, and what `load` raises.
    """
    if not isinstance(request, Request):
        told = "what delivery() or sign() gives is needed"
        raise TypeError(f"request: {told}, not {type(request).__name__}")
    compiled = compile_app(definition if isinstance(definition, App) else load(Path(definition)))
    found = Router((one.path, one) for one in compiled.webhooks).find(request.path)
    if found is None:
        paths = ", ".join(one.path for one in compiled.webhooks)
        raise NotFound(f"the definition has no webhook at {request.path}, but at {paths}")
    webhook, params = found
    now_ms = SYSTEM_CLOCK.now_ms()
    id = new_message_id(now_ms)
    message = Message(id, webhook.name, now_ms, request, params, VERIFIED)
    played = {name: [_mock(name, one) for one in told] for name, told in (mocks or {}).items()}
    _all_there(played, mockable(webhook))
    stage = Stage(webhook, Secrets(), safe=lambda _name: True)
    ended = stage.rehearse(message, now_ms, _Played({}, {}, left=played))
    calls = tuple(
        {"state": one.state, "resource": one.resource, "input": one.input, "result": one.result,
         "error": one.error, "cause": one.cause}
        for one in ended.calls
    )  # fmt: skip
    return WorkflowRun(
        ended.status, ended.output, ended.error, ended.cause, ended.history, calls, ended.waits
    )


def _mock(name: str, told: Mapping[str, Any]) -> Mock:
    if not isinstance(told, Mapping) or not told.keys() <= _SAID:
        raise ValueError(
            f'mocks: {name!r} is a list of {{"result": ...}} or {{"error": "Name", "cause": "why"}}'
        )
    return Mock(**told)


def _all_there(played: Mapping[str, Sequence[Mock]], names: frozenset[str]) -> None:
    """What a misspelt mock was to play would be called for real, and a card charged."""
    for name, told in played.items():
        if name not in names:
            there = ", ".join(sorted(names))
            raise NotFound(f"mocks: no state or task {name!r}; there are {there}")
        if not told:
            raise ValueError(f"mocks: nothing is said of {name!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Played(Cast):
    """`left`: what was said of each, in order."""

    left: dict[str, list[Mock]]

    def play(self, state: str, resource: str, input: Any) -> tuple[Source, Mock]:
        for name in (state, resource):
            if told := self.left.get(name):
                return "mocked", told.pop(0) if len(told) > 1 else told[0]
        return Cast.play(self, state, resource, input)
