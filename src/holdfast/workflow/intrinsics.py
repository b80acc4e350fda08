"""Intrinsic functions as they are written: `States.Format('{} of {}', $.a, States.ArrayLength($.b))`.

    call      = name "(" [argument ("," argument)*] ")"
    argument  = 'text' | number | true | false | null | path | call

Read once into closures. In a text `\\'`, `\\{`, `\\}` and `\\\\` stand for the character after the
backslash; any other backslash is a States.IntrinsicFailure when the function is called.
"""

from __future__ import annotations

import re
from typing import Any, Final

from holdfast.workflow.failures import RUNTIME, StateFailure
from holdfast.workflow.filters import written_number
from holdfast.workflow.functions import FUNCTIONS, Function
from holdfast.workflow.misses import in_function
from holdfast.workflow.paths import Context, Getter, compile_getter, read_path

NESTED_MAX: Final = 10

_FORMAT: Final = "States.Format"
_NAME: Final = re.compile(r"[A-Za-z][\w.]*(?=\()")
_TOKEN: Final = re.compile(
    r"""\s*(?:
      (?P<text>'(?:[^'\\]|\\.)*')
    | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    | (?P<word>true|false|null)\b
    )\s*""",
    re.VERBOSE | re.DOTALL,
)
_SPACE: Final = re.compile(r"\s*")
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_WORDS: Final = {"true": True, "false": False, "null": None}


def compile_intrinsic(text: str, *, error: str = RUNTIME) -> Getter:
    """The closure that calls the function. `error` is what a path that leads nowhere fails with.

    Raises ValueError saying what is wrong with the text.
    """
    reading = _Reading(text, error)
    getter = reading.call(1)
    reading.finish()
    return getter


class _Reading:
    def __init__(self, text: str, error: str) -> None:
        self._text = text
        self._miss = in_function(text, error)
        self._position = 0

    def call(self, depth: int) -> Getter:
        match = _NAME.match(self._text, self._position)
        if match is None:
            raise ValueError(f"{self._text!r} is neither a path nor an intrinsic function")
        name = match[0]
        if name not in FUNCTIONS:
            raise ValueError(f"{self._text!r}: there is no function {name}")
        if depth > NESTED_MAX:
            raise ValueError(f"{self._text!r}: functions are nested at most {NESTED_MAX} deep")
        self._position = match.end() + 1
        arguments = self._arguments(name, depth)
        fewest, most, function = FUNCTIONS[name]
        if not fewest <= len(arguments) <= most:
            count = str(fewest) if fewest == most else f"at least {fewest}"
            raise ValueError(f"{self._text!r}: {name} takes {count} arguments")
        return _invocation(self._text, function, arguments)

    def finish(self) -> None:
        if self._text[self._position :].strip():
            raise ValueError(f"{self._text!r}: cannot read {self._text[self._position :]!r}")

    def _arguments(self, name: str, depth: int) -> list[Getter]:
        arguments: list[Getter] = []
        while not self._take(")"):
            if arguments and not self._take(","):
                rest = self._text[self._position :] or "the end"
                raise ValueError(f"{self._text!r}: expected , or ) before {rest!r}")
            arguments.append(self._argument(depth, template=name == _FORMAT and not arguments))
        return arguments

    def _argument(self, depth: int, *, template: bool) -> Getter:
        self._skip()
        if self._text.startswith("$", self._position):
            path, self._position = read_path(self._text, self._position)
            return compile_getter(path, self._miss)
        match = _TOKEN.match(self._text, self._position)
        if match is None:
            return self.call(depth + 1)
        self._position = match.end()
        return _literal(self._text, match, template=template)

    def _skip(self) -> None:
        space = _SPACE.match(self._text, self._position)
        self._position = space.end() if space else self._position

    def _take(self, token: str) -> bool:
        self._skip()
        if not self._text.startswith(token, self._position):
            return False
        self._position += 1
        return True


def _literal(whole: str, match: re.Match[str], *, template: bool) -> Getter:
    value: Any
    if match["text"]:
        value = match["text"][1:-1]
        if not template:
            stray = [found for found in _ESCAPE.findall(value) if found not in "\\'{}"]
            if stray:
                return _failing(whole, f"A backslash stands before {stray[0]!r} in {match['text']}")
            value = _ESCAPE.sub(r"\1", value)
    elif match["word"]:
        value = _WORDS[match["word"]]
    else:
        value = written_number(match["number"])
    return lambda _data, _context: value


def _failure(text: str, error: object) -> StateFailure:
    cause = f"The function '{text}' had the following error: {error}"
    return StateFailure("States.IntrinsicFailure", cause)


def _failing(text: str, error: str) -> Getter:
    def get(_data: Any, _context: Context) -> Any:
        raise _failure(text, error)

    return get


def _invocation(text: str, function: Function, arguments: list[Getter]) -> Getter:
    def get(data: Any, context: Context) -> Any:
        values = [argument(data, context) for argument in arguments]
        try:
            return function(context, *values)
        except (TypeError, ValueError, ArithmeticError, RecursionError) as error:
            raise _failure(text, error) from None

    return get
