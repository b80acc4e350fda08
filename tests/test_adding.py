"""A webhook written into a definition, and its secret into `.env`: nothing that is there is spoiled."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from dotenv import dotenv_values

from holdfast import providers
from holdfast.compile import check_app, load
from holdfast.errors import HoldfastError
from holdfast.operate.adding import Added, with_webhook
from holdfast.operate.envfile import add_variable, others_can_read
from holdfast.providers.words import call
from holdfast.starter import STARTER

STRIPE: Final = Added(
    "/stripe", 'providers.stripe("env:STRIPE_SECRET")', "stripe", "Stripe", "stripe"
)
SMALL: Final = 'from holdfast import App\n\nhooks = App()  # mine\n\n\n@hooks.webhook("/a")\ndef a() -> None: ...\n'


def compiled(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "hooks.py"
    file.write_bytes(text.encode())
    app = load(file)
    assert check_app(app) == []
    return [webhook.path for webhook in app.webhooks]


@pytest.mark.parametrize(
    "text",
    [
        SMALL,
        STARTER,
        SMALL.replace("from holdfast import App", "from holdfast import (\n    App,\n)"),
        SMALL.replace("import App", "import App  # the app"),
        SMALL.replace("import App", "import App, Event, providers"),
        SMALL.replace("from holdfast import App", "import holdfast").replace(
            "App()", "holdfast.App()"
        ),
        '"""Mine."""\nimport holdfast\nstripe = 1\non_stripe = 2\n' + SMALL,
        SMALL.rstrip("\n"),
        SMALL + '\n\nif __name__ == "__main__":\n    print("started")\n',
        SMALL.replace("\n", "\r\n"),
    ],
)
def test_all_that_is_there_stays_and_the_new_one_works(text: str, tmp_path: Path) -> None:
    """Whatever the imports look like: every line is still there in its order, and it compiles."""
    before = compiled(tmp_path, text)
    after = with_webhook(text, STRIPE)

    assert compiled(tmp_path, after) == [*before, "/stripe"]
    rest = iter(after.splitlines())
    for line in text.splitlines():
        assert any(line == other or other.startswith(f"{line}, ") for other in rest), line
    assert after.count("\r\n") in (0, after.count("\n"))
    assert not [line for line in after.splitlines() if len(line) > 100 and line not in text]


@pytest.mark.parametrize("odd", ['/a"b', "/\\", "/é", "/\U0001f600", "/a'b"])
def test_what_is_odd_is_written_as_it_is(odd: str, tmp_path: Path) -> None:
    """Quotation marks, backslashes and letters of any alphabet stand for themselves."""
    made = call(providers.load("square"), url=f"https://h.example{odd}")
    file = tmp_path / "hooks.py"
    file.write_bytes(with_webhook(SMALL, replace(STRIPE, path=odd, call=made)).encode())
    webhook = load(file).webhooks[-1]
    scheme = webhook.settings["provider"].verification

    assert (webhook.path, scheme.url) == (odd, f"https://h.example{odd}")


def test_it_stands_before_what_starts_the_file_by_itself() -> None:
    """Behind the `__main__` block it would come too late."""
    after = with_webhook(f'{SMALL}\n\nif __name__ == "__main__":\n    print(hooks)\n', STRIPE)

    assert after.index("/stripe") < after.index("__main__")


@pytest.mark.parametrize(
    ("text", "why"),
    [("x = 1\n", "no App is made here"), ("from holdfast import App\napp = App(\n", "line 2: ")],
)
def test_where_it_cannot_be_added_that_is_told(text: str, why: str) -> None:
    """No App, or no Python: nothing is guessed."""
    with pytest.raises(HoldfastError, match=why):
        with_webhook(text, STRIPE)


@pytest.mark.parametrize("name", providers.names())
def test_every_sender_can_be_added(name: str, tmp_path: Path) -> None:
    """Each with its first way to sign, with what it must be given, compiles as it is written."""
    preset = providers.load(name)
    added = Added(f"/{name}", call(preset), name.replace("-", "_"), preset.title, name)

    assert compiled(tmp_path, with_webhook(SMALL, added)) == ["/a", f"/{name}"]


@pytest.mark.parametrize(
    "value", ["plain-1_2", "a b", "it's", 'say "x"', "$HOME x", "a#b", "back\\slash", "", "é"]
)
def test_a_variable_is_read_back_as_it_was(value: str, tmp_path: Path) -> None:
    """Blanks, quotes, dollars and hashes included; for its owner alone."""
    env = tmp_path / ".env"

    assert add_variable(env, "S", value)
    assert dotenv_values(env)["S"] == value
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    assert not others_can_read(env)


def test_what_is_in_the_file_stays(tmp_path: Path) -> None:
    """A variable that is there is never changed; another goes on a line of its own."""
    env = tmp_path / ".env"
    env.write_text("# mine\nexport A = 1\nB=2")
    env.chmod(0o644)

    assert not add_variable(env, "A", "x")
    assert not add_variable(env, "B", "x")
    assert add_variable(env, "C", "3")
    assert env.read_text() == "# mine\nexport A = 1\nB=2\nC=3\n"
    assert others_can_read(env)


def test_what_no_env_file_can_hold_is_refused(tmp_path: Path) -> None:
    """`${X}` would come back as something else."""
    with pytest.raises(HoldfastError, match="file:PATH"):
        add_variable(tmp_path / ".env", "S", "a${X}")
