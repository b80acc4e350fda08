"""The checkout example, for real: HTTP in, the store, the pipe, and then its steps one by one."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from holdfast import App
from holdfast.clock import ManualClock
from holdfast.compile import compile_app, load
from holdfast.queue.contract import Entry, State
from holdfast.testing import run_workflow
from test_first_light import living

CHECKOUT: Final = Path(__file__).parent.parent / "examples/checkout.py"

Lines = list[tuple[str, int]]


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> App:
    """The example; what loading it adds to the search path does not reach the next test."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("ORDERS_TOKEN", "t0ken")
    return load(CHECKOUT)


ORDERS: list[tuple[float, Lines, set[str], list[float]]] = [
    (
        30,
        [("tea", 2), ("pot", 1)],
        {"packing 2 of tea, 1 of pot", "receipt for 30.0, paid with pay-7"},
        [1.0],
    ),
    (0, [("tea", 1)], {"packing 1 of tea", "receipt for 0, paid with free"}, [1.0]),
    (20_000, [("tea", 1)], {"declined: 20000.0 is more than this card is good for"}, []),
]


@pytest.mark.parametrize(("total", "lines", "said", "waited"), ORDERS)
def test_an_order_goes_the_whole_way(
    total: float,
    lines: Lines,
    said: set[str],
    waited: list[float],
    app: App,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Paid, free and declined: each step is called with what the ones before it made."""
    body = {"id": "7", "total": total, "lines": [{"sku": sku, "count": n} for sku, n in lines]}
    headers = {"Content-Type": "application/json", "Authorization": "Bearer t0ken"}
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)

    async def test() -> Entry:
        async with living(app, tmp_path / "store", ManualClock(), wait) as house:
            return await house.outcome(
                await house.send("/orders", json.dumps(body).encode(), headers)
            )

    entry = asyncio.run(test())

    assert entry.state is State.DONE
    assert set(capsys.readouterr().out.splitlines()) == said
    assert waits == waited


def test_an_order_that_waits_for_its_goods_fails(app: App) -> None:
    """An item that is not to be had is asked for again, and then ends the order by its name."""
    document = compile_app(app).webhooks[0].workflow
    missing: Mapping[str, Any] = {"error": "OutOfStock"}
    event = {"body": {"total": 0, "lines": [{"sku": "tea", "count": 1000}]}}

    run = run_workflow(
        document,
        mocks={"Verify": [{"result": event}], "reserve": [missing]},
    )

    assert (run.status, run.error, run.waits) == ("FAILED", "OutOfStock", (5.0, 10.0, 20.0))
    assert [call["state"] for call in run.calls] == ["Verify", *["reserve"] * 4]
