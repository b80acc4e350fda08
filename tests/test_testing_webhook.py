"""An event worked to its end in a test: real functions, played ones, and nothing that is kept."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from holdfast import App, Event, hmac_sha256
from holdfast.errors import NotFound
from holdfast.steps import parallel, task
from holdfast.testing import delivery, run_webhook

CALLED: list[Any] = []


class Order(BaseModel):
    id: str


def charge(event: Event[Order]) -> dict[str, Any]:
    CALLED.append(event.body)
    return {"charged": event.body.id}


async def ship(input: dict[str, Any]) -> str:
    CALLED.append(input["payment"])
    return "shipped"


def shop() -> App:
    """With a secret that is not there, and retries that would take seconds."""
    app = App()
    app.webhook(
        "/orders/{region}",
        body=Order,
        verify=hmac_sha256("env:NOT_THERE", header="X-Signature"),
        workflow=task(charge, result="payment").retry(ConnectionError, attempts=3, every="5s")
        >> task(ship),
    )
    CALLED.clear()
    return app


def test_the_functions_of_the_definition_are_called() -> None:
    """In order, with the validated body and with each other's results; async ones too."""
    run = run_webhook(shop(), delivery({"id": "o-1"}, url="/orders/eu?x=1"))

    assert (run.status, run.output, run.error) == ("SUCCEEDED", "shipped", None)
    assert [Order(id="o-1"), {"charged": "o-1"}] == CALLED
    assert [one["state"] for one in run.calls] == ["charge", "ship"]


def test_what_must_not_be_called_is_played() -> None:
    """In the order of what was said, the last one again and again; retries take no time."""
    busy, done = {"error": "ConnectionError", "cause": "busy"}, {"result": {"charged": "nothing"}}
    mocks: Any = {"charge": [busy, busy, done]}
    run = run_webhook(shop(), delivery({"id": "o-1"}, url="/orders/eu"), mocks=mocks)

    assert (run.status, CALLED) == ("SUCCEEDED", [{"charged": "nothing"}])
    assert run.waits[0] == 5.0
    assert len(run.calls) == 4


def test_a_body_that_does_not_fit_fails() -> None:
    """Nothing of the definition's own is called with it."""
    run = run_webhook(shop(), delivery({"id": 7}, url="/orders/eu"))

    assert (run.status, run.error, CALLED) == ("FAILED", "SchemaInvalid", [])


def test_a_path_that_no_webhook_has_is_said() -> None:
    """With those that there are."""
    with pytest.raises(NotFound, match=r"no webhook at /, but at /orders/\{region\}"):
        run_webhook(shop(), delivery({}))


def test_a_mock_that_plays_nothing_is_a_mistake() -> None:
    """A misspelt one, or an empty one: otherwise the function would be called for real."""
    sent = delivery({"id": "o-1"}, url="/orders/eu")
    app = shop()
    with pytest.raises(NotFound, match=r"no state or task 'chrage'; there are .*charge"):
        run_webhook(app, sent, mocks={"chrage": [{"result": 1}]})
    with pytest.raises(ValueError, match="nothing is said of 'charge'"):
        run_webhook(app, sent, mocks={"charge": []})
    with pytest.raises(ValueError, match="mocks: 'charge' is a list of"):
        run_webhook(app, sent, mocks={"charge": [{"outcome": 1}]})
    with pytest.raises(
        TypeError, match=r"request: what delivery\(\) or sign\(\) gives is needed, not d"
    ):
        run_webhook(app, {"id": "o-1"})  # type: ignore[arg-type]  # as an untyped test would
    assert CALLED == []


def test_a_mock_may_name_a_state_within_others() -> None:
    """A branch of a Parallel is looked through as well."""
    app = App()
    app.webhook("/orders", workflow=parallel(task(charge), task(ship)))
    mocks: Any = {"charge": [{"result": 1}], "ship": [{"result": 2}]}
    assert run_webhook(app, delivery({"id": "o-1"}, url="/orders"), mocks=mocks).output == [1, 2]
