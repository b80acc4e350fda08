"""The search: the request as it is, then with one change undone, then with two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Final

from holdfast.clock import format_duration
from holdfast.definition import Provider
from holdfast.errors import HoldfastError, SecretMissing, VerificationFailed
from holdfast.keyring import KeyRing
from holdfast.message import Request
from holdfast.operate.explain.changes import (
    Change,
    Trial,
    address_changes,
    body_changes,
    header_changes,
    secret_changes,
)
from holdfast.providers.files import load, names
from holdfast.verify.source import check_with_keys

FITS_MAX: Final = 5
PAIRS_MAX: Final = 4_000
"""Trials of two changes at once; each takes some microseconds."""

_TIMES: Final = ("timestamp_too_old", "timestamp_in_future")


@dataclass(frozen=True, slots=True)
class Fit:
    """What would make it fit: the names of the changes, and what to do about each."""

    changes: tuple[str, ...]
    advice: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """The verdict, and why."""

    verified: bool
    reason: str = ""
    """One of `holdfast.verify.REASONS`; empty: verified."""
    detail: str = ""
    skew_seconds: float | None = None
    """How long after it was sent it was judged, where all else is right."""
    fits: tuple[Fit, ...] = ()


def explain(
    provider: Provider,
    request: Request,
    secrets: Sequence[str],
    now_seconds: float,
    *,
    keys: KeyRing | None = None,
) -> Explanation:
    """Judge a request, and where it fails, find out what would make it fit."""
    trial = Trial(request, tuple(secrets), provider.verification)
    reason, detail = _judged(trial, now_seconds, keys)
    if not reason:
        return Explanation(verified=True)
    if reason in _TIMES:
        sent_at = _sent_at(trial)
        skew = None if sent_at is None else now_seconds - sent_at
        return Explanation(False, reason, detail, skew, (_by_time(skew),))
    found = list(islice(_fits(trial, now_seconds), FITS_MAX))
    found = found or list(islice(_other_ways(provider, trial, now_seconds), FITS_MAX))
    return Explanation(False, reason, detail, None, tuple(found))


def _by_time(skew: float | None) -> Fit:
    if skew is None:
        return Fit(("time",), "the signature is right, only the time is not")
    ago = format_duration(abs(skew))
    if skew < 0:
        told = f"the signature is right, but {ago} ahead of this clock: set the clock right (NTP)"
    else:
        told = (
            f"the signature is right; it was sent {ago} before: a replay, a capture judged late "
            "(--at says when it came), or a clock that is ahead"
        )
    return Fit(("time",), told)


def _fits(trial: Trial, now: float) -> Iterator[Fit]:
    """One change first; two only where none alone will do."""
    alone = False
    for change in _changes(trial):
        if _fit(change.trial, now):
            alone = True
            yield Fit((change.name,), change.advice)
    if alone:
        return
    pairs = (
        (first, second)
        for first in chain(secret_changes(trial), header_changes(trial))
        for second in _changes(first.trial)
        if second.name != first.name
    )
    told: set[frozenset[str]] = set()
    for first, second in islice(pairs, PAIRS_MAX):
        both = frozenset((first.advice, second.advice))  # the other way round is the same
        if both not in told and _fit(second.trial, now):
            told.add(both)
            yield Fit((first.name, second.name), f"{first.advice}; and {second.advice}")


def _changes(trial: Trial) -> Iterator[Change]:
    return chain(
        secret_changes(trial), body_changes(trial), header_changes(trial), address_changes(trial)
    )


def _other_ways(provider: Provider, trial: Trial, now: float) -> Iterator[Fit]:
    """Other variants of the same sender, then other senders, with the same secret."""
    known = provider.name if provider.name in names() else None
    for id in ((known,) if known else ()) + tuple(each for each in names() if each != known):
        preset = load(id)
        for variant in preset.variants or (None,):
            way = preset.way(variant)
            if not way.needs_secret or any(way.config().values()):
                continue
            if id == provider.name and variant == provider.variant:
                continue
            other = preset("env:SECRET", variant=variant)
            # Whoever shows the secret itself would be found in any request that holds it.
            if other.verification.secret_headers or not getattr(other.verification, "covers", ()):
                continue
            if _fit(Trial(trial.request, trial.secrets, other.verification), now):
                yield _other(provider, id, variant)


def _other(provider: Provider, id: str, variant: str | None) -> Fit:
    if id == provider.name:
        return Fit(("variant",), f'the variant {variant} fits: variant="{variant}"')
    spelled = f"{id}, variant {variant}" if variant else id
    return Fit(("provider",), f"it is signed as {spelled} does it, not as {provider.name}")


def _fit(trial: Trial, now: float) -> bool:
    """Whether it is genuine so, its age aside."""
    return _judged(trial, now, None)[0] in ("", *_TIMES)


def _judged(trial: Trial, now: float, keys: KeyRing | None) -> tuple[str, str]:
    """The reason and its detail; both empty where it is genuine."""
    try:
        check_with_keys(trial.verification, trial.request, trial.secrets, now, keys)
    except VerificationFailed as failure:
        return failure.reason, failure.detail
    except SecretMissing:
        return "secret_unusable", "the secret cannot be a key of this scheme"
    except HoldfastError as error:
        return "key_unavailable", str(error)
    return "", ""


def _sent_at(trial: Trial) -> float | None:
    tell = getattr(trial.verification, "sent_at", None)
    found = tell(trial.request) if callable(tell) else None
    return found if isinstance(found, float) else None
