"""Names of a definition as a document writes them: `${charge}`, `${queue:orders}`, `${payments}`.

On AWS the same text is replaced by the ARN or URL of what it stands for, before the document is
read; so a name may also come out of the data, and is then looked up when the state runs.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

NAMED: Final = re.compile(r"\$\{([^{}]+)\}")
_QUEUE: Final = re.compile(r"\$\{queue:(.+)\}")
"""A webhook's name or path, whose parameters stand in braces too."""

_CONNECTION: Final = re.compile(r"arn:aws[a-z-]*:events:[a-z0-9-]*:\d*:connection/([^/]+)(/[^/]+)?")


@dataclass(frozen=True, slots=True)
class Known:
    """The names there are; None where that is somebody else's question."""

    tasks: Collection[str] | None = None
    queues: Collection[str] | None = None
    connections: Collection[str] | None = None

    def task_mistake(self, name: str) -> str | None:
        """What is wrong with a state that names this task."""
        if self.tasks is None or name in self.tasks:
            return None
        return f'no task "{name}"; there are: {_listed(self.tasks)}'

    def queue_mistake(self, url: str) -> str | None:
        name = queue_name(url)
        if name is None:
            return f'{url!r} is no queue; write "${{queue:NAME}}", a webhook\'s name or path'
        if self.queues is None or name in self.queues:
            return None
        names = [each for each in self.queues if not each.startswith("/")]
        return f'no webhook "{name}"; there are: {_listed(names)}'

    def connection_mistake(self, arn: str) -> str | None:
        name = connection_name(arn)
        if name is None:
            # Not repeated: a slip of the pen may have put the secret here.
            return 'is no connection; write "${NAME}", with NAME in connections='
        if self.connections is None or name in self.connections:
            return None
        return f'no connection "{name}"; there are: {_listed(self.connections)}'


def queue_name(url: str) -> str | None:
    """`orders` or `/orders` of `${queue:orders}`; None where it is no such name."""
    named = _QUEUE.fullmatch(url)
    return named[1] if named else None


def connection_name(arn: str) -> str | None:
    """`payments` of `${payments}`, or of the ARN of an EventBridge connection of that name."""
    named = NAMED.fullmatch(arn) or _CONNECTION.fullmatch(arn)
    return named[1] if named else None


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names)) or "none"
