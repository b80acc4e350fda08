"""Many at a time, or one alone."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from holdfast.pipe.gate import Gate
from process_kit import PATIENCE_SECONDS


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=12), st.data())
def test_the_gate_admits_many_or_one_alone_and_forgets_nobody(
    visitors: list[tuple[bool, bool]], data: st.DataObject
) -> None:
    """Whoever comes, in whatever order they leave or give up: never one alone beside another."""

    async def test() -> None:
        gate = Gate()
        inside: list[bool] = []
        leave = [asyncio.Event() for _ in visitors]

        async def visit(number: int, alone: bool) -> None:
            await gate.enter(alone=alone)
            inside.append(alone)
            assert len(inside) == 1 or not any(inside)
            try:
                await leave[number].wait()
            finally:
                inside.remove(alone)
                gate.leave()

        tasks = [
            asyncio.create_task(visit(number, alone)) for number, (alone, _) in enumerate(visitors)
        ]
        await asyncio.gather(asyncio.create_task(_nothing()))
        order = data.draw(st.permutations(range(len(visitors))))
        for number in order:
            if visitors[number][1]:
                tasks[number].cancel()
            else:
                leave[number].set()
        results = await asyncio.wait_for(
            asyncio.gather(*tasks, return_exceptions=True), PATIENCE_SECONDS
        )

        assert not [one for one in results if isinstance(one, AssertionError)]
        await asyncio.wait_for(gate.enter(alone=True), PATIENCE_SECONDS)

    asyncio.run(test())


async def _nothing() -> None:
    """One turn of the event loop."""


def test_giving_up_lets_in_those_behind() -> None:
    """Who only waited for one that wanted to be alone enters once that one has gone away."""

    async def test() -> None:
        gate = Gate()
        await gate.enter()
        alone = asyncio.create_task(gate.enter(alone=True))
        behind = asyncio.create_task(gate.enter())
        await asyncio.create_task(_nothing())
        assert not behind.done()
        alone.cancel()
        await asyncio.wait_for(behind, PATIENCE_SECONDS)

    asyncio.run(test())


def test_giving_up_while_being_let_in_leaves_the_gate_free() -> None:
    """One that is cancelled between being admitted and going on holds nobody up."""

    async def test() -> None:
        gate = Gate()
        await gate.enter(alone=True)
        admitted = asyncio.create_task(gate.enter())
        await asyncio.create_task(_nothing())
        gate.leave()
        admitted.cancel()
        await asyncio.wait([admitted])

        assert admitted.cancelled()
        await asyncio.wait_for(gate.enter(alone=True), PATIENCE_SECONDS)

    asyncio.run(test())
