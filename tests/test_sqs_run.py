"""`holdfast run --queue sqs://...`: real processes over SQS, and the operator's verbs beside them."""

from __future__ import annotations

import contextlib
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli_run import HOOKS, Running, running, write_hooks
from cli_scene import Called, call
from holdfast.clock import SYSTEM_CLOCK
from holdfast.queue.engines.sqs import parse
from process_kit import PATIENCE_SECONDS, Process, get, holdfast, until
from sqs_kit import Cloud, cloud, new_prefix

_ = cloud
JSON = {"Content-Type": "application/json"}


@dataclass
class Shared:
    """A store in SQS with the queues of a definition, and a folder to run it in."""

    cloud: Cloud
    folder: Path
    url: str

    def call(self, *arguments: str) -> Called:
        """`holdfast ARGUMENTS` on this store, when the cloud's time has been, too."""
        now_ms = SYSTEM_CLOCK.now_ms() + 3_600_000
        return call(*arguments, "--queue", self.url, now_ms=now_ms)

    def dead(self) -> list[str]:
        return [letter["id"] for letter in self.call("dead", "-o", "json").json]

    def waiting(self, webhook: str) -> int:
        return int(self._row(webhook)["waiting"])

    def idle(self, webhook: str) -> bool:
        """Nothing waits, and nothing is worked."""
        row = self._row(webhook)
        return (row["waiting"], row["leased"]) == (0, 0)

    def _row(self, webhook: str) -> dict[str, Any]:
        rows = self.call("status", "-o", "json").json["webhooks"]
        found: dict[str, Any] = next(row for row in rows if row["webhook"] == webhook)
        return found

    @property
    def prefix(self) -> str:
        return parse(self.url).prefix


@pytest.fixture
def shared(cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shared:
    """Made by `provision`, in a cloud whose time passes ten times as fast as ours."""
    cloud.hurry(10)
    monkeypatch.chdir(tmp_path)
    write_hooks(tmp_path)
    shared = Shared(cloud, tmp_path, cloud.url(new_prefix()))
    made = shared.call("provision", "hooks.py", "-o", "json")
    assert (made.code, len(made.json["created"])) == (0, 2 * HOOKS.count("app.webhook(") + 1)
    return shared


def post(run: Running, path: str, body: bytes = b"{}") -> httpx.Response:
    url = f"{run.started['url']}{path}"
    return httpx.post(url, content=body, headers=JSON, timeout=PATIENCE_SECONDS)


def test_an_event_goes_all_the_way_and_what_fails_comes_back(shared: Shared) -> None:
    """Accepted, kept in SQS, worked; quarantined, seen, redriven, purged, as with any store."""
    with running(shared.folder, queue=shared.url) as run:
        assert post(run, "/any").status_code == 200
        id = post(run, "/fails").json()["id"]
        (dead,) = until(shared.dead, "the one that fails is a dead letter")
        assert dead == id

        shown = shared.call("dead", "show", id)
        assert (shown.code, "it cannot be helped" in shown.out) == (0, True)
        assert shared.call("dead", "redrive", "--id", id).out.startswith("1 of 1")
        until(lambda: shared.dead() == [id], "it failed again")
        assert shared.call("dead", "purge", "--all", "--yes").out.startswith("1 of 1")
        assert shared.dead() == []

        status = shared.call("status", "-o", "json").json
        assert status["running"]["url"] == run.started["url"]
        assert status["webhooks"][0]["per_second"] is None
        assert run.end() == 0
    assert "message.done" in run.err
    assert run.started["store"] == shared.url


def test_two_machines_share_the_work(shared: Shared, tmp_path: Path) -> None:
    """One only receives, the other only works; neither knows of the other."""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    with (
        running(here, "--workers", "0", queue=shared.url) as door,
        running(there, "--no-gateway", queue=shared.url) as work,
    ):
        ids = [post(door, "/any").json()["id"] for _ in range(5)]
        until(lambda: shared.idle("any"), "all of them are worked")
        assert work.end() == 0
        assert door.end() == 0
    assert [id for id in ids if f'"id":"{id}","webhook":"any","attempt"' not in work.err] == []
    assert "message.done" not in door.err


def test_without_sqs_a_gateway_answers_503_and_goes_on_when_it_is_back(shared: Shared) -> None:
    """What SQS has not answered for is never answered with success."""
    with running(shared.folder, "--workers", "0", queue=shared.url) as run:
        assert post(run, "/any").status_code == 200
        with shared.cloud.gone():
            refused = post(run, "/any")
        assert (refused.status_code, refused.json()["error"]) == (503, "not_kept")
        assert "retry-after" in refused.headers
        assert post(run, "/any").status_code == 200
        assert run.end() == 0
    assert shared.waiting("any") == 2
    assert "store.unavailable" in run.err
    assert "store.recovered" in run.err


def test_what_the_queue_is_too_small_for_is_answered_413(shared: Shared) -> None:
    """Though the webhook's own limit would let it pass: sending it again cannot help."""
    with running(shared.folder, "--workers", "0", queue=shared.url) as run:
        refused = post(run, "/any", b'"' + b"x" * 900_000 + b'"')
        assert run.end() == 0

    assert (refused.status_code, refused.json()["error"]) == (413, "payload_too_large")
    assert refused.json()["limit"] == 1_032_192


DEADLY = """
import os
from typing import Any
from holdfast import App, Event, Queue

app = App()


@app.webhook("/deadly", timeout="1s", queue=Queue(visibility_timeout="30s"))
def deadly(event: Event[Any]) -> None:
    if event.attempt == 1:
        os._exit(9)
    print("survived", event.id, event.attempt)
"""


def test_what_a_worker_died_of_comes_back_when_its_lease_ends(shared: Shared) -> None:
    """Nobody frees it, and nobody has to: it is counted, and worked by the next process."""
    write_hooks(shared.folder, DEADLY)
    assert shared.call("provision", "hooks.py").code == 0
    with running(shared.folder, queue=shared.url, hooks=DEADLY) as run:
        id = post(run, "/deadly").json()["id"]
        until(lambda: shared.idle("deadly"), "it was worked in the end")
        assert run.end() == 0
    assert f"survived {id} 2" in run.err
    assert '"event":"process.ended","role":"worker"' in run.err


def test_a_gateway_that_is_killed_loses_nothing_that_it_answered_for(shared: Shared) -> None:
    """Under load, and again: every id that a sender was told is in the queue."""
    accepted: list[str] = []

    def send(run: Running) -> None:
        with contextlib.suppress(httpx.HTTPError):
            answer = post(run, "/any")
            if answer.status_code == 200:
                accepted.append(answer.json()["id"])

    with running(shared.folder, "--workers", "0", queue=shared.url) as run:
        for enough in (15, 30):
            with ThreadPoolExecutor(8) as senders:
                for _ in range(40):
                    senders.submit(send, run)
                until(partial(has, accepted, enough), "some are accepted")
                killed = until(lambda: gateway_of(run), "a gateway is there")
                os.kill(killed, signal.SIGKILL)
            until(partial(another, run, killed), "another gateway is there")
        assert run.end() == 0

    engine = shared.cloud.engine(shared.prefix, create=False)
    kept = {lease.message.id for _ in range(30) for lease in engine.receive("any", 100, 600)}
    engine.close()
    assert len(accepted) >= 30
    assert set(accepted) - kept == set()


def has(found: list[str], enough: int) -> bool:
    return len(found) >= enough


def gateway_of(run: Running) -> int | None:
    """The one that is ready."""
    processes = get(f"{run.started['ops_url']}/healthz").json()["processes"]
    return next(
        (one["pid"] for one in processes if one["role"] == "gateway" and one["ready"]), None
    )


def another(run: Running, than: int) -> bool:
    return gateway_of(run) not in (None, than)


def test_a_pause_is_kept_beside_the_queue(shared: Shared) -> None:
    """A worker that starts later keeps to it, and works what waited once it is resumed."""
    assert shared.call("pause", "any").code == 0
    with running(shared.folder, queue=shared.url) as run:
        post(run, "/any")
        assert shared.waiting("any") == 1
        assert "paused" in shared.call("status").out
        assert shared.call("resume", "any").code == 0
        until(lambda: shared.waiting("any") == 0, "it is worked")
        assert run.end() == 0
    assert "message.done" in run.err


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("events",), "keeps no history"),
        (("events", "show", "0" * 32), "keeps no history"),
        (("replay", "--webhook", "any"), "keeps no history"),
        (("send", "/any", "--json", "1", "--wait"), "--wait"),
        (("run", "hooks.py", "--sample"), "--sample"),
        (("recover", "--all"), "sqlite:PATH only"),
        (("pause", "nobody"), "no webhook nobody"),
    ],
)
def test_what_a_store_in_sqs_has_not_is_said(
    shared: Shared, command: tuple[str, ...], says: str
) -> None:
    """In one sentence, before anything is done."""
    called = shared.call(*command)

    assert called.code != 0
    assert says in called.err
    assert called.out == ""


def test_a_run_without_queues_says_what_makes_them(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And makes none itself."""
    monkeypatch.chdir(tmp_path)
    write_hooks(tmp_path)
    cloud.calls.clear()

    called = call("run", "hooks.py", "--ops-port", "-1", "--queue", cloud.url("mistyped"))

    assert called.code == 3
    assert "holdfast provision FILE.py --queue 'sqs://mistyped?region=" in called.err
    assert cloud.asked("CreateQueue") == []


def test_an_embedded_store_needs_no_provisioning(tmp_path: Path) -> None:
    """And is told so."""
    write_hooks(tmp_path)

    called = call("provision", str(tmp_path / "hooks.py"), "--store", str(tmp_path / "store"))

    assert called.code == 1
    assert "needs no provisioning" in called.err


def test_dead_letters_can_be_followed(shared: Shared) -> None:
    """There is no history to follow, which is said once; each new dead letter is a line."""
    with running(shared.folder, queue=shared.url) as run:
        first = post(run, "/fails").json()["id"]
        until(lambda: shared.dead() == [first], "it is a dead letter")
        process = Process(holdfast("tail", "--queue", shared.url), shared.folder)
        try:
            process.hear("the sqs engine keeps no history")
            process.hear(rf"{first}  fails .* dead .*permanent")
            second = post(run, "/fails").json()["id"]
            process.hear(second)
            process.send(signal.SIGINT)
            assert process.code() == 0
        finally:
            process.close()
        refused = shared.call("tail", "--find", "x")
        assert refused.code == 2
        assert "only tells of dead letters" in refused.err
        assert run.end() == 0
