"""Reads an Amazon States Language document: `check` names every mistake, `load` compiles.

Both are one reading of the document, so that what is checked and what runs cannot drift apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from holdfast.errors import DefinitionError, Mistake
from holdfast.workflow.conditions import read_choices
from holdfast.workflow.fields import Fields
from holdfast.workflow.paths import Getter, Placer, compile_getter, compile_placer
from holdfast.workflow.states import (
    Catcher,
    ChoiceState,
    FailState,
    PassState,
    Program,
    Retrier,
    Shaping,
    State,
    SucceedState,
    TaskState,
    WaitState,
)
from holdfast.workflow.templates import NOTHING, Selection, select_path, select_template, weight
from holdfast.workflow.timestamps import parse_timestamp

VERIFY: Final = "holdfast:verify"
"""The resource of the state that verifies the source; every webhook has it."""

EXPRESS_SECONDS: Final = 300
"""AWS ends an Express execution after five minutes."""

_MAX_SECONDS: Final = 99_999_999
_RESOURCE: Final = re.compile(r"\$\{([^{}]+)\}")
_LATER: Final = "is not supported yet"


def check(document: Mapping[str, Any], task_names: Collection[str]) -> list[Mistake]:
    """Everything that is wrong with the document, each with its path; empty where it can run."""
    return _read(document, task_names)[1]


def load(document: Mapping[str, Any]) -> Program:
    """Compile a document. Raises DefinitionError with every mistake."""
    program, mistakes = _read(document, None)
    if program is None or mistakes:
        raise DefinitionError(mistakes)
    return program


def _read(
    document: Mapping[str, Any], task_names: Collection[str] | None
) -> tuple[Program | None, list[Mistake]]:
    mistakes: list[Mistake] = []
    if not isinstance(document, Mapping):
        return None, [Mistake("the document", "must be an object")]
    fields = Fields(document, "", mistakes)
    comment = fields.string("Comment") or ""
    version = fields.choice("Version", ("1.0",)) or "1.0"
    timeout = fields.integer("TimeoutSeconds", 1, EXPRESS_SECONDS) or EXPRESS_SECONDS
    _query_language(fields)
    start = fields.string("StartAt", required=True)
    found = fields.object("States", required=True)
    fields.close()
    states = _States(found, task_names).read() if found is not None else {}
    if found is not None and start is not None:
        if start not in found:
            fields.mistake("StartAt", f'no state "{start}"')
        else:
            _unreachable(found, start)
    return Program(start or "", states, timeout, comment, version), mistakes


def _query_language(fields: Fields) -> None:
    if fields.choice("QueryLanguage", ("JSONPath", "JSONata")) == "JSONata":
        fields.mistake("QueryLanguage", f"JSONata {_LATER}")


def _unreachable(states: Fields, start: str) -> None:
    reached, todo = {start}, [start]
    while todo:
        for name in _targets(states.value.get(todo.pop())):
            if name in states and name not in reached:
                reached.add(name)
                todo.append(name)
    for name in states.value:
        if name not in reached:
            states.mistake(name, "cannot be reached from StartAt")


def _targets(state: Any) -> list[str]:
    """Every state that this one can go on to."""
    if not isinstance(state, Mapping):
        return []
    sources = [state]
    for name in ("Choices", "Catch"):
        listed = state.get(name)
        sources += listed if isinstance(listed, list) else []
    named = [source.get("Next") for source in sources if isinstance(source, Mapping)]
    return [name for name in (*named, state.get("Default")) if isinstance(name, str)]


class _States:
    """Reads the states of one scope."""

    def __init__(self, states: Fields, task_names: Collection[str] | None) -> None:
        self._states = states
        self._task_names = task_names
        self._kinds: dict[str, Callable[[str, Fields], State]] = {
            "Task": self._task,
            "Pass": self._pass,
            "Choice": self._choice,
            "Wait": self._wait,
            "Succeed": self._succeed,
            "Fail": self._fail,
        }

    def read(self) -> dict[str, State]:
        if not self._states.value:
            self._states.mistake("", "must not be empty")
        read: dict[str, State] = {}
        for name in self._states.value:
            fields = self._states.object(name)
            if len(name) > 80:
                self._states.mistake(name, "a state's name has at most 80 characters")
            state = self._state(name, fields) if fields is not None else None
            if state is not None:
                read[name] = state
        return read

    def _state(self, name: str, fields: Fields) -> State | None:
        kind = fields.string("Type", required=True)
        if kind is None:
            return None
        if kind not in self._kinds:
            reason = f"{kind} {_LATER}" if kind in ("Map", "Parallel") else f'no type "{kind}"'
            fields.mistake("Type", reason)
            return None
        fields.string("Comment")
        _query_language(fields)
        fields.refuse(("Assign",), "variables are not supported yet")
        fields.refuse(("Arguments", "Output"), "belongs to JSONata, which is not supported yet")
        state = self._kinds[kind](name, fields)
        fields.close()
        return state

    def _task(self, name: str, fields: Fields) -> TaskState:
        fields.one_of(("TimeoutSeconds", "TimeoutSecondsPath"))
        fields.one_of(("HeartbeatSeconds", "HeartbeatSecondsPath"))
        timeout = fields.integer("TimeoutSeconds", 1, _MAX_SECONDS)
        heartbeat = fields.integer("HeartbeatSeconds", 1, _MAX_SECONDS)
        if timeout is not None and heartbeat is not None and heartbeat >= timeout:
            fields.mistake("HeartbeatSeconds", "must be smaller than TimeoutSeconds")
        fields.refuse(("Credentials",), "belongs to AWS accounts and means nothing to a local task")
        return TaskState(
            name=name,
            next=self._next(fields),
            shaping=_shaping(fields, _TASK_FLOW),
            resource=self._resource(fields),
            timeout_seconds=timeout,
            timeout_path=_getter(fields, "TimeoutSecondsPath"),
            heartbeat_seconds=heartbeat,
            heartbeat_path=_getter(fields, "HeartbeatSecondsPath"),
            retry=_retry(fields),
            catch=self._catch(fields),
        )

    def _resource(self, fields: Fields) -> str:
        text = fields.string("Resource", required=True)
        if text is None:
            return ""
        named = _RESOURCE.fullmatch(text)
        if named is None:
            fields.mistake("Resource", _foreign_resource(text))
            return ""
        name = named[1]
        names = self._task_names
        if names is not None and name != VERIFY and name not in names:
            known = ", ".join(sorted(names)) or "none"
            fields.mistake("Resource", f'no task "{name}"; there are: {known}')
        return name

    def _pass(self, name: str, fields: Fields) -> PassState:
        result = None
        if "Result" in fields:
            constant = fields.raw("Result")
            result = Selection(lambda _data, _context: constant, fixed=weight(constant))
        return PassState(name, self._next(fields), _shaping(fields, _PASS_FLOW), result)

    def _choice(self, name: str, fields: Fields) -> ChoiceState:
        fields.refuse(("Next", "End"), "a Choice goes on by its rules; use Default")
        rules = read_choices(fields, self._known)
        default = fields.string("Default")
        if default is not None:
            self._known(fields, "Default", default)
        return ChoiceState(name, _shaping(fields, _PLAIN_FLOW), tuple(rules), default)

    def _wait(self, name: str, fields: Fields) -> WaitState:
        fields.one_of(("Seconds", "SecondsPath", "Timestamp", "TimestampPath"), required=True)
        text = fields.string("Timestamp")
        until = parse_timestamp(text) if text is not None else None
        if text is not None and until is None:
            fields.mistake("Timestamp", f"{text!r} is not an RFC 3339 timestamp")
        return WaitState(
            name=name,
            next=self._next(fields),
            shaping=_shaping(fields, _PLAIN_FLOW),
            seconds=fields.integer("Seconds", 0, _MAX_SECONDS),
            seconds_path=_getter(fields, "SecondsPath"),
            until=until,
            until_path=_getter(fields, "TimestampPath"),
        )

    def _succeed(self, name: str, fields: Fields) -> SucceedState:
        fields.refuse(("Next", "End"), "a Succeed state is itself the end")
        return SucceedState(name, _shaping(fields, _PLAIN_FLOW))

    def _fail(self, name: str, fields: Fields) -> FailState:
        fields.refuse(("Next", "End"), "a Fail state is itself the end")
        fields.one_of(("Error", "ErrorPath"))
        fields.one_of(("Cause", "CausePath"))
        return FailState(
            name,
            fields.string("Error"),
            _getter(fields, "ErrorPath"),
            fields.string("Cause"),
            _getter(fields, "CausePath"),
        )

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
            fields.mistake(field, f'no state "{name}"')

    def _catch(self, fields: Fields) -> tuple[Catcher, ...]:
        listed, catchers = fields.objects("Catch"), []
        for index, catcher in enumerate(listed):
            catcher.string("Comment")
            catcher.refuse(("Assign",), "variables are not supported yet")
            following = catcher.string("Next", required=True)
            if following is not None:
                self._known(catcher, "Next", following)
            errors = _errors(catcher, last=index == len(listed) - 1)
            catchers.append(Catcher(errors, _placer(catcher), following or ""))
            catcher.close()
        return tuple(catchers)


_PLAIN_FLOW: Final = ("InputPath", "OutputPath")
_PASS_FLOW: Final = (*_PLAIN_FLOW, "Parameters", "ResultPath")
_TASK_FLOW: Final = (*_PASS_FLOW, "ResultSelector")


def _shaping(fields: Fields, flow: tuple[str, ...]) -> Shaping:
    return Shaping(
        input=_io_path(fields, "InputPath"),
        parameters=_template(fields, "Parameters") if "Parameters" in flow else None,
        selector=_template(fields, "ResultSelector") if "ResultSelector" in flow else None,
        place=_placer(fields) if "ResultPath" in flow else None,
        output=_io_path(fields, "OutputPath"),
    )


def _io_path(fields: Fields, name: str) -> Selection | None:
    if name in fields and fields.raw(name) is None:
        return NOTHING
    path = fields.path(name)
    return None if path is None or path.text == "$" else select_path(path)


def _template(fields: Fields, name: str) -> Selection | None:
    found = fields.object(name)
    if found is None:
        return None

    def note(place: str, message: str) -> None:
        found.mistakes.append(Mistake(found.place + place, message))

    return select_template(dict(found.value), note)


def _placer(fields: Fields) -> Placer | None:
    if "ResultPath" in fields and fields.raw("ResultPath") is None:
        return lambda data, _result: data
    path = fields.path("ResultPath", reference=True)
    if path is None or path.text == "$":
        return None
    if path.in_context:
        fields.mistake("ResultPath", "the context object cannot be written to")
    return compile_placer(path)


def _getter(fields: Fields, name: str) -> Getter | None:
    path = fields.path(name, reference=True)
    return None if path is None else compile_getter(path)


def _retry(fields: Fields) -> tuple[Retrier, ...]:
    listed, retriers = fields.objects("Retry"), []
    for index, retrier in enumerate(listed):
        retrier.string("Comment")
        interval = retrier.integer("IntervalSeconds", 1, _MAX_SECONDS)
        attempts = retrier.integer("MaxAttempts", 0, _MAX_SECONDS)
        rate = retrier.number("BackoffRate", 1.0)
        most = retrier.integer("MaxDelaySeconds", 1, 31_622_400)
        if most is not None and most <= (interval or 1):
            retrier.mistake("MaxDelaySeconds", "must be greater than IntervalSeconds")
        jitter = retrier.choice("JitterStrategy", ("FULL", "NONE"))
        retriers.append(
            Retrier(
                errors=_errors(retrier, last=index == len(listed) - 1),
                interval_seconds=1.0 if interval is None else interval,
                max_attempts=3 if attempts is None else attempts,
                backoff_rate=2.0 if rate is None else rate,
                max_delay_seconds=31_622_400 if most is None else most,
                full_jitter=jitter == "FULL",
            )
        )
        retrier.close()
    return tuple(retriers)


def _errors(fields: Fields, *, last: bool) -> frozenset[str]:
    names = fields.strings("ErrorEquals")
    if "States.ALL" in names and len(names) > 1:
        fields.mistake("ErrorEquals", "States.ALL must stand alone")
    if "States.ALL" in names and not last:
        fields.mistake("ErrorEquals", "States.ALL must come last")
    return frozenset(names)


def _foreign_resource(text: str) -> str:
    if ".sync" in text:
        return "`.sync` integrations are not part of Express workflows"
    if ".waitForTaskToken" in text:
        return "`.waitForTaskToken` is not part of Express workflows"
    if ":activity:" in text:
        return "activities are not part of Express workflows"
    return f"{text!r} is not a task; write ${{name}}"
