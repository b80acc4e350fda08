"""What the Task states of a workflow name: functions and forwards, from `tasks=` and from steps."""

from __future__ import annotations

from collections.abc import Mapping

from holdfast.compile.flows import Composed
from holdfast.compile.forwards import forward
from holdfast.compile.functions import task, task_name
from holdfast.compile.spot import Spot
from holdfast.compiled import Forward, Task
from holdfast.definition import Forward as WrittenForward


class Named:
    """Gathers them by name. A wrong one has a spot but is no task, so that no state is blamed for
    naming it."""

    def __init__(self, spot: Spot, timeout_seconds: float) -> None:
        self._spot = spot
        self._timeout_seconds = timeout_seconds
        self.tasks: dict[str, Task] = {}
        self.forwards: dict[str, Forward] = {}
        self.spots: dict[str, Spot] = {}

    def add_given(self, tasks: object) -> None:
        """What stands in `tasks=`."""
        if isinstance(tasks, Mapping):
            pairs = list(tasks.items())
        elif isinstance(tasks, list | tuple):
            pairs = [(None, each) for each in tasks]
        else:
            self._spot.under("tasks").wrong("not a list of functions; write tasks=[charge, ship]")
            pairs = []
        for key, each in pairs:
            if key is None and isinstance(each, WrittenForward):
                self._spot.under("tasks").wrong(
                    'a Forward has no name; write tasks={"notify": Forward(...)}'
                )
                continue
            name = str(key if key is not None else getattr(each, "__name__", each))
            here = self._spot.under(f"tasks.{name}")
            if name in self.spots:
                here.wrong(f"two functions are called {name}; name them: tasks={{...}}")
            self._add(name, each, here)

    def add_composed(self, composed: Composed) -> None:
        """What steps bring along, beside that."""
        for name, (each, here) in composed.work.items():
            if name not in self.spots:
                self._add(name, each, here)

    def _add(self, name: str, each: object, here: Spot) -> None:
        if isinstance(each, WrittenForward):
            here = here.at(each.place, here.field)
            task_name(here, name)
            self.forwards[name] = forward(here, each, name, self._timeout_seconds)
        elif made := task(here, each, name, in_workflow=True):
            self.tasks[name] = made
        self.spots[name] = here
