"""add: both files written, the first delivery waited for and judged, over a real run."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from cli_run import spawn
from cli_scene import Called, call
from holdfast.clock import SYSTEM_CLOCK
from process_kit import PATIENCE_SECONDS, PORTS, until

SECRET: Final = "whsec_0123456789abcdef"
HOOKS: Final = '"""Mine."""\n\nfrom holdfast import App\n\napp = App()\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in (
        "STRIPE_SECRET",
        "GITHUB_SECRET",
        "META_SECRET",
        "META_VERIFY_TOKEN",
        "XERO_SECRET",
        "TWILIO_SECRET",
    ):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "hooks.py").write_text(HOOKS)
    return tmp_path


def added(*arguments: str, **settings: Any) -> Called:
    return call("add", *arguments, "--no-wait", **settings)


def test_both_files_are_written(folder: Path) -> None:
    """The webhook stands in the definition, its secret's line in .env, for its owner alone."""
    made = added("stripe")

    assert made.code == 0
    assert (
        'stripe = app.webhook("/stripe", provider=providers.stripe("env:STRIPE_SECRET"))'
        in (folder / "hooks.py").read_text()
    )
    assert (folder / ".env").read_text() == "STRIPE_SECRET=\n"
    assert (folder / ".env").stat().st_mode & 0o777 == 0o600
    assert call("check", "hooks.py").code == 0
    assert sorted(path.name for path in folder.iterdir() if path.suffix == ".py") == ["hooks.py"]


def test_all_is_told_as_json(folder: Path) -> None:
    """What was written, and what is still to be filled in; tokens of ours are made up."""
    made = added("meta", "--path", "/fb", "-o", "json").json

    assert (made["path"], made["webhook"], made["delivery"]) == ("/fb", "fb", None)
    assert made["variables"] == ["META_SECRET", "META_VERIFY_TOKEN"]
    assert made["empty"] == ["META_SECRET"]
    assert len((folder / ".env").read_text().partition("META_VERIFY_TOKEN=")[2].strip()) > 30


def test_who_tries_wrong_signatures_is_checked_at_the_door(folder: Path) -> None:
    """Xero wants 401 for them: it is written, and said."""
    made = added("xero")

    assert 'verify_at="gateway"' in (folder / "hooks.py").read_text()
    assert 'verify_at="gateway": it tries wrong signatures too' in made.out
    assert call("check", "hooks.py").code == 0
    assert added("xero", "--path", "/x", "-o", "json").json["verify_at"] == "gateway"


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("https://hooks.example.com", "https://hooks.example.com/twilio"),
        ("https://hooks.example.com/", "https://hooks.example.com/twilio"),
        ("https://example.com/hooks/t?a=1", "https://example.com/hooks/t?a=1"),
    ],
)
def test_a_signed_address_is_written(folder: Path, given: str, written: str) -> None:
    """As it is given to the sender, its path added where only the host is named; and told."""
    made = added("twilio", "--url", given)

    assert f'url="{written}"' in (folder / "hooks.py").read_text()
    assert f"paste {written}" in made.out
    assert "your host belongs there" not in made.out
    told = added("twilio", "--path", "/t", "--url", given, "-o", "json").json
    assert (told["url"], told["url_written"]) == (written.replace("/twilio", "/t"), True)


def test_an_address_that_is_not_known_yet_is_to_be_filled_in(folder: Path) -> None:
    """It stands there with a host that nobody has, and is told; others carry none."""
    made = added("ebay")

    assert 'url="https://YOUR-HOST/ebay"' in (folder / "hooks.py").read_text()
    assert "your host belongs there" in made.out
    assert added("square", "-o", "json").json["url"] is None
    assert "url=" not in added("stripe", "--url", "https://h.example").out
    assert (folder / "hooks.py").read_text().count("url=") == 2


def test_a_second_webhook_of_a_sender_says_whose_secret_it_takes(folder: Path) -> None:
    """Many senders give each address a secret of its own: that the first one's is used is told."""
    (folder / ".env").write_text(f"STRIPE_SECRET={SECRET}\n")
    made = added("stripe", "--path", "/stripe-eu")

    assert "STRIPE_SECRET in" in made.out
    assert "is there, and was kept" in made.out
    assert (folder / ".env").read_text() == f"STRIPE_SECRET={SECRET}\n"
    assert added("stripe", "--path", "/us", "-o", "json").json["kept"] == ["STRIPE_SECRET"]


def test_a_token_of_ours_is_to_be_given_there(folder: Path) -> None:
    """It is named, so that it can be pasted at the sender, and not printed."""
    made = added("meta")
    token = (folder / ".env").read_text().partition("META_VERIFY_TOKEN=")[2].strip()

    assert "and give there as verify_token: META_VERIFY_TOKEN of .env" in made.out
    assert token not in made.out + made.err


def test_a_secret_can_be_made_up(folder: Path) -> None:
    """Where the sender takes ours, --generate writes one; it is not printed."""
    made = added("github", "--generate")
    secret = (folder / ".env").read_text().partition("=")[2].strip()

    assert len(secret) > 30
    assert secret not in made.out + made.err
    assert "and give there the webhook's secret: GITHUB_SECRET of .env" in made.out


def test_a_secret_that_is_handed_over_is_a_file(folder: Path) -> None:
    """Notion's comes by itself: the definition refers to where it will be."""
    assert added("notion").code == 0
    assert 'providers.notion("file:.holdfast/tokens/notion")' in (folder / "hooks.py").read_text()
    assert not (folder / ".env").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("strype",), 4, "did you mean stripe?"),
        (("livekit",), 2, "--config api_key=VALUE"),
        (("stripe", "-d", "none.py"), 1, "there is no none.py"),
        (("gitlab", "--variant", "x"), 4, "there are: token, signing-token"),
        (("stripe", "--timeout", "long"), 2, "is not a duration"),
        (("stripe", "--generate"), 2, "without --generate its own is asked for"),
        (("gitlab", "--variant", "signing-token", "--generate"), 2, "not known to take a secret"),
        (("stripe", "--path", "x"), 1, 'hooks.py:9 x path: a path starts with "/"'),
        (("twilio", "--url", "hooks.example.com"), 2, "is no address"),
        (("twilio", "--url", "ftp://h"), 2, "is no address"),
        (("twilio", "--url", "https://"), 2, "is no address"),
    ],
)
def test_what_cannot_be_added_changes_nothing(
    folder: Path, arguments: tuple[str, ...], code: int, told: str
) -> None:
    """Told with what is missing; both files are as before."""
    made = added(*arguments)

    assert made.code == code
    assert told in " ".join(made.err.replace("│", " ").split())
    assert (folder / "hooks.py").read_text() == HOOKS
    assert not (folder / ".env").exists()


def test_a_path_is_not_taken_twice(folder: Path) -> None:
    """The second one wants another path, and then gets names of its own."""
    added("stripe")

    assert added("stripe").code == 1
    assert added("stripe", "--path", "/stripe-test").code == 0
    assert "stripe_2 = " in (folder / "hooks.py").read_text()


def written(folder: Path) -> bool:
    hooks = (folder / "hooks.py").read_text(encoding="utf-8")
    return (folder / ".env").exists() and "/stripe" in hooks


@contextmanager
def waiting(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`add stripe` that waits, after it has written."""
    process = spawn(folder, "add", "stripe", "--timeout", "10m", "-o", "json", "--store", "store")
    try:
        until(lambda: written(folder) or process.poll() is not None, "it has written")
        assert process.poll() is None, process.communicate()
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def run(folder: Path) -> Iterator[str]:
    """`holdfast run`; its URL."""
    process = spawn(folder, "run", "hooks.py", "--store", "store", *PORTS, "-o", "json")
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()[1].decode()
        yield orjson.loads(line)["url"]
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_SECONDS)


@pytest.mark.parametrize(
    ("ours", "verdict", "advice"),
    [
        (SECRET, None, ""),
        (f"'{SECRET} '", "signature_mismatch", "white space"),
        ("", "secret_missing", "STRIPE_SECRET"),
    ],
)
def test_the_first_delivery_is_judged(
    folder: Path, ours: str, verdict: str | None, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Verified; or the exact reason, and what to do about it. No secret is shown."""
    with waiting(folder) as process:
        (folder / ".env").write_text(f"STRIPE_SECRET={ours}\n")
        with run(folder) as url:
            monkeypatch.setenv("STRIPE_SECRET", SECRET)
            sent = ("send", "/stripe", "--as", "stripe", "--event", "invoice.paid", "--url", url)
            call(*sent, "--store", "store", now_ms=SYSTEM_CLOCK.now_ms())
            out, err = process.communicate(timeout=PATIENCE_SECONDS)
    told = orjson.loads(out)["delivery"]

    assert process.returncode == (1 if verdict else 0), err.decode()
    assert (told["verified"], told["reason"]) == (verdict is None, verdict)
    assert advice in " ".join(told["advice"])
    assert SECRET.encode() not in out + err


def test_nothing_that_comes_is_told(folder: Path) -> None:
    """After the timeout: code 1, and what was written stays."""
    made = call("add", "stripe", "--timeout", "0s", "--store", "store")

    assert made.code == 1
    assert "nothing came to /stripe" in made.err
    assert "/stripe" in (folder / "hooks.py").read_text()
