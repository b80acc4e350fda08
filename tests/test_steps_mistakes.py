"""What is wrong with steps is told at the line of the step, all of it at once."""

from __future__ import annotations

from pathlib import Path

import pytest

import holdfast
from holdfast import DefinitionError, to_asl
from holdfast.compile.graph import NODES_MAX
from holdfast.steps import Step, choose, field, parallel, put, raw, task
from written import FIRST_LINE, compiled, mistakes

TASKS = """\
from holdfast.steps import *
from datetime import datetime
def charge(event): ...
def ship(input: int): ...
def rows(): yield 1
"""
LINE = FIRST_LINE + TASKS.count("\n")

WRONG: dict[str, list[str]] = {
    'task(charge, timeout="20")': [
        '@ charge.timeout: "20" is not a duration; write a number and a '
    ],
    'task(charge, timeout="6m")': ['@ charge.timeout: "6m" is out of range; allowed: 1s to 5m'],
    'task(charge, timeout="1500ms")': [
        '@ charge.timeout: "1500ms" is not a whole number of seconds'
    ],
    'task(charge, timeout="2s", heartbeat="2s")': [
        "@ charge.HeartbeatSeconds: must be smaller than TimeoutSeconds"
    ],
    'task(charge, result="a b")': ["@ charge.ResultPath: '$.a b' is not a JSONPath: cannot read"],
    "task(charge, result=7)": ['@ charge.result: 7 is not a place in the data; write "payment"'],
    'task(charge, result="$x")': ["@ charge.ResultPath: a variable cannot be written to"],
    "task(charge, input=7)": ["@ charge.Parameters: must be an object, not a number"],
    'task(charge, input=intrinsic("States.UUID"))': [
        "@ charge.input: a path or a function stands in an object here: "
    ],
    'task(charge, input={"a": intrinsic("States.Oops")})': [
        "@ charge.Parameters.a.$: 'States.Oops()': there is no function States.Oops"
    ],
    'task(charge, input={"a": intrinsic("States.Array", {})})': [
        "@ charge.input: {} cannot stand in a function, or beside a path in a list"
    ],
    'task(charge, input={"a": {1}})': ["@ charge: holds something that is not JSON: "],
    'task(charge, input={7: "a"})': ["@ charge: holds something that is not JSON: "],
    "task(charge, output={})": ["@ charge.output: {} is not a path; put(...) makes something new"],
    'task(charge, select={"a": 1}) >> charge': [
        '@ charge.select: the result goes nowhere; say where with result="..."'
    ],
    'task(charge, assign={"a b": 1})': ["@ charge.Assign['a b']: is not the name of a variable"],
    'task(charge, input={"a": expr("1 +")})': ["@ charge.Arguments.a: S"],
    'task(charge, input={"a": expr("1"), "b": field("b")})': [
        "@ charge: expr(...) is JSONata, but"
    ],
    'task(charge, input=expr("1"), output="body")': ["@ charge: expr(...) is JSONata, but paths, "],
    'task(charge, output=expr("1"), result="a")': [
        "@ charge.output: says all that goes on; leave out result= and select="
    ],
    'task(charge, input=expr("1"), result="a[0]") >> charge': [
        '@ charge.result: "a[0]": beside expr(...), a place is names with dots, "order.payment"'
    ],
    "task(7)": ["@ int: 7 is not a function"],
    "task(rows)": [
        "@ rows: is a generator, so calling it would run nothing; use return, not yield"
    ],
    "task(lambda event: 1)": ["@ <lambda>: a lambda has no name to show in the history"],
    'task("${nope}")': ['@ nope.Resource: no task "nope"; there are: none'],
    "task(charge, name=7)": ["@ name: 7 is not a name"],
    'task(charge, name="")': ['@ name: "" is not a name'],
    'task(charge, name="x" * 81)': ["a state's name has at most 80 characters"],
    'task(charge, name="Same") >> task(ship, name="Same")': [
        "@ Same: hooks.py:@ is called so already; a state's name is its own"
    ],
    'task(charge, name="Verify")': ['@ Verify: a state is called "Verify", the name of the state'],
    "task(charge, comment=7)": ["@ charge.Comment: must be a string, not a number"],
    "task(charge).retry(7)": ["@ charge.retry: 7 is not an error; write an exception class, or "],
    "task(charge).retry(())": ["@ charge.retry: no error at all; leave it out for every error"],
    "task(charge).retry(attempts=-1)": [
        "@ charge.retry.MaxAttempts: must be a whole number from 0"
    ],
    'task(charge).retry(every="0s")': ['@ charge.retry.every: "0s" is out of range; allowed: 1s'],
    "task(charge).retry(backoff=0.5)": [
        "@ charge.retry.BackoffRate: must be a number of at least 1"
    ],
    "task(charge).retry().retry(KeyError)": [
        "@ charge.retry.ErrorEquals: States.ALL must come last"
    ],
    "task(charge).catch(Exception, 7)": [
        "@ workflow: 7 is not a step; write task(charge), or the "
    ],
    'task(charge).catch(KeyError, output="x")': [
        "@ charge.catch.output: belongs to JSONata; in JSONPath, result= says where it goes"
    ],
    'goto("Nowhere")': ['@ goto: no state "Nowhere" in the same branch; there are: none'],
    'charge >> task(ship) >> goto("shp")': [
        '@ goto: no state "shp" in the same branch (did you mean "ship"?); there are: charge, ship'
    ],
    'task(charge) >> parallel(task(ship) >> goto("charge"))': [
        '@ goto: no state "charge" in the same branch; there are: ship'
    ],
    "fail() >> charge": ["@ charge: cannot be reached from StartAt"],
    "choose(True)": ['@ Choose: True is not a condition; write field("body.total") == 0, or expr('],
    "choose(field('a') == 1, charge)": [
        "@ Choose: a step stands in the place of a condition; write then=..., or when("
    ],
    "choose(when(field('a') == 1), then=charge)": [
        "@ Choose: a when(...) says itself where it leads; leave out then="
    ],
    "choose(field('a') == field('b'))": [
        "@ Choose: two fields are compared, and nothing says what they are; write field("
    ],
    "choose(field('a') == [1])": ["@ Choose: nothing can be compared with [1]; texts, numbers, "],
    "choose(field('a') == datetime(2026, 1, 2))": [
        "@ Choose: datetime.datetime(2026, 1, 2, 0, 0) has no time zone; write datetime("
    ],
    "choose(field('a', 'numeric') == 'x')": [
        "@ Choose: $.a is said to be numeric, but is compared with a string"
    ],
    "choose(field('a', 'number') == 1)": [
        '@ Choose: "number" is not known (did you mean "numeric"?); allowed: '
    ],
    "choose(field('a') > True)": [
        "@ Choose: $.a: of two booleans none is the greater one; write =="
    ],
    "choose(field('a').matches(7))": ["@ Choose: 7 is not a pattern; write .matches("],
    "choose(field('a b') == 1)": ["@ Choose.Variable: '$.a b' is not a JSONPath"],
    "choose(when(expr('1')), when(field('a') == 1))": [
        "@ Choose: expr(...) is JSONata, but paths,"
    ],
    "choose(field('a') == 1, then=7)": [
        "@ workflow: 7 is not a step; write task(charge), or the fu"
    ],
    "choose(when(field('a') == 1, charge, output=1))": [
        "@ Choose.output: belongs to JSONata; in JSONPath, choose(output=...) says it"
    ],
    "wait()": ['@ Wait a while: write wait("10s"), or wait(until=field("body.due")); one of the '],
    "wait(10)": ["@ Wait a while.seconds: 10 is not a duration; write a number and a unit"],
    'wait("10m")': ['@ Wait 10m.seconds: "10m" is out of range; allowed: 0s to 5m'],
    'wait(until="soon")': ["@ Wait until soon.Timestamp: 'soon' is not an RFC 3339 timestamp"],
    "put('a', intrinsic('States.UUID'))": ["@ Put a.value: a function stands in an object: put("],
    "put('a', [field('b')])": ["@ Put a.value: a list with fields in it stands in an object: put("],
    "put(7, 1)": ['@ Put 7.at: 7 is not a place in the data; write "payment"'],
    "put('a', expr('1'), output=expr('2'))": ['@ Put a.output: leave it out, and write put("$", .'],
    "assign(7)": ["@ Assign.Assign: must be an object, not a number"],
    "parallel()": ["@ Parallel.Branches: must not be empty"],
    "parallel(7)": ["@ workflow: 7 is not a step; write task(charge), or the function itself"],
    "each(7, charge)": ['@ Each.items: 7 is not the path of a list; write "body.lines"'],
    "each('a', charge, at_once=-1)": ["@ Each a.MaxConcurrency: must be a whole number from 0 to"],
    "each('a', charge, tolerate_percentage=200)": [
        "@ Each a.ToleratedFailurePercentage: must be a n"
    ],
    "fail(7)": ["@ Fail.Error: must be a string, not a number"],
    "raw(7)": ['@ State: 7 is not a state; write raw({"Type": "Pass"})'],
    "raw({'Type': 'Pas'})": ['@ Pas.Type: no type "Pas"'],
    "raw({'Type': 'Pass', 'Next': 'Nowhere'})": ['@ Pass.Next: no state "Nowhere"'],
    "raw({'Type': 'Map', 'Items': 1})": [
        "@ Map: needs one of ItemProcessor, Iterator",
        "@ Map.Items: belongs to JSONata; this state is in JSONPath",
    ],
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Places are shown as seen from beside the definition."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("flow", WRONG)
def test_a_mistake_is_told_at_its_step(flow: str, tmp_path: Path) -> None:
    """With its line, the state's name, and the setting or the field of the language."""
    found = mistakes(tmp_path, f'{TASKS}app.webhook("/u", workflow={flow})\n')

    expected = [line.replace("@", f"hooks.py:{LINE} /u", 1) for line in WRONG[flow]]
    assert len(found) == len(expected), found
    for said, mistake in zip(expected, found, strict=True):
        assert said.replace("hooks.py:@", f"hooks.py:{LINE}") in mistake


SPREAD = """\
app.webhook("/u", workflow=(
    task(charge, timeout="soon")
    .retry(KeyError,
           every="never")
    .catch(
        7)
    >> choose(
        when(field("a b") == 1, charge),
        when(field("c d") == 1),
    )
    >> rows
    >> each("a",
            task(ship, result="e f"),
            at_once=-1)
))
"""


def test_every_mistake_has_the_line_where_it_is_mended(tmp_path: Path) -> None:
    """All at once, in the order of the file: each rule, retry, catch and inner step has its own."""
    found = mistakes(tmp_path, TASKS + SPREAD)

    assert [mistake.partition(": ")[0].replace("hooks.py:", "") for mistake in found] == [
        f"{LINE + 1} /u charge.timeout",
        f"{LINE + 2} /u charge.retry.every",
        f"{LINE + 4} /u charge.catch",
        f"{LINE + 7} /u Choose.Variable",
        f"{LINE + 8} /u Choose.Variable",
        f"{LINE + 10} /u rows",
        f"{LINE + 11} /u Each a.MaxConcurrency",
        f"{LINE + 12} /u ship.ResultPath",
    ]


def test_two_functions_of_one_name_can_be_told_apart(tmp_path: Path) -> None:
    """They are a mistake, until `tasks` gives one of them another name."""
    text = TASKS + "other = charge\ndef charge(event): ...\nflow = task(other) >> task(charge)\n"

    (found,) = mistakes(tmp_path, f'{text}app.webhook("/u", workflow=flow)\n')
    named = f'{text}app.webhook("/u", workflow=flow, tasks={{"first": other}})\n'
    webhook = compiled(tmp_path, named)

    assert "another function of this webhook is called charge; rename one, or name it" in found
    assert list(webhook.tasks) == ["first", "charge"]
    assert webhook.workflow["States"]["charge"]["Resource"] == "${first}"


def test_steps_bring_their_functions_along(tmp_path: Path) -> None:
    """Each once, wherever it stands; `tasks` adds those that only resources name."""
    flow = 'task(charge) >> parallel(task(charge), ship) >> task("${rows}")'
    text = TASKS.replace("yield", "return")

    webhook = compiled(tmp_path, f'{text}app.webhook("/u", workflow={flow}, tasks=[rows])\n')

    assert sorted(webhook.tasks) == ["charge", "rows", "ship"]


def test_the_annotations_of_steps_are_the_schema(tmp_path: Path) -> None:
    """As everywhere: the type of the body is what the functions that take the event say."""
    text = "from holdfast.steps import *\ndef charge(event: Event[User]): ...\n"

    webhook = compiled(tmp_path, f'{text}app.webhook("/u", workflow=task(charge))\n')

    assert webhook.schema is not None
    assert webhook.schema["required"] == ["name", "age"]


def charge(event: object) -> None: ...


def deep(depth: int) -> Step:
    step: Step = task(charge)
    for _ in range(depth):
        step = choose(field("a") == 1, then=step, otherwise=charge)
    return step


def doubled(times: int) -> Step:
    step: Step = task(charge)
    for _ in range(times):
        step = parallel(step, step)
    return step


def around() -> dict[str, object]:
    value: dict[str, object] = {}
    value["again"] = value
    return value


ENDLESS: dict[str, tuple[Step, str]] = {
    "nested": (deep(5_000), "is nested too deep, or contains itself"),
    "doubled": (doubled(40), f"has more than {NODES_MAX:,} states; no document holds so many"),
    "a value within itself": (put("a", around()), "is nested too deep, or contains itself"),
    "a state within itself": (raw({"Type": "Pass", "Result": around()}), "is nested too deep, or "),
    "an input within itself": (task(charge, input=around()), "is nested too deep, or contains it"),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_what_has_no_end_is_a_mistake(name: str) -> None:
    """Neither a crash nor a walk for ever."""
    flow, said = ENDLESS[name]

    found = holdfast.check_workflow(flow)

    assert len(found) == 1
    assert said in found[0].message
    with pytest.raises(DefinitionError):
        to_asl(flow)


def test_long_chains_are_nothing_special() -> None:
    """A thousand steps in a row need no depth."""
    flow: Step = task(charge)
    for _ in range(1_000):
        flow >>= charge if flow is None else task(charge)

    assert len(to_asl(flow)["States"]) == 1_001
