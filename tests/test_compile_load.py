"""From a path to the App in it: every way in which that can fail, and what it leaves behind."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.compile import compile_app, load
from holdfast.errors import DefinitionError

APP = "from holdfast.definition import App\n"


@pytest.fixture(autouse=True)
def path_as_it_was() -> Iterator[None]:
    """What a load adds to the search path does not reach the next test."""
    before = list(sys.path)
    yield
    sys.path[:] = before


def told(path: Path) -> list[str]:
    """The mistakes with which loading ends."""
    with pytest.raises(DefinitionError) as caught:
        load(path)
    return [str(mistake) for mistake in caught.value.mistakes]


FILES: dict[str, tuple[str, str]] = {
    "syntax": (f"{APP}app = App(\n", "hooks.py:2: '(' was never closed"),
    "null bytes": ("app = 1\0", "hooks.py:1: source code string cannot contain null bytes"),
    "raises": (
        f"{APP}app = App()\ndef broken():\n    raise ValueError('no\\nmore')\nbroken()\n",
        "hooks.py:4: ValueError: no",
    ),
    "unknown module": ("import nope\n", "hooks.py:1: ModuleNotFoundError: No module named 'nope'"),
    "unknown setting": (
        f'{APP}app = App()\napp.webhook("/u", retries=3)\n',
        "hooks.py:3: TypeError: App.webhook() got an unexpected keyword argument 'retries'",
    ),
    "exits": ("raise SystemExit(3)\n", "hooks.py:1: SystemExit: 3"),
    "no App": (
        "app = 7\n",
        "hooks.py: defines no App; write: from holdfast import App; app = App()",
    ),
    "several Apps": (
        f"{APP}one = App()\ntwo = App()\n",
        'hooks.py: defines several Apps (one, two); call the one to run "app"',
    ),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_cannot_be_loaded_says_where_and_why(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is wrong with the file is a mistake at the user's own line."""
    monkeypatch.chdir(tmp_path)
    text, expected = FILES[kind]
    (tmp_path / "hooks.py").write_text(text)

    assert told(tmp_path / "hooks.py") == [expected]


def test_a_file_that_is_not_utf_8_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes that are no text are a mistake in the file, not in Holdfast."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hooks.py").write_bytes(b'name = "\xff"\n')

    assert told(tmp_path / "hooks.py")[0].startswith("hooks.py:1: ")


def test_what_is_no_file_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing file, a directory and a file of another kind each have their own words."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hooks.json").write_text("{}")

    assert told(Path("nope.py")) == ["nope.py: there is no such file"]
    assert told(Path()) == [".: is a directory; name the Python file that has the definition"]
    assert told(Path("hooks.json")) == [
        "hooks.json: is not a Python file: its name does not end in .py"
    ]


def test_an_error_in_a_sibling_is_placed_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line nearest to the error counts, in whichever of the user's files it is."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models_c1.py").write_text("x = 1\ny = x / 0\n")
    (tmp_path / "hooks.py").write_text("import models_c1\n")

    assert told(tmp_path / "hooks.py") == ["models_c1.py:2: ZeroDivisionError: division by zero"]


def test_the_one_app_is_found_whatever_it_is_called(tmp_path: Path) -> None:
    """`app` wins; otherwise the only App there is, under one name or several."""
    (tmp_path / "named.py").write_text(f'{APP}app = App("a")\nother = App("b")\n')
    (tmp_path / "only.py").write_text(f'{APP}hooks = App("c")\nalias = hooks\napp = "fastapi"\n')

    assert load(tmp_path / "named.py").name == "a"
    assert load(tmp_path / "only.py").name == "c"


def test_a_second_load_starts_afresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the file nor its siblings keep anything, also where only a digit has changed."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    (tmp_path / "parts_c2.py").write_text(f'{APP}app = App()\napp.webhook("/1")\n')
    (tmp_path / "hooks.py").write_text('from parts_c2 import app\napp.webhook("/2")\n')

    first = load(tmp_path / "hooks.py")
    (tmp_path / "hooks.py").write_text('from parts_c2 import app\napp.webhook("/3")\n')
    second = load(tmp_path / "hooks.py")

    assert [webhook.path for webhook in first.webhooks] == ["/1", "/2"]
    assert [webhook.path for webhook in second.webhooks] == ["/1", "/3"]


def test_siblings_of_the_same_name_are_kept_apart(tmp_path: Path) -> None:
    """Two definitions in two directories each import their own `parts`."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "parts_c3.py").write_text(f'NAME = "{name}"\n')
        (tmp_path / name / "hooks.py").write_text(
            f"{APP}from parts_c3 import NAME\napp = App(NAME)\n"
        )

    assert load(tmp_path / "a" / "hooks.py").name == "a"
    assert load(tmp_path / "b" / "hooks.py").name == "b"


def test_loading_writes_nothing_beside_the_definition(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No bytecode of the definition is left, so none can be stale."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    (tmp_path / "hooks.py").write_text(f"{APP}app = App()\n")

    load(tmp_path / "hooks.py")

    assert [entry.name for entry in tmp_path.iterdir()] == ["hooks.py"]


class _Watched(dict[str, str]):
    """An environment that remembers what was asked of it, and from where."""

    asked: list[tuple[str, str]]

    def _note(self, key: object) -> None:
        frame = sys._getframe(2)
        while frame.f_back is not None and frame.f_globals.get("__name__") in {"os", __name__}:
            frame = frame.f_back
        self.asked.append((str(key), str(frame.f_globals.get("__name__"))))

    def __getitem__(self, key: str) -> str:
        self._note(key)
        return super().__getitem__(key)

    def get(self, key: str, default: str | None = None) -> str | None:  # type: ignore[override]  # narrower on purpose: texts only
        self._note(key)
        return super().get(key, default)

    def __contains__(self, key: object) -> bool:
        self._note(key)
        return super().__contains__(key)


def test_nothing_is_read_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A definition with secrets is imported and compiled without a look at any variable."""
    (tmp_path / "hooks.py").write_text(
        f"{APP}from holdfast.message import Event\n"
        "from holdfast import providers\n"
        "from holdfast.verify import hmac_sha256\n"
        "app = App()\n"
        '@app.webhook("/a", verify=hmac_sha256("env:USERS_SECRET", header="X-Signature"))\n'
        "def a(event: Event[dict[str, int]]): ...\n"
        'app.webhook("/b", provider=providers.stripe("file:none")).forward("http://localhost/")\n'
    )
    watched = _Watched(os.environ)
    watched.asked = []
    monkeypatch.setattr(os, "environ", watched)

    compile_app(load(tmp_path / "hooks.py"))
    os.environ.get("PROOF")

    assert "PROOF" in [key for key, _ in watched.asked]
    assert [
        (key, module)
        for key, module in watched.asked
        if module.startswith(("holdfast", "_holdfast")) or key == "USERS_SECRET"
    ] == []
