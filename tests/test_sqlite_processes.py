"""Several gateways and several workers, as processes: every message once, and nothing lost."""

from __future__ import annotations

from pathlib import Path

from holdfast.clock import SYSTEM_CLOCK
from holdfast.queue.contract import Filter
from process_kit import until
from sqlite_kit import counts, in_inbox, opened, processes, sent

EACH = 300
SENDER = f"""
engine = opened(path, SYSTEM_CLOCK, holder)
first = int(holder) * {EACH}
say("ready")
hear()
for number in range(first, first + {EACH}, 3):
    engine.send([message(one, SYSTEM_CLOCK) for one in range(number, number + 3)])
say("sent")
hear()
"""
WORKER = """
engine = opened(path, SYSTEM_CLOCK, holder)
say("ready")
hear()
worked = []
while leases := received(engine, 7):
    engine.begin([lease.receipt for lease in leases])
    worked += [[lease.message.id, lease.receive_count] for lease in leases]
    assert all(engine.settle([lease.receipt for lease in leases]))
say(worked)
hear()
engine.close()
say("closed")
"""
LISTENER = """
engine = opened(path, SYSTEM_CLOCK, holder)
engine.bell()
say("ready")
say([len(engine.receive("orders", 10, 60, wait_seconds=600))])
"""


def test_gateways_of_several_processes_share_the_inbox(tmp_path: Path) -> None:
    """Everything that was sent is there, numbered without gaps, and counted."""
    engine = opened(tmp_path, SYSTEM_CLOCK)
    with processes(SENDER, tmp_path, "0", "1", "2") as senders:
        for said in ("ready", "sent"):
            for sender in senders:
                assert sender.hear() == said
            for sender in senders:
                sender.tell("go")

    assert counts(engine) == (3 * EACH, 0, 0)
    found = in_inbox(tmp_path, "SELECT count(DISTINCT id), min(n), max(n) FROM message")
    assert found == [(3 * EACH, 1, 3 * EACH)]
    engine.close()


def test_workers_of_several_processes_share_a_queue(tmp_path: Path) -> None:
    """Every message has exactly one holder, and is worked once."""
    engine = opened(tmp_path, SYSTEM_CLOCK)
    everything = sent(engine, SYSTEM_CLOCK, 3 * EACH)
    with processes(WORKER, tmp_path, "one", "two", "three") as workers:
        for worker in workers:
            assert worker.hear() == "ready"
        for worker in workers:
            worker.tell("go")
        worked = [entry for worker in workers for entry in worker.hear()]
        for worker in workers:
            worker.tell("end")
            assert worker.hear() == "closed"

    assert sorted(id for id, _ in worked) == everything
    assert {count for _, count in worked} == {1}
    assert counts(engine) == (0, 0, 0)
    assert len(engine.events(Filter(), None, 1000)) == 3 * EACH
    assert list((tmp_path / "holders").iterdir()) == []
    engine.close()


def test_a_gateway_that_is_killed_midway_leaves_whole_groups(tmp_path: Path) -> None:
    """Everything of a group or nothing of it, and the other gateways go on."""
    engine = opened(tmp_path, SYSTEM_CLOCK)
    with processes(SENDER, tmp_path, "0", "1") as [victim, other]:
        for sender in (victim, other):
            assert sender.hear() == "ready"
            sender.tell("go")
        until(lambda: counts(engine)[0] >= EACH // 3, "a third is there")
        victim.kill()
        assert other.hear() == "sent"

    waiting, _, _ = counts(engine)
    bodies = in_inbox(tmp_path, "SELECT count(*) FROM message")[0][0]
    assert waiting == bodies
    assert waiting % 3 == 0
    assert EACH <= waiting <= 2 * EACH
    engine.close()


def test_a_worker_that_waits_is_woken_by_another_process(tmp_path: Path) -> None:
    """It does not sleep through: its wait is ten minutes, and the test has not so much patience."""
    engine = opened(tmp_path, SYSTEM_CLOCK)
    with processes(LISTENER, tmp_path, "listener") as [listener]:
        assert listener.hear() == "ready"
        sent(engine, SYSTEM_CLOCK, 1)
        assert listener.hear() == [1]
    engine.close()
