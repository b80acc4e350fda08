"""Intrinsic functions: what each gives, what each refuses, and how they are written."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.testing.workflow import WorkflowRun, run_workflow
from holdfast.workflow.failures import StateFailure
from holdfast.workflow.functions import FUNCTIONS
from holdfast.workflow.intrinsics import compile_intrinsic


def run(text: str, data: Any) -> WorkflowRun:
    state = {"Type": "Pass", "Parameters": {"r.$": text}, "End": True}
    return run_workflow({"StartAt": "S", "States": {"S": state}}, data)


TABLE: list[tuple[str, Any, Any]] = [
    ("States.Format('plain')", {}, "plain"),
    ("States.Format('{}', $.v)", {"v": "x"}, "x"),
    ("States.Format('{}', $.v)", {"v": None}, "null"),
    ("States.Format('{}', $.v)", {"v": True}, "true"),
    ("States.Format('{}', $.v)", {"v": 1.1}, "1.1"),
    ("States.Format('{}', $.v)", {"v": {"Arg1": 1, "Arg2": []}}, "{Arg1=1, Arg2=[]}"),
    ("States.Format('{}-{}', 'a', 2020)", {}, "a-2020"),
    ("States.Format($.t, 'a')", {"t": "<{}>"}, "<a>"),
    (r"States.Format('{} \'s \{\} \\', 'a')", {}, r"a 's {} \\"[:-1]),
    ("States.Format('{}', $.v[0,1])", {"v": [1, 2]}, "[1, 2]"),
    ("States.StringToJson($.v)", {"v": '{"a": [1, null]}'}, {"a": [1, None]}),
    ("States.StringToJson($.v)", {"v": ""}, None),
    ("States.StringToJson($.v)", {"v": "  "}, None),
    ("States.StringToJson('{\"a\": 1}')", {}, {"a": 1}),
    ("States.StringToJson('18446744073709551615')", {}, 2**64 - 1),
    ("States.StringToJson('18446744073709551616')", {}, 2.0**64),
    ("States.Array(18446744073709551615, 18446744073709551616)", {}, [2**64 - 1, 2.0**64]),
    ("States.JsonToString($.v)", {"v": {"a": [1, "é", None]}}, '{"a":[1,"é",null]}'),
    ("States.Array()", {}, []),
    (
        "States.Array('Foo', 2020, $.v, null, true, -1.5)",
        {"v": {}},
        ["Foo", 2020, {}, None, True, -1.5],
    ),
    ("States.ArrayPartition($.v, 4)", {"v": [1, 2, 3, 4, 5]}, [[1, 2, 3, 4], [5]]),
    ("States.ArrayPartition($.v, 2)", {"v": []}, []),
    ("States.ArrayPartition($.v, 1.5)", {"v": [1, 2, 3]}, [[1, 2], [3]]),
    ("States.ArrayContains($.v, 2)", {"v": [1, 2.0]}, True),
    ("States.ArrayContains($.v, 1)", {"v": [True, "1"]}, False),
    ("States.ArrayContains($.v, $.w)", {"v": [[1, {"a": 1}]], "w": [1, {"a": 1}]}, True),
    ("States.ArrayContains($.v, null)", {"v": []}, False),
    ("States.ArrayRange(1, 9, 2)", {}, [1, 3, 5, 7, 9]),
    ("States.ArrayRange(0, 10, 3)", {}, [0, 3, 6, 9]),
    ("States.ArrayRange(3, 1, -1)", {}, [3, 2, 1]),
    ("States.ArrayRange(3, 1, 1)", {}, []),
    ("States.ArrayRange(0.5, 2.4, 1)", {}, [1, 2]),
    ("States.ArrayGetItem($.v, 1)", {"v": [1, 2]}, 2),
    ("States.ArrayLength($.v)", {"v": [1, [], None]}, 3),
    (
        "States.ArrayUnique($.v)",
        {"v": [3, 1, 3, True, 1.5, None, None, {"a": 1, "b": 2}, {"b": 2, "a": 1}, "3"]},
        [3, 1, True, 1.5, None, {"a": 1, "b": 2}, "3"],
    ),
    ("States.Base64Encode('Data to encode')", {}, "RGF0YSB0byBlbmNvZGU="),
    ("States.Base64Decode('RGF0YSB0byBlbmNvZGU=')", {}, "Data to encode"),
    ("States.Base64Encode('')", {}, ""),
    ("States.Hash('input data', 'MD5')", {}, "812f45842bc6d66ee14572ce20db8e86"),
    ("States.Hash('input data', 'SHA-1')", {}, "aaff4a450a104cd177d28d18d74485e8cae074b7"),
    (
        "States.JsonMerge($.a, $.b, false)",
        {"a": {"x": {"y": 1}, "z": 1}, "b": {"x": {}}},
        {"x": {}, "z": 1},
    ),
    ("States.MathAdd(111, -1)", {}, 110),
    ("States.MathAdd(18446744073709551614, 1)", {}, 18446744073709551615),
    ("States.MathAdd(1.49, 1.5)", {}, 3),
    ("States.MathAdd(-1.5, 0)", {}, -1),
    ("States.MathAdd(-1.51, 0)", {}, -2),
    ("States.MathAdd(-0.5, 0.5)", {}, 1),
    ("States.MathAdd(2.5, 0)", {}, 3),
    ("States.MathAdd(0.49999999999999994, 0)", {}, 0),
    (
        "States.StringSplit('This.is+a,test=string', '.+,=')",
        {},
        ["This", "is", "a", "test", "string"],
    ),
    ("States.StringSplit(',,a,,', ',')", {}, ["a"]),
    ("States.StringSplit('a b', '')", {}, ["a b"]),
    ("States.StringSplit($.v, '^-]')", {"v": "a-b]c^d"}, ["a", "b", "c", "d"]),
    ("States.MathRandom(5, 6)", {}, 5),
    ("States.ArrayLength($.v[?(@.a == 'x, y)')])", {"v": [{"a": "x, y)"}]}, 1),
    ("States.ArrayGetItem( States.StringSplit('a-b', '-') ,States.MathAdd(0,1) )", {}, "b"),
]


@pytest.mark.parametrize(("text", "data", "expected"), TABLE)
def test_what_a_function_gives(text: str, data: Any, expected: Any) -> None:
    """Each function gives what the language's documentation, or a recording, says."""
    found = run(text, data)

    assert (found.status, found.cause) == ("SUCCEEDED", None)
    assert found.output["r"] == expected
    assert type(found.output["r"]) is type(expected)


def test_the_table_names_every_function() -> None:
    """No function is without an example, but the one whose value is a new one each time."""
    untold = [name for name in FUNCTIONS if not any(name in text for text, _, _ in TABLE)]

    assert untold == ["States.UUID"]


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("States.Format('{}')", {}),
        ("States.Format('{}', 1, 2)", {}),
        ("States.Format('a } b')", {}),
        ("States.Format($.v, 1)", {"v": 5}),
        (r"States.Array('a\n')", {}),
        ("States.StringToJson('{')", {}),
        ("States.StringToJson('NaN')", {}),
        ("States.StringToJson('1e400')", {}),
        ("States.StringToJson($.v)", {"v": '"\\ud800"'}),
        ("States.ArrayRange(1e300, 1e300, 1)", {}),
        ("States.MathAdd($.v, 1)", {"v": float("inf")}),
        ("States.MathAdd($.v, 1)", {"v": 10**400}),
        ("States.StringToJson($.v)", {"v": {}}),
        ("States.ArrayPartition($.v, 0)", {"v": [1]}),
        ("States.ArrayPartition($.v, 1)", {"v": "x"}),
        ("States.ArrayContains($.v, 1)", {"v": {}}),
        ("States.ArrayRange(1, 5, 0)", {}),
        ("States.ArrayRange(1, 1002, 1)", {}),
        ("States.ArrayRange(1, 'a', 1)", {}),
        ("States.ArrayGetItem($.v, 1)", {"v": [1]}),
        ("States.ArrayGetItem($.v, -1)", {"v": [1]}),
        ("States.ArrayLength('abc')", {}),
        ("States.ArrayUnique($)", {}),
        ("States.Base64Encode($.v)", {"v": "x" * 10_001}),
        ("States.Base64Decode('*')", {}),
        ("States.Base64Decode('/w==')", {}),
        ("States.Hash('a', 'CRC')", {}),
        ("States.Hash($.v, 'MD5')", {"v": [1]}),
        ("States.JsonMerge($, $, true)", {}),
        ("States.JsonMerge($, 1, false)", {}),
        ("States.MathAdd(true, 1)", {}),
        ("States.MathAdd('1', 1)", {}),
        ("States.MathAdd(18446744073709551615, 1)", {}),
        ("States.MathAdd(-9223372036854775808, -1)", {}),
        ("States.MathRandom(5, 5)", {}),
        ("States.StringSplit(1, ',')", {}),
    ],
)
def test_what_a_function_refuses(text: str, data: Any) -> None:
    """What a function cannot take is States.IntrinsicFailure, and nothing of Python's."""
    found = run(text, data)

    assert (found.status, found.error) == ("FAILED", "States.IntrinsicFailure")


def test_a_path_within_a_function_that_leads_nowhere() -> None:
    """It fails as any path of the template does, not as the function."""
    found = run("States.Format('{}', $.nowhere)", {})

    assert found.error == "States.Runtime"
    assert "$.nowhere" in (found.cause or "")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "neither a path nor"),
        ("x", "neither a path nor"),
        ("States.Nothing()", "no function States.Nothing"),
        ("States.Hash('a')", "takes 2 arguments"),
        ("States.UUID(1)", "takes 0 arguments"),
        ("States.MathRandom(1)", "takes at least 2"),
        ("States.Array(1", "expected , or ) before 'the end'"),
        ("States.Array(1 2)", "expected , or )"),
        ("States.Array('a)", "neither a path nor"),
        ("States.Array(1) x", "cannot read"),
        ("States.Array(,)", "neither a path nor"),
        ("States.Array($.a[)", "expected , or )"),
        ("States.Array(" * 11 + ")" * 11, "nested at most 10"),
    ],
)
def test_how_a_function_cannot_be_written(text: str, reason: str) -> None:
    """A text that is no call is refused when the document is loaded, with the reason."""
    with pytest.raises(ValueError, match=r".*") as caught:
        compile_intrinsic(text)

    assert reason in str(caught.value)


def test_functions_nest_ten_deep() -> None:
    """Ten calls within each other are what the language allows."""
    text = "States.Array(" * 10 + ")" * 10

    assert run(text, {}).output["r"] == [[[[[[[[[[]]]]]]]]]]


def test_what_is_drawn_is_the_same_when_replayed() -> None:
    """UUIDs differ from each other, and the same events give the same ones again."""
    text = "States.Array(States.UUID(), States.UUID(), States.MathRandom(0, 1000000))"
    first, again = run(text, {}).output["r"], run(text, {}).output["r"]

    assert first == again
    assert first[0] != first[1]
    assert uuid.UUID(first[0]).version == 4


@given(st.text(alphabet="States.Array(),'$[]\\{} 1-", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Garbage raises ValueError and nothing else, and what is read never raises Python's own."""

    class Around:
        now_ms = 0
        variables: dict[str, Any] = {}  # noqa: RUF012  - nobody writes to it

        def object(self) -> Any:
            return {}

        def draw(self) -> int:
            return 1

    try:
        getter = compile_intrinsic("States.Array(" + text)
    except ValueError:
        return
    try:
        getter({}, Around())
    except StateFailure:
        return
