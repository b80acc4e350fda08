"""Putting the parts together: the only place that knows all of them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from holdfast.clock import SYSTEM_CLOCK, Clock
from holdfast.compiled import Compiled
from holdfast.gateway.door import Door
from holdfast.gateway.intake import Intake
from holdfast.gateway.tokens import TokenShelf
from holdfast.gateway.traced import GatewayTraces, TracedDoor
from holdfast.gateway.visits import Visits
from holdfast.queue.contract import Depth, QueueLimits
from holdfast.queue.group_commit import GroupSender
from holdfast.runtime.store import open_engine, run_directory
from holdfast.secrets import Secrets
from holdfast.telemetry import Telemetry


def limits_of(compiled: Compiled) -> dict[str, QueueLimits]:
    """What the queue must know of each webhook."""
    return {
        webhook.name: QueueLimits(
            retention_seconds=webhook.queue.retention_seconds,
            dead_retention_seconds=webhook.queue.dead_retention_seconds,
            max_receive_count=webhook.queue.max_receive_count,
        )
        for webhook in compiled.webhooks
    }


def forsaken(compiled: Compiled, depths: Iterable[Depth]) -> list[str]:
    """A sentence for each webhook that mail waits for and the definition no longer has."""
    names = {webhook.name for webhook in compiled.webhooks}
    return [
        f"the webhook {row.webhook} is not in the definition, and messages wait for it "
        f"({row.waiting + row.leased}): nobody works them, and they expire; a webhook with this "
        "`name=` takes them up"
        for row in depths
        if row.webhook not in names and row.waiting + row.leased
    ]


class Gateway:
    """A door with everything behind it, for whoever serves it."""

    def __init__(
        self,
        compiled: Compiled,
        store: str,
        telemetry: Telemetry,
        clock: Clock = SYSTEM_CLOCK,
        *,
        traces: GatewayTraces | None = None,
    ) -> None:
        self.engine = open_engine(store, telemetry=telemetry, clock=clock)
        self.engine.configure(limits_of(compiled))
        self.sender = GroupSender(self.engine, telemetry, clock)
        secrets = Secrets()
        self.door = (Door if traces is None else partial(TracedDoor, traces=traces))(
            Intake(compiled, secrets, clock),
            self.sender,
            clock,
            telemetry,
            tokens=TokenShelf(run_directory(store)),
            visits=Visits(compiled, secrets, telemetry),
        )

    def close(self) -> None:
        """Keep what is still pending, then let go of the store."""
        self.sender.close()
        self.engine.close()
