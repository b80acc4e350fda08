"""The console of a real run: opened, guarded, restarted, and going on with what it was doing."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from console_scene import Client
from holdfast.queue.contract import Filter
from process_kit import Run, get, until

PORTS = ("--port", "0", "--ops-port", "0", "--console-port", "0")


SIMPLE = """
@app.webhook("/orders", queue=Queue(max_receive_count=1))
def orders(event: Event[Any]) -> None:
    if not (HERE / "mended").exists():
        raise KeyError(f"no order {event.body['n']}")
    note("done", event)
"""


STRIPE = """
from holdfast import providers
stripe = app.webhook("/stripe", provider=providers.stripe("env:STRIPE_SECRET"))
@stripe.on("charge.*")
def charged(event: Event[Any]) -> None:
    note("charged", event)
@stripe.on("invoice.paid")
def paid(event: Event[Any]) -> None:
    note("paid", event)
"""


@contextmanager
def running(path: Path, *options: str, text: str = SIMPLE) -> Iterator[Run]:
    run = Run(path, text, (*PORTS, *options))
    try:
        yield run.ready()
    finally:
        run.close()


def client(run: Run, headers: dict[str, str] | None = None) -> Client:
    return Client(int(run.record["console_url"].rpartition(":")[2]), headers)


def console_pid(run: Run) -> int:
    return until(lambda: run.pids("console"), "the console is ready")[0]


def test_a_run_opens_its_console(tmp_path: Path) -> None:
    """It says where, from the first moment; a sample goes the whole way through it."""
    with running(tmp_path) as run:
        assert any(run.record["console_url"] in line for line in run.lines)
        api = client(run)
        about = api.get("/about")
        assert about["running"]["url"] == run.record["url"]
        (run.directory / "mended").touch()
        sent = api.post("/webhooks/orders/sample", body='{"n": 1}')
        assert (sent["accepted"], sent["status"]) == (True, 200)
        until(lambda: api.get(f"/events/{sent['id']}")["state"] == "done", "the sample is done")

        def counted() -> int:
            states = {one["name"]: one for one in api.get("/webhooks/orders")["states"]}
            return int(states["Handle"]["succeeded"]) if "Handle" in states else 0

        assert until(counted, "the worker has counted") == 1
        assert api.get("/overview")["totals"]["dead"] == 0
        until(lambda: api.get("/overview")["index"]["behind"] == 0, "it is indexed")
        assert api.get("/events", where="n=1")["items"][0]["id"] == sent["id"]
        api.close()


def test_a_sample_of_a_known_sender_reaches_a_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is of the first type that is asked for by name, and of another where that is wanted."""
    monkeypatch.setenv("STRIPE_SECRET", "whsec_test")
    with running(tmp_path, text=STRIPE) as run:
        api = client(run)
        sample = api.get("/webhooks/stripe/sample")
        assert sample["event_type"] == "invoice.paid"
        sent = [
            api.post("/webhooks/stripe/sample", body=sample["body"], event_type=type)["id"]
            for type in (sample["event_type"], "charge.lost")
        ]
        until(lambda: all(api.get(f"/events/{id}")["state"] == "done" for id in sent), "both done")
        assert (run.noted("paid"), run.noted("charged")) == ([sent[0]], [sent[1]])
        api.close()


def test_a_run_of_redrives_outlives_its_console(tmp_path: Path) -> None:
    """Killed in the middle, it is started again on the same port and goes on; every letter is
    worked once more, and none twice."""
    with running(tmp_path) as run:
        ids = [run.keep("/orders", json={"n": n}) for n in range(40)]
        for id in ids:
            run.ended(id)
        (run.directory / "mended").touch()
        api = client(run)
        (group,) = api.get("/dead/groups")["items"]
        assert (group["count"], group["message"]) == (40, "no order <n>")
        begun = api.post("/dead/redrive", 202, group=group["id"], rate=10)
        pid = console_pid(run)
        until(lambda: api.get(f"/runs/{begun['id']}")["sent"] >= 5, "some were sent")
        os.kill(pid, signal.SIGKILL)
        api.close()

        again = until(lambda: [one for one in run.pids("console") if one != pid], "it is back")
        assert again
        api = client(run)

        def over() -> dict[str, Any] | None:
            told: dict[str, Any] = api.get(f"/runs/{begun['id']}")
            return None if told["active"] else told

        told = until(over, "the run has ended")
        assert (told["stage"], told["done"], told["sent"]) == ("finished", 40, 40)
        assert sorted(run.noted("done")) == sorted(ids)
        assert api.get("/dead/groups")["letters"] == 0
        api.close()


def test_reception_does_not_need_the_console(tmp_path: Path) -> None:
    """While it is away events are kept and worked, and the run is ready."""
    with running(tmp_path) as run:
        (run.directory / "mended").touch()
        os.kill(console_pid(run), signal.SIGKILL)
        assert get(run.record["ops_url"] + "/readyz").status_code == 200
        run.ended(run.keep("/orders", json={"n": 1}))


def test_a_console_can_be_left_out(tmp_path: Path) -> None:
    """Then there is none, and nothing is indexed either where that is not wanted."""
    with running(tmp_path, "--console-port", "-1", "--no-search") as run:
        assert run.record["console_url"] is None
        run.keep("/orders", json={"n": 1})
        assert run.pids("console") == []
        assert not (run.store / "search.db").exists()


def test_a_token_is_needed_where_one_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the environment; its operator is who the audit names; it stands nowhere in the store."""
    token = "t0k3n-0123456789-abcdef"
    monkeypatch.setenv("HOLDFAST_CONSOLE_TOKEN", token)
    with running(tmp_path) as run:
        stranger = client(run)
        stranger.fails("GET", "/events", 401)
        known = client(run, {"authorization": f"Bearer {token}"})
        known.post("/webhooks/orders/pause")
        assert known.get("/audit")["items"][0]["operator"] == "operator"
        stranger.close()
        known.close()
        files = [path for path in run.store.rglob("*") if path.is_file()]
        assert not [path for path in files if token.encode() in path.read_bytes()]
        assert token not in run.said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--console-host", "0.0.0.0"), "needs a token"),  # noqa: S104 - that it is refused is tested
        (("--console-token", "env:NOT_SET_AT_ALL"), "NOT_SET_AT_ALL is not set"),
        (("--console-token", "my-secret-token-itself"), "never as the secret itself"),
    ],
)
def test_what_must_not_be_opened_is_not(
    tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    """It is said before anything is received, and no token is repeated."""
    run = Run(tmp_path, SIMPLE, (*PORTS, *options))
    try:
        assert run.code() == 1
        assert said in run.said
        assert "my-secret" not in run.said
    finally:
        run.close()


def test_a_port_that_was_asked_for_must_be_free(tmp_path: Path) -> None:
    """Otherwise the run says so; where none was asked for, a free one is taken."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    with running(tmp_path / "one") as run:
        port = run.record["console_url"].rpartition(":")[2]
        other = Run(tmp_path / "two", SIMPLE, (*PORTS[:4], "--console-port", port))
        assert other.code() == 1
        assert port in other.said
        other.close()


def test_commands_and_console_share_the_book(tmp_path: Path) -> None:
    """What was done at the terminal is seen in the console, and the other way round."""
    with running(tmp_path) as run:
        id = run.keep("/orders", json={"n": 1})
        run.ended(id)
        api = client(run)
        api.post("/dead/park", ids=[id])
        assert run.engine.browse(Filter(parked=True))[0].message.id == id
        assert api.get("/audit")["items"][0]["action"] == "park"
        api.close()
