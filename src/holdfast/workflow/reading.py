"""Reads the states of a document, scope by scope: the document's own, each branch's, each Map's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from holdfast.workflow.conditions import read_choices
from holdfast.workflow.fields import Fields, meant
from holdfast.workflow.mapping import read_map
from holdfast.workflow.resources import Resources
from holdfast.workflow.shaping import Tongue
from holdfast.workflow.sources import SECONDS_MAX
from holdfast.workflow.states import (
    ChoiceState,
    FailState,
    ParallelState,
    PassState,
    State,
    SucceedState,
    TaskState,
    WaitState,
)
from holdfast.workflow.templates import constant
from holdfast.workflow.timestamps import parse_timestamp
from holdfast.workflow.ways import check_variables, check_ways

_NAME_MAX: Final = 80
_MEANT_MAX: Final = 20
"""Mistakes beyond which nobody is told what was meant."""

_SCOPES_MAX: Final = 30
"""How deep Parallel and Map may stand within each other."""


@dataclass(slots=True)
class Document:
    """What all scopes share. State names are unique in all of them, hence one table."""

    resources: Resources
    queries: bool
    states: dict[str, State] = field(default_factory=dict)


def read_language(fields: Fields, *, within: bool) -> bool:
    """Whether what stands here is in JSONata; `within`: the document around it is."""
    language = fields.choice("QueryLanguage", ("JSONPath", "JSONata"))
    if within and language == "JSONPath":
        fields.mistake("QueryLanguage", "cannot be JSONPath where the whole document is JSONata")
    return within if language is None else language == "JSONata"


def read_scope(
    fields: Fields, document: Document, depth: int = 0, outer: frozenset[str] = frozenset()
) -> str | None:
    """StartAt and States of the document, a branch or an ItemProcessor; the state to start at.

    `outer`: the variables that are assigned in the scopes around it.
    """
    start = fields.string("StartAt", required=True)
    found = fields.object("States", required=True)
    fields.close()
    if found is None:
        return start
    if depth > _SCOPES_MAX:
        found.mistake("", f"stands more than {_SCOPES_MAX} Parallel and Map deep")
        return start
    before = len(found.mistakes)
    _Scope(found, document, depth, outer | check_variables(found, outer)).read()
    if start is not None and start not in found:
        fields.mistake("StartAt", _no_state(start, found))
    elif start is not None:
        check_ways(found, start, sound=len(found.mistakes) == before)
    return start


class _Scope:
    """Reads the states of one scope; they go on to each other only."""

    def __init__(
        self, states: Fields, document: Document, depth: int, variables: frozenset[str]
    ) -> None:
        self._states = states
        self._document = document
        self._depth = depth
        self._variables = variables
        self._kinds: dict[str, Callable[[str, Fields, Tongue], State]] = {
            "Task": self._task,
            "Pass": self._pass,
            "Choice": self._choice,
            "Wait": self._wait,
            "Succeed": self._succeed,
            "Fail": self._fail,
            "Parallel": self._parallel,
            "Map": self._map,
        }

    def read(self) -> None:
        if not self._states.value:
            self._states.mistake("", "must not be empty")
        for name in self._states.value:
            fields = self._states.object(name)
            if len(name) > _NAME_MAX:
                self._states.mistake(name, f"a state's name has at most {_NAME_MAX} characters")
            state = self._state(name, fields) if fields is not None else None
            if state is None:
                continue
            if name in self._document.states:
                self._states.mistake(name, "another state of the document has this name")
            self._document.states[name] = state

    def _state(self, name: str, fields: Fields) -> State | None:
        kind = fields.string("Type", required=True)
        if kind is None:
            return None
        if kind not in self._kinds:
            fields.mistake("Type", f'no type "{kind}"')
            return None
        fields.string("Comment")
        tongue = Tongue(read_language(fields, within=self._document.queries))
        state = self._kinds[kind](name, fields, tongue)
        tongue.refuse_other(fields)
        fields.close()
        return state

    def _task(self, name: str, fields: Fields, tongue: Tongue) -> TaskState:
        fields.one_of(("TimeoutSeconds", "TimeoutSecondsPath"))
        fields.one_of(("HeartbeatSeconds", "HeartbeatSecondsPath"))
        timeout = tongue.integer(fields, "TimeoutSeconds", 1, SECONDS_MAX)
        heartbeat = tongue.integer(fields, "HeartbeatSeconds", 1, SECONDS_MAX)
        if timeout is not None and heartbeat is not None and heartbeat >= timeout:
            fields.mistake("HeartbeatSeconds", "must be smaller than TimeoutSeconds")
        credentials = tongue.credentials(fields)
        sources = [tongue.source(fields, f"{name}Seconds") for name in ("Timeout", "Heartbeat")]
        return TaskState(
            name=name,
            next=self._next(fields),
            shaping=tongue.shaping(fields, *_WORK, "ResultSelector"),
            resource=self._document.resources.read(fields, queries=tongue.queries),
            credentials=credentials,
            timeout_seconds=timeout,
            timeout=sources[0],
            heartbeat_seconds=heartbeat,
            heartbeat=sources[1],
            recovery=tongue.recovery(fields, self._known),
            dynamic=any(given is not None for given in (credentials, *sources)),
        )

    def _pass(self, name: str, fields: Fields, tongue: Tongue) -> PassState:
        shaping = tongue.shaping(fields, "Pass", "Parameters", "Assign", "ResultPath")
        result = None
        if "Result" in fields and not tongue.queries:
            result = constant(fields.raw("Result"))
        return PassState(name, self._next(fields), shaping, result)

    def _choice(self, name: str, fields: Fields, tongue: Tongue) -> ChoiceState:
        fields.refuse(("Next", "End"), "a Choice goes on by its rules; use Default")
        shaping = tongue.shaping(fields, "Assign")
        rules = read_choices(fields, tongue, shaping, self._known)
        default = fields.string("Default")
        if default is not None:
            self._known(fields, "Default", default)
        return ChoiceState(name, shaping, tuple(rules), default)

    def _wait(self, name: str, fields: Fields, tongue: Tongue) -> WaitState:
        several = ("Seconds", "SecondsPath", "Timestamp", "TimestampPath")
        fields.one_of(several[::2] if tongue.queries else several, required=True)
        until, until_from = None, tongue.parameter(fields, "Timestamp")
        if until_from is None:
            text = fields.string("Timestamp")
            until = parse_timestamp(text) if text is not None else None
            if text is not None and until is None:
                fields.mistake("Timestamp", f"{text!r} is not an RFC 3339 timestamp")
        return WaitState(
            name=name,
            next=self._next(fields),
            shaping=tongue.shaping(fields, "Assign"),
            seconds=tongue.integer(fields, "Seconds", 0, SECONDS_MAX),
            seconds_from=tongue.parameter(fields, "Seconds"),
            until=until,
            until_from=until_from,
        )

    def _succeed(self, name: str, fields: Fields, tongue: Tongue) -> SucceedState:
        fields.refuse(("Next", "End"), "a Succeed state is itself the end")
        return SucceedState(name, tongue.shaping(fields))

    def _fail(self, name: str, fields: Fields, tongue: Tongue) -> FailState:
        fields.refuse(("Next", "End"), "a Fail state is itself the end")
        fields.refuse(("InputPath", "OutputPath", "Output"), "a Fail state has no output")
        error, cause = tongue.text(fields, "Error"), tongue.text(fields, "Cause")
        return FailState(name, tongue.bare(), error, cause)

    def _parallel(self, name: str, fields: Fields, tongue: Tongue) -> ParallelState:
        branches = fields.objects("Branches", required=True)
        starts = []
        for branch in branches:
            branch.string("Comment")
            starts.append(self._scope(branch))
        return ParallelState(
            name=name,
            next=self._next(fields),
            shaping=tongue.shaping(fields, *_WORK, "ResultSelector"),
            branches=tuple(starts),
            recovery=tongue.recovery(fields, self._known),
        )

    def _map(self, name: str, fields: Fields, tongue: Tongue) -> State:
        recovery = tongue.recovery(fields, self._known)
        return read_map(name, self._next(fields), fields, tongue, recovery, self._scope)

    def _scope(self, fields: Fields) -> str:
        """A scope within; the state that it starts at."""
        return read_scope(fields, self._document, self._depth + 1, self._variables) or ""

    def _next(self, fields: Fields) -> str | None:
        following, end = fields.string("Next"), fields.flag("End")
        if "Next" in fields and end:
            fields.mistake("", "Next and End cannot stand together")
        elif "Next" not in fields and not end:
            fields.mistake("", "needs Next, or End: true")
        if following is not None:
            self._known(fields, "Next", following)
        return following

    def _known(self, fields: Fields, field: str, name: str) -> None:
        if name not in self._states:
            fields.mistake(field, _no_state(name, self._states))


def _no_state(name: str, states: Fields) -> str:
    # Where much is wrong, each by itself would be compared with every name there is.
    few = len(states.mistakes) < _MEANT_MAX
    return f'no state "{name}"{meant(name, states.value) if few else ""}'


_WORK: Final = ("Parameters", "Arguments", "Assign", "ResultPath")
