"""For your tests: time that you move, a queue without a disk, deliveries that are signed, workflows.

    clock = ManualClock()
    request = sign(stripe, {"type": "invoice.paid"}, secret="whsec_...", now=clock.now_ms() / 1000)

`key_pair` makes what signs for a sender that has a private key.
`run_webhook` works one event to its end as a definition says, its own functions called;
`run_workflow` runs any Amazon States Language document, its tasks played by you.
`MemoryEngine` keeps the whole queue contract in memory; several over one `World` are several
processes over one store. Who writes an engine of their own subclasses `QueueConformance`, from
`holdfast.testing.conformance`, which needs pytest and is therefore not imported here.
"""

from holdfast.clock import ManualClock
from holdfast.testing.deliveries import delivery, key_pair, sign
from holdfast.testing.model import MemoryEngine
from holdfast.testing.webhook import run_webhook
from holdfast.testing.workflow import WorkflowRun, run_workflow
from holdfast.testing.world import World

__all__ = [
    "ManualClock",
    "MemoryEngine",
    "WorkflowRun",
    "World",
    "delivery",
    "key_pair",
    "run_webhook",
    "run_workflow",
    "sign",
]
