"""One run's alerts over a scene's store: they look when told to, and what they tell is heard."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from alert_kit import a_shop
from cli_scene import Scene
from holdfast.compiled import AlertRule, AlertTarget
from holdfast.operate.overview import Warned
from holdfast.runtime.alerting import Alerting
from holdfast.telemetry import Kind, Telemetry
from http_target import Target
from process_kit import until

Sums = Mapping[tuple[str, ...], float]


class Watcher:
    """One run's alerts over a scene's store."""

    def __init__(
        self, scene: Scene, rules: Sequence[AlertRule], targets: Sequence[AlertTarget] = ()
    ) -> None:
        self.scene, self.clock = scene, scene.clock
        self.told: list[tuple[str, Mapping[str, Any]]] = []
        telemetry = Telemetry()
        telemetry.subscribe(self._hear)
        self.alerting = Alerting(
            a_shop(tuple(rules), tuple(targets)),
            scene.path,
            telemetry,
            self.clock,
            console_url=lambda: "http://127.0.0.1:8082",
            uniform=lambda _low, high: high,
        )

    def _hear(self, kind: Kind, fields: Mapping[str, Any]) -> None:
        self.told.append((kind.name, fields))

    def events(self) -> list[str]:
        return [name for name, _ in self.told]

    def look(
        self, seconds: float = 0, sums: Sums | None = None, warnings: Sequence[Warned] = ()
    ) -> None:
        self.clock.advance(seconds)
        engine = self.scene.engine
        self.alerting.look(engine, sums or {}, engine.depth(), warnings)

    def arrived(self, name: str = "alert.sent", count: int = 1) -> None:
        """Look again, without time passing, until a courier came back so many times."""

        def back() -> bool:
            self.look()
            return self.events().count(name) >= count

        until(back, f"{name} {count} times; {self.told}")


def messages(target: Target) -> list[dict[str, Any]]:
    return [json.loads(one.body)["data"] for one in target.received]
