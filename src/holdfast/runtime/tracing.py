"""Whether this process leaves traces, as the environment says; and what happens where it cannot.

The variables are OpenTelemetry's own: an endpoint turns tracing on. Without one nothing of it is
imported, and no request and no message pays for it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from holdfast.clock import Clock
from holdfast.errors import ExtraMissing
from holdfast.telemetry import Telemetry

if TYPE_CHECKING:
    from holdfast.runtime.spans import Traces

ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", ENDPOINT)
INCOMING: Final = "HOLDFAST_TRACE_INCOMING"
"""What becomes of a sender's `traceparent`: `link` (default), `parent` or `ignore`."""
INCOMING_WAYS: Final = ("link", "parent", "ignore")

FAILURE_SECONDS: Final = 60.0
"""How often a failing collector is told of at most."""

_MODULES: Final = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")


def wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether somebody said where traces go, and nobody that there are none."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if environment.get("OTEL_TRACES_EXPORTER", "").strip().lower() not in ("", "otlp"):
        return False
    return any(environment.get(name, "").strip() for name in ENDPOINTS)


def need_extra() -> None:
    """Raises ExtraMissing, with the command that installs it."""
    try:
        there = all(find_spec(name) is not None for name in _MODULES)
    except ModuleNotFoundError:
        there = False
    if not there:
        raise ExtraMissing("tracing", "otel")


def missing(environment: Mapping[str, str] = os.environ) -> str:
    """What keeps this machine from tracing though it is wanted; empty: nothing."""
    if not wanted(environment):
        return ""
    try:
        need_extra()
    except ExtraMissing as error:
        return str(error)
    return ""


def start_traces(role: str, telemetry: Telemetry, clock: Clock) -> Traces | None:
    """None where nobody traces. The supervisor tells what is missing, once for all processes."""
    if not wanted() or missing():
        return None
    from holdfast.runtime.spans import Traces  # noqa: PLC0415 - half a second, for its users only

    _listen(telemetry, clock)
    incoming = os.environ.get(INCOMING, "").strip().lower() or INCOMING_WAYS[0]
    if incoming not in INCOMING_WAYS:
        known = ", ".join(INCOMING_WAYS)
        telemetry.emit("traces.failed", why=f"{INCOMING} is none of {known}; taken for link")
        incoming = INCOMING_WAYS[0]
    try:
        return Traces(role, incoming)
    except (
        Exception
    ) as error:  # a variable that the exporter cannot read keeps nobody from receiving
        telemetry.emit("traces.failed", why=f"{type(error).__name__}: {error}"[:300])
        return None


def _listen(telemetry: Telemetry, clock: Clock) -> None:
    """The exporter's complaints become telemetry, like everything else that is told."""
    log = logging.getLogger("opentelemetry")
    log.propagate = False
    log.handlers = [_Complaints(telemetry, clock)]


class _Complaints(logging.Handler):
    def __init__(self, telemetry: Telemetry, clock: Clock) -> None:
        super().__init__(logging.WARNING)
        self._telemetry = telemetry
        self._clock = clock
        self._told_at: float | None = None

    def emit(self, record: logging.LogRecord) -> None:
        now = self._clock.monotonic()
        if self._told_at is None or now - self._told_at >= FAILURE_SECONDS:
            self._told_at = now
            self._telemetry.emit("traces.failed", why=record.getMessage()[:300])
