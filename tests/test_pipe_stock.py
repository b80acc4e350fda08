"""How much to hold of what was received, and what goes next."""

from __future__ import annotations

from holdfast.message import Lease, Receipt
from holdfast.pipe.stock import AHEAD_MAX, LATE_SECONDS, SOON_SECONDS, Stock
from pipe_rig import message


def leases(count: int, *, alone: bool = False) -> list[Lease]:
    return [Lease(message(f"m{i}"), Receipt(f"r{i}"), 1, alone) for i in range(count)]


def work_through(stock: Stock, now: float, *, lies_for_seconds: float) -> int:
    """One round at concurrency ten: order, receive it all, start it all. How much was ordered."""
    ordered = stock.order(10)
    stock.add(leases(ordered), ordered, now)
    while stock.take(10, now + lies_for_seconds):
        pass
    return ordered


def test_the_stock_grows_while_messages_start_at_once() -> None:
    """A fast handler reaches the largest receives within ten rounds."""
    stock = Stock(batch=10, window_seconds=0.0)
    orders = [work_through(stock, now=float(i), lies_for_seconds=0.0) for i in range(11)]

    assert orders == [10, 11, 12, 14, 18, 26, 42, 74, 138, 266, 10 + AHEAD_MAX]


def test_the_stock_shrinks_while_messages_lie_about() -> None:
    """A slow handler leaves to other processes what it cannot start soon."""
    stock = Stock(batch=1, window_seconds=0.0)
    for i in range(6):
        work_through(stock, now=float(i), lies_for_seconds=SOON_SECONDS / 2)
    grown = stock.order(10)
    work_through(stock, now=9.0, lies_for_seconds=LATE_SECONDS * 2)

    assert grown > 20
    assert stock.order(10) == 10


def test_a_pipe_that_is_busy_orders_nothing_more() -> None:
    """Nothing has started since the first receive, so there is no reason to hold more."""
    stock = Stock(batch=1, window_seconds=0.0)
    stock.add(leases(10), 10, now=0.0)
    for _ in range(10):
        stock.take(1, now=0.0)
    first = stock.order(0)
    stock.add(leases(first), first, now=0.0)

    assert first == 1
    assert [stock.order(0) for _ in range(5)] == [0] * 5


def test_with_a_window_only_whole_batches_go_early() -> None:
    """Two of three wait for their window, three go at once, and so does what has waited."""
    stock = Stock(batch=3, window_seconds=5.0)
    stock.add(leases(2), 9, now=100.0)
    assert stock.take(9, now=104.0) == []
    assert stock.due_seconds(now=104.0) == 1.0

    stock.add(leases(2), 9, now=104.0)
    assert len(stock.take(9, now=104.0)) == 3
    assert stock.take(9, now=105.0) == []
    assert len(stock.take(9, now=109.0)) == 1


def test_with_a_window_a_batch_waits_for_all_of_its_places() -> None:
    """A whole batch does not go in pieces because only some of its places are free."""
    stock = Stock(batch=3, window_seconds=5.0)
    stock.add(leases(3), 9, now=0.0)

    assert stock.take(2, now=9.0) == []
    assert len(stock.take(3, now=9.0)) == 3


def test_those_to_be_worked_alone_go_alone() -> None:
    """They never share a batch, not even with each other."""
    stock = Stock(batch=10, window_seconds=0.0)
    stock.add(leases(3), 9, now=0.0)
    stock.add(leases(2, alone=True), 9, now=0.0)

    assert [len(stock.take(10, now=0.0)) for _ in range(3)] == [1, 1, 3]


def test_what_is_taken_out_is_gone() -> None:
    """`remove` takes one, `clear` the rest; an unknown receipt is none."""
    stock = Stock(batch=10, window_seconds=0.0)
    one, two, three = leases(3)
    stock.add([one, two, three], 3, now=0.0)

    assert stock.remove(two.receipt) == two
    assert stock.remove(two.receipt) is None
    assert stock.clear() == [one, three]
    assert len(stock) == 0
