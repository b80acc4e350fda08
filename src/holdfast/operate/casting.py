"""What a task comes to where it is not called: what somebody said, or what it came to before.

By its state or by its own name in `mocks`; else by what it was asked in an execution that was kept;
else nothing is known, and whoever plays it says that null was assumed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson

from holdfast.compiled import CompiledWebhook
from holdfast.message import Failure
from holdfast.queue.contract import Execution
from holdfast.workflow.resources import service

Source = Literal["performed", "mocked", "recorded", "assumed", "refused"]

NO_DIFFERENCE: Final = ("attempt", "holdfast")
"""Members of an input that make no difference to what a task was asked: which attempt it was, and
the event that travels with it on AWS."""

_QUARANTINES: Final = {"SchemaInvalid": "schema_invalid", "Permanent": "permanent"}

_LATER: Final = ("exhausted", "expired")
"""Reasons that say nothing of the error."""


@dataclass(frozen=True, slots=True)
class Mock:
    """What a task is to come to. `quarantine`: under which reason the event rests at once."""

    result: Any = None
    error: str | None = None
    cause: str | None = None
    quarantine: str | None = None

    @property
    def reason(self) -> str | None:
        """Of the error, as far as one is known."""
        return self.quarantine or _QUARANTINES.get(self.error or "")


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays the tasks of one execution. `recorded`: by resource and input, see `recorded`.

    `last`: the failure that the event ended with, for the state that failed where no history tells.
    """

    mocks: Mapping[str, Mock]
    recorded: Mapping[tuple[str, bytes], Mock]
    last: Failure | None = None

    def play(self, state: str, resource: str, input: Any) -> tuple[Source, Mock]:
        """Where its outcome is from, and what it is."""
        for name in (state, resource):
            if name in self.mocks:
                return "mocked", self.mocks[name]
        found = self.recorded.get(_asked(service(resource) or resource, input))
        if found is not None:
            return "recorded", found
        if self.last is not None and self.last.state == state:
            return "recorded", _failed(self.last.error, self.last.cause, self.last)
        return "assumed", Mock()


def mockable(webhook: CompiledWebhook) -> frozenset[str]:
    """The names of its tasks, of the states that call one, however deep, and what those call."""
    return frozenset((*webhook.tasks, *_tasks(webhook.workflow)))


def _tasks(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        for name, each in node.get("States", {}).items():
            if each.get("Type") == "Task":
                yield from (name, each["Resource"])
            yield from _tasks(each)
        for inside in (*node.get("Branches", ()), node.get("ItemProcessor"), node.get("Iterator")):
            yield from _tasks(inside)


def recorded(
    earlier: Sequence[Execution], *, failures: bool = False, last: Failure | None = None
) -> dict[tuple[str, bytes], Mock]:
    """What tasks came to, by resource and input; the latest execution wins. What the history has
    left out is like nothing that will be asked for.

    failures: those too. `last`: the failure that the event ended with, whose reason is then known.
    """
    found: dict[tuple[str, bytes], Mock] = {}
    for run in earlier:
        asked: dict[Any, tuple[str, bytes]] = {}
        for event in run.history:
            details: Any = event.get("details") or {}
            call = asked.get(event.get("previousEventId"))
            match event.get("type"):
                case "LambdaFunctionScheduled" if "input" in details:
                    call = _asked(str(details.get("resource")), details["input"])
                case "TaskScheduled" if "parameters" in details:
                    called = f"{details.get('resourceType')}:{details.get('resource')}"
                    call = _asked(called, details["parameters"])
                case "LambdaFunctionSucceeded" | "TaskSucceeded" if call and "output" in details:
                    found[call] = Mock(details["output"])
                case (
                    "LambdaFunctionFailed"
                    | "TaskFailed"
                    | "LambdaFunctionTimedOut"
                    | "TaskTimedOut"
                ) if call and failures and "error" in details:
                    found[call] = _failed(details["error"], details.get("cause"), last)
            if call is not None:
                asked[event.get("id")] = call
    return found


def _failed(error: str, cause: str | None, last: Failure | None) -> Mock:
    reason = last.reason if last is not None and last.error == error else ""
    return Mock(error=error, cause=cause, quarantine=None if reason in _LATER else reason or None)


def _asked(resource: str, value: Any) -> tuple[str, bytes]:
    if isinstance(value, dict):
        value = {name: one for name, one in value.items() if name not in NO_DIFFERENCE}
    try:
        return resource, orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return resource, b""  # nested too deep, say: no history holds it (`retained`)
