"""The code of the functions: Holdfast, the definition, and what both need, in one folder.

No Docker: pip takes ready-made wheels for Lambda's processor, in the very versions that are installed
here, so that what was tried is what runs. The folder's name is the hash of everything that goes in:
the same definition and the same versions are the same asset, whatever machine makes it.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from holdfast.compiled import Compiled, Forward
from holdfast.definition import Verification
from holdfast.errors import BundleFailed
from holdfast.gateway.handshakes import handshakes_of
from holdfast.verify.methods import Symmetric
from holdfast.verify.signed import Signed
from holdfast.verify.source import fetches_keys
from holdfast.verify.webtoken import WebToken

PYTHON: Final = "3.13"
"""Of the functions in Lambda."""

LAMBDA: Final = ("manylinux2014_aarch64", "manylinux_2_28_aarch64", "manylinux_2_34_aarch64")
"""Wheels that run on Lambda's Amazon Linux 2023, arm64."""

HOST: Final = ()
"""Wheels for this machine: an emulator runs functions on the Python that runs it."""

NEEDED: Final = ("jlens", "jsonschema-rs", "orjson", "pydantic", "typing-extensions")
"""What the functions import. The SDK is there already, in Lambda's own runtime."""

REQUIREMENTS: Final = "requirements.txt"
"""Beside the definition: what it needs on top."""

BUNDLES: Final = Path(".holdfast") / "aws"
"""Where bundles are put together, beside the store."""

FOLDER: Final = "definition"
"""Where in the asset the definition lies."""

_TAKEN: Final = (".py", ".json")
"""Of the files beside the definition. Others may be anything, a key or a database among them."""

_OURS_TAKEN: Final = (".py", ".typed", ".toml")
"""Of our own: code, and the descriptions of providers."""

_LEFT_OUT: Final = frozenset(("__pycache__", "node_modules", "cdk.out", "site-packages"))
_MARKS: Final = ("pyvenv.cfg", "cdk.out")
"""In a folder that somebody's tool has made: an environment, or a cloud assembly, of whatever name.
An assembly holds the last bundle, which every further one would hold in turn."""

_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Bundle:
    """`path`: a folder that is ready to be zipped; `definition`: the file in it, from there."""

    path: Path
    digest: str
    definition: str


@dataclass(frozen=True, slots=True)
class Ingredients:
    """What a bundle is made of."""

    definition: Path
    files: tuple[Path, ...]
    packages: tuple[str, ...]
    platforms: tuple[str, ...]

    @property
    def folder(self) -> Path:
        return self.definition.parent

    def digest(self) -> str:
        """Of names and contents, not of times; of the target, and of the versions."""
        told = hashlib.sha256()
        told.update(json.dumps([self.definition.name, self.packages, self.platforms]).encode())
        for root, files in ((_ours(), _sources()), (self.folder, self.files)):
            for each in files:
                told.update(f"\0{each.relative_to(root).as_posix()}\0".encode())
                told.update(hashlib.sha256(each.read_bytes()).digest())
        return told.hexdigest()


def ingredients(
    compiled: Compiled, definition: Path, platforms: Sequence[str] = LAMBDA
) -> Ingredients:
    """Everything that the functions of a definition need. Raises BundleFailed."""
    definition = definition.resolve()
    files = tuple(sorted(_beside(definition.parent)))
    packages = (*pinned(_needed(compiled)), *_required(definition.parent))
    return Ingredients(definition, files, packages, tuple(platforms))


def bundle(made_of: Ingredients, folder: Path) -> Bundle:
    """Make it below `folder`, unless it is there already. Raises BundleFailed."""
    digest = made_of.digest()
    ready = folder / digest
    if not ready.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as name:
            being_made = Path(name) / "asset"
            being_made.mkdir()
            _fill(being_made, made_of)
            try:
                being_made.rename(ready)
            except OSError:
                if not ready.exists():  # somebody else was faster, with the same
                    raise
    return Bundle(ready, digest, f"{FOLDER}/{made_of.definition.name}")


def pinned(names: Iterable[str]) -> list[str]:
    """These packages and all that they need, each in the version that is installed here."""
    found: dict[str, str] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        try:
            installed = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            raise BundleFailed(f"the package {name} is not installed here") from None
        found[name] = f"{name}=={installed.version}"
        waiting += [
            _normal(match[0])
            for each in installed.requires or ()
            if ";" not in each and (match := _NAME.match(each))
        ]
    return sorted(found.values())


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _needed(compiled: Compiled) -> Iterator[str]:
    yield from NEEDED
    if "email_validator" in sys.modules:  # pydantic imports it for addresses, and for nothing else
        yield "email-validator"
    tasks = (task for webhook in compiled.webhooks for task in webhook.tasks.values())
    sources = [webhook.verification for webhook in compiled.webhooks]
    visits = any(each.visits for webhook in compiled.webhooks for each in handshakes_of(webhook))
    if (
        visits
        or any(isinstance(task, Forward) for task in tasks)
        or any(map(fetches_keys, sources))
    ):
        yield "httpx"
    if any(map(uses_private_keys, sources)):
        yield "cryptography"


def uses_private_keys(verification: Verification | None) -> bool:
    """Whether its senders sign with a key that only they have, which takes more than hashing."""
    if isinstance(verification, Signed):
        return not isinstance(verification.method, Symmetric)
    return isinstance(verification, WebToken)


def _required(folder: Path) -> list[str]:
    """The lines of the definition's own requirements. Raises BundleFailed."""
    path = folder / REQUIREMENTS
    if not path.exists():
        return []
    lines = [line.partition(" #")[0].strip() for line in path.read_text("utf-8").splitlines()]
    wanted = [line for line in lines if line and not line.startswith("#")]
    for line in wanted:
        # What another file or index says is in no hash, and a bundle would not be made anew for it.
        if line.startswith("-") or " --" in line:
            raise BundleFailed(f"{path.name}: {line!r} is an option of pip; write packages only")
    return sorted(line for line in wanted if not _is_holdfast(line))


def _is_holdfast(line: str) -> bool:
    name = _NAME.match(line)
    return name is not None and _normal(name[0]) == "holdfast"


def _beside(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name.startswith(".") or path.name in _LEFT_OUT:
            continue
        if path.is_file() and path.suffix in _TAKEN:
            yield path
        elif path.is_dir() and not path.is_symlink() and not _is_made(path):
            yield from _beside(path)


def _is_made(folder: Path) -> bool:
    return any((folder / mark).exists() for mark in _MARKS)


def _ours() -> Path:
    return Path(__file__).parent.parent


def _sources() -> list[Path]:
    found = _ours().rglob("*")
    return sorted(each for each in found if each.suffix in _OURS_TAKEN)


def _fill(target: Path, made_of: Ingredients) -> None:
    _install(target, made_of)
    shutil.rmtree(target / "bin", ignore_errors=True)
    for each in _sources():
        _copy(each, target / "holdfast" / each.relative_to(_ours()))
    for each in made_of.files:
        _copy(each, target / FOLDER / each.relative_to(made_of.folder))


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _install(target: Path, made_of: Ingredients) -> None:
    if find_spec("pip") is None:
        raise BundleFailed("pip is not installed here, and puts together what runs in Lambda")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--no-compile", "--only-binary=:all:", "--target", str(target)]
    if made_of.platforms:
        command += ["--python-version", PYTHON, "--implementation", "cp"]
        command += [f"--platform={each}" for each in made_of.platforms]
    done = subprocess.run(  # noqa: S603 - our own interpreter, and requirements of the user's own
        [*command, *made_of.packages], capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        told = "; ".join(last[:2]) or done.stderr.strip()[-300:]
        raise BundleFailed(f"pip could not put together what runs in Lambda: {told}")
