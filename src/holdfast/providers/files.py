"""Where the descriptions of senders are: files of ours, files of the user's, or mappings."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from holdfast.errors import UnknownProvider, why_unread
from holdfast.providers.preset import Preset

DATA: Final = Path(__file__).parent / "data"
_NEAR_MAX: Final = 3
_VERY_NEAR: Final = 0.75
"""Of several; the nearest alone may be less so."""


@lru_cache(maxsize=1)
def names() -> tuple[str, ...]:
    """The ids of all known senders, sorted."""
    return tuple(sorted(path.stem for path in DATA.glob("*.toml")))


@lru_cache(maxsize=256)
def load(id: str) -> Preset:
    """A known sender's description. Raises UnknownProvider, naming the nearest."""
    if id not in names():
        near = _near(id)
        meant = f"; did you mean {' or '.join(near)}?" if near else ";"
        raise UnknownProvider(
            f"no provider {id!r}{meant} `holdfast providers` lists all {len(names())}"
        )
    return Preset(id, _described(id))


def _near(id: str) -> list[str]:
    """Those whose id is much like it, or has it for a part; else those whose title has."""
    wanted = id.lower()
    near = difflib.get_close_matches(wanted, names(), _NEAR_MAX, _VERY_NEAR)
    near = near or difflib.get_close_matches(wanted, names(), 1)
    near += [each for each in names() if wanted in each.split("-")]
    if not near and wanted[:1].isalnum():
        near = [each for each in names() if wanted in _words(str(_described(each)["title"]))]
    return list(dict.fromkeys(near))[:_NEAR_MAX]


def _words(title: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", title.lower())


def from_file(path: str | Path) -> Preset:
    """A sender of your own: a TOML file like those of ours, beside the definition or by full path.

    Never raises: a definition is judged as a whole, and what is wrong with the file is among its
    mistakes.
    """
    if not isinstance(path, str | Path):
        return Preset("custom", {}, of="from_file:", wrong="the path of a TOML file is needed")
    beside = Path(sys._getframe(1).f_code.co_filename).parent
    file = beside / path
    try:
        table = _table(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        return Preset(file.stem, {}, of=file.name, wrong=f"cannot be read: {why_unread(error)}")
    except ValueError as error:
        return Preset(file.stem, {}, of=file.name, wrong=f"is no TOML: {error}")
    return Preset(file.stem, table, of=file.name)


def from_mapping(description: Mapping[str, Any], *, name: str = "custom") -> Preset:
    """A sender of your own, described in place with the keys of such a file."""
    if not isinstance(description, Mapping):
        return Preset(name, {}, of=name, wrong="a description is a mapping")
    return Preset(name, description, of=name)


def _described(id: str) -> Mapping[str, Any]:
    return _table((DATA / f"{id}.toml").read_text("utf-8"))


def _table(text: str) -> Mapping[str, Any]:
    import tomllib

    return tomllib.loads(text)
