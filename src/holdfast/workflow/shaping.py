"""Reads how data flows through a state, in either language, and what it does about failures."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from holdfast.workflow.failures import RUNTIME
from holdfast.workflow.fields import Fields
from holdfast.workflow.misses import in_parameter, invalid_path
from holdfast.workflow.paths import Getter, Miss, Placer, compile_getter, compile_placer
from holdfast.workflow.queries import is_query, select_query, source
from holdfast.workflow.recovery import ALL, Catcher, Recovery, Retrier, misspelt
from holdfast.workflow.sources import SECONDS_MAX, Source
from holdfast.workflow.states import PLAIN, Shaping
from holdfast.workflow.templates import (
    NOTHING,
    Selection,
    constant,
    select_path,
    select_template,
    select_text,
)

_DELAY_MAX: Final = 31_622_399
"""MaxDelaySeconds is less than 31,622,400 on AWS."""

_FLOW: Final = ("InputPath", "Parameters", "ResultSelector", "ResultPath", "OutputPath")
_OF_PATHS: Final = (
    *_FLOW,
    "ItemsPath",
    "Result",
    "TimeoutSecondsPath",
    "HeartbeatSecondsPath",
    "SecondsPath",
    "TimestampPath",
    "ErrorPath",
    "CausePath",
    "MaxConcurrencyPath",
    "ToleratedFailureCountPath",
    "ToleratedFailurePercentagePath",
)
_VARIABLE: Final = re.compile(r"[^\W\d]\w{0,79}")
_OF_QUERIES: Final = ("Arguments", "Output", "Items")

Known = Callable[[Fields, str, str], None]
"""Notes a mistake in the field of this name where the state that it names does not exist."""


@dataclass(frozen=True, slots=True)
class Tongue:
    """The query language of a state, and its way of reading fields."""

    queries: bool

    def refuse_other(self, fields: Fields) -> None:
        """Fields that belong to the other language."""
        if self.queries:
            fields.refuse(_OF_PATHS, "belongs to JSONPath; this state is in JSONata")
        else:
            fields.refuse(_OF_QUERIES, "belongs to JSONata; this state is in JSONPath")

    def shaping(self, fields: Fields, *flow: str) -> Shaping:
        """`flow`: what the type of state has beside InputPath, OutputPath and Output."""
        assign = None if "Assign" not in flow else self.assign(fields)
        if self.queries:
            arguments = self._template(fields, "Arguments") if "Arguments" in flow else None
            return Shaping(True, None, arguments, assign, output=self._template(fields, "Output"))
        parameters, selector = None, None
        if "Parameters" in flow:
            # Recorded for Pass; the documentation has the other name for what is called.
            error = RUNTIME if "Pass" in flow else "States.ParameterPathFailure"
            parameters = payload(fields, "Parameters", error)
        if "ResultSelector" in flow:
            selector = payload(fields, "ResultSelector")
        shaping = Shaping(
            queries=False,
            input=_io_path(fields, "InputPath"),
            parameters=parameters,
            assign=assign,
            selector=selector,
            place=_placer(fields) if "ResultPath" in flow else None,
            output=_io_path(fields, "OutputPath"),
        )
        return PLAIN if shaping == PLAIN else shaping

    def bare(self) -> Shaping:
        """Of a state that no data leaves."""
        return Shaping(self.queries)

    def rule(self, fields: Fields, state: Shaping, within: str) -> Shaping:
        """What leaves by a rule of a Choice: its own Assign and Output, not the state's."""
        output = self._template(fields, "Output", within) if self.queries else state.output
        if not self.queries:
            fields.refuse(("Output",), "belongs to JSONata; this state is in JSONPath")
        assign = self.assign(fields, within)
        return Shaping(state.queries, state.input, state.parameters, assign, output=output)

    def assign(self, fields: Fields, within: str = "") -> Selection | None:
        """The variables that a state, a rule or a catcher sets.

        `within`: where that is within the state, as AWS names places, `Catch[0]/`.
        """
        found = fields.object("Assign")
        if found is None:
            return None
        for key in found.value:
            name = key if self.queries else key.removesuffix(".$")
            mistake = _variable_mistake(name)
            if mistake is not None:
                found.mistake(key, mistake)
        if self.queries:
            return select_query(dict(found.value), f"{within}Assign", found.note())
        return select_template(dict(found.value), found.note(), error=RUNTIME)

    def _template(self, fields: Fields, name: str, within: str = "") -> Selection | None:
        return self.template(fields, name, within) if name in fields else None

    def template(self, fields: Fields, name: str, within: str = "") -> Selection:
        """Any JSON with expressions in it."""
        return select_query(fields.raw(name), within + name, fields.note(name))

    def source(self, fields: Fields, name: str, miss: Miss = invalid_path) -> Source | None:
        """A value taken from the data: by a path in `nameSecondsPath`, or an expression in `name`."""
        if self.queries:
            given = is_query(fields.raw(name))
            return source(fields.raw(name), name, fields.note(name)) if given else None
        field = f"{name}Path"
        path = fields.path(field, reference=True)
        if path is None:
            return None
        return Source(compile_getter(path, miss), field, path.text, queries=False)

    def credentials(self, fields: Fields) -> Selection | None:
        """RoleArn, or a way to it."""
        found = fields.object("Credentials")
        if found is None:
            return None
        given = [name for name in ("RoleArn", "RoleArn.$") if name in found]
        if not given:
            found.need("RoleArn")
        if "RoleArn" in given:
            found.string("RoleArn")
        found.raw(given[0] if given else "")
        found.close()
        if self.queries:
            return select_query(dict(found.value), "Credentials", found.note())
        return select_template(dict(found.value), found.note(), error=RUNTIME)

    def parameter(self, fields: Fields, name: str) -> Source | None:
        """The same for what AWS calls a parameter: Seconds and Timestamp of a Wait."""
        return self.source(fields, name, in_parameter(f"{name}Path"))

    def integer(self, fields: Fields, name: str, low: int, high: int) -> int | None:
        """The number itself, where it is one and no expression."""
        if self.queries and is_query(fields.raw(name)):
            return None
        return fields.integer(name, low, high)

    def text(self, fields: Fields, name: str) -> Getter | None:
        """A string, a path to one (or a function that gives one), or an expression."""
        if self.queries and is_query(fields.raw(name)):
            return source(fields.raw(name), name, fields.note(name)).string
        fields.one_of((name, f"{name}Path"))
        literal = fields.string(name)
        if f"{name}Path" in fields and not self.queries:
            return _text_path(fields, f"{name}Path")
        return None if literal is None else constant(literal).get

    def recovery(self, fields: Fields, known: Known) -> Recovery:
        return Recovery(_retry(fields), self._catch(fields, known))

    def _catch(self, fields: Fields, known: Known) -> tuple[Catcher, ...]:
        listed, catchers = fields.objects("Catch"), []
        for index, catcher in enumerate(listed):
            catcher.string("Comment")
            following = catcher.string("Next", required=True)
            if following is not None:
                known(catcher, "Next", following)
            errors = _errors(catcher, last=index == len(listed) - 1)
            self.refuse_other(catcher)
            place = None if self.queries else _placer(catcher)
            within = f"Catch[{index}]/"
            output = self._template(catcher, "Output", within) if self.queries else None
            assign = self.assign(catcher, within)
            catchers.append(Catcher(errors, following or "", place, output, assign))
            catcher.close()
        return tuple(catchers)


def _variable_mistake(name: str) -> str | None:
    if name == "states":
        return "is the name of the state's own data, and of no variable"
    if not _VARIABLE.fullmatch(name):
        return "is not the name of a variable: letters, digits and _, at most 80 of them"
    return None


def payload(
    fields: Fields, name: str, error: str = "States.ParameterPathFailure"
) -> Selection | None:
    """A payload template of JSONPath."""
    found = fields.object(name)
    return None if found is None else select_template(dict(found.value), found.note(), error=error)


def _io_path(fields: Fields, name: str) -> Selection | None:
    if name in fields and fields.raw(name) is None:
        return NOTHING
    path = fields.path(name)
    return None if path is None or path.text == "$" else select_path(path, invalid_path)


def _placer(fields: Fields) -> Placer | None:
    if "ResultPath" in fields and fields.raw("ResultPath") is None:
        return lambda data, _result: data
    path = fields.path("ResultPath", reference=True)
    if path is None or path.text == "$":
        return None
    if path.origin != "$":
        what = "the context object" if path.origin == "$$" else "a variable"
        fields.mistake("ResultPath", f"{what} cannot be written to")
    return compile_placer(path)


def _text_path(fields: Fields, name: str) -> Getter | None:
    text = fields.string(name)
    if text is None:
        return None
    try:
        get = select_text(text, field=name, error=RUNTIME).get
    except ValueError as error:
        fields.mistake(name, str(error))
        return None
    return Source(get, name, text, queries=False).string


def _retry(fields: Fields) -> tuple[Retrier, ...]:
    listed, retriers = fields.objects("Retry"), []
    for index, retrier in enumerate(listed):
        retrier.string("Comment")
        interval = retrier.integer("IntervalSeconds", 1, SECONDS_MAX)
        attempts = retrier.integer("MaxAttempts", 0, SECONDS_MAX)
        rate = retrier.number("BackoffRate", 1.0)
        most = retrier.integer("MaxDelaySeconds", 1, _DELAY_MAX)
        if most is not None and most <= (interval or 1):
            retrier.mistake("MaxDelaySeconds", "must be greater than IntervalSeconds")
        jitter = retrier.choice("JitterStrategy", ("FULL", "NONE"))
        retriers.append(
            Retrier(
                errors=_errors(retrier, last=index == len(listed) - 1),
                interval_seconds=1.0 if interval is None else interval,
                max_attempts=3 if attempts is None else attempts,
                backoff_rate=2.0 if rate is None else rate,
                max_delay_seconds=_DELAY_MAX if most is None else most,
                full_jitter=jitter == "FULL",
            )
        )
        retrier.close()
    return tuple(retriers)


def _errors(fields: Fields, *, last: bool) -> frozenset[str]:
    names = fields.strings("ErrorEquals")
    if ALL in names and len(names) > 1:
        fields.mistake("ErrorEquals", "States.ALL must stand alone")
    if ALL in names and not last:
        fields.mistake("ErrorEquals", "States.ALL must come last")
    for name in names:
        if (meant := misspelt(name)) is not None:
            fields.mistake("ErrorEquals", f"there is no error {name}; did you mean {meant}?")
    return frozenset(names)
