"""npm's jsonata, the reference implementation of JSONata, asked through node: for comparison only."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

PACKAGE: Final = "jsonata@2.2.2"
"""The version that tests/data/jsonata_cases.json was recorded from."""

_SCRIPT: Final = Path(__file__).with_name("node_jsonata.mjs")
_SECONDS: Final = 120


class NodeMissing(Exception):
    """There is no node, or no jsonata where it should be. Says how to get both."""


@dataclass(frozen=True, slots=True)
class Expression:
    text: str
    bindings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """A value; or what there is instead of one."""

    value: Any = None
    instead: str = ""
    """`error`, `undefined` or `function`; empty where there is a value."""
    code: str = ""
    """JSONata's, of an error."""


def evaluate_there(expressions: Sequence[Expression], modules: Path) -> list[Answer]:
    """All of them in one process. Raises NodeMissing."""
    node = shutil.which("node")
    if node is None:
        raise NodeMissing("node is missing: install Node.js, then `npm install " + PACKAGE + "`")
    if not (modules / "jsonata").is_dir():
        raise NodeMissing(f"{modules} has no jsonata: `npm install {PACKAGE}`, and --modules")
    asked = "\n".join(
        json.dumps({"text": each.text, "bindings": each.bindings}) for each in expressions
    )
    told = subprocess.run(
        [node, str(_SCRIPT), str(modules.resolve().parent)],
        input=asked,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=True,
    ).stdout
    return [_answer(json.loads(line)) for line in told.splitlines()]


def _answer(told: dict[str, Any]) -> Answer:
    if "error" in told:
        return Answer(instead="error", code=told["error"])
    if "value" in told:
        return Answer(told["value"])
    return Answer(instead=next(iter(told)))
