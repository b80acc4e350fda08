"""Two values side by side, in words that give away nothing of what a sender wrote. Pure.

Bodies are told by their length and the beginning of their digest, headers by their names; only what
the definition itself says is shown as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

import orjson

from holdfast.aws.differences import Difference
from holdfast.aws.parity.finding import Stage
from holdfast.aws.parity.foretold import Foretold, repeated, same_query
from holdfast.aws.parity.machine import Ended
from holdfast.aws.parity.records import without_event
from holdfast.aws.parity.rest import Answered
from holdfast.compiled import CompiledWebhook
from holdfast.gateway.answers import Answer
from holdfast.message import Message
from holdfast.operate.casting import NO_DIFFERENCE
from holdfast.operate.past import Past
from holdfast.operate.rehearsal import Rehearsal
from holdfast.verify.source import REDACTED, redact
from holdfast.workflow.asl import VERIFY

_REFUSAL: Final = ("error", "errors", "details", "message", "requestId")
"""What a sender may rely on in a refusal; the local door tells more, such as the limit."""

_NAMES_MAX: Final = 5

Told = tuple[str, str]
"""The same thing here and on AWS."""


def compare(here: Answer, there: Answered) -> Told | None:
    """Two answers; None: a sender hears the same."""
    own, other = _answer(here.status, here.body), _answer(there.status, there.body)
    if here.status // 100 == there.status // 100 == 5:
        return None
    if here.status != there.status or own != other:
        return own, other
    if here.status // 100 != 2:
        return None
    if here.body != there.body:
        return f"{own}, {digest(here.body)}", f"{other}, {digest(there.body)}"
    return _lines(dict(here.headers), there.headers, own)


def _answer(status: int, body: bytes) -> str:
    """Status, and the shape of the body: a refusal's named reason, or the names of its members."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return f"{status} text" if body else f"{status}"
    if not isinstance(value, dict):
        return f"{status} {type(value).__name__}"
    shown = sorted(name for name in value if status // 100 == 2 or name in _REFUSAL)
    reason = f" {value['error']}" if isinstance(value.get("error"), str) else ""
    return f"{status}{reason} {{{', '.join(shown)}}}"


def _lines(here: Mapping[str, str], there: Mapping[str, str], lead: str) -> Told | None:
    """Headers of an answer, which the definition sets."""
    names = sorted(name for name in {*here, *there} if here.get(name) != there.get(name))
    if not names:
        return None
    said = [
        f"{lead}, {', '.join(f'{name}: {one.get(name)}' for name in names)}"
        for one in (here, there)
    ]
    return said[0], said[1]


def messages(
    webhook: CompiledWebhook, foretold: Foretold, past: Past, here: Message, there: Message
) -> Iterator[tuple[Stage, str, str, Difference | None]]:
    """What differs between the message that is kept here and the one that SQS keeps."""
    request, other = here.request, there.request
    if request.body != other.body:
        by = foretold.of_bytes(past.request)
        yield "body", digest(request.body), digest(other.body), by
    yield from _headers(webhook, foretold, past, here, there)
    for name, own, its in (
        ("id", here.id, there.id),
        ("received at", str(here.received_at_ms), str(there.received_at_ms)),
        ("method", request.method, other.method),
        ("address", request.remote, other.remote),
        ("host", _authority(request.origin), _authority(other.origin)),
    ):
        if own != its:
            yield "request", f"{name} {own}", f"{name} {its}", None
    if request.path != other.path:
        # Not told: a parameter of it may be a secret.
        yield "request", "path as it was sent", "another path", None
    if dict(here.params) != dict(there.params):
        yield "request", f"parameters {_differing(here.params, there.params)}", "others", None
    if request.query != other.query:
        same = same_query(request.query, other.query)
        by = foretold.topic("query") if same else None
        said = "query written anew" if same else "another query"
        yield "request", "query as it was sent", said, by


def _authority(origin: str) -> str:
    """Without the scheme: what was recorded on this machine may have come without TLS."""
    return origin.partition("://")[2]


def _headers(
    webhook: CompiledWebhook, foretold: Foretold, past: Past, here: Message, there: Message
) -> Iterator[tuple[Stage, str, str, Difference | None]]:
    own = here.request.headers.last_values()
    shown = there.request.headers.last_values()
    other = redact(webhook, there.request.headers).last_values()
    names = sorted(name for name in {*own, *other} if own.get(name) != other.get(name))
    if names:
        yield (
            "headers",
            f"{_several(names)} as sent",
            f"{_several([name for name in names if name in other]) or 'none'} of another value",
            None,
        )
    open_ones = [name for name, value in own.items() if value == REDACTED != shown.get(name)]
    if open_ones:
        by = foretold.topic("static secret")
        yield "headers", f"{_several(open_ones)} {REDACTED}", "in the queue until Verify", by
    lines, kept = len(here.request.headers), len(there.request.headers)
    if repeated(past.request) and lines != kept and not names:
        by = foretold.topic("repeated headers")
        yield "headers", f"{lines} lines", f"{kept} lines, the last of each name", by


def fields(here: Any, there: Any) -> Told | None:
    """Two inputs of an execution, told by the names of the members that differ."""
    if here == there:
        return None
    if not isinstance(here, Mapping) or not isinstance(there, Mapping):
        return type(here).__name__, type(there).__name__
    names = _several(sorted(_differing(here, there)))
    return f"{names} as the contract says", f"{names} otherwise"


def calls(went: Rehearsal, ended: Ended) -> Told | None:
    """Which tasks were called, each with what; None: the same."""
    here = [(one.state, one.resource, one.input) for one in went.calls if one.resource != VERIFY]
    own = [_asked(*each) for each in here]
    other = [_asked(*each) for each in ended.calls]
    if own == other or sorted(own) == sorted(other):
        return None
    names = [state for state, _, _ in here], [state for state, _, _ in ended.calls]
    if sorted(names[0]) != sorted(names[1]):
        return _several(names[0]) or "none", _several(names[1]) or "none"
    changed = [one[0] for one, two in zip(sorted(own), sorted(other), strict=True) if one != two]
    return f"{_several(changed)} with its input", f"{_several(changed)} with another input"


def _asked(state: str, resource: str, given: Any) -> tuple[str, str, bytes]:
    told = without_event(given)
    if isinstance(told, Mapping):
        told = {name: value for name, value in told.items() if name not in NO_DIFFERENCE}
    return state, resource, orjson.dumps(told, option=orjson.OPT_SORT_KEYS)


def digest(body: bytes) -> str:
    """Enough to tell two bodies apart."""
    return f"{len(body):,} bytes, sha256 {hashlib.sha256(body).hexdigest()[:12]}"


def _differing(here: Mapping[str, Any], there: Mapping[str, Any]) -> list[str]:
    missing = object()
    return [
        name for name in {**here, **there} if here.get(name, missing) != there.get(name, missing)
    ]


def _several(names: list[str]) -> str:
    more = len(names) - _NAMES_MAX
    return ", ".join(names[:_NAMES_MAX]) + (f" and {more} more" if more > 0 else "")
