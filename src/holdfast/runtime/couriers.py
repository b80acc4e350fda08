"""One thread for each target of alerts, so that one that hangs holds up nobody else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import NamedTuple

from holdfast.compiled import AlertTarget
from holdfast.errors import HoldfastError
from holdfast.operate.alerts.letters import Letter

Deliver = Callable[[AlertTarget, Letter], str]
"""Blocks until the target has it; what is to be said beside. Raises HoldfastError."""


class Report(NamedTuple):
    """What became of one message."""

    target: str
    letter: Letter
    error: HoldfastError | None
    remark: str = ""


class Couriers:
    """Carry at most one message to each target at a time. Threads begin with the first message;
    they are daemons, because a message under way must not keep the process from ending."""

    def __init__(self, deliver: Deliver) -> None:
        self._deliver = deliver
        self._reports: SimpleQueue[Report] = SimpleQueue()
        self._ways: dict[str, SimpleQueue[tuple[AlertTarget, Letter]]] = {}
        self._busy: set[str] = set()

    def busy(self, target: str) -> bool:
        """Whether a message is under way, or its report was not taken yet."""
        return target in self._busy

    def carry(self, target: AlertTarget, letter: Letter) -> None:
        """Begin. What became of it is among the `reports`, some time."""
        way = self._ways.get(target.name)
        if way is None:
            way = self._ways[target.name] = SimpleQueue()
            name = f"holdfast-alerts-{target.name}"
            threading.Thread(target=self._work, args=(way,), name=name, daemon=True).start()
        self._busy.add(target.name)
        way.put((target, letter))

    def reports(self) -> list[Report]:
        """What came to an end since this was last asked. Never waits."""
        found = []
        while not self._reports.empty():
            report = self._reports.get()
            self._busy.discard(report.target)
            found.append(report)
        return found

    def _work(self, way: SimpleQueue[tuple[AlertTarget, Letter]]) -> None:
        while True:
            target, letter = way.get()
            error: HoldfastError | None = None
            remark = ""
            try:
                remark = self._deliver(target, letter)
            except HoldfastError as failure:
                error = failure
            except Exception as defect:
                # Whatever it is, the next message must find a courier. Its text may hold anything.
                error = HoldfastError(f"a defect: {type(defect).__name__}")
            self._reports.put(Report(target.name, letter, error, remark))
