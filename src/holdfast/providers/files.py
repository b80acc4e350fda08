"""Where the descriptions of senders are: files of ours, files of the user's, or mappings."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from holdfast.errors import UnknownProvider
from holdfast.providers.preset import Preset

DATA: Final = Path(__file__).parent / "data"


@lru_cache(maxsize=1)
def names() -> tuple[str, ...]:
    """The ids of all known senders, sorted."""
    return tuple(sorted(path.stem for path in DATA.glob("*.toml")))


@lru_cache(maxsize=256)
def load(id: str) -> Preset:
    """A known sender's description. Raises UnknownProvider, naming the known ones."""
    if id not in names():
        close = difflib.get_close_matches(id, names(), n=1)
        close += [each for each in names() if id in each.split("-") and each not in close]
        meant = f" (did you mean {' or '.join(close)}?)" if close else ""
        raise UnknownProvider(f"no provider {id!r}{meant}; there are {', '.join(names())}")
    return Preset(id, _table((DATA / f"{id}.toml").read_text("utf-8")))


def from_file(path: str | Path) -> Preset:
    """A sender of your own: a TOML file like those of ours, beside the definition or by full path.

    Never raises: a definition is judged as a whole, and what is wrong with the file is among its
    mistakes.
    """
    beside = Path(sys._getframe(1).f_code.co_filename).parent
    file = beside / path
    try:
        table = _table(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        return Preset(file.stem, {}, of=file.name, wrong=f"cannot be read: {_why(error)}")
    except ValueError as error:
        return Preset(file.stem, {}, of=file.name, wrong=f"is no TOML: {error}")
    return Preset(file.stem, table, of=file.name)


def from_mapping(description: Mapping[str, Any], *, name: str = "custom") -> Preset:
    """A sender of your own, described in place with the keys of such a file."""
    if not isinstance(description, Mapping):
        return Preset(name, {}, of=name, wrong="a description is a mapping")
    return Preset(name, description, of=name)


def _table(text: str) -> Mapping[str, Any]:
    import tomllib

    return tomllib.loads(text)


def _why(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or "an error") if isinstance(error, OSError) else "it is no UTF-8"
