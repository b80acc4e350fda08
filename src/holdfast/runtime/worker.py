"""The worker process: pipes and workflows of every webhook, over one engine."""

from __future__ import annotations

import asyncio
import contextlib
import os
from dataclasses import replace
from typing import Final, cast

from holdfast.clock import SYSTEM_CLOCK
from holdfast.compiled import Compiled, CompiledWebhook
from holdfast.errors import StoreError
from holdfast.message import Lease, Message
from holdfast.pipe.gate import Gate
from holdfast.pipe.runner import PipeRunner
from holdfast.queue.contract import Claim
from holdfast.queue.group_commit import GroupReceiver, GroupSender
from holdfast.queue.views import WATCH, StateCount, Watch
from holdfast.runtime.roles.process import DRAIN_SECONDS
from holdfast.runtime.store import open_engine
from holdfast.secrets import Secrets
from holdfast.telemetry import Telemetry
from holdfast.workflow.crew import Crew
from holdfast.workflow.queues import Queues
from holdfast.workflow.runner import Express
from holdfast.workflow.tally import StateTally
from holdfast.workflow.traced import WorkTraces

# Threads for synchronous handlers, started as needed: enough that every webhook's concurrency is
# real, few enough that a definition with fifty webhooks does not ask for a thousand.
CREW_MAX: Final = 64
# When this part of the crew is stuck in calls that overran their timeout, the process is replaced.
STUCK_PART: Final = 0.5
WATCH_SECONDS: Final = 1.0
COUNT_SECONDS: Final = 1.0


class Worker:
    """Carries and works messages until told to stop."""

    def __init__(
        self,
        compiled: Compiled,
        store: str,
        telemetry: Telemetry,
        *,
        traces: WorkTraces | None = None,
    ) -> None:
        self._telemetry = telemetry
        self._traces = traces
        self._engine = open_engine(store, telemetry=telemetry)
        self._receiver = GroupReceiver(self._engine)
        wanted = sum(webhook.pipe.concurrency for webhook in compiled.webhooks)
        self._crew_size = min(CREW_MAX, wanted)
        self._crew = Crew(self._crew_size)
        self._gate = Gate()
        self._secrets = Secrets()
        self._sender: GroupSender | None = None
        """Only where a workflow sends."""
        self._queues = Queues(compiled.webhooks, SYSTEM_CLOCK, self._keep)
        self._tallies = {webhook.name: StateTally(SYSTEM_CLOCK) for webhook in compiled.webhooks}
        self._targets = [self._express(webhook) for webhook in compiled.webhooks]
        self._runners = [
            PipeRunner(
                webhook,
                self._receiver,
                target,
                clock=SYSTEM_CLOCK,
                telemetry=telemetry,
                gate=self._gate,
                drain_seconds=DRAIN_SECONDS,
            )
            for webhook, target in zip(compiled.webhooks, self._targets, strict=True)
        ]
        self.worn_out = False
        """Too many threads are stuck: stop, and let the supervisor start a fresh process."""

    def _express(self, webhook: CompiledWebhook) -> Express:
        async def claim(lease: Lease, delivery_id: str) -> Claim:
            return await self._receiver.claim(lease.receipt, delivery_id)

        return Express(
            webhook,
            secrets=self._secrets,
            claim=claim,
            crew=self._crew,
            clock=SYSTEM_CLOCK,
            telemetry=self._telemetry,
            queues=self._queues,
            tally=self._tallies[webhook.name],
            traces=self._traces,
        )

    async def _keep(self, message: Message, delay_seconds: float) -> None:
        if self._sender is None:
            self._sender = GroupSender(self._engine, self._telemetry, SYSTEM_CLOCK)
        if self._traces is not None:
            message = replace(message, trace=self._traces.current())
        await self._sender.send(message, delay_seconds)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then finish what has begun and give back the rest."""
        loop = asyncio.get_running_loop()
        bell = self._engine.bell()
        if bell is not None:
            loop.add_reader(bell, self._rung, bell)
        watch = loop.create_task(self._watch(stop))
        counting = loop.create_task(self._count(stop))
        try:
            async with asyncio.TaskGroup() as pipes:
                for runner in self._runners:
                    pipes.create_task(runner.run(stop))
        finally:
            watch.cancel()
            counting.cancel()
            await asyncio.gather(counting, return_exceptions=True)
            if bell is not None:
                loop.remove_reader(bell)
            for target in self._targets:
                await target.aclose()
            if self._sender is not None:
                self._sender.close()
            self._receiver.close()
            self._crew.close()
            self._engine.close()

    def _rung(self, bell: int) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(bell, 4096)
        for runner in self._runners:
            runner.wake()

    async def _count(self, stop: asyncio.Event) -> None:
        """Tell the store what the states' tasks came to, about once a second, for those who watch."""
        watch = cast(Watch, self._engine) if WATCH in self._engine.abilities else None
        told_running = False
        while watch is not None and not stop.is_set():
            await asyncio.sleep(COUNT_SECONDS)
            counts = [
                StateCount(webhook, *sums)
                for webhook, tally in self._tallies.items()
                for sums in tally.take()
            ]
            running = any(one.running for one in counts)
            if counts or told_running:
                told_running = running
                # Losing a second's counts to a store that stumbles costs nobody an event.
                with contextlib.suppress(StoreError):
                    await asyncio.to_thread(watch.count_states, counts)

    async def _watch(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await asyncio.sleep(WATCH_SECONDS)
            if self._crew.stuck > self._crew_size * STUCK_PART:
                self.worn_out = True
                self._telemetry.emit("process.stopping", role="worker", why="handlers are stuck")
                stop.set()
