"""What goes into the code of a stack's functions, and under which hash."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest

from holdfast.aws import bundle as bundling
from holdfast.aws.bundle import HOST, NEEDED, Ingredients, bundle, ingredients, pinned
from holdfast.compile import compile_app, load
from holdfast.errors import BundleFailed

DEFINITION = """
from holdfast import App
app = App("shop")
app.webhook("/users").forward("https://shop.example/hooks")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A definition, and around it what may lie there."""
    for name in ("hooks.py", "orders.asl.json", "shop/prices.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(DEFINITION if name == "hooks.py" else "{}")
    for name in (".env", "server.key", "shop.db", ".venv/x.py", "__pycache__/x.py", "env/x.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("a secret")
    (tmp_path / "env" / "pyvenv.cfg").write_text("")
    return tmp_path


def made_of(folder: Path) -> Ingredients:
    definition = folder / "hooks.py"
    return ingredients(compile_app(load(definition)), definition)


def test_only_code_and_documents_of_the_folder_go_along(folder: Path) -> None:
    """No `.env`, no key, no database, no environment, nothing that is hidden."""
    files = [each.relative_to(folder).as_posix() for each in made_of(folder).files]

    assert files == ["hooks.py", "orders.asl.json", "shop/prices.py"]


def test_the_hash_is_that_of_what_goes_in(folder: Path, tmp_path: Path) -> None:
    """Times, places and other files change nothing; code, versions and the target do."""
    first = made_of(folder)
    moved = tmp_path / "elsewhere"
    for each in first.files:
        target = moved / each.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(each.read_bytes())

    assert made_of(moved).digest() == first.digest()
    assert replace(first, platforms=HOST).digest() != first.digest()
    assert replace(first, packages=(*first.packages, "more==1")).digest() != first.digest()
    (moved / "orders.asl.json").write_text("[]")
    assert made_of(moved).digest() != first.digest()


def test_an_assembly_of_whatever_name_is_no_part_of_the_next(folder: Path) -> None:
    """`synth --out build` leaves the last bundle beside the definition: the same input is the same
    asset all the same, and none grows by the one before."""
    before = made_of(folder)
    for name in ("build/cdk.out", "build/manifest.json", "build/asset.1/definition/hooks.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("{}")

    assert made_of(folder).files == before.files
    assert made_of(folder).digest() == before.digest()


def test_every_package_has_the_version_that_is_installed_here(folder: Path) -> None:
    """What was tried is what runs: also what the packages need themselves; no server, no store."""
    packages = dict(each.split("==") for each in made_of(folder).packages)

    assert packages["pydantic"] == metadata.version("pydantic")
    assert packages["pydantic-core"] == metadata.version("pydantic-core")
    assert "httpx" in packages
    assert not {"apsw", "granian", "uvloop", "typer", "rich", "botocore"} & set(packages)


def test_the_definitions_own_requirements_come_on_top(folder: Path) -> None:
    """Without comments, and without Holdfast, which goes along as it is."""
    (folder / "requirements.txt").write_text("# ours\nstripe==9.1  # pay\n\nholdfast[cdk]\n")

    assert made_of(folder).packages[-1] == "stripe==9.1"


@pytest.mark.parametrize("line", ["-r more.txt", "--index-url https://x", "a==1 --hash=sha256:00"])
def test_what_a_requirement_leaves_to_others_is_refused(folder: Path, line: str) -> None:
    """It would be in no hash, so that the old bundle would be deployed for a new one."""
    (folder / "requirements.txt").write_text(f"stripe==9.1\n{line}\n")

    with pytest.raises(BundleFailed, match="is an option of pip"):
        made_of(folder)


def test_a_package_that_is_not_here_is_named() -> None:
    """It could not be pinned to anything."""
    with pytest.raises(BundleFailed, match="no-such-package"):
        pinned(["no-such-package"])


def test_a_bundle_is_made_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Holdfast and the definition lie where the functions look; the second time nothing is made."""
    installed: list[Path] = []
    monkeypatch.setattr(bundling, "_install", lambda target, _made_of: installed.append(target))

    ready = made_of(folder)
    first = bundle(ready, folder.parent / "made")
    second = bundle(ready, folder.parent / "made")

    assert (first, len(installed)) == (second, 1)
    assert first.path.name == first.digest
    assert (first.path / first.definition).read_text() == DEFINITION
    assert (first.path / "holdfast" / "aws" / "worker" / "entry.py").exists()
    assert (first.path / "holdfast" / "providers" / "data" / "slack.toml").exists()
    assert not list(first.path.rglob("*.pyc"))


def test_whatever_our_package_has_is_in_the_bundle() -> None:
    """What is read beside the code at run time is there in Lambda too: all files but stubs, and but
    what only operators look at."""
    ours = Path(bundling.__file__).parent.parent
    there = {each for each in ours.rglob("*") if each.is_file() and "__pycache__" not in each.parts}
    left_out = {each.relative_to(ours) for each in there - set(bundling._sources())}

    assert {each for each in left_out if each.suffix != ".pyi"} == {
        each for each in left_out if each.parts[0] in ("console", "grafana")
    }
    assert left_out


def test_what_runs_in_lambda_finds_what_it_imports() -> None:
    """Every package that the functions import when they start is one that the bundle always has."""
    code = (
        "import sys\n"
        "from importlib.metadata import packages_distributions as by\n"
        "before = set(sys.modules)\n"
        "from holdfast.aws.worker import door, functions, records, secrets, setting, tasks, verify\n"
        "loaded = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "of = by()\n"
        "print(*sorted({each for name in loaded for each in of.get(name, ())}))"
    )
    done = subprocess.run(  # noqa: S603 - the code above
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    bundled = {each.partition("==")[0] for each in pinned(NEEDED)}

    imported = {each.lower().replace("_", "-") for each in done.stdout.split()}
    assert imported - bundled <= {"holdfast"}
    assert "pydantic" in imported


def test_what_pip_says_is_told(folder: Path) -> None:
    """A package without a wheel for Lambda ends in a message, not in half a folder."""
    impossible = replace(made_of(folder), packages=("pydantic==0.0.0.1",))

    with pytest.raises(BundleFailed, match=re.compile("pip could not", re.DOTALL)):
        bundle(impossible, folder / "made")
    assert list((folder / "made").iterdir()) == []
