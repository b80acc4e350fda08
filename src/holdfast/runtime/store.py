"""From a store's URL to its engine, and to what belongs to it on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from holdfast.clock import SYSTEM_CLOCK, Clock
from holdfast.errors import NotSupported, StoreError
from holdfast.queue.contract import Engine, QueueLimits
from holdfast.queue.engines import sqs
from holdfast.queue.engines.sqlite import SQLiteEngine
from holdfast.telemetry import Telemetry

if TYPE_CHECKING:
    from holdfast.queue.engines.sqs.engine import SQSEngine

DEFAULT_STORE: Final = "sqlite:.holdfast"
DEPLOYED: Final = "aws"
"""`aws:STACK`: a stack is a store too."""

UPKEEP_SECONDS: Final = 1.0
"""How often an embedded store is looked after: somebody has to notice that a worker died."""

SHARED_UPKEEP_SECONDS: Final = 30.0
"""How often a store is asked for its depth that looks after itself, and counts every question."""


def is_shared(url: str) -> bool:
    """Whether several machines may run on this store. It then has no directory, and no lock."""
    return url.partition(":")[0] in (sqs.SCHEME, DEPLOYED)


def is_deployed(url: str) -> bool:
    """Whether it is a stack on AWS, whose gateway, pipes and workers are Amazon's."""
    return url.partition(":")[0] == DEPLOYED


def store_path(url: str) -> Path:
    """The directory of `sqlite:PATH`; a bare path means the same. Raises StoreError."""
    kind, colon, rest = url.partition(":")
    if not colon or "/" in kind:
        return Path(url)
    if kind != "sqlite":
        raise StoreError(
            f"there is no engine for {kind}: here; a store is written sqlite:PATH or sqs://PREFIX"
            if not is_shared(url)
            else "a store in SQS is no directory; that is for sqlite:PATH only"
        )
    if not rest:
        raise StoreError("a store is written sqlite:PATH, with the path of a directory")
    return Path(rest)


def run_directory(url: str) -> Path:
    """Where what runs on this machine says so. Raises StoreError."""
    if not is_shared(url):
        return store_path(url)
    if is_deployed(url):
        return store_path(DEFAULT_STORE) / "aws" / "nothing-runs-here"
    return store_path(DEFAULT_STORE) / f"sqs-{sqs.parse(url).prefix}"


def describe_store(url: str) -> str:
    """As people are shown it."""
    if is_deployed(url):
        from holdfast.aws.deployed import parse  # noqa: PLC0415 - for its users only

        return str(parse(url))
    return str(sqs.parse(url)) if is_shared(url) else str(store_path(url))


def upkeep_seconds(url: str) -> float:
    """How often it makes sense to look after a store."""
    return SHARED_UPKEEP_SECONDS if is_shared(url) else UPKEEP_SECONDS


def open_engine(
    store: str, *, telemetry: Telemetry | None = None, clock: Clock = SYSTEM_CLOCK
) -> Engine:
    """The engine that a store's URL names. Raises StoreError, or ExtraMissing where it needs one."""
    if is_deployed(store):
        from holdfast.aws.deployed import open_stack  # noqa: PLC0415 - for its users only

        return open_stack(store, clock, telemetry)
    if is_shared(store):
        return _open_sqs(store, telemetry, clock)
    return SQLiteEngine(store_path(store), clock=clock, telemetry=telemetry)


def provision_store(
    store: str, limits: Mapping[str, QueueLimits], visibility_seconds: Mapping[str, float]
) -> list[str]:
    """Make what these webhooks need in SQS; the names of what was not there.

    visibility_seconds: the queues' own visibility timeouts, for consumers other than ours. Raises
    StoreError, and NotSupported where there is nothing to make.
    """
    if is_deployed(store):
        raise NotSupported("a stack is made by deploying it: `holdfast synth FILE.py`")
    if not is_shared(store):
        raise NotSupported("an embedded store needs no provisioning: `holdfast run` makes it")
    engine = _open_sqs(store, None, SYSTEM_CLOCK)
    try:
        return engine.create(limits, visibility_seconds)
    finally:
        engine.close()


def _open_sqs(store: str, telemetry: Telemetry | None, clock: Clock) -> SQSEngine:
    from holdfast.queue.engines.sqs.engine import SQSEngine  # noqa: PLC0415 - for its users only

    return SQSEngine(sqs.parse(store), clock=clock, telemetry=telemetry)
