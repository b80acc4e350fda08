"""moto's parser of the States Language, an interpreter independent of ours: for comparison only.

Tasks are played as `run_workflow` plays them, and nobody waits: a retry's delay is noted, a Wait is
over at once, and a task that hangs fails as timed out. JSONata is out of its reach (it needs Java).
"""

from __future__ import annotations

import itertools
import json
import logging
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, NamedTuple

from holdfast.errors import ExtraMissing
from holdfast.workflow.filters import same

INSTALL: Final = "pip install 'holdfast[differential]'"
_PARSER: Final = "moto.stepfunctions.parser"
_LAMBDA: Final = "arn:aws:lambda:us-east-1:111111111111:function:"
CONTEXT: Final[Mapping[str, Any]] = {
    "Execution": {
        "Id": "arn:aws:states:us-east-1:111111111111:execution:workflow:run",
        "Name": "run",
        "RoleArn": "arn:aws:iam::111111111111:role/workflow",
        "StartTime": "2030-01-01T00:00:00.000Z",
    },
    "StateMachine": {
        "Id": "arn:aws:states:us-east-1:111111111111:stateMachine:workflow",
        "Name": "workflow",
    },
}
"""What both interpreters are told of the execution."""


class Refused(Exception):
    """moto does not read the document."""


class Fault(NamedTuple):
    """The interpreter itself failed: at a path that leads nowhere, a function that cannot."""

    state: str
    error: str
    cause: str


@dataclass(frozen=True, slots=True)
class Ending:
    """How an execution went, there or here."""

    status: str
    output: Any = None
    error: str | None = None
    waits: tuple[float, ...] = ()
    calls: tuple[tuple[str, Any], ...] = ()
    """The state and its input, sorted: branches have no order between them."""
    fault: Fault | None = None
    """The first one; None where only tasks and Fail states failed."""


class MotoParser:
    """Takes the place of moto's calls to Lambda and of its sleeps. One execution at a time."""

    def __init__(self) -> None:
        """Raises ExtraMissing where moto is not installed."""
        self._parser = _module("asl.parse.asl_parser").AmazonStateLanguageParser
        self._api = _module("api")
        self._environment = _module("asl.eval.environment").Environment
        self._details = _module("asl.eval.evaluation_details").AWSExecutionDetails
        self._history = _module("asl.eval.event.event_manager").EventHistoryContext
        self._states = _module("asl.eval.states")
        self._failing = _module("asl.component.common.error_name.failure_event")
        naming = "asl.component.common.error_name"
        self._custom = _module(f"{naming}.custom_error_name").CustomErrorName
        self._built_in = _module(f"{naming}.states_error_name").StatesErrorName
        kinds = _module(f"{naming}.states_error_name_type").StatesErrorNameType
        self._predefined = {kind.to_name(): kind for kind in kinds}
        self._event = _module("asl.eval.event.event_detail").EventDetails
        self._timed_out = _module("asl.component.common.timeouts.timeout").EvalTimeoutError
        self._waits: list[float] = []
        self._take_over()
        # What it thinks of a document is told once, by Refused.
        logging.getLogger("moto").setLevel(logging.CRITICAL)
        listener = import_module("antlr4.error.ErrorListener").ConsoleErrorListener
        listener.syntaxError = lambda *_: None

    def read(self, document: Mapping[str, Any]) -> Any:
        """Its program, to be played as often as one likes. Raises Refused."""
        try:
            return self._parser.parse(_text(document))[0]
        except Exception as error:
            raise Refused(f"{type(error).__name__}: {error}") from error

    def play(
        self,
        program: Any,
        input: Any,
        calls: Sequence[Mapping[str, Any]] = (),
        *,
        otherwise: Mapping[str, Any] | None = None,
    ) -> Ending:
        """One execution of it. `otherwise`: what a task comes to once its calls are used up."""
        cast, self._waits = _Cast(calls, otherwise), []
        context = self._states.ContextObjectData(
            Execution=self._states.ExecutionData(**CONTEXT["Execution"], Input=input),
            StateMachine=self._states.StateMachineData(**CONTEXT["StateMachine"]),
        )
        environment = self._environment(
            aws_execution_details=self._details("111111111111", "us-east-1", "role"),
            execution_type=self._api.StateMachineType.EXPRESS,
            context=context,
            event_history_context=self._history.of_program_start(),
            cloud_watch_logging_session=None,
            activity_store={_CAST: cast},
        )
        program.eval(environment)
        return self._ending(environment, cast)

    def _ending(self, environment: Any, cast: _Cast) -> Ending:
        state = environment.program_state()
        told = getattr(state, "error", None) or {}
        status, output, error = "FAILED", None, told.get("error")
        if type(state).__name__ == "ProgramEnded":
            status, output = "SUCCEEDED", environment.states.get_input()
        elif type(state).__name__ == "ProgramTimedOut":
            status, error = "TIMED_OUT", "States.Timeout"
        calls = tuple(sorted(cast.calls, key=json.dumps))
        fault = cast.fault or _fault(environment, None, told)
        return Ending(status, output, error, tuple(self._waits), calls, fault)

    # What takes the place of moto's own.

    def _take_over(self) -> None:
        task = _module("asl.component.state.exec.state_task.state_task_lambda").StateTaskLambda
        perform = self._perform

        def execution(state: Any, env: Any) -> None:
            perform(state, env)

        task._eval_execution = execution
        _module("asl.component.common.retry.retrier_decl").time = _Clock(self._waits_for)
        for state in (task, _module("asl.component.state.exec.execute_state").ExecutionState):
            state._from_error = _telling(state._from_error)
        wait = _module("asl.component.state.wait.wait_function.wait_function").WaitFunction
        wait._wait_interval = lambda *_, **__: None

    def _waits_for(self, seconds: float) -> None:
        self._waits.append(float(seconds))

    def _perform(self, state: Any, env: Any) -> None:
        given = state._eval_parameters(env=env)["Payload"]
        answer = env.activity_store[_CAST].answer(state.name, given)
        if answer.get("hang"):
            raise self._timed_out
        if "error" not in answer:
            env.stack.append(answer.get("result"))
            return
        error, cause = answer["error"], answer.get("cause") or ""
        raise self._failing.FailureEventException(
            self._failing.FailureEvent(
                env=env,
                error_name=self._named(error),
                event_type=self._api.HistoryEventType.TaskFailed,
                event_details=self._event(
                    taskFailedEventDetails=self._api.TaskFailedEventDetails(
                        error=error, cause=cause
                    )
                ),
            )
        )

    def _named(self, error: str) -> Any:
        if error in self._predefined:
            return self._built_in(self._predefined[error])
        return self._custom(error)


_CAST: Final = "cast"
"""Where an execution's environment, and every part of it, holds who plays its tasks: threads that
moto leaves behind must not take part in the next execution."""


_FAULTS: Final = frozenset(("Exception", "States.Runtime", "States.QueryEvaluationError"))
"""What moto calls its own failures."""


def _fault(environment: Any, name: str | None, details: Mapping[str, Any]) -> Fault | None:
    """Of the state of that name, of the one that the cause names, or of the innermost under way."""
    if details.get("error") not in _FAULTS:
        return None
    told = re.search(r"while executing the state '(\w+)'", details.get("cause") or "")
    if name is None and told is not None:
        name = told[1]
    elif name is None:
        name = _under_way(environment.event_manager.get_event_history())[-1]
    return Fault(name, details["error"], details.get("cause") or "")


def _under_way(history: Sequence[Mapping[str, Any]]) -> list[str]:
    """The states that were entered and not left."""
    names: list[str] = []
    for event in history:
        entered, exited = (
            event.get("stateEnteredEventDetails"),
            event.get("stateExitedEventDetails"),
        )
        if entered is not None:
            names.append(entered["name"])
        elif exited is not None and exited["name"] in names:
            names.remove(exited["name"])
    return names


def _telling(from_error: Any) -> Any:
    """moto's history does not say why a Map failed; this is where it becomes known."""

    def failing(state: Any, env: Any, ex: Exception) -> Any:
        failure = from_error(state, env=env, ex=ex)
        cast = env.activity_store[_CAST]
        told: Mapping[str, Any] = next(iter(failure.event_details.values()), {})
        cast.fault = cast.fault or _fault(env, state.name, told)
        return failure

    return failing


class _Cast:
    def __init__(
        self, calls: Sequence[Mapping[str, Any]], otherwise: Mapping[str, Any] | None
    ) -> None:
        self._left = list(calls)
        self._otherwise = otherwise
        self._lock = threading.Lock()
        self.calls: list[tuple[str, Any]] = []
        self.fault: Fault | None = None

    def answer(self, state: str, given: Any) -> Mapping[str, Any]:
        with self._lock:
            self.calls.append((state, given))
            like = [call for call in self._left if call["state"] == state]
            fitting = (call for call in like if "input" in call and same(call["input"], given))
            chosen = next(itertools.chain(fitting, like), self._otherwise)
            if chosen is None:
                raise LookupError(f"nothing is said of what {state} comes to")
            if chosen is not self._otherwise:
                self._left.remove(chosen)
            return chosen


class _Clock:
    def __init__(self, sleep: Any) -> None:
        self.sleep = sleep


def _module(name: str) -> Any:
    try:
        return import_module(f"{_PARSER}.{name}")
    except ImportError as error:
        if error.name and error.name.split(".")[0] in ("moto", "antlr4", "jsonpath_ng"):
            raise ExtraMissing("The comparison with moto", "differential") from None
        raise


def _text(document: Mapping[str, Any]) -> str:
    # As it is: its grammar does not know \\u00e9 in the texts of functions.
    return json.dumps(_with_functions(document), ensure_ascii=False)


def _with_functions(value: Any) -> Any:
    """The document with a function of Lambda in the place of each task."""
    if isinstance(value, list):
        return [_with_functions(item) for item in value]
    if not isinstance(value, dict):
        return value
    built = {name: _with_functions(below) for name, below in value.items()}
    if value.get("Type") == "Task" and isinstance(value.get("Resource"), str):
        built["Resource"] = _LAMBDA + (re.sub(r"\W", "", value["Resource"]) or "task")
    return built
