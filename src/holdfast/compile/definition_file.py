"""From the path of a Python file to the App in it."""

from __future__ import annotations

import importlib
import sys
import traceback
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Final

from holdfast.compile.spot import shown
from holdfast.definition import App
from holdfast.errors import DefinitionError, Mistake

_siblings: Final[set[str]] = set()
"""Modules beside a definition that loading it imported. The next load imports them anew, so that
nothing is defined twice and no sibling of another definition is mistaken for its own."""


def load(path: Path) -> App:
    """Import the file and find the one App in it, named `app` or the only one.

    Loading the same file again gives fresh state. Raises DefinitionError, with the place.
    """
    path = path.absolute()
    if not path.exists():
        raise _mistake(path, "there is no such file")
    if path.is_dir():
        raise _mistake(path, "is a directory; name the Python file that has the definition")
    if path.suffix != ".py":
        raise _mistake(path, "is not a Python file: its name does not end in .py")
    return _find_app(path, _import(path))


def _import(path: Path) -> ModuleType:
    for name in _siblings:
        sys.modules.pop(name, None)
    _siblings.clear()
    importlib.invalidate_caches()
    _look_first_in(path.parent)
    name = f"_holdfast_definition_{path.stem}"
    spec = spec_from_file_location(name, path, loader=_FreshLoader(name, str(path)))
    if spec is None or spec.loader is None:
        raise _mistake(path, "Python cannot import it")
    module = module_from_spec(spec)
    # Registered before it runs: dataclasses and pydantic look their module up by name.
    sys.modules[name] = module
    known = set(sys.modules)
    try:
        spec.loader.exec_module(module)
    except DefinitionError:
        raise
    except SyntaxError as error:
        where = error.filename or str(path)
        raise _mistake(f"{where}:{error.lineno or 1}", f"{error.msg}") from error
    except (Exception, SystemExit) as error:
        raise _mistake(*_told(path, error)) from error
    finally:
        _siblings.update(added for added in set(sys.modules) - known if _is_beside(path, added))
    return module


class _FreshLoader(SourceFileLoader):
    """Always reads the source: bytecode caches tell versions apart by whole seconds only."""

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


def _look_first_in(directory: Path) -> None:
    """Siblings import as they do under `python hooks.py`, also later, from inside a handler."""
    entry = str(directory)
    if entry in sys.path:
        sys.path.remove(entry)
    sys.path.insert(0, entry)


def _is_beside(path: Path, module: str) -> bool:
    file = getattr(sys.modules[module], "__file__", None)
    if file is None or "site-packages" in Path(file).parts:
        return False
    return Path(file).is_relative_to(path.parent)


def _told(path: Path, error: BaseException) -> tuple[str, str]:
    """The user's line nearest to the error, and the error in one line."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(path.parent)]
    own = [frame for frame in own if "site-packages" not in Path(frame.filename).parts]
    place = f"{own[-1].filename}:{own[-1].lineno}" if own else str(path)
    first_line = (str(error).strip().splitlines() or [""])[0]
    return place, f"{type(error).__name__}: {first_line}".rstrip(": ")


def _find_app(path: Path, module: ModuleType) -> App:
    named = vars(module).get("app")
    if isinstance(named, App):
        return named
    found = {name: value for name, value in vars(module).items() if isinstance(value, App)}
    apps = list({id(app): app for app in found.values()}.values())
    if not apps:
        raise _mistake(path, "defines no App; write: from holdfast import App; app = App()")
    if len(apps) > 1:
        listed = ", ".join(found)
        raise _mistake(path, f'defines several Apps ({listed}); call the one to run "app"')
    return apps[0]


def _mistake(place: str | Path, message: str) -> DefinitionError:
    return DefinitionError([Mistake(shown(str(place)), message)])
