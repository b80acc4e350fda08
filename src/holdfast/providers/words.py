"""What is known of a sender, in words: for tables and for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from holdfast.clock import format_duration
from holdfast.definition import Disabling, Handshake, Provider, Retries
from holdfast.providers.preset import Preset
from holdfast.verify.content import Group, Placeholder
from holdfast.verify.credentials import Credentials
from holdfast.verify.methods import Ecdsa, KeyedDigest, Mac, Rsa
from holdfast.verify.networks import Addresses
from holdfast.verify.signed import Signed
from holdfast.verify.webtoken import WebToken

_KINDS: Final = {"hmac": "HMAC-", "digest": "hash: ", "rsa": "RSA-", "ecdsa": "ECDSA-"}


def example(preset: Preset, variant: str | None = None) -> Provider:
    """The sender as if it had been given what it needs: for its facts, not for use."""
    way = preset.way(variant)
    config = dict.fromkeys((name for name, needed in way.config().items() if needed), "...")
    return preset("env:SECRET" if way.needs_secret else None, variant=variant, **config)


def how(scheme: object) -> str:
    """`HMAC-SHA256, hex`."""
    if isinstance(scheme, Signed):
        method = scheme.method
        if isinstance(method, Mac | KeyedDigest | Rsa | Ecdsa):
            return f"{_KINDS[method.kind]}{method.hash.upper()}, {scheme.signature.encoding}"
        return f"Ed25519, {scheme.signature.encoding}"
    if isinstance(scheme, WebToken):
        return f"JWT, {', '.join(scheme.algorithms)}"
    if isinstance(scheme, Addresses):
        return "known by its address"
    return scheme.name if isinstance(scheme, Credentials) else "nothing"


def where(scheme: object) -> tuple[str, ...]:
    """The places of the signature, the token or the credentials."""
    if isinstance(scheme, Signed):
        return tuple(map(str, scheme.signature.locators))
    return (str(scheme.place),) if isinstance(scheme, WebToken | Credentials) else ()


def over(scheme: object) -> str:
    """What is signed, as a template."""
    if isinstance(scheme, Signed):
        return "".join(map(_part, scheme.contents[0].parts))
    if isinstance(scheme, WebToken):
        claims = [f"{claim.name}" for claim in scheme.claims]
        return "claims " + ", ".join(claims) if claims else ""
    return ""


def good_for(scheme: object) -> str:
    """How old a delivery may be; empty: its age is not judged."""
    if isinstance(scheme, Signed) and scheme.timestamp:
        tolerance = scheme.timestamp.tolerance_ms
        return "ever" if tolerance is None else format_duration(tolerance / 1000)
    if isinstance(scheme, WebToken):
        return format_duration(scheme.max_age_ms / 1000) if scheme.max_age_ms else "as it says"
    return ""


def again(retries: Retries | None) -> str:
    """When it tries again; empty: not known."""
    if retries is None:
        return ""
    said = []
    if retries.count == 0:
        said.append("never by itself")
    elif retries.count is not None:
        said.append("once" if retries.count == 1 else f"{retries.count} times")
    if retries.delays_seconds:
        delays = [format_duration(each) if each else "0s" for each in retries.delays_seconds]
        said.append("after " + ", ".join(delays))
    if retries.period_seconds is not None:
        word = "within" if retries.count else "for"
        said.append(f"{word} {format_duration(retries.period_seconds)}")
    return "; ".join(filter(None, (" ".join(said), retries.note)))


def gives_up(disabling: Disabling | None) -> str:
    """When it stops sending to an address; empty: not known."""
    if disabling is None:
        return ""
    said = ""
    if disabling.failures is not None:
        said = f"after {disabling.failures} failures"
        if disabling.window_seconds is not None:
            said += f" within {format_duration(disabling.window_seconds)}"
        else:
            said += " in a row"
    elif disabling.window_seconds is not None:
        said = f"after failing for {format_duration(disabling.window_seconds)}"
    return "; ".join(filter(None, (said, disabling.note)))


def shaking(handshake: Handshake) -> str:
    """`echo: GET with ?challenge= -> 200 and the challenge`."""
    signed = "signed " if handshake.signed else ""
    return f"{signed}{handshake.kind}: {handshake.when} -> {handshake.answer}"


def facts(preset: Preset, variant: str | None = None) -> dict[str, Any]:
    """All that is known, for programs. Raises UnknownProvider."""
    provider = example(preset, variant)
    scheme = provider.verification
    return {
        "provider": preset.id,
        "title": provider.title,
        "variant": provider.variant,
        "variants": list(preset.variants),
        "signs": how(scheme),
        "at": list(where(scheme)),
        "over": over(scheme),
        "covers": sorted(getattr(scheme, "covers", ())),
        "good_for": good_for(scheme),
        "secret": preset.secret if preset.way(variant).takes_secret else None,
        "published_key": preset.way(variant).takes_secret and not preset.way(variant).needs_secret,
        "settings": dict(preset.config),
        "tokens": dict(preset.tokens),
        "delivery_id": list(provider.delivery_id),
        "event_type": list(provider.event_type),
        "content_types": list(provider.content_types),
        "deadline_seconds": provider.deadline_seconds,
        "success": provider.statuses,
        "verify_at": provider.verify_at,
        "answer": None if provider.answer is None else provider.answer.body,
        "retries": again(provider.retries),
        "disabling": gives_up(provider.disabling),
        "handshakes": [_handshake(each) for each in provider.handshakes],
        "addresses": list(provider.addresses),
        "notes": list(provider.notes),
        "unconfirmed": list(provider.unconfirmed),
    }


def variable(id: str, what: str = "secret") -> str:
    """What its secret, or a token of its handshake, may be called in the environment."""
    return f"{id}_{what}".upper().replace("-", "_")


def written(text: str) -> str:
    """As a definition has it, between quotation marks."""
    return json.dumps(text, ensure_ascii=False)


def takes_url(preset: Preset, variant: str | None = None) -> bool:
    """Whether the address that is registered with it is signed, or has a part in its handshake."""
    return preset.way(variant).signs_url or preset.calls_endpoint


def hands_over(preset: Preset) -> bool:
    """Whether its secret comes from it, in its handshake."""
    return any(
        isinstance(each, Handshake) and each.kind == "store-token"
        for each in example(preset).handshakes
    )


def call(
    preset: Preset,
    variant: str | None = None,
    *,
    secret: str | None = None,
    config: Mapping[str, str] | None = None,
    url: str | None = None,
) -> str:
    """How a definition names it: `providers.stripe("env:STRIPE_SECRET")`.

    secret: another reference, also where it could do without; config: settings of its own, which are
    shown as `...` where they lack; url: the registered address, left out where it has no part in it.
    """
    way = preset.way(variant)
    settings = {name: "..." for name, needed in way.config().items() if needed} | dict(config or {})
    given = []
    if way.needs_secret or secret is not None:
        given.append(written(secret or f"env:{variable(preset.id)}"))
    if variant is not None:
        settings = {"variant": variant, **settings}
    if url is not None and takes_url(preset, variant):
        settings["url"] = url
    settings |= {name: f"env:{variable(preset.id, name)}" for name in preset.tokens}
    given += [f"{name}={written(value)}" for name, value in settings.items()]
    return f"{preset.spelled}({', '.join(given)})"


def _handshake(handshake: Handshake | str) -> Mapping[str, Any]:
    if isinstance(handshake, str):
        return {"kind": handshake}
    return {
        "kind": handshake.kind,
        "signed": handshake.signed,
        "when": handshake.when,
        "answer": handshake.answer,
    }


def _part(part: bytes | Placeholder | Group) -> str:
    if isinstance(part, bytes):
        return part.decode()
    if isinstance(part, Group):
        return "[" + "".join(_part(inner) for inner in part.parts) + "]"
    pipes = "".join(f"|{name}" for name in part.transforms)
    return f"{{{part.place}{pipes}}}"
