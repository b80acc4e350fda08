"""run: what it says, where it listens, how it ends; and a redrive that is stopped half way."""

from __future__ import annotations

import os
import select
import signal
from dataclasses import dataclass
from pathlib import Path

import httpx
import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families

from cli_run import BEARER, HMAC, Running, running, spawn, write_hooks
from cli_scene import Scene, scene_in
from holdfast.telemetry import EVENTS
from process_kit import PATIENCE_SECONDS, PORTS, get, until

COMMON = {"time", "level", "event", "role"}


@dataclass(frozen=True)
class Story:
    """A run from its first line to its end: what it said, and what commands printed about it."""

    run: Running
    metrics: str
    printed: str


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Events of every kind: worked, forged, failing, and refused with the secret in a header."""
    with running(tmp_path_factory.mktemp("run"), "--log-level", "debug") as run:
        for path in ("/users", "/token"):
            assert run.call("send", path, "--sample", "--wait").code == 0
            assert run.call("send", path, "--sample", "--no-signed", "--wait").code == 1
        assert run.call("send", "/fails", "--sample", "--wait").code == 1
        bearer = f"Authorization: Bearer {BEARER}"
        for path in ("/token", "/users"):
            assert run.call("send", path, "--json", "{", "-H", bearer, "--method", "PUT").code == 1
        secret = {"Authorization": f"Bearer {BEARER}"}
        httpx.post(f"{run.started['url']}/nobody", headers=secret, timeout=PATIENCE_SECONDS)
        events = run.call("events", "-o", "json")
        pages = [run.call("events", "show", one["id"]).out for one in events.json]
        printed = "".join([events.out, run.call("dead", "-o", "json").out, *pages])
        metrics = scraped(f"{run.started['ops_url']}/metrics")
        assert run.end() == 0
    return Story(run, metrics, printed)


def scraped(url: str) -> str:
    """The metrics page, once both children have reported: they do so about once a second."""
    # The last thing that the gateway, the worker and the supervisor each have to tell of the story.
    last = (
        'requests_accepted_total{webhook="fails"} 1.0',
        'messages_dead_total{reason="permanent",webhook="fails"} 1.0',
        'state="dead",webhook="fails"} 1.0',
    )

    def complete() -> str:
        page = get(url).text
        return page if all(told in page for told in last) else ""

    return until(complete, "the counts have come up from the processes")


def test_the_start_is_one_json_line(story: Story) -> None:
    """Where things are; nothing that a handler prints stands beside it."""
    assert story.run.started["url"].startswith("http://127.0.0.1:")
    assert story.run.started["store"] == "store"
    assert story.run.started["new"] is True
    assert story.run.out == ""
    assert "welcome" in story.run.err


def test_secrets_appear_nowhere(story: Story) -> None:
    """Not in logs, not in any file of the store, not in what commands print."""
    files = [path for path in Path(story.run.store).rglob("*") if path.is_file()]
    assert len(files) >= 2

    for secret in (BEARER, HMAC):
        assert secret not in story.run.err
        assert secret not in story.printed
        assert not [path for path in files if secret.encode() in path.read_bytes()]


def test_logs_are_json_lines_with_the_fields_of_the_table(story: Story) -> None:
    """Every line that is a log is one event of telemetry's table, with its fields and no others."""
    records = [line for line in story.run.err.splitlines() if line.startswith("{")]
    told = set()
    for line in records:
        record = orjson.loads(line)
        kind = EVENTS[record["event"]]
        assert set(record) - COMMON <= set(kind.fields), record
        told.add(kind.name)

    assert {"request.accepted", "request.refused", "message.done", "message.dead",
            "message.received", "process.started", "process.stopping"} <= told  # fmt: skip


def test_metrics_add_up(story: Story) -> None:
    """The page parses, and counts what was sent over all processes."""
    samples = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(story.metrics)
        for sample in family.samples
    }

    assert samples[("holdfast_requests_accepted_total", (("webhook", "users"),))] == 2
    assert samples[("holdfast_messages_done_total", (("webhook", "users"),))] == 1
    assert samples[("holdfast_messages", (("state", "dead"), ("webhook", "fails")))] == 1


def test_what_is_taken_is_refused(tmp_path: Path) -> None:
    """A port in use is code 1, a store in use is code 3, each in a sentence that names it."""
    with running(tmp_path) as run:
        port = run.started["url"].rpartition(":")[2]
        same_port = spawn(tmp_path, "run", "hooks.py", "--store", "other", *PORTS, "--port", port)
        same_store = spawn(tmp_path, "run", "hooks.py", "--store", "store", *PORTS)
        port_said, store_said = (
            one.communicate(timeout=PATIENCE_SECONDS)[1] for one in (same_port, same_store)
        )

    assert same_port.returncode == 1
    assert port in port_said.decode().splitlines()[-1]
    assert same_store.returncode == 3
    assert "another Holdfast already runs on store" in store_said.decode()


def test_the_first_run_sends_itself_a_sample(tmp_path: Path) -> None:
    """A new store, a signed sample, its end, and the next three commands."""
    write_hooks(tmp_path)
    first = spawn(tmp_path, "run", "hooks.py", "--sample", "--store", "fresh", *PORTS)
    assert first.stdout is not None
    said = ""
    for line in first.stdout:
        said += line.decode()
        if b" status " in line:
            break
    first.send_signal(signal.SIGTERM)
    first.communicate(timeout=PATIENCE_SECONDS)

    assert first.returncode == 0
    assert "sent a signed sample to /users" in said
    assert "  done after" in said
    assert "send /users --sample --wait --store fresh" in said


def test_a_stopped_redrive_says_how_far_it_got(tmp_path: Path) -> None:
    """Ctrl-C ends it between two letters: code 130, and the rest are as they were."""
    with scene_in(tmp_path / "store") as scene:
        for _ in range(20):
            scene.dead()
        redrive = spawn(tmp_path, "dead", "redrive", "--all", "--rate", "2", *scene.store)
        wait_for_redrive(scene)
        redrive.send_signal(signal.SIGINT)
        out, err = redrive.communicate(timeout=PATIENCE_SECONDS)

        assert redrive.returncode == 130, err
        done = scene.states()["waiting"]
        assert 0 < done < 20
        assert scene.states()["dead"] == 20 - done
        assert out.decode() == f"{done} of 20 redriven; stopped, the rest are as they were\n"


def wait_for_redrive(scene: Scene) -> None:
    """Until a first letter is back: the bell tells, and depth is looked at again."""
    bell = scene.engine.bell()
    assert bell is not None
    while scene.states()["waiting"] == 0:
        assert select.select([bell], [], [], PATIENCE_SECONDS)[0], "no letter came back"
        os.read(bell, 4096)
