"""How a source proves itself and names its events: `verify`, `provider` and the locators."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

from holdfast.compile.spot import Spot, quoted
from holdfast.compile.values import NAME, choice, locators
from holdfast.definition import Handshake, Provider, Verification
from holdfast.gateway.handshakes import HANDSHAKES, handshake_mistakes
from holdfast.providers.files import names
from holdfast.providers.preset import Preset
from holdfast.verify.function import FunctionVerification
from holdfast.verify.source import fetches_keys

_PROVIDER_EXAMPLE: Final = 'providers.stripe("env:STRIPE_WEBHOOK_SECRET")'
_EXAMPLE: Final = 'hmac_sha256("env:NAME", header="X-Signature-256")'


@dataclass(frozen=True, slots=True)
class Source:
    """What is known about whoever sends."""

    verification: Verification | None
    provider: Provider | None
    delivery_id: tuple[str, ...]
    event_type: tuple[str, ...]


def source(spot: Spot, settings: Mapping[str, Any]) -> Source:
    """From a webhook's settings. Secrets are references and stay references: none is resolved."""
    provider = _provider(spot.under("provider"), settings["provider"])
    verification = _verification(spot.under("verify"), settings["verify"])
    if settings["provider"] is not None and settings["verify"] is not None:
        spot.under("verify").wrong("provider= already says how it signs; leave one of them out")
    if settings["provider"] is None and settings["verify"] is None:
        if settings["verify_at"] == "gateway":
            spot.under("verify_at").wrong(
                f"there is nothing to check at the gateway; give verify={_EXAMPLE} or provider=..."
            )
    elif provider is not None and verification is None:
        verification = provider.verification
    if settings["verify_at"] == "gateway" and fetches_keys(verification):
        # The door answers by itself, and waits for nobody's server.
        spot.under("verify_at").wrong(
            "its public keys are fetched over the network, which the gateway does not wait for; "
            'leave verify_at out, or give the key, such as "file:key.pem"'
        )
    return Source(
        verification,
        provider,
        _located(spot, "delivery_id", settings, provider.delivery_id if provider else ()),
        _located(spot, "event_type", settings, provider.event_type if provider else ()),
    )


def _located(
    spot: Spot, field: str, settings: Mapping[str, Any], of_provider: tuple[str, ...]
) -> tuple[str, ...]:
    given = settings[field]
    return of_provider if given is None else locators(spot.under(field), given)


def _provider(spot: Spot, value: object) -> Provider | None:
    if value is None:
        return None
    if not isinstance(value, Provider):
        spot.wrong(f"{_no_provider(value)}; write {_PROVIDER_EXAMPLE}")
        return None
    judge_verification(spot, value.verification)
    locators(spot.under("delivery_id"), value.delivery_id)
    locators(spot.under("event_type"), value.event_type)
    where = spot.under("handshakes")
    if not isinstance(value.handshakes, tuple | list):
        where.wrong("not a list of handshakes; write handshakes=(...)")
        return value
    for handshake in value.handshakes:
        if not isinstance(handshake, Handshake):
            choice(where, handshake, sorted(HANDSHAKES))
            continue
        for mistake in handshake_mistakes(handshake):
            where.wrong(mistake)
    return value


def _no_provider(value: object) -> str:
    """Without repeating the value: a slip of the pen may have put the secret here."""
    if isinstance(value, Preset):
        return f"{value.id} is not called"
    if isinstance(value, str) and value in names():
        return f"{quoted(value)} is only its name"
    return "not a provider"


def _verification(spot: Spot, value: object) -> Verification | None:
    if value is None:
        return None
    if is_verification(value):
        judge_verification(spot, value)
        return value
    if inspect.isfunction(value) or inspect.ismethod(value):
        if value.__module__.startswith("holdfast.verify"):
            spot.wrong(f"{value.__name__} is not called; write {_EXAMPLE}")
            return None
        _judge_function(spot, value)
        return FunctionVerification(value)
    if isinstance(value, Provider | Preset):
        spot.wrong("this is a provider; write provider= instead of verify=")
        return None
    spot.wrong(f"not a verification; write {_EXAMPLE}, or a function of the request")
    return None


def is_verification(value: object) -> TypeGuard[Verification]:
    return not inspect.isclass(value) and all(
        callable(getattr(value, verb, None)) for verb in ("check", "sign", "mistakes")
    )


def judge_verification(spot: Spot, verification: object) -> None:
    """Whatever the scheme itself finds wrong with its settings."""
    if not is_verification(verification):
        spot.wrong(f"not a verification; write {_EXAMPLE}")
        return
    for mistake in verification.mistakes():
        spot.wrong(mistake)


def connections(spot: Spot, value: object) -> dict[str, Verification | None]:
    """How HTTP tasks prove themselves, by name; None: the API asks for nothing."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        # Not repeated: a slip of the pen may have put the secret here.
        spot.wrong('not a mapping; write connections={"payments": bearer("env:PAYMENTS_TOKEN")}')
        return {}
    known: dict[str, Verification | None] = {}
    for name, scheme in value.items():
        here = spot.under(str(name))
        if not isinstance(name, str) or not NAME.fullmatch(name):
            here.wrong("is not a name; use 1 to 64 letters, digits, _ and -")
        elif scheme is not None:
            _judge_connection(here, scheme)
        known[str(name)] = scheme if is_verification(scheme) else None
    return known


def _judge_connection(spot: Spot, scheme: object) -> None:
    if not is_verification(scheme):
        spot.wrong('not a scheme; write bearer("env:PAYMENTS_TOKEN"), or None for no proof at all')
    elif isinstance(scheme, FunctionVerification):
        spot.wrong("a function can check, but not sign")
    else:
        judge_verification(spot, scheme)


def _judge_function(spot: Spot, function: Callable[..., Any]) -> None:
    """One request in, a verdict out, on the thread that asks: so no `async def`."""
    called = quoted(getattr(function, "__name__", "verify"))
    if inspect.iscoroutinefunction(function):
        spot.wrong(f"{called} is async; a verification is a plain function of the request")
    elif inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        spot.wrong(f"{called} is a generator; return False or raise VerificationFailed instead")
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        spot.wrong(f"{called} does not take one argument; write def verify(request): ...")
