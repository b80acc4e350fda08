"""The queue contract as a suite of claims that any engine can be held against.

Subclass `QueueConformance` in a test file, say how your engine is opened, and let pytest run it:

    class TestMyEngine(QueueConformance):
        @pytest.fixture(autouse=True)
        def store(self, tmp_path: Path) -> None:
            self.path = tmp_path

        def open(self, clock: Clock, holder: str) -> MyEngine:
            return MyEngine(self.path, clock=clock, holder=holder)

`open` is called several times in one test, each time as another process would open the same store.
The tests move the clock themselves and never sleep. What your engine cannot do is not among its
`abilities` (`holdfast.queue.contract.ABILITIES` names them all); the claims that need it are then
skipped by name. The order in which messages come back after a first delivery is promised to nobody,
and not tested.
"""

# ruff: noqa: E402 - the parts are imported after pytest knows them

from __future__ import annotations

import pytest

_CLAIMS = ("claiming", "crashing", "delivering", "ground", "leasing", "remembering", "resting")
# Without this, a claim that fails would not show the values that it compared.
pytest.register_assert_rewrite(*(f"{__name__}.{part}" for part in _CLAIMS))

from holdfast.testing.conformance.claiming import Claiming
from holdfast.testing.conformance.crashing import Crashing
from holdfast.testing.conformance.delivering import Delivering
from holdfast.testing.conformance.ground import EngineUnderTest
from holdfast.testing.conformance.leasing import Leasing
from holdfast.testing.conformance.remembering import Remembering
from holdfast.testing.conformance.resting import Resting

__all__ = ["EngineUnderTest", "QueueConformance"]


class QueueConformance(Delivering, Leasing, Resting, Claiming, Crashing, Remembering):
    """Every claim. Subclass it under a name that pytest collects, and define `open`."""
