"""Whatever is composed of steps compiles, and ends as the same steps end when Python runs them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any, Literal, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast import check_workflow, to_asl
from holdfast.steps import Step, choose, each, fail, field, goto, parallel, put, succeed, task, wait
from holdfast.testing import run_workflow

Data = Any
Flow = tuple["Part", ...]


@dataclass(frozen=True)
class Put:
    name: str
    value: int


@dataclass(frozen=True)
class Wait:
    pass


@dataclass(frozen=True)
class Call:
    """A task that always comes to the same: a result, or an error that may be caught."""

    error: bool
    result: str | None
    handling: Literal["none", "over", "leave", "rejoin"]
    handler: Flow


@dataclass(frozen=True)
class Choose:
    number: int
    then: Flow
    otherwise: Flow


@dataclass(frozen=True)
class Scopes:
    """Branches, or the same flow for every item."""

    flows: tuple[Flow, ...]
    items: int | None
    result: str | None
    over: bool


@dataclass(frozen=True)
class End:
    kind: Literal["fail", "succeed", "jump"]


Part = Put | Wait | Call | Choose | Scopes | End
Outcome = tuple[Literal["SUCCEEDED", "FAILED"], Data]
"""With the output, or the errors that it may have ended with."""


def leads_on(flow: Flow) -> bool:
    """Whether some way through it comes out at its end."""
    return all(_leads_on(part) for part in flow)


def _leads_on(part: Part) -> bool:
    match part:
        case End():
            return False
        case Choose(_, then, otherwise):
            return leads_on(then) or leads_on(otherwise)
    return True


def cut(flow: tuple[Part, ...]) -> Flow:
    """Without what nothing leads to."""
    for index, part in enumerate(flow):
        if not _leads_on(part):
            return flow[: index + 1]
    return flow


def flows(depth: int, *, top: bool) -> st.SearchStrategy[Flow]:
    """`top`: jumps may stand there, to the state that is the last of the whole."""
    ends = ["fail", "succeed", "jump"] if top else ["fail", "succeed"]
    parts: list[st.SearchStrategy[Any]] = [
        st.builds(Put, st.sampled_from("abn"), st.integers(0, 2)),
        st.builds(Wait),
        st.sampled_from(ends).map(lambda kind: End(cast("Any", kind))),
    ]
    if depth:
        same, below = flows(depth - 1, top=top), flows(depth - 1, top=False)
        results = st.sampled_from([None, "r"])
        handlings = st.sampled_from(["none", "over", "leave", "rejoin"])
        places = st.sampled_from([None, "r", "$"])
        some = st.lists(below, min_size=1, max_size=3).map(tuple)
        parts += [
            st.builds(Call, st.booleans(), places, handlings, same),
            st.builds(Choose, st.integers(0, 2), same, same),
            st.builds(Scopes, some, st.none(), results, st.booleans()),
            st.builds(Scopes, st.tuples(below), st.integers(0, 3), results, st.booleans()),
        ]
    return st.lists(st.one_of(parts), max_size=4).map(tuple).map(cut)


class Writing:
    """The same flow as steps, and what its tasks come to."""

    def __init__(self) -> None:
        self.calls: dict[str, list[dict[str, Any]]] = {}

    def step(self, flow: Flow) -> Step | None:
        steps = [step for part in flow for step in self._steps(part)]
        return reduce(lambda left, right: left >> right, steps) if steps else None

    def _steps(self, part: Part) -> Iterator[Step]:
        match part:
            case Put(name, value):
                yield put(name, value)
            case Wait():
                yield wait("1s")
            case End("fail"):
                yield fail("Odd")
            case End("succeed"):
                yield succeed()
            case End("jump"):
                yield goto("Finish")
            case Choose(number, then, otherwise):
                yield choose(
                    field("n") == number, then=self.step(then), otherwise=self.step(otherwise)
                )
            case Call():
                yield self._call(part)
            case Scopes(inner, None, result, over):
                branches = [self.step(flow) or put("b", 0) for flow in inner]
                made = parallel(*branches, result=result)
                yield made.catch() if over else made
            case Scopes(inner, items, result, over):
                yield put("items", list(range(items or 0)))
                item = {"n": field("$$.Map.Item.Value")}
                done = each("items", self.step(inner[0]) or put("b", 0), item=item, result=result)
                yield done.catch() if over else done

    def _call(self, call: Call) -> Step:
        name = f"${{t{len(self.calls)}}}"
        self.calls[name] = [{"error": "Oops"}] if call.error else [{"result": {"n": 1}}]
        made = task(name, result=call.result)
        if call.handling == "none":
            return made
        if call.handling == "over":
            return made.catch("Oops", result="caught")
        handler = self.step(call.handler) or put("b", 0)
        return made.catch("Oops", handler, result="caught", rejoin=call.handling == "rejoin")


EMPTY: Flow = (Put("b", 0),)
"""What stands for a flow without a step where one is needed."""

After = Callable[[Data], Outcome] | None


def end(flow: Flow, data: Data, after: After) -> Outcome:
    """How the flow ends in Python. `after` None: nothing follows."""
    if not flow:
        return ("SUCCEEDED", data) if after is None else after(data)
    part, rest = flow[0], flow[1:]
    last = not rest and after is None

    def go(data: Data) -> Outcome:
        return end(rest, data, after)

    on = None if last else go
    match part:
        case Put(name, value):
            return go({**data, name: value})
        case Wait():
            return go(data)
        case End("fail"):
            return "FAILED", {"Odd"}
        case End("succeed"):
            return "SUCCEEDED", data
        case End():
            return "SUCCEEDED", {**data, "a": 7}
        case Choose(number, then, otherwise):
            return end(then if data["n"] == number else otherwise, data, on)
        case Call(error=False, result=place):
            return go(placed(data, {"n": 1}, place, last=last))
        case Call(handling="none"):
            return "FAILED", {"Oops"}
        case Call(handling=handling, handler=handler):
            caught = {**data, "caught": {"Error": "Oops", "Cause": ""}}
            if handling == "over":
                return go(caught)
            return end(handler or EMPTY, caught, on if handling == "rejoin" else None)
        case Scopes():
            return scopes(part, data, go, last=last)


def scopes(part: Scopes, data: Data, go: Callable[[Data], Outcome], *, last: bool) -> Outcome:
    given = [data] * len(part.flows)
    if part.items is not None:
        data = {**data, "items": list(range(part.items))}
        given = [{"n": number} for number in range(part.items)]
    inner = part.flows if part.items is None else part.flows * part.items
    ends = [end(flow or EMPTY, one, None) for flow, one in zip(inner, given, strict=True)]
    failed = [error for status, error in ends if status == "FAILED"]
    if failed:
        # Of branches that fail at the same time, any one may be the first.
        return go(data) if part.over else ("FAILED", set().union(*failed))
    return go(placed(data, [one for _, one in ends], part.result, last=last))


def placed(data: Data, result: Any, place: str | None, *, last: bool) -> Data:
    if place == "$" or (place is None and last):
        return result
    return data if place is None else {**data, place: result}


def jumps(flow: Flow) -> bool:
    """Whether a jump can be reached, by the ways that are written down."""
    for part in flow:
        match part:
            case End("jump"):
                return True
            case Choose(_, then, otherwise) if jumps(then) or jumps(otherwise):
                return True
            case Call(handling="leave" | "rejoin", handler=handler) if jumps(handler):
                return True
    return False


@settings(max_examples=150, deadline=None)
@given(flows(3, top=True), st.integers(0, 2))
def test_a_composition_ends_as_python_would_end_it(flow: Flow, number: int) -> None:
    """Any composition compiles without a mistake, to the same text each time, and runs to its end."""
    writing = Writing()
    steps = [writing.step(flow)] if flow else []
    follows = leads_on(flow)
    if follows or jumps(flow):
        steps.append(put("a", 7, name="Finish"))
    composed = reduce(lambda left, right: left >> right, steps)  # type: ignore[operator]  # none of them is None
    assert composed is not None

    assert check_workflow(composed) == []
    assert to_asl(composed) == to_asl(composed)
    run = run_workflow(composed, {"n": number}, mocks=writing.calls)

    whole = (*flow, Put("a", 7)) if follows else flow
    status, expected = end(whole, {"n": number}, None)
    assert run.status == status
    if status == "SUCCEEDED":
        assert run.output == expected
    else:
        assert run.error in expected
