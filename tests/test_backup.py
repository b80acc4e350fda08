"""A copy of a store that runs, and the way back: nothing is lost, nothing is mixed."""

from __future__ import annotations

import contextlib
import shutil
import stat
from pathlib import Path
from typing import Any

import apsw
import pytest

from cli_scene import call
from holdfast.clock import SYSTEM_CLOCK, ManualClock
from holdfast.errors import StoreError, StoreLocked, StoreMismatch
from holdfast.queue.contract import Filter, QueueLimits
from holdfast.queue.engines.sqlite import SQLiteEngine, Store, back_up, backup, restore
from holdfast.queue.engines.sqlite.recover import SupervisorLock
from holdfast.queue.engines.sqlite.schema import DESK_FORMAT, DESK_SCHEMA
from holdfast.queue.engines.sqlite.store import DESK, INBOX, LEDGER, SEARCH
from sqlite_kit import sent

NOW_MS = SYSTEM_CLOCK.now_ms()


class Used:
    """A store in use: logs beside its files, some messages worked and one dead."""

    def __init__(self, path: Path) -> None:
        self.engine = SQLiteEngine(path, clock=ManualClock(NOW_MS))
        self.engine.configure({"orders": QueueLimits()})
        self.path = path
        self.send(6)
        leases = self.engine.receive("orders", 3, 60)
        self.engine.settle([lease.receipt for lease in leases])

    def send(self, count: int) -> None:
        sent(self.engine, ManualClock(NOW_MS), count)

    def known(self) -> dict[str, str]:
        return {one.message.id: one.state.value for one in self.engine.events(Filter(), None, 500)}


@pytest.fixture
def used(tmp_path: Path) -> Used:
    return Used(tmp_path / "store")


def known(path: Path) -> dict[str, str]:
    engine = SQLiteEngine(path, clock=ManualClock(NOW_MS))
    try:
        return {one.message.id: one.state.value for one in engine.events(Filter(), None, 500)}
    finally:
        engine.close()


def killed(path: Path, to: Path) -> Path:
    """The store as a killed process leaves it: files with logs that nobody has copied into them."""
    shutil.copytree(path, to)
    assert Path(f"{to / INBOX}-wal").stat().st_size > 0
    return to


def test_a_store_in_use_comes_back_as_it_was(used: Used, tmp_path: Path) -> None:
    """Every message with its state at the backup; what came later is set aside with all that was there."""
    then = used.known()
    made = back_up(used.path, tmp_path / "backups" / "first")
    used.send(5)
    now = used.known()
    crashed = killed(used.path, tmp_path / "crashed")
    (crashed / SEARCH).write_bytes(b"an index that is ahead")

    back = restore(made.path, crashed, clock=SYSTEM_CLOCK)

    assert (made.messages, back.messages) == (6, 6)
    assert known(crashed) == then
    assert not (crashed / SEARCH).exists()
    assert not (crashed / "restore.part").exists()
    assert back.set_aside is not None
    assert known(back.set_aside) == now
    assert known(restored(made.path, tmp_path / "again")) == then  # the backup is as it was


def restored(made: Path, path: Path) -> Path:
    assert restore(made, path, clock=SYSTEM_CLOCK).set_aside is None
    return path


def test_a_backup_is_for_its_owner_alone_and_whole(used: Used, tmp_path: Path) -> None:
    """It holds what senders sent; no log lies beside its files, and nothing half-made beside it."""
    made = back_up(used.path, tmp_path / "copy").path

    assert sorted(file.name for file in made.iterdir()) == [INBOX, LEDGER]
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in made.iterdir()} == {0o600}
    assert sorted(one.name for one in tmp_path.iterdir()) == ["copy", "store"]


def test_a_backup_takes_no_place_that_is_taken(used: Used, tmp_path: Path) -> None:
    """Half of it over half of another would be neither."""
    made = back_up(used.path, tmp_path / "copy").path
    before = {file.name: file.read_bytes() for file in made.iterdir()}
    used.send(1)

    with pytest.raises(StoreError, match="a directory of its own"):
        back_up(used.path, made)
    with pytest.raises(StoreError, match="nothing to back up"):
        back_up(tmp_path / "nowhere", tmp_path / "more")

    assert {file.name: file.read_bytes() for file in made.iterdir()} == before
    assert not (tmp_path / "more").exists()


@pytest.mark.parametrize("name", [INBOX, LEDGER])
def test_a_backup_put_beside_the_log_of_another_is_refused(
    used: Used, tmp_path: Path, name: str
) -> None:
    """SQLite would copy that log into it, and success would be answered into a damaged file."""
    made = back_up(used.path, tmp_path / "copy").path
    used.send(5)
    crashed = killed(used.path, tmp_path / "crashed")
    shutil.copyfile(made / name, crashed / name)

    with pytest.raises(StoreMismatch, match=r"beside the log of another.*holdfast restore"):
        Store(crashed).prepare()


def test_two_backups_do_not_write_into_one_another(
    used: Used, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second of the same name is told; the first is whole."""
    opened = backup._open

    def meanwhile(path: Path) -> apsw.Connection:
        with monkeypatch.context() as patch:
            patch.setattr(backup, "_open", opened)
            with pytest.raises(StoreError, match="another backup"):
                back_up(used.path, tmp_path / "copy")
        return opened(path)

    monkeypatch.setattr(backup, "_open", meanwhile)
    made = back_up(used.path, tmp_path / "copy")
    monkeypatch.setattr(backup, "_open", opened)

    assert known(restored(made.path, tmp_path / "again")) == used.known()


def test_what_a_killed_backup_left_is_removed(used: Used, tmp_path: Path) -> None:
    """Its half of a file would be in the way of the next."""
    (tmp_path / "copy.part").mkdir()
    (tmp_path / "copy.part" / LEDGER).write_bytes(b"half")

    assert back_up(used.path, tmp_path / "copy").messages == 6
    assert sorted(one.name for one in tmp_path.iterdir()) == ["copy", "store"]


def test_a_mixed_directory_is_not_copied(used: Used, tmp_path: Path) -> None:
    """Reading it would write the foreign log into it."""
    made = back_up(used.path, tmp_path / "copy").path
    used.send(5)
    crashed = killed(used.path, tmp_path / "crashed")
    shutil.copyfile(made / INBOX, crashed / INBOX)
    before = (crashed / INBOX).read_bytes()

    for attempt in (
        lambda: back_up(crashed, tmp_path / "more"),
        lambda: restore(crashed, tmp_path / "again", clock=SYSTEM_CLOCK),
    ):
        with pytest.raises(StoreMismatch, match="beside the log of another"):
            attempt()

    assert (crashed / INBOX).read_bytes() == before


def test_a_store_that_runs_is_not_replaced(used: Used, tmp_path: Path) -> None:
    """Its files would be taken from under its workers."""
    made = back_up(used.path, tmp_path / "copy").path
    with SupervisorLock(used.path), pytest.raises(StoreLocked, match="stop it"):
        restore(made, used.path, clock=SYSTEM_CLOCK)


def put_a_foreign_ledger(made: Path) -> None:
    other = Used(made.with_name("other"))
    shutil.copyfile(
        back_up(other.path, made.with_name("copy of other")).path / LEDGER, made / LEDGER
    )


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (put_a_foreign_ledger, "belongs to another store"),
        (lambda made: (made / LEDGER).unlink(), "lacks inbox.db or ledger.db"),
        (lambda made: (made / INBOX).write_bytes(b"not what it was" * 99), "is damaged"),
    ],
)
def test_a_backup_that_is_none_touches_nothing(
    used: Used, tmp_path: Path, spoil: Any, told: str
) -> None:
    """It is judged first; the store stays what it was."""
    made = back_up(used.path, tmp_path / "copy").path
    spoil(made)
    now = used.known()
    with pytest.raises(StoreError, match=told):
        restore(made, used.path, clock=SYSTEM_CLOCK)

    used.engine.close()
    assert known(used.path) == now


class Stopped(Exception):
    """The power went."""


@pytest.mark.parametrize("moment", range(1, 12))
def test_a_restore_that_breaks_off_leaves_a_store_or_a_refusal(
    used: Used, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    """At no moment is there an empty store, which would start, nor parts of two; done again, it ends."""
    then = used.known()
    made = back_up(used.path, tmp_path / "copy").path
    used.send(5)
    now = used.known()
    crashed = killed(used.path, tmp_path / "crashed")
    rename, left = Path.rename, moment

    def interrupted(self: Path, target: Path | str) -> Path:
        nonlocal left
        left -= 1
        if not left:
            raise Stopped
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", interrupted)
        with contextlib.suppress(Stopped):
            restore(made, crashed, clock=ManualClock(NOW_MS))
    with contextlib.suppress(StoreMismatch):
        assert known(crashed).keys() in (then.keys(), now.keys())

    restore(made, crashed, clock=ManualClock(NOW_MS + 1))
    assert known(crashed) == then


def test_a_file_of_no_bytes_beside_the_store_is_nobodys(used: Used, tmp_path: Path) -> None:
    """Tools that look for what is not there leave one; it keeps nobody from writing, and is not copied."""
    (used.path / DESK).touch()
    assert not (back_up(used.path, tmp_path / "copy").path / DESK).exists()

    store = Store(used.path)
    store.add(store.desk, DESK_SCHEMA, DESK_FORMAT)

    assert (used.path / DESK).stat().st_size


def test_a_store_that_goes_on_while_it_is_judged_fits(
    used: Used, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came in and was taken between the look at the inbox and that at the ledger is no older inbox."""
    store, judge = Store(used.path), Store._judge_ledger

    def meanwhile(self: Store, inbox_id: str) -> int:
        used.send(50)
        assert len(used.engine.receive("orders", 100, 60)) == 53
        return judge(self, inbox_id)

    monkeypatch.setattr(Store, "_judge_ledger", meanwhile)
    assert store.prepare()


def test_from_the_command_line(used: Used, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both commands say what they did, where, and what comes next."""
    monkeypatch.chdir(tmp_path)
    made = call("backup", "copy", "--store", "store", "-o", "json").json
    used.engine.close()
    refused = call("backup", "copy", "--store", "store")
    back = call("restore", "copy", "--store", "store")

    assert (made["messages"], made["path"]) == (6, str(tmp_path / "copy"))
    assert made["size_bytes"] == sum(file.stat().st_size for file in Path("copy").iterdir())
    assert (refused.code, back.code) == (3, 0), refused.err + back.err
    assert "6 messages as they were in copy" in back.out
    assert "replaced." in back.out


def test_the_copy_is_of_one_moment(
    used: Used, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written while it is copied is not half in it."""
    opened = backup._open

    def meanwhile(path: Path) -> apsw.Connection:
        if path.name == INBOX and path.parent == used.path:
            used.send(3)
        return opened(path)

    monkeypatch.setattr(backup, "_open", meanwhile)
    made = back_up(used.path, tmp_path / "copy")

    assert made.messages == 9
    assert len(known(restored(made.path, tmp_path / "again"))) == 9


def test_a_snapshot_of_the_directory_is_a_backup_too(used: Used, tmp_path: Path) -> None:
    """What is only in its logs comes along, as after a power cut."""
    snapshot = killed(used.path, tmp_path / "snapshot")

    assert known(restored(snapshot, tmp_path / "again")) == used.known()
