"""Requests of the past, as they would come in again: what dry runs of a whole definition run over.

What was kept is whole. A refusal counts where all of its body was kept with it; its query was not.
What the door had taken out of a header is put back by the scheme itself (`restored`), so that a
source that was believed is believed again, whatever the secret is by now.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from holdfast.clock import SYSTEM_CLOCK
from holdfast.compiled import Compiled, CompiledWebhook
from holdfast.errors import NotSupported, SecretMissing
from holdfast.gateway.answers import Accept, Arrival, Greeting, Refused, refuse
from holdfast.gateway.intake import VERIFIED, Intake
from holdfast.gateway.routes import Router
from holdfast.message import Failure, Headers, Request
from holdfast.queue.contract import REFUSAL_BODY_BYTES, Archive, Entry, Filter, Refusal, State
from holdfast.secrets import Secrets
from holdfast.verify.reasons import REASONS
from holdfast.verify.source import REDACTED
from holdfast.workflow.sqs_send import ORIGIN

PAGE: Final = 100

CUT: Final = "refused, and not all of the body was kept"
"""Why nothing can be told of one."""

_CUT: Final = frozenset(("body_incomplete", "too_slow"))
"""Refusals whose body is not all that was announced."""

_MISMATCH: Final = "_mismatch"
"""How the reasons of wrong secrets end."""

_WRONG: Final = "no secret of anybody"


@dataclass(frozen=True, slots=True)
class Past:
    """One request that came in. `entry` or `refusal`: what became of it; neither: it is made up.

    `at_ms`: when its source is judged, which for a replay is the arrival of the original.
    """

    id: str
    at_ms: int
    webhook: str
    request: Request
    entry: Entry | None = None
    refusal: Refusal | None = None
    whole: bool = True
    """Whether all of its body was kept; if not, nothing can be told of it."""

    @property
    def sent_inside(self) -> bool:
        """Another workflow sent it: it never came to a door."""
        return self.request.origin.startswith(ORIGIN)

    @property
    def verdict(self) -> str | None:
        """What the door found out about the source; None: nothing."""
        return self.entry.message.verdict if self.entry is not None else None

    @property
    def last(self) -> Failure | None:
        """The failure that it rests for, under the reason that it rests for."""
        entry = self.entry
        if entry is None or entry.state is not State.DEAD or not entry.attempts:
            return None
        return replace(entry.attempts[-1], reason=entry.reason or "")


def walk(archive: Archive, filter: Filter) -> Iterator[Past]:
    """Every event and every refusal that matches, the newest first."""
    newest = replace(filter, newest_first=True)
    return heapq.merge(
        _kept(archive, newest), _refused(archive, newest), key=lambda past: past.id, reverse=True
    )


def _kept(archive: Archive, filter: Filter) -> Iterator[Past]:
    after: str | None = None
    while page := archive.events(filter, after, PAGE):
        for entry in page:
            message = entry.message
            request, at_ms = message.request, message.judged_at_ms
            yield Past(message.id, at_ms, message.webhook, request, entry=entry)
        after = page[-1].message.id


def _refused(archive: Archive, filter: Filter) -> Iterator[Past]:
    after: str | None = None
    while page := archive.refusals(filter, after, PAGE):
        for refusal in page:
            headers = Headers(refusal.headers)
            request = Request(
                refusal.method, refusal.path, "", headers, refusal.body, refusal.remote
            )
            yield Past(
                refusal.id,
                refusal.at_ms,
                refusal.webhook or "",
                request,
                refusal=refusal,
                whole=refusal.webhook is not None and whole(refusal),
            )
        after = page[-1].id


def whole(refusal: Refusal) -> bool:
    """Whether all of its body was kept, as far as can be told."""
    if refusal.reason in _CUT:
        return False
    announced = Headers(refusal.headers).get("content-length", "") or ""
    if announced.isdecimal() and announced.isascii():
        return int(announced) == len(refusal.body)
    return 0 < len(refusal.body) < REFUSAL_BODY_BYTES


def checkable(compiled: Compiled, secrets: Secrets) -> tuple[Compiled, dict[str, str]]:
    """The definition without the checks of sources whose secret is not here; which one, by webhook."""
    missing: dict[str, str] = {}
    for webhook in compiled.webhooks:
        scheme = webhook.verification
        try:
            secrets.values(scheme.secrets if scheme is not None else ())
        except SecretMissing as error:
            missing[webhook.name] = str(error)
    webhooks = [
        replace(each, verification=None) if each.name in missing else each
        for each in compiled.webhooks
    ]
    return Compiled(compiled.name, tuple(webhooks)), missing


class Entrance:
    """The door of a definition for requests of the past: they come at no rate."""

    def __init__(self, compiled: Compiled, secrets: Secrets) -> None:
        webhooks = tuple(replace(each, rate_limit=None) for each in compiled.webhooks)
        self.compiled = Compiled(compiled.name, webhooks)
        self._intake = Intake(self.compiled, secrets, SYSTEM_CLOCK)
        self._router = Router((webhook.path, webhook) for webhook in webhooks)

    def judge(self, past: Past, route: str) -> Accept | Greeting | Refused:
        """As the gateway would, at the time at which it came in."""
        arrival = arrival_of(past, route)
        try:
            found = self._intake.route(arrival, len(past.request.body))
            return (
                found
                if isinstance(found, Refused)
                else self._intake.decide(found, past.request.body)
            )
        except Exception as error:  # a verification function of the user's own
            why = f"the gateway failed: {type(error).__name__}"
            return refuse(arrival, past.webhook, 500, "internal_error", why)

    def find(self, past: Past) -> tuple[CompiledWebhook | None, str]:
        """The webhook that it would come to, and the path as that one's router reads it.

        A gateway may have been mounted below a path of somebody else's: then the path ends as the
        webhook's does.
        """
        path = past.request.path
        if (found := self._router.find(path)) is not None:
            return found[0], path
        rest = path
        while "/" in rest[1:]:
            rest = rest[rest.index("/", 1) :]
            found = self._router.find(rest)
            if found is not None and found[0].name == past.webhook:
                return found[0], rest
        return None, path


def arrival_of(past: Past, route: str) -> Arrival:
    request = past.request
    return Arrival(
        past.id,
        past.at_ms,
        request.method,
        request.path,
        request.query,
        request.headers,
        request.remote,
        request.origin,
        route,
    )


def restored(past: Past, webhook: CompiledWebhook, secrets: Secrets) -> Past:
    """With a secret in the header out of which the door had taken one: the webhook's own where the
    source was believed, a wrong one where it had shown a wrong one.

    Raises SecretMissing.
    """
    scheme = webhook.verification
    names = frozenset(scheme.secret_headers) if scheme is not None else frozenset()
    hidden = any(name in names and value == REDACTED for name, value in past.request.headers)
    if scheme is None or not hidden:
        return past
    found = _found(past)
    if found is not None and not found.endswith(_MISMATCH):
        return past
    secret = secrets.values(scheme.secrets)[0] if found is None else _WRONG
    try:
        return replace(past, request=scheme.sign(past.request, secret, past.at_ms / 1000))
    except NotSupported:
        return past


def _found(past: Past) -> str | None:
    """What the door found wrong with the source; None: nothing, or it did not come to ask."""
    if past.refusal is not None:
        return past.refusal.reason if past.refusal.reason in REASONS else None
    return None if past.verdict == VERIFIED else past.verdict or "unknown"
