"""The settings of one webhook that are numbers, lists and small records."""

from __future__ import annotations

import ipaddress
import math
import re
from typing import Final

from holdfast import compiled, definition
from holdfast.compile.spot import Spot, quoted
from holdfast.compile.values import duration, headers, instance, texts, whole
from holdfast.workflow.fields import meant

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
BODY_LIMIT_MAX_BYTES: Final = 100 * 1024 * 1024
"""A body is held in memory from the door to the handler: beyond this, send a link instead."""

RATE_MAX: Final = 1_000_000

_MEDIA_TYPE: Final = re.compile(r"\*/\*|[a-z0-9][a-z0-9!#$&^_.+-]*/(\*|[a-z0-9][a-z0-9!#$&^_.+-]*)")
_RESERVED: Final = {
    "content-length": "it is counted from the body",
    "transfer-encoding": "the server frames the answer",
    "connection": "the server keeps the connection",
    "x-holdfast-id": "it carries the message id",
}


def methods(spot: Spot, value: object) -> tuple[str, ...]:
    """Upper case, each once."""
    given = texts(spot, value, '["POST"]')
    if not given and isinstance(value, list | tuple | set | frozenset) and not value:
        spot.wrong('no method at all; write ["POST"]')
    for method in given:
        if method.upper() not in METHODS:
            spot.wrong(
                f"{quoted(method)} is not an HTTP method{meant(method, METHODS)}; "
                f"allowed: {', '.join(METHODS)}"
            )
    return tuple(dict.fromkeys(method.upper() for method in given)) or ("POST",)


def content_types(spot: Spot, value: object, default: tuple[str, ...]) -> tuple[str, ...]:
    """Lower case, without parameters; `text/*` and `*/*` match too."""
    if value is None:
        return default
    given = [entry.strip().lower() for entry in texts(spot, value, '["application/json"]')]
    if not given and isinstance(value, list | tuple | set | frozenset) and not value:
        spot.wrong('no content type at all; leave it out, or write ["*/*"] for any')
    for entry in given:
        if ";" in entry:
            spot.wrong(f"{quoted(entry)}: leave out the parameters, the match ignores them")
        elif not _MEDIA_TYPE.fullmatch(entry):
            spot.wrong(
                f'{quoted(entry)} is not a content type; write "application/json" or "text/*"'
            )
    return tuple(dict.fromkeys(given)) or default


def body_limit(spot: Spot, value: object) -> int:
    """Bytes."""
    return whole(spot, value, at_least=1, at_most=BODY_LIMIT_MAX_BYTES)


def rate_limit(spot: Spot, value: object) -> compiled.RateLimit | None:
    """With the burst filled in: one second's worth, at least one."""
    if type(value) in (int, float):
        spot.wrong(f"{value} is a bare number; write RateLimit(per_second={value})")
        return None
    limit = instance(spot, value, definition.RateLimit, "RateLimit(per_second=100)")
    if limit is None:
        return None
    rate = limit.per_second
    if type(rate) not in (int, float) or not 0 < rate <= RATE_MAX:
        spot.under("per_second").wrong(
            f"{quoted(rate)} is not a rate; allowed: above 0, at most {RATE_MAX}"
        )
        return None
    burst = math.ceil(rate)
    if limit.burst is not None:
        burst = whole(spot.under("burst"), limit.burst, at_least=1, at_most=RATE_MAX)
    return compiled.RateLimit(float(rate), burst)


def allow(spot: Spot, value: object) -> tuple[compiled.Network, ...]:
    """Addresses and networks; a single address is a network of one."""
    networks = []
    for entry in texts(spot, value, '["203.0.113.7", "10.0.0.0/8"]'):
        try:
            networks.append(ipaddress.ip_network(entry))
        except ValueError:
            spot.wrong(f"{quoted(entry)} is not an address or a network{_without_host_bits(entry)}")
    return tuple(networks)


def _without_host_bits(entry: str) -> str:
    try:
        return f' (did you mean "{ipaddress.ip_network(entry, strict=False)}"?)'
    except ValueError:
        return '; write "203.0.113.7" or "10.0.0.0/8"'


def answer(spot: Spot, value: object, sender: definition.Provider | None = None) -> compiled.Answer:
    """What an accepted request hears: always a success, or the sender would send it again."""
    given = instance(spot, value, definition.Answer, 'Answer(status=202, body="ok")')
    given = given if given is not None else definition.Answer()
    status = whole(spot.under("status"), given.status, at_least=200, at_most=299)
    theirs = None if sender is None else sender.statuses
    if sender is not None and isinstance(theirs, str) and not _is_success(theirs, status):
        name = sender.title or sender.name
        told = f"{name} takes {theirs} for success, and sends again what is answered {status}"
        spot.under("status").wrong(told)
    body = given.body
    if body is not None and not isinstance(body, str):
        spot.under("body").wrong(f"{quoted(body)} is not a text")
        body = None
    if body and status in {204, 205}:
        spot.under("body").wrong(f"an answer with status {status} has no body")
    lines = headers(spot.under("headers"), given.headers, _RESERVED)
    return compiled.Answer(status, body, lines)


def _is_success(statuses: str, status: int) -> bool:
    """By the sender's own words: `2xx`, `200, 204`, `200 to 302`; after a semicolon come others."""
    said = statuses.partition(";")[0]
    between = re.match(r"(\d{3}) to (\d{3})", said)
    if between:
        return int(between[1]) <= status <= int(between[2])
    return f"{status // 100}xx" in said or str(status) in said


def queue(spot: Spot, value: object, timeout_seconds: float) -> compiled.Queue:
    """Bounds are SQS's, so that a definition that runs here also deploys."""
    given = instance(spot, value, definition.Queue, 'Queue(retention="7d")') or definition.Queue()
    retention = duration(spot.under("retention"), given.retention, at_least="60s", at_most="14d")
    dead = duration(
        spot.under("dead_retention"), given.dead_retention, at_least="60s", at_most="14d"
    )
    if dead < retention:
        # On AWS the clock of a dead letter runs from its first day in the queue.
        spot.under("dead_retention").wrong(
            f"{quoted(given.dead_retention)} is shorter than retention, "
            f"{quoted(given.retention)}: some dead letters would be gone before they are seen"
        )
    count = whole(
        spot.under("max_receive_count"), given.max_receive_count, at_least=1, at_most=1000
    )
    return compiled.Queue(retention, dead, count, _visibility(spot, given, timeout_seconds))


def _visibility(spot: Spot, given: definition.Queue, timeout_seconds: float) -> float:
    """Six timeouts where none is given: what AWS advises for a queue that feeds functions."""
    if given.visibility_timeout is None:
        return 6 * timeout_seconds
    spot = spot.under("visibility_timeout")
    known = len(spot.found)
    seconds = duration(spot, given.visibility_timeout, at_least="0s", at_most="12h")
    if len(spot.found) == known and seconds < timeout_seconds:
        spot.wrong(
            f"{quoted(given.visibility_timeout)} is shorter than timeout: "
            "a message would be handed out again while it is still worked"
        )
    return seconds


def pipe(spot: Spot, value: object) -> compiled.Pipe:
    """Batch and window within the bounds of EventBridge Pipes."""
    given = instance(spot, value, definition.Pipe, "Pipe(concurrency=10)") or definition.Pipe()
    batch = whole(spot.under("batch"), given.batch, at_least=1, at_most=10_000)
    window = duration(spot.under("window"), given.window, at_least="0s", at_most="300s")
    concurrency = whole(spot.under("concurrency"), given.concurrency, at_least=1, at_most=10_000)
    backoff = duration(spot.under("backoff"), given.backoff, at_least="0s", at_most="12h")
    longest = duration(spot.under("max_backoff"), given.max_backoff, at_least="0s", at_most="12h")
    if longest < backoff:
        spot.under("max_backoff").wrong(
            f"{quoted(given.max_backoff)} is shorter than backoff, {quoted(given.backoff)}"
        )
    return compiled.Pipe(batch, window, concurrency, backoff, longest)
