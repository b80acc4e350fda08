"""How steps become states that name each other: order, ways that join, names, jumps, scopes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from holdfast import to_asl
from holdfast.compile.flows import compose
from holdfast.compile.spot import Spot
from holdfast.steps import (
    Step,
    assign,
    choose,
    each,
    fail,
    field,
    goto,
    parallel,
    put,
    raw,
    succeed,
    task,
    wait,
    when,
)
from holdfast.testing import run_workflow

FREE = field("total") == 0


def charge(event: Any) -> None: ...


def give(event: Any) -> None: ...


def ship(event: Any) -> None: ...


def tell(event: Any) -> None: ...


def arrows(scope: dict[str, Any], path: str = "") -> Iterator[str]:
    """Every way from state to state, in the order of the text."""
    yield f"{path}> {scope['StartAt']}"
    for name, state in scope["States"].items():
        for rule in state.get("Choices", []):
            yield f"{path}{name} ? {rule['Next']}"
        if "Default" in state:
            yield f"{path}{name} : {state['Default']}"
        for catcher in state.get("Catch", []):
            yield f"{path}{name} ! {catcher['Next']}"
        inner = [*state.get("Branches", []), *filter(None, [state.get("ItemProcessor")])]
        for index, below in enumerate(inner):
            yield from arrows(below, f"{path}{name}[{index}] ")
        if "Next" in state:
            yield f"{path}{name} > {state['Next']}"
        elif state.get("End"):
            yield f"{path}{name} ."


def ways(flow: Step) -> list[str]:
    return list(arrows(to_asl(flow)))


FLOWS: dict[str, tuple[Step, list[str]]] = {
    "one after the other": (
        task(charge) >> task(ship) >> task(tell),
        ["> charge", "charge > ship", "ship > tell", "tell ."],
    ),
    "functions in the place of steps": (
        charge >> task(ship) >> tell,
        ["> charge", "charge > ship", "ship > tell", "tell ."],
    ),
    "chains within chains": (
        (task(charge) >> ship) >> (task(give) >> tell),
        ["> charge", "charge > ship", "ship > give", "give > tell", "tell ."],
    ),
    "ways that join": (
        choose(FREE, then=give, otherwise=task(charge) >> tell) >> ship,
        [
            *("> Choose", "Choose ? give", "Choose : charge"),
            *("give > ship", "charge > tell", "tell > ship", "ship ."),
        ],
    ),
    "a way left out leads on": (
        choose(FREE, then=give) >> ship,
        ["> Choose", "Choose ? give", "Choose : ship", "give > ship", "ship ."],
    ),
    "the other way left out": (
        choose(FREE, otherwise=charge) >> ship,
        ["> Choose", "Choose ? ship", "Choose : charge", "charge > ship", "ship ."],
    ),
    "a way that leads nowhere ends": (
        choose(FREE, then=give),
        ["> Choose", "Choose ? give", "Choose : Done", "give ."],
    ),
    "choices within choices": (
        choose(FREE, then=choose(field("vip").is_present(), then=give), otherwise=charge) >> ship,
        [
            *("> Choose", "Choose ? Choose 2", "Choose : charge"),
            *("Choose 2 ? give", "Choose 2 : ship", "give > ship", "charge > ship", "ship ."),
        ],
    ),
    "an error leaves for good": (
        task(charge).catch(KeyError, task(tell)) >> ship,
        ["> charge", "charge ! tell", "charge > ship", "tell .", "ship ."],
    ),
    "an error joins again": (
        task(charge).catch(KeyError, task(tell), rejoin=True) >> ship,
        ["> charge", "charge ! tell", "charge > ship", "tell > ship", "ship ."],
    ),
    "an error is passed over": (
        task(charge).catch(KeyError) >> ship,
        ["> charge", "charge ! ship", "charge > ship", "ship ."],
    ),
    "an error is passed over at the end": (
        task(charge).catch(KeyError),
        ["> charge", "charge ! Done", "charge ."],
    ),
    "jumps": (
        task(charge) >> choose(field("ready"), then=ship, otherwise=wait("5s") >> goto("charge")),
        [
            *("> charge", "charge > Choose", "Choose ? ship", "Choose : Wait 5s"),
            *("ship .", "Wait 5s > charge"),
        ],
    ),
    "a jump forth, over what another jump leads to": (
        choose(FREE, then=goto("ship"), otherwise=goto("tell")) >> tell >> ship,
        ["> Choose", "Choose ? ship", "Choose : tell", "tell > ship", "ship ."],
    ),
    "a jump as the handler": (
        task(charge).catch(KeyError, goto("ship")) >> tell >> ship,
        ["> charge", "charge ! ship", "charge > tell", "tell > ship", "ship ."],
    ),
    "a jump first": (goto("ship") >> ship, ["> ship", "ship ."]),
    "branches and items": (
        parallel(task(charge) >> tell, ship) >> each("lines", choose(FREE, then=give) >> ship),
        [
            *("> Parallel", "Parallel[0] > charge", "Parallel[0] charge > tell"),
            *("Parallel[0] tell .", "Parallel[1] > ship", "Parallel[1] ship ."),
            *("Parallel > Each lines", "Each lines[0] > Choose", "Each lines[0] Choose ? give"),
            *("Each lines[0] Choose : ship 2", "Each lines[0] give > ship 2"),
            *("Each lines[0] ship 2 .", "Each lines ."),
        ],
    ),
    "by hand": (
        raw({"Type": "Pass"}) >> raw({"Type": "Pass", "Next": "ship"}) >> ship,
        ["> Pass", "Pass > Pass 2", "Pass 2 > ship", "ship ."],
    ),
}


@pytest.mark.parametrize("name", FLOWS)
def test_steps_lead_to_each_other(name: str) -> None:
    """States stand in the order of the text; what several ways lead to comes after them."""
    flow, expected = FLOWS[name]

    assert ways(flow) == expected


def test_the_same_step_twice_is_two_states_where_it_leads_on_differently() -> None:
    """A step is a value: each place that it stands in gets a state with a name of its own."""
    notify = task(tell, name="Notify")

    assert ways(notify >> task(ship) >> notify) == [
        *("> Notify", "Notify > ship", "ship > Notify 2", "Notify 2 ."),
    ]
    assert ways(parallel(notify, notify)) == [
        *("> Parallel", "Parallel[0] > Notify", "Parallel[0] Notify ."),
        *("Parallel[1] > Notify 2", "Parallel[1] Notify 2 .", "Parallel ."),
    ]


def test_the_same_step_twice_is_one_state_where_it_leads_on_alike() -> None:
    """Two ways into one step that goes on the same way are no reason to write it down twice."""
    stop = task(tell)
    flow = choose(when(FREE, stop), when(field("odd").is_present(), stop), otherwise=charge)

    assert ways(flow) == [
        *("> Choose", "Choose ? tell", "Choose ? tell", "Choose : charge", "tell .", "charge ."),
    ]
    assert ways(choose(FREE, then=ship, otherwise=charge >> task(give) >> ship)) == [
        *("> Choose", "Choose ? ship", "Choose : charge", "ship ."),
        *("charge > give", "give > ship"),
    ]


def test_two_steps_that_are_alike_are_two_states() -> None:
    """Whoever writes a step twice means two."""
    assert ways(choose(FREE, then=task(ship), otherwise=task(ship))) == [
        *("> Choose", "Choose ? ship", "Choose : ship 2", "ship .", "ship 2 ."),
    ]


NAMES: list[tuple[Step, str]] = [
    (task(charge), "charge"),
    (task(charge, name="Charge the card"), "Charge the card"),
    (task("${charge}"), "charge"),
    (task("arn:aws:states:::http:invoke"), "invoke"),
    (task("arn:aws:states:::sqs:sendMessage"), "sendMessage"),
    (task("arn:aws:lambda:eu-west-1:123456789012:function:bill"), "bill"),
    (put("order.vip", 1), "Put order.vip"),
    (assign({"a": 1, "b": 2}), "Assign a, b"),
    (wait("10s"), "Wait 10s"),
    (wait(field("body.delay")), "Wait body.delay"),
    (wait(until=field("body.due")), "Wait until body.due"),
    (choose(FREE), "Choose"),
    (parallel(ship), "Parallel"),
    (each("body.lines", ship), "Each body.lines"),
    (succeed(), "Done"),
    (fail(KeyError), "KeyError"),
    (fail(field("error")), "error"),
    (fail(), "Fail"),
    (raw({"Type": "Wait", "Seconds": 1}), "Wait"),
    (raw({"Type": "Pass"}, name="By hand"), "By hand"),
    (put("x" * 200, 1), f"Put {'x' * 68}"),
]


@pytest.mark.parametrize(("step", "name"), NAMES)
def test_a_state_is_called_for_what_it_does(step: Step, name: str) -> None:
    """Its name is the function's, or a few words; or the one that it is given."""
    # Not through the language's check, which may not know the resource.
    document = compose(Spot([], "here:1"), step >> tell, {}).document

    assert name in document["States"]


def test_names_given_go_before_names_made() -> None:
    """Who asks for a name gets it, wherever it stands; the state in front keeps its own."""

    def Verify(event: Any) -> None: ...  # noqa: N802 - the name that is taken

    flow = task(charge) >> task(ship, name="charge") >> task(tell, name="charge 2") >> Verify

    assert ways(flow) == [
        *("> charge 3", "charge 3 > charge", "charge > charge 2"),
        *("charge 2 > Verify 2", "Verify 2 ."),
    ]


def test_a_composition_is_a_value() -> None:
    """Composing changes nothing: the same steps compile again and again, alone and in others."""
    step = task(charge, input={"a": [1]}).retry(KeyError)
    flow = step >> task(ship)
    before = to_asl(flow)

    document = to_asl(flow)
    document["States"]["charge"]["Parameters"]["a"].append(2)
    step.catch(KeyError)

    assert to_asl(flow) == before
    assert to_asl(flow >> tell)["States"]["charge"] == before["States"]["charge"]


def test_the_last_result_is_that_of_a_branch_an_item_and_the_whole() -> None:
    """In between the data goes on; where nothing follows, the result does."""
    flow = (
        task(charge)
        >> parallel(task(ship), task(give) >> task(tell), result="told")
        >> each("lines", task(tell, name="Tell"), result="lines")
    )
    mocks: dict[str, list[dict[str, Any]]] = {
        "charge": [{"result": "unseen"}],
        "ship": [{"result": 1}],
        "give": [{"result": "unseen"}],
        "tell": [{"result": 2}],
        "Tell": [{"result": "a"}, {"result": "b"}],
    }

    run = run_workflow(flow >> succeed(), {"lines": [1, 2]}, mocks=mocks)

    assert run.output == {"lines": ["a", "b"], "told": [1, 2]}
