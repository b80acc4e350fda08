"""Documents made up by hypothesis: every kind of state, both query languages, nested and looping."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st

Draw = Any
"""What `st.composite` hands over."""

ERRORS = ("A", "B", "States.Timeout", "States.TaskFailed", "States.Runtime", "States.ALL")

ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 70)
    | st.sampled_from([2**70, -1.5, 1e300, "", "x", "\ud800", "2016-03-14T01:59:00Z"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "items", "n", "x"]), inner, max_size=4)
    ),
    max_leaves=6,
)
_EXPECTED: Final = st.fixed_dictionaries(
    {
        "a": ANYTHING,
        "b": st.fixed_dictionaries({"a": ANYTHING}),
        "items": st.lists(ANYTHING, min_size=1, max_size=4),
        "n": st.integers(0, 5),
        "x": st.sampled_from(["[1]", "x"]),
    }
)
VALUES: Final = _EXPECTED | _EXPECTED | ANYTHING
"""What goes in: mostly what the paths and expressions look for."""

_USUAL: Final = {"a": 1, "b": {"a": "x"}, "items": [{"n": 2}, "x", None], "n": 2, "x": "[1]"}
OUTPUTS: Final = st.sampled_from([_USUAL, _USUAL["items"]]) | st.just(_USUAL) | ANYTHING
"""What tasks give."""


def _mostly(sound: list[str], odd: list[str]) -> st.SearchStrategy[str]:
    """Four in five are of those that work out, so that executions come far enough to fail late."""
    return st.integers(0, 4).flatmap(lambda one: st.sampled_from(sound if one else odd))


_PATHS: Final = _mostly(
    ["$", "$.a", "$.items", "$.b", "$.n", "$$.State", "$..a"],
    ["$.b.a", "$.items[0]", "$.*", "$$", "$v", "$.x.y", "$$.Map.Item.Value", "$[?(@.n > 1)]"],
)
_REFERENCES: Final = _mostly(["$.a", "$.n", "$.b.a"], ["$.items[0]", "$.x.y"])
_CALLS: Final = _mostly(
    ["States.Array($, 1)", "States.Format('{}', $.n)", "States.UUID()", "States.JsonToString($)"],
    ["States.ArrayLength($.items)", "States.MathAdd($.n, 1)", "States.StringToJson($.x)"],
)
_QUERIES: Final = _mostly(
    [
        "{% $states.input %}",
        "{% $states.context.State.Name %}",
        "{% $uuid() %}",
        "{% $random() %}",
        "{% $exists($states.input.n) %}",
        "{% [1..3] %}",
        "{% $string($states.input) %}",
    ],
    [
        "{% $states.input.a %}",
        "{% $states.input.items %}",
        "{% $states.result %}",
        "{% $states.errorOutput %}",
        "{% $v0 %}",
        "{% $states.input.n + 1 %}",
        "{% function($x){$x} %}",
    ],
)

_ODD_QUERY: Final = "{% $states.input.a %}"


class _Names:
    """State names, each once in a document."""

    def __init__(self) -> None:
        self._count = 0

    def next(self) -> str:
        self._count += 1
        return f"S{self._count}"


def _template(draw: Draw) -> dict[str, Any]:
    found = draw(st.dictionaries(st.sampled_from(["p", "q.$", "r.$"]), _PATHS | _CALLS, max_size=3))
    return {name: value for name, value in found.items() if name.endswith(".$") or value}


def _flow(draw: Draw, fields: dict[str, Any], depth: int, *names: str) -> None:
    """Some of the fields that shape data in JSONPath."""
    made: dict[str, Any] = {
        "InputPath": lambda: draw(_PATHS | st.none()),
        "OutputPath": lambda: draw(_PATHS | st.none()),
        "ResultPath": lambda: draw(_REFERENCES | st.none()),
        "Parameters": lambda: _template(draw),
        "ResultSelector": lambda: _template(draw),
        "Assign": lambda: {f"v{depth}.$": draw(_PATHS)},
    }
    for name in names:
        if draw(st.integers(0, 3)) == 0:
            fields[name] = made[name]()


def _queried(draw: Draw, fields: dict[str, Any], depth: int, *names: str) -> None:
    """Some of the fields that shape data in JSONata."""
    for name in names:
        if draw(st.integers(0, 2)) == 0:
            query = draw(_QUERIES)
            fields[name] = (
                {f"v{depth}": query} if name == "Assign" else draw(st.just(query) | _nested())
            )


@st.composite
def _nested(draw: Draw) -> Any:
    return {"k": draw(_QUERIES), "list": [draw(_QUERIES), 1]}


def _retry(draw: Draw) -> list[dict[str, Any]]:
    names = st.lists(st.sampled_from(ERRORS[:-1]), min_size=1, max_size=2)
    some: list[dict[str, Any]] = [
        {"ErrorEquals": draw(names), "MaxAttempts": draw(st.integers(0, 2))}
        for _ in range(draw(st.integers(0, 2)))
    ]
    if draw(st.booleans()):
        some.append({"ErrorEquals": ["States.ALL"], "MaxAttempts": 1, "JitterStrategy": "FULL"})
    return some


def _recover(
    draw: Draw, fields: dict[str, Any], names: list[str], depth: int, *, queries: bool
) -> None:
    if draw(st.booleans()):
        fields["Retry"] = _retry(draw)
    if draw(st.booleans()):
        catcher: dict[str, Any] = {"ErrorEquals": ["States.ALL"], "Next": draw(_one_of(names))}
        if queries:
            _queried(draw, catcher, depth, "Output", "Assign")
        else:
            _flow(draw, catcher, depth, "ResultPath", "Assign")
        fields["Catch"] = [catcher]


def _one_of(names: list[str]) -> st.SearchStrategy[str]:
    return st.sampled_from(names)


def _state(draw: Draw, names: list[str], following: str, used: _Names, depth: int) -> Any:
    kinds = ["Task", "Pass", "Choice", "Wait"] + (["Parallel", "Map"] if depth < 2 else [])
    kind = draw(st.sampled_from(kinds))
    queries = draw(st.booleans())
    state: dict[str, Any] = {"Type": kind, "Next": following}
    if queries:
        state["QueryLanguage"] = "JSONata"
    if kind == "Choice":
        return _choice(draw, state, names, queries=queries)
    if kind == "Wait":
        return _wait(draw, state, queries=queries)
    if queries:
        _queried(draw, state, depth, "Output", "Assign")
        if kind != "Pass":
            _queried(draw, state, depth, "Arguments")
    else:
        _flow(draw, state, depth, "InputPath", "OutputPath", "ResultPath", "Assign")
        _flow(draw, state, depth, "Parameters", *([] if kind == "Pass" else ["ResultSelector"]))
    if kind != "Pass":
        _recover(draw, state, names, depth, queries=queries)
    if kind == "Task":
        state |= {"Resource": "${t}", "TimeoutSeconds": 60}
    elif kind == "Parallel":
        count = draw(st.integers(1, 3))
        state["Branches"] = [_scope(draw, used, depth + 1) for _ in range(count)]
    elif kind == "Map":
        _map(draw, state, used, depth, queries=queries)
    return state


def _choice(draw: Draw, state: dict[str, Any], names: list[str], *, queries: bool) -> Any:
    state["Default"] = state.pop("Next")
    rule = {"Next": draw(_one_of(names))}
    if queries:
        condition = _mostly(
            ["{% $exists($states.input.n) %}", "{% $random() < 0.5 %}"], [_ODD_QUERY]
        )
        state["Choices"] = [{**rule, "Condition": draw(condition)}]
    else:
        tests: list[Any] = [{"IsPresent": True}, {"NumericLessThan": 2}, {"IsPresent": False}]
        tests += [{"StringMatches": "x*"}, {"NumericEqualsPath": "$.n"}]
        test = draw(st.sampled_from(tests))
        state["Choices"] = [{**rule, "Variable": draw(_REFERENCES), **test}]
    return state


def _wait(draw: Draw, state: dict[str, Any], *, queries: bool) -> Any:
    if queries:
        return {**state, "Seconds": draw(_mostly(["{% 3 %}", "{% 0 %}"], [_ODD_QUERY]))}
    path = draw(_REFERENCES)
    limits: list[Any] = [{"Seconds": 3}, {"SecondsPath": "$.n"}]
    return state | draw(st.sampled_from([*limits, {"SecondsPath": path}, {"TimestampPath": path}]))


def _map(draw: Draw, state: dict[str, Any], used: _Names, depth: int, *, queries: bool) -> None:
    state["ItemProcessor"] = _scope(draw, used, depth + 1)
    state.pop("Arguments", None)
    parameters = state.pop("Parameters", None)
    if parameters is not None:
        state["ItemSelector"] = parameters
    lists: list[Any] = ["{% [1..3] %}", [1, "{% $states.input %}"], [], _ODD_QUERY]
    if queries:
        state["Items"] = draw(st.sampled_from(lists))
    else:
        state["ItemsPath"] = draw(_mostly(["$.items"], ["$", "$.a"]))
    if draw(st.booleans()):
        state["MaxConcurrency"] = draw(st.integers(0, 3))
    if draw(st.booleans()):
        state["ToleratedFailureCount"] = draw(st.integers(0, 2))


def _scope(draw: Draw, used: _Names, depth: int) -> dict[str, Any]:
    names = [used.next() for _ in range(draw(st.integers(1, 3 if depth else 4)))]
    end = used.next()
    states = {
        name: _state(draw, [*names, end], after, used, depth)
        for name, after in zip(names, [*names[1:], end], strict=True)
    }
    states[end] = draw(
        st.sampled_from([{"Type": "Succeed"}, {"Type": "Fail", "Error": "A", "Cause": "why"}])
        | st.just({"Type": "Pass", "End": True})
    )
    return {"StartAt": names[0], "States": states}


@st.composite
def documents(draw: Draw) -> dict[str, Any]:
    """A sound document."""
    return _scope(draw, _Names(), 0)
