"""Documents drawn in Mermaid: what is drawn, and that nothing in a document can break it.

Mermaid itself is no part of this suite. What its own parser takes is held here as a grammar of the
lines that are drawn; docs/decisions/0013 says how the two were held against each other.
"""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast import to_asl
from holdfast.compile import compile_app, load
from holdfast.steps import choose, each, expr, fail, field, parallel, put, succeed, task, wait, when
from holdfast.workflow.drawing import draw

ROOT: Final = Path(__file__).parent.parent
CASES: Final = json.loads((ROOT / "tests/data/asl_cases.json").read_text("utf-8"))["cases"]

_LABEL: Final = r'"(?:[^\W_]|[ ,/=()…]|(?<=[^\W_])[_.+-](?=[^\W_])|#\d+;)+"'
_NODE: Final = rf"s\d+(?:\[{_LABEL}\]|\({_LABEL}\)|\{{{_LABEL}\}}|>{_LABEL}\]|\(\[{_LABEL}\]\)|\{{\{{{_LABEL}\}}\}})"
_ARROW: Final = rf"s\d+ -\.?->(?:\|{_LABEL}\|)? (?:s\d+|finish(?:\(\(\( \)\)\))?)"
LINE: Final = re.compile(
    rf" +(?:{_NODE}|{_ARROW}|start\(\( \)\) --> s\d+|subgraph s\d+\[{_LABEL}\]|end)"
)


def drawn(document: Any) -> list[str]:
    """The lines, each as Mermaid's grammar has it, boxes closed as often as opened."""
    first, *lines, last = draw(document).split("\n")
    assert (first, last) == ("flowchart TD", "")
    open_boxes = 0
    for line in lines:
        assert LINE.fullmatch(line), line
        assert not re.search(r"direction\s", line, re.IGNORECASE)
        assert not re.search(r":\S*#", line)
        open_boxes += line.strip().startswith("subgraph") - (line.strip() == "end")
        assert open_boxes >= 0
    assert open_boxes == 0
    return lines


def read(label: str) -> str:
    """A label as its reader sees it."""
    return html.unescape(re.sub(r"#(\d+);", r"&#\1;", label))


def charge(event: Any) -> None: ...


def ship(event: Any) -> None: ...


def test_a_workflow_is_drawn() -> None:
    """Types by their shape, ways with when they are taken, errors dashed, scopes in boxes."""
    flow = (
        choose(field("body.total") == 0, then=put("free", 1), otherwise=task(charge))
        >> task(charge, name="Charge again").catch((KeyError, "Odd"), fail("Odd"))
        >> parallel(task(ship) >> wait("1s"), ship)
        >> each("lines", ship)
        >> succeed()
    )

    assert draw(to_asl(flow)) == (
        "flowchart TD\n"
        '    s1{"Choose"}\n'
        '    s2("Put free")\n'
        '    s3["charge"]\n'
        '    s4["Charge again"]\n'
        '    s5{{"Odd"}}\n'
        '    subgraph s6["Parallel"]\n'
        '        subgraph s9["branch 1"]\n'
        '            s10["ship"]\n'
        '            s11>"Wait 1s"]\n'
        "            s10 --> s11\n"
        "        end\n"
        '        subgraph s12["branch 2"]\n'
        '            s13["ship 2"]\n'
        "        end\n"
        "    end\n"
        '    subgraph s7["Each lines"]\n'
        '        s14["ship 3"]\n'
        "    end\n"
        '    s8(["Done"])\n'
        "    start(( )) --> s1\n"
        '    s1 -->|"body.total = 0"| s2\n'
        '    s1 -->|"otherwise"| s3\n'
        "    s2 --> s4\n"
        "    s3 --> s4\n"
        '    s4 -.->|"KeyError, Odd"| s5\n'
        "    s4 --> s6\n"
        "    s6 --> s7\n"
        "    s7 --> s8\n"
    )


a, b = field("a"), field("b")
CONDITIONS = [
    (a == 1, "a = 1"),
    (a == "x", 'a = "x"'),
    (a != 1, "not a = 1"),
    (a < 1, "a < 1"),
    (a <= 1, "a <= 1"),
    (a > 1.5, "a > 1.5"),
    (a >= 1, "a >= 1"),
    (a, "a = true"),
    (field("x.y", "numeric") < b, "x.y < b"),
    (a.matches("in*"), 'a matches "in*"'),
    (a.is_present(), "a is present"),
    (~a.is_present(), "a is not present"),
    (a.is_numeric(), "a is numeric"),
    ((a == 1) & (b == 2), "a = 1 and b = 2"),
    ((a == 1) | ~(b == 2), "a = 1 or (not b = 2)"),
    (~((a == 1) & b), "not (a = 1 and b = true)"),
    (field("$$.State.RetryCount") == 1, "$$.State.RetryCount = 1"),
    (expr("$states.input.a > 1"), "$states.input.a > 1"),
    (field("a" * 60) == 1, "a" * 47 + "…"),
]


@pytest.mark.parametrize(("condition", "said"), CONDITIONS)
def test_a_condition_is_said_in_short(condition: Any, said: str) -> None:
    """On the arrow that it decides about."""
    lines = drawn(to_asl(choose(condition, then=fail("X"))))

    (label,) = [line.split('|"')[1].split('"|')[0] for line in lines if "| s2" in line]
    assert read(label) == said


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_every_recorded_document_is_drawn(case: dict[str, Any]) -> None:
    """All states of all documents that were run on AWS, each once."""
    for document in case["definitions"]:
        lines = drawn(document)

        names = {read(found) for line in lines for found in re.findall(r'"([^"]*)"', line)}
        assert set(document["States"]) <= names


def test_the_examples_are_drawn() -> None:
    """What handlers, types and forwards compile to as well."""
    for name in ("users", "shop", "checkout"):
        for webhook in compile_app(load(ROOT / f"examples/{name}.py")).webhooks:
            assert any('"Verify"' in line for line in drawn(webhook.workflow))


HOSTILE = [
    *('a"b', "end", '"', "`x`", "#35;", "#quot;", "%%{init: {}}%%", "%% no", "-->", "a|b", "{{x}}"),
    *(
        "<script>alert(1)</script>",
        "a\nb",
        "---",
        "subgraph x",
        "1. Charge",
        "- x",
        "*b*",
        "__init__",
    ),
    *("direction LR", "Direction  TB x", "style s1 fill:#f9f", "classDef x:#a;", "click s1 href"),
    *(
        "é日本",
        "\N{GRINNING FACE}",
        "&amp;",
        "\\",
        "x;y",
        '"]',
        "\ud800",
        "\x00",
        "\u202e",
        " ",
        "]",
    ),
]


def everywhere(text: str) -> dict[str, Any]:
    """A document with the text wherever a text can stand."""
    passing = {"Type": "Pass", "Comment": text, "End": True}
    rules = [
        {"Variable": text, "StringEquals": text, "Next": text},
        {"Condition": f"{{% {text} %}}", "Next": text},
        {"Variable": text, text: text, "Next": text},
        {"And": [{"Variable": text, "StringMatches": text}, {"Not": {}}], "Next": text},
    ]
    branch = {"Comment": text, "StartAt": text, "States": {text: passing}}
    catch = [{"ErrorEquals": [text], "Next": text}]
    return {
        "StartAt": text,
        "States": {
            text: {"Type": "Choice", "Choices": rules, "Default": text},
            f"{text}1": {"Type": text, "Next": text, "Catch": catch},
            f"{text}2": {"Type": "Parallel", "Branches": [branch, branch], "End": True},
            f"{text}3": {"Type": "Map", "ItemProcessor": branch, "Catch": catch, "Next": text},
        },
    }


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_are_only_names(text: str) -> None:
    """They end no label, begin no command, and can be read as they are where they can be shown."""
    lines = drawn(everywhere(text))

    if text.isprintable() and text.strip():
        assert text in {read(found) for line in lines for found in re.findall(r'"([^"]*)"', line)}


@given(st.text(max_size=100))
def test_any_text_is_only_a_name(text: str) -> None:
    """Whatever it is made of."""
    drawn(everywhere(text))


ODD: list[Any] = [
    {},
    {"StartAt": 1, "States": 2},
    {"States": {"a": 1, "b": {}, 3: {}}},
    {"StartAt": "a", "States": {"a": {"Choices": [{3: 4, "Not": {5: 6}, "Next": "a"}, {3: 4}]}}},
    {
        "StartAt": "a",
        "States": {"a": {"Next": "zz", "Choices": [1, {}], "Catch": 7, "Branches": [{}]}},
    },
    {
        "StartAt": "a",
        "States": {"a": {"Choices": [{"And": 1, "Next": "a"}, {"Not": 1, "Next": "a"}]}},
    },
    {"StartAt": "a", "States": {"a": {"Choices": [{"Variable": 1, "Odd": {1}, "Next": "a"}]}}},
]


@pytest.mark.parametrize("document", ODD)
def test_what_is_no_state_is_left_out(document: Any) -> None:
    """A drawing is no check: it shows what can be shown."""
    drawn(document)


def test_boxes_have_a_depth() -> None:
    """A document that contains itself is drawn as far as anybody could look."""
    document: dict[str, Any] = {"StartAt": "S", "States": {}}
    document["States"]["S"] = {"Type": "Parallel", "Branches": [document], "End": True}

    assert 10 < len(drawn(document)) < 200


def test_conditions_that_contain_themselves_are_cut() -> None:
    """A label has an end, whatever it is made from."""
    rule: dict[str, Any] = {"Next": "B"}
    rule["Not"] = rule

    drawn({"StartAt": "A", "States": {"A": {"Choices": [rule]}, "B": {}}})


def test_several_rules_may_lead_to_the_same_state() -> None:
    """Each has an arrow of its own."""
    flow = choose(when(a == 1, charge), when(a == 2, charge), otherwise=charge)

    assert [line.strip() for line in drawn(to_asl(flow)) if "s1 -->" in line] == [
        's1 -->|"a = 1"| s2',
        's1 -->|"a = 2"| s2',
        's1 -->|"otherwise"| s2',
    ]
