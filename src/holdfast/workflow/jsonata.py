"""JSONata as Step Functions speaks it: read once when a document is loaded, evaluated per event.

    compile(text) -> Expression                       JsonataSyntaxError, with the position
    Expression.evaluate(input, bindings) -> a value   QueryEvaluationError for whatever fails

The language itself is jlens's, an engine in Rust (why: docs/decisions/0011-jsonata.md). Added here:

- AWS's own functions, `$partition $range $hash $random $uuid $parse`; `$eval` is refused.
- Bounds. An expression may loop, recurse or grow for ever; each bound below ends it with an error.
- Undefined is a value of its own, apart from null. AWS fails a state whose query gives undefined.
- A plain reference (`$states.input.order.id`) is looked up here and never enters the engine:
  what most queries are costs under a microsecond, is not copied, and keeps integers beyond 2**53,
  which the engine, like the reference implementation, holds as doubles.

Time and chance are handed over (`now_ms`, `random`), so the same call gives the same value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import Enum
from random import Random
from typing import Any, Final, Literal
from uuid import UUID

import jlens
import orjson

from holdfast.workflow.functions import digest


class Undefined(Enum):
    """The type of UNDEFINED; an enum, so that type checkers can tell it from a value."""

    UNDEFINED = "undefined"

    def __repr__(self) -> str:
        return "UNDEFINED"

    def __bool__(self) -> Literal[False]:
        return False


UNDEFINED: Final = Undefined.UNDEFINED
"""No value at all, as opposed to None, which is null."""


class JsonataSyntaxError(Exception):
    """The text is no JSONata that Step Functions runs. `position` counts characters from 0."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


class QueryEvaluationError(Exception):
    """An expression gave no JSON value. Opens with JSONata's error code where there is one."""


class UnsupportedResultError(QueryEvaluationError):
    """The expression gave a function, which is no JSON value."""


STEPS_MAX: Final = 1_000_000
"""Evaluations of parts of an expression: some hundred milliseconds of an endless loop."""

DEPTH_MAX: Final = 1_000
"""Calls within calls (tail calls are not): far within the stack of a thread."""

ITEMS_MAX: Final = 262_144
"""Items of any one list: no list within AWS's 256 KiB of JSON has even half as many."""

TEXT_BYTES_MAX: Final = 1_048_576
"""Bytes of any one string: four times what a state may hold."""

RESULT_BYTES_MAX: Final = 2_097_152
"""Bytes of the result as JSON. Well over AWS's limit, so that the limit itself is the machine's
to judge, as States.DataLimitExceeded."""

SECONDS_MAX: Final = 1.0
"""Steps do not see the inside of one built-in call (a regular expression, a sort). This does. The
only bound that depends on the machine's speed, hence far beyond what honest expressions take."""

_REFERENCE: Final = re.compile(r"\s*\$([A-Za-z_]\w*)((?:\.[A-Za-z_]\w*)*)\s*", re.ASCII)
_OPERATORS: Final = frozenset({"and", "or", "in"})
_NAME: Final = re.compile(r"\$(\w+)")
_EVAL: Final = re.compile(r"\$eval\b")
_PARSE: Final = re.compile(r"\$parse\b")


def compile(text: str) -> Expression:  # as in re.compile: the standard word for it
    """Read an expression, without its `{% %}`. Raises JsonataSyntaxError."""
    try:
        plain = jlens.Expression(text)
    except jlens.JlensError as error:
        position = error.position if error.start is None else error.start
        raise JsonataSyntaxError(f"{error.code}: {error}", position or 0) from None
    except UnicodeEncodeError as error:
        raise JsonataSyntaxError("half of a surrogate pair is not text", error.start) from None
    # A function cannot be reached under another name, so whoever evaluates text says so here.
    if plain.reads().get("everyBinding"):
        found = _EVAL.search(text)
        raise JsonataSyntaxError("$eval is not available in Step Functions", _start(found))
    return Expression(text)


class Expression:
    """A JSONata expression, ready to evaluate; may be shared between threads."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._reference = _reference(text)
        self._engine = _equipped(_parsing(text))
        named = _NAME.findall(text)
        self._chance = [name for name in _CHANCE if name in named]
        reads = self._engine.reads(dict.fromkeys(self._chance, _never))["bindings"]
        # A variable may hide a function of the same name, which the engine's analysis leaves out.
        self._reads: dict[str, jlens.Read] = {**dict.fromkeys(named, True), **reads}
        self.variables: Final = frozenset(reads).difference(_PURE, _CHANCE)
        """The variables it reads but does not set itself, without `$`."""

    def evaluate(
        self,
        input: Any = UNDEFINED,
        bindings: Mapping[str, Any] | None = None,
        *,
        now_ms: int | None = None,
        random: Random | None = None,
    ) -> Any:
        """Give the expression's value for these variables (their names without `$`).

        `input` is what `$` means at the top; Step Functions leaves it undefined. `now_ms` is what
        `$now` and `$millis` tell, `random` where `$random`, `$uuid` and `$shuffle` draw from;
        without them, the system's clock and chance. The result is JSON or UNDEFINED; it may share
        parts with the bindings, which stay as they are. Raises QueryEvaluationError.
        """
        variables = {} if bindings is None else bindings
        if self._reference is not None:
            found = _look_up(self._reference, variables)
            if found is not _NOT_PLAIN:
                return found
        chance = random if random is not None else Random()
        given: dict[str, Any] = {
            name: _cut(variables[name], read)
            for name, read in self._reads.items()
            if name in variables
        }
        for name in self._chance:
            given.setdefault(name, _CHANCE[name](chance))
        text = self._run(self._engine, input, given, now_ms, chance)
        if text is not None:
            return orjson.loads(text)
        self._refuse_function(input, given, now_ms, chance)
        return UNDEFINED

    def _refuse_function(
        self, input: Any, given: dict[str, Any], now_ms: int | None, chance: Random
    ) -> None:
        """Tell a function from undefined: the engine writes neither as JSON.

        Evaluates a second time, which only an expression that fails anyway has to wait for.
        """
        typed = _equipped(f"$type({_parsing(self.text)}\n)")
        if self._run(typed, input, given, now_ms, chance) == '"function"':
            raise UnsupportedResultError("the result is a function, which is no JSON value")

    @staticmethod
    def _run(
        engine: jlens.Expression,
        input: Any,
        given: dict[str, Any],
        now_ms: int | None,
        chance: Random,
    ) -> str | None:
        """Evaluate to JSON text; None for undefined. (As Python values, null would be None too.)"""
        try:
            return engine.evaluate_json(
                None if input is UNDEFINED else orjson.dumps(input).decode(),
                given,
                timeout=SECONDS_MAX,
                max_steps=STEPS_MAX,
                max_depth=DEPTH_MAX,
                max_string_length=TEXT_BYTES_MAX,
                max_array_length=ITEMS_MAX,
                max_result_size=RESULT_BYTES_MAX,
                now=now_ms,
                seed=chance.getrandbits(32),
            )
        except jlens.JlensError as error:
            raise QueryEvaluationError(f"{error.code}: {error}") from None
        except Exception as error:
            raise QueryEvaluationError(str(error)) from error


# A plain reference -------------------------------------------------------------------------

_NOT_PLAIN: Final = object()


def _reference(text: str) -> tuple[str, ...] | None:
    """The names of `$a.b.c`, or None if the text is anything more than that."""
    found = _REFERENCE.fullmatch(text)
    if found is None:
        return None
    names = (found[1], *found[2].split(".")[1:])
    return None if _OPERATORS.intersection(names[1:]) else names


def _look_up(names: tuple[str, ...], variables: Mapping[str, Any]) -> Any:
    """Follow a reference through objects. A list on the way maps and flattens: the engine's."""
    if names[0] not in variables:
        return _NOT_PLAIN  # a built-in function, perhaps
    value = variables[names[0]]
    for name in names[1:]:
        if type(value) is dict:
            if name not in value:
                return UNDEFINED
            value = value[name]
        elif value is None or isinstance(value, str | int | float):
            return UNDEFINED
        else:
            return _NOT_PLAIN
    return value


def _cut(value: Any, read: jlens.Read) -> Any:
    """Keep only the fields that are read: the engine converts whatever it is given, 5 ns a byte."""
    if read is True or type(value) is not dict:
        return value
    return {name: _cut(value[name], inner) for name, inner in read.items() if name in value}


# AWS's additions ---------------------------------------------------------------------------


def _partition(items: list[Any] | None, size: float | None) -> list[list[Any]] | None:
    """`$partition([1,2,3], 2)` is [[1,2],[3]]."""
    if items is None:
        return None
    step = _whole("partition", "size", size)
    if step < 1:
        raise QueryEvaluationError("$partition: the size must be at least 1")
    return [items[start : start + step] for start in range(0, len(items), step)]


def _range(first: float | None, last: float | None, step: float | None) -> list[int] | int | None:
    """`$range(1, 6, 2)` is [1,3,5]; the last value is included where a step falls on it.

    A sequence, as JSONata's own are: of a single value, that value (recorded), of none, undefined.
    """
    start, end = _whole("range", "first value", first), _whole("range", "last value", last)
    by = _whole("range", "step", step)
    if by == 0:
        raise QueryEvaluationError("$range: the step must not be 0")
    values = range(start, end + (1 if by > 0 else -1), by)
    if len(values) > ITEMS_MAX:
        raise QueryEvaluationError(f"$range: more than {ITEMS_MAX} values")
    return list(values) if len(values) > 1 else next(iter(values), None)


def _whole(function: str, what: str, value: float | None) -> int:
    if not isinstance(value, int | float) or value != value // 1:
        raise QueryEvaluationError(f"${function}: the {what} must be a whole number")
    return int(value)


def _hash(content: str | None, algorithm: str | None) -> str | None:
    """The digest of the UTF-8 text in lowercase hex."""
    if content is None:
        return None
    try:
        return digest(content, algorithm)
    except ValueError as error:
        raise QueryEvaluationError(f"$hash: {error}") from None


def _parse(text: str | None) -> dict[str, Any] | None:
    """The value of a JSON text, in an object: alone, null would arrive as undefined."""
    if text is None:
        return None
    try:
        return {"value": orjson.loads(text)}
    except orjson.JSONDecodeError as error:
        raise QueryEvaluationError(f"$parse: not JSON: {error}") from None


def _equipped(text: str) -> jlens.Expression:
    """Compile a text with those of AWS's functions that it names; each costs 8 us to register."""
    engine = jlens.Expression(text)
    for name, (function, signature) in _PURE.items():
        if f"${name}" in text:
            engine.register_function(name, function, signature)
    return engine


def _parsing(text: str) -> str:
    """The text with `$parse` defined, if used. Parentheses around it would refuse `/a/`."""
    if _PARSE.search(text) is None:
        return text
    return f"($parse := function($text) {{ $parse_json($text).value }}; {text}\n)"


def _random(chance: Random) -> Callable[..., float]:
    """`$random()` draws a number from 0 up to 1; `$random(7)` gives the same one for each 7."""

    def draw(seed: float | None = None) -> float:
        return chance.random() if seed is None else Random(_whole("random", "seed", seed)).random()

    return draw


def _uuid(chance: Random) -> Callable[[], str]:
    """`$uuid()` draws a version 4 UUID."""
    return lambda: str(UUID(int=chance.getrandbits(128), version=4))


def _never() -> None:
    """Stands for a function where only its name matters."""


def _start(found: re.Match[str] | None) -> int:
    return 0 if found is None else found.start()


_PURE: Final[Mapping[str, tuple[Callable[..., Any], str]]] = {
    "partition": (_partition, "<an:a<a>>"),
    "range": (_range, "<nnn:x>"),
    "hash": (_hash, "<ss:s>"),
    "parse_json": (_parse, "<s:o>"),
}

_CHANCE: Final[Mapping[str, Callable[[Random], Callable[..., Any]]]] = {
    "random": _random,
    "uuid": _uuid,
}
