"""For your tests: time that you move, a queue without a disk, deliveries that are signed.

    clock = ManualClock()
    request = sign(stripe, {"type": "invoice.paid"}, secret="whsec_...", now=clock.now_ms() / 1000)

`MemoryEngine` keeps the whole queue contract in memory; several over one `World` are several
processes over one store. Who writes an engine of their own subclasses `QueueConformance`, from
`holdfast.testing.conformance`, which needs pytest and is therefore not imported here.
"""

from holdfast.clock import ManualClock
from holdfast.testing.deliveries import delivery, sign
from holdfast.testing.model import MemoryEngine
from holdfast.testing.world import World

__all__ = ["ManualClock", "MemoryEngine", "World", "delivery", "sign"]
