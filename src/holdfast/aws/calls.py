"""What a document calls on its way: how often functions, and which of AWS's own things by name. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from holdfast.aws.carried import task_of
from holdfast.workflow import lambda_invoke
from holdfast.workflow.resources import HTTP, LAMBDA, SQS, service

State = Mapping[str, Any]

_FIELDS: Final = ("Parameters", "Arguments")


def functions_on_the_dearest_way(document: Mapping[str, Any]) -> int:
    """How many functions one event calls at most, no state entered twice and every list of one item."""
    return _dearest(document, document["StartAt"], {})


def foreign_functions(document: Mapping[str, Any]) -> dict[str, str]:
    """States that call a function by its own name or ARN, which is somebody else's on AWS."""
    return {
        name: called or "the one that the data names"
        for name, state in states(document)
        if (called := _foreign(state)) is not None
    }


def called_by_name(document: Mapping[str, Any]) -> list[str]:
    """Those of them that the document names."""
    found = (_foreign(state) for _, state in states(document))
    return list(dict.fromkeys(each for each in found if each))


def _foreign(state: State) -> str | None:
    """Empty: only the data tells which; None: it calls none."""
    resource = str(state.get("Resource", ""))
    if lambda_invoke.of_arn(resource) is not None:
        return resource
    if service(resource) != LAMBDA or task_of(state) is not None:
        return None
    named = _given(state).get("FunctionName")
    return named if _is_said(named) else ""


def queues_sent_to(document: Mapping[str, Any]) -> list[str]:
    """States that send to the queue of another webhook."""
    found = states(document)
    return [name for name, state in found if service(str(state.get("Resource", ""))) == SQS]


def http_calls(
    document: Mapping[str, Any],
) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """With which methods and at which addresses APIs are called; None where only the data tells."""
    methods: dict[str, None] = {}
    endpoints: dict[str, None] = {}
    known = True
    for _, state in states(document):
        if service(str(state.get("Resource", ""))) == HTTP:
            given = _given(state)
            method, endpoint = given.get("Method"), given.get("ApiEndpoint")
            if not (_is_said(method) and _is_said(endpoint)):
                known = False
            else:
                methods[str(method)] = endpoints[str(endpoint)] = None
    return (tuple(methods), tuple(endpoints)) if known else (None, None)


def _is_said(text: Any) -> bool:
    """Whether it stands in the document as it will be: no expression, and nothing IAM would expand."""
    return isinstance(text, str) and not text.startswith("{%") and not set(text) & set("*?$")


def plain_http(document: Mapping[str, Any]) -> list[str]:
    """States that call an API without TLS, which AWS does not."""
    found = []
    for name, state in states(document):
        if service(str(state.get("Resource", ""))) == HTTP:
            address = _given(state).get("ApiEndpoint")
            if isinstance(address, str) and address.lower().startswith("http:"):
                found.append(name)
    return found


def said_by_data(document: Mapping[str, Any]) -> list[str]:
    """Fail states of which neither the error nor the cause is written in the document."""
    found = []
    for name, state in states(document):
        parts = [_from_data(state, field) for field in ("Error", "Cause")]
        if state.get("Type") == "Fail" and all(parts):
            found.append(name)
    return found


def _from_data(state: State, field: str) -> bool:
    return f"{field}Path" in state or str(state.get(field, "")).startswith("{%")


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
