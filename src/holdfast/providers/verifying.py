"""One request, judged by a provider's name: for tests, scripts, and code that has its own gateway."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from holdfast.definition import Provider, Verification
from holdfast.errors import KeyUnavailable, NotSupported, SecretMissing, VerificationFailed
from holdfast.keyring import KeyRing
from holdfast.message import Headers, Request
from holdfast.providers import arguments
from holdfast.providers.files import load
from holdfast.verify.naming import delivery_id, event_type, reading_of
from holdfast.verify.source import check_with_keys

_REFERENCE: Final = "env:SECRET"
"""Stands where a definition has the secret's reference; the value is handed over beside it."""

_KEYS: Final = KeyRing()


@dataclass(frozen=True, slots=True)
class Verified:
    """A request that is genuine, and what it says of itself."""

    provider: str
    variant: str | None
    """Which of its ways to sign; None: it has one."""
    scheme: str
    delivery_id: str | None
    event_type: str | None
    timestamp: float | None
    """When it was sent, seconds since 1970, where that is signed."""
    covers: tuple[str, ...]
    """What is proven, sorted: `body`, `method`, `url`, `path`, `query`, `timestamp`, and places such
    as `header:x-id` or `json:data.id`. Empty: who sent it, and nothing of what was sent."""


def verify_request(
    provider: str | Provider,
    secret: str | Sequence[str] | None,
    *,
    variant: str | None = None,
    config: Mapping[str, str] | None = None,
    method: str = "POST",
    url: str | None,
    headers: Mapping[str, str] | Sequence[tuple[str, str]],
    body: bytes,
    now: float,
    keys: KeyRing | None = None,
) -> Verified:
    """Judge one request by a sender's name. Raises VerificationFailed, with the reason by name.

    provider: a known sender's id, such as `"stripe"`; or a `Provider` that was made before.
    secret: the value itself, not a reference, or several during a rotation. Where the sender signs
        with a private key: its public key or certificate, as PEM, JWK or a set of JWKs, base64 or
        hex; None: fetch it from where the sender publishes it, and keep it.
    variant: which of its ways to sign; None: its first.
    config: settings of the sender's own, such as `{"webhook_id": "..."}`; and `url`, the address as
        it is registered with the sender, where that is not what is called.
    url: the whole URL that was called; None where it is not known, and not signed.
    now: seconds since 1970.
    keys: where published keys are fetched and kept; default: over HTTPS, for this process.

    Raises UnknownProvider (a ValueError), naming the nearest, for an unknown provider or variant;
    TypeError, naming the argument, for one of another type; ValueError for a time that no clock shows.
    """
    secrets = _texts(secret)
    if not isinstance(body, bytes | bytearray | memoryview):
        raise TypeError(f"body: the bytes as they came are needed, not {type(body).__name__}")
    now = arguments.seconds("now", now)
    settings = arguments.settings("config", config)
    if isinstance(provider, Provider):
        made, lacks = provider, tuple[str, ...]()
    else:
        id = arguments.text("provider", provider)
        made, lacks = _made(id, variant, tuple(sorted(settings.items())), secret is None)
    if lacks:
        raise VerificationFailed("config_missing", f"{made.name} needs {', '.join(lacks)}")
    request = _request(method, url, headers, body)
    try:
        check_with_keys(made.verification, request, secrets, now, keys or _KEYS)
    except SecretMissing:
        # Whoever calls has the secret in hand: there is nothing to wait for.
        raise VerificationFailed("secret_unusable", made.verification.name) from None
    except KeyUnavailable as error:
        raise VerificationFailed("key_unavailable", str(error)) from error
    reading = reading_of(request, made.verification)
    return Verified(
        provider=made.name,
        variant=made.variant,
        scheme=made.verification.name,
        delivery_id=delivery_id(made.delivery_id, reading),
        event_type=event_type(made.event_type, reading),
        timestamp=_sent_at(made.verification, request),
        covers=tuple(sorted(getattr(made.verification, "covers", ()))),
    )


def provider_named(
    id: str, variant: str | None = None, config: Mapping[str, str] | None = None
) -> Provider:
    """A known sender for whoever has its secret in hand. Raises UnknownProvider, and NotSupported
    where it needs settings that are not given."""
    settings = tuple(sorted((config or {}).items()))
    provider, lacks = _made(id, variant, settings, without_secret=False)
    if lacks:
        raise NotSupported(f"{id} needs {', '.join(lacks)}")
    return provider


@lru_cache(maxsize=512)
def _made(
    id: str, variant: str | None, settings: tuple[tuple[str, str], ...], without_secret: bool
) -> tuple[Provider, tuple[str, ...]]:
    """The provider, made once for all its requests, and the settings that it lacks."""
    preset = load(id)
    way = preset.way(variant)
    config = dict(settings)
    lacks = tuple(way.lacks(config))
    url = config.pop("url", None) if way.signs_url else None
    known = {name: value for name, value in config.items() if name in preset.config}
    reference = None if without_secret or not way.takes_secret else _REFERENCE
    if way.needs_secret:
        reference = _REFERENCE
    return preset(reference, variant=variant, url=url, **known), lacks


def _texts(secret: str | Sequence[str] | None) -> list[str]:
    """Told by their types alone: what is wrong may be the secret itself."""
    secrets = [secret] if isinstance(secret, str | bytes | int) else list(secret or ())
    return [arguments.text("secret", each) for each in secrets]


def _request(
    method: str,
    url: str | None,
    headers: Mapping[str, str] | Sequence[tuple[str, str]],
    body: bytes,
) -> Request:
    """The URL is taken apart so that it can be put together again letter by letter."""
    lines = arguments.lines("headers", headers)
    whole, mark, query = arguments.text("url", url or "").partition("?")
    if mark and not query:
        whole += mark
    scheme, separator, rest = whole.partition("://")
    if not separator:
        return Request(method, whole, query, Headers.of(lines), bytes(body))
    host, slash, path = rest.partition("/")
    origin = f"{scheme}://{host}"
    return Request(method, slash + path, query, Headers.of(lines), bytes(body), origin=origin)


def _sent_at(verification: Verification, request: Request) -> float | None:
    tell = getattr(verification, "sent_at", None)
    return tell(request) if callable(tell) else None
