"""What a document calls on its way: how often functions, and which of AWS's own things by name. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from holdfast.aws.carried import task_of
from holdfast.workflow import lambda_invoke
from holdfast.workflow.resources import HTTP, LAMBDA, service

State = Mapping[str, Any]

_FIELDS: Final = ("Parameters", "Arguments")


def functions_on_the_dearest_way(document: Mapping[str, Any]) -> int:
    """How many functions one event calls at most, no state entered twice and every list of one item."""
    return _dearest(document, document["StartAt"], {})


def foreign_functions(document: Mapping[str, Any]) -> dict[str, str]:
    """States that call a function by its own name or ARN, which is somebody else's on AWS."""
    found = {}
    for name, state in states(document):
        resource = str(state.get("Resource", ""))
        if lambda_invoke.of_arn(resource) is not None:
            found[name] = resource
        elif service(resource) == LAMBDA and task_of(state) is None:
            found[name] = str(_given(state).get("FunctionName", "the one that the data names"))
    return found


def plain_http(document: Mapping[str, Any]) -> list[str]:
    """States that call an API without TLS, which AWS does not."""
    found = []
    for name, state in states(document):
        if service(str(state.get("Resource", ""))) == HTTP:
            address = _given(state).get("ApiEndpoint")
            if isinstance(address, str) and address.lower().startswith("http:"):
                found.append(name)
    return found


def _given(state: State) -> Mapping[str, Any]:
    given: Any = next((state[each] for each in _FIELDS if each in state), {})
    return given if isinstance(given, Mapping) else {}


def states(node: Any) -> Iterator[tuple[str, State]]:
    """All states of a document by name, those inside others too."""
    if isinstance(node, Mapping):
        own = node.get("States")
        if isinstance(own, Mapping):
            yield from own.items()
        for each in node.values():
            yield from states(each)
    elif isinstance(node, list):
        for each in node:
            yield from states(each)


def _dearest(machine: Mapping[str, Any], name: str, known: dict[str, int]) -> int:
    """From this state on. `known`: of states already looked at; of one that comes back, nothing."""
    if name in known:
        return known[name]
    known[name] = 0
    state: State = machine["States"].get(name, {})
    called = int(task_of(state) is not None)
    inside = [*state.get("Branches", ()), state.get("ItemProcessor", state.get("Iterator"))]
    called += sum(functions_on_the_dearest_way(each) for each in inside if each is not None)
    after = [state.get("Next"), state.get("Default")]
    after += [each["Next"] for each in (*state.get("Choices", ()), *state.get("Catch", ()))]
    ways = (_dearest(machine, each, known) for each in after if each is not None)
    known[name] = called + max(ways, default=0)
    return known[name]
