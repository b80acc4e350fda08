"""What a Task state may name: a task of this webhook, and in a test anything."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from holdfast.workflow.fields import Fields

VERIFY: Final = "holdfast:verify"
"""The resource of the state that verifies the source; every webhook has it."""

_NAMED: Final = re.compile(r"\$\{([^{}]+)\}")


@dataclass(frozen=True, slots=True)
class Resources:
    """`names`: the tasks there are; None where that is somebody else's question.

    `foreign`: whatever it names is played by a test, so ARNs and integrations may stand there.
    """

    names: Collection[str] | None = None
    foreign: bool = False

    def read(self, fields: Fields) -> str:
        """The name of the resource; empty where it is a mistake."""
        text = fields.string("Resource", required=True)
        if text is None:
            return ""
        named = _NAMED.fullmatch(text)
        if named is None:
            if self.foreign:
                return text
            fields.mistake("Resource", _unknown(text))
            return ""
        name = named[1]
        if self.names is not None and name != VERIFY and name not in self.names:
            known = ", ".join(sorted(self.names)) or "none"
            fields.mistake("Resource", f'no task "{name}"; there are: {known}')
        return name


def _unknown(text: str) -> str:
    if ".sync" in text:
        return "`.sync` integrations are not part of Express workflows"
    if ".waitForTaskToken" in text:
        return "`.waitForTaskToken` is not part of Express workflows"
    if ":activity:" in text:
        return "activities are not part of Express workflows"
    return f"{text!r} is not a task; write ${{name}}"
