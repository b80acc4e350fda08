"""Commands that are imported when they are called for.

`holdfast status` needs the store and nothing else; importing the server, the compiler and an HTTP
client for it took three quarters of the time until it answered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperGroup

from holdfast.errors import plain

COMMANDS: Final[Mapping[str, str]] = {
    "run": "holdfast.cli.run:run",
    "check": "holdfast.cli.check:check",
    "init": "holdfast.cli.check:init",
    "add": "holdfast.cli.add:add",
    "asl": "holdfast.cli.asl:asl",
    "send": "holdfast.cli.send:send",
    "providers": "holdfast.cli.providers:app",
    "verify": "holdfast.cli.verify:verify",
    "events": "holdfast.cli.events:app",
    "tail": "holdfast.cli.tail:tail",
    "listen": "holdfast.cli.listen:listen",
    "dead": "holdfast.cli.dead:app",
    "backtest": "holdfast.cli.backtest:backtest",
    "retry": "holdfast.cli.retry:retry",
    "open": "holdfast.cli.retry:open_page",
    "replay": "holdfast.cli.replay:replay",
    "pause": "holdfast.cli.status:pause",
    "resume": "holdfast.cli.status:resume",
    "status": "holdfast.cli.status:status",
    "alerts": "holdfast.cli.alerts:app",
    "grafana": "holdfast.cli.grafana:grafana",
    "provision": "holdfast.cli.provision:provision",
    "audit": "holdfast.cli.audit:audit",
    "backup": "holdfast.cli.backup:backup",
    "restore": "holdfast.cli.backup:restore",
    "recover": "holdfast.cli.recover:recover",
    "plan": "holdfast.cli.plan:plan",
    "synth": "holdfast.cli.synth:synth",
    "parity": "holdfast.cli.parity:parity",
}
"""By name: the function, or the Typer with commands of its own. In the order of `--help`."""


class LazyGroup(TyperGroup):
    """A group whose commands are those of `COMMANDS`."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{**settings, "commands": None})
        self.commands: Any = _Commands()

    def invoke(self, ctx: Any) -> Any:
        """A value that does not fit is told in words of ours: Typer hands on those of pydantic."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = plain(error.message)
            raise


class _Commands(Mapping[str, Any]):
    def __getitem__(self, name: str) -> Any:
        module, _, attribute = COMMANDS[name].partition(":")
        found = getattr(import_module(module), attribute)
        if not isinstance(found, typer.Typer):
            alone = typer.Typer(add_completion=False, rich_markup_mode=None)
            alone.command(name)(found)
            found = alone
        command = typer.main.get_command(found)
        command.name = name
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)
