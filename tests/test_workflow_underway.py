"""What is under way at once: told of as it ends, called off, and brought to its end."""

from __future__ import annotations

import asyncio

import pytest

from holdfast.workflow.events import Event, TimerFired
from holdfast.workflow.underway import UnderWay


async def _at_once(ticket: str) -> Event:
    return TimerFired(ticket, 0)


async def _never(ticket: str) -> Event:
    await asyncio.Event().wait()
    return TimerFired(ticket, 0)


def test_each_is_told_of_in_the_order_in_which_it_ended() -> None:
    """What goes on does not stand before what has ended, however early it began."""

    async def tell() -> list[Event]:
        underway = UnderWay()
        underway.begin("1", _never("1"))
        for ticket in ("2", "3"):
            underway.begin(ticket, _at_once(ticket))
        told = [await underway.next(), await underway.next()]
        assert underway
        await underway.end()
        assert not underway
        return told

    assert asyncio.run(tell()) == [TimerFired("2", 0), TimerFired("3", 0)]


def test_what_was_called_off_is_not_told_of_though_it_had_ended() -> None:
    """Two end together, the first has the second called off: nobody hears of that one."""

    async def tell() -> Event:
        underway = UnderWay()
        for ticket in ("1", "2"):
            underway.begin(ticket, _at_once(ticket))
        await underway.next()
        underway.call_off("2")
        underway.begin("3", _at_once("3"))
        return await underway.next()

    assert asyncio.run(tell()) == TimerFired("3", 0)


def test_what_went_wrong_is_raised_where_it_is_told() -> None:
    """An exception that is no failure of a task reaches whoever waits."""

    async def wrong() -> Event:
        raise LookupError("ours")

    async def tell() -> None:
        underway = UnderWay()
        underway.begin("1", wrong())
        with pytest.raises(LookupError, match="ours"):
            await underway.next()

    asyncio.run(tell())
