"""No value in any setting of a step makes the check fall over: it is fine, or it is a mistake."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast import check_workflow, steps
from holdfast.compile import check_app
from holdfast.definition import App
from holdfast.steps import Step, choose, expr, field, intrinsic, put, task, when
from holdfast.workflow.drawing import draw


def charge(event: Any) -> None: ...


def around() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


anything: Any = field, expr, steps.raw
odd_field, odd_expr, odd_raw = anything
"""The same, but their types do not mind."""

ODD: Final[list[Any]] = [
    *(
        None,
        True,
        0,
        -1,
        10**30,
        1.5,
        float("nan"),
        float("inf"),
        "",
        "a",
        "a b",
        "$",
        "$$.x",
        "1s",
    ),
    *("{% 1 %}", "{% ( %}", "\ud800", "x" * 5_000, b"x", [], [1], {}, {"a": 1}, {7: 1}, {1, 2}, ()),
    *(object(), charge, print, partial(charge), Exception, KeyError, int, lambda: 1, around()),
    *(datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 2)),  # noqa: DTZ001 - no zone is odd
    *(field("a"), field("a b"), odd_field(7), odd_field("a", "odd"), field("a") == 1),
    *(field("a") == field("b"), (field("a") < 1) & ~field("b"), when(field("a"))),
    *(expr("1"), expr("("), odd_expr(7), intrinsic("Odd"), {"a": field("b")}, {"a.$": "$.b"}),
    *({"a": expr("1"), "b": {1}}, [expr("1"), object()], {"a": [field("b"), {}]}),
    *(task(charge), put("a", 1) >> charge, choose(field("a"), then=charge), (KeyError, "x", 7)),
    *(steps.goto("a"), odd_raw({"Type": []}), odd_raw({"Type": "Map", "Iterator": 7})),
]
KEYS: Final = [
    *("StartAt", "States", "A", "Type", "Next", "End", "Choices", "Default", "Branches", "Catch"),
    *("Iterator", "Retry", "And", "Not", "Variable", "IsNull", "Parameters", "QueryLanguage"),
]
VERBS: Final[list[Callable[..., Any]]] = [
    *(task, put, steps.assign, choose, steps.parallel, steps.each, steps.wait),
    *(steps.succeed, steps.fail, steps.goto, steps.raw),
]
odd: Final = st.sampled_from(ODD)


@st.composite
def written(draw_from: st.DrawFn) -> Any:
    """Any step, with anything in its settings."""
    verb = draw_from(st.sampled_from(VERBS))
    named: dict[str, Any] = {}
    positional: list[Any] = []
    for name, parameter in inspect.signature(verb).parameters.items():
        if parameter.kind is parameter.VAR_POSITIONAL:
            positional += draw_from(st.lists(odd, max_size=2))
        elif parameter.default is parameter.empty:
            positional.append(draw_from(odd))
        elif draw_from(st.integers(0, 3)) == 0:
            named[name] = draw_from(odd)
    step: Any = verb(*positional, **named)
    if hasattr(step, "retry") and draw_from(st.booleans()):
        every, most = draw_from(odd), draw_from(odd)
        step = step.retry(draw_from(odd), attempts=draw_from(odd), every=every, max_delay=most)
        handler = draw_from(odd)
        step = step.catch(draw_from(odd), handler, result=draw_from(odd), output=draw_from(odd))
    return step


def told(step: Step) -> Iterator[str]:
    app = App()
    app.webhook("/u", workflow=step >> charge)
    for mistake in (*check_workflow(step), *check_app(app)):
        yield str(mistake)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(written())
def test_anything_may_stand_in_a_setting(step: Step) -> None:
    """The check comes to its end, and says where each mistake is."""
    for line in told(step):
        assert "test_steps_fuzz.py:" in line


@settings(max_examples=120, deadline=None)
@given(st.recursive(odd, lambda inner: st.dictionaries(st.sampled_from(KEYS), inner, max_size=6)))
def test_anything_may_be_a_document(document: Any) -> None:
    """Checked and drawn, whatever it is; what the check lets through is JSON."""
    if not isinstance(document, dict):
        document = {"StartAt": "A", "States": {"A": document}}
    if not check_workflow(document):
        json.dumps(document)
    draw(document)


@pytest.mark.parametrize("value", [7, "a", None, [], {}])
def test_what_is_no_step_cannot_be_chained(value: Any) -> None:
    """Python says so, on the line."""
    if not callable(value):
        with pytest.raises(TypeError, match="unsupported operand"):
            task(charge) >> value  # type: ignore[operator, unused-ignore]  # the slip itself
        with pytest.raises(TypeError, match="unsupported operand"):
            value >> task(charge)
