"""Handshakes by name, for a provider that is described in Python: `handshakes=("dropbox_challenge",)`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from holdfast.compiled import CompiledWebhook
from holdfast.definition import Handshake as Described
from holdfast.gateway.handshakes.shake import Handshake, make

_KNOWN: Final[Mapping[str, Described]] = {
    "slack_url_verification": Described(
        "echo",
        signed=True,
        where=(("json:type", "url_verification"),),
        settings={"text": "{json:challenge}"},
    ),
    "meta_hub_challenge": Described(
        "echo",
        method="GET",
        where=(("query:hub.mode", "subscribe"), ("query:hub.challenge", True)),
        settings={"text": "{query:hub.challenge}", "token": "query:hub.verify_token"},
    ),
    "microsoft_validation_token": Described(
        "echo",
        where=(("query:validationToken", True),),
        settings={"text": "{query:validationToken}"},
    ),
    "dropbox_challenge": Described(
        "echo",
        method="GET",
        where=(("query:challenge", True),),
        settings={"text": "{query:challenge}"},
    ),
}

HANDSHAKES: Final[Mapping[str, Handshake]] = {
    name: make(described, name) for name, described in _KNOWN.items()
}


def named(handshake: Described | str) -> Handshake:
    """Made ready, from its description or its name. Raises KeyError for an unknown name."""
    return HANDSHAKES[handshake] if isinstance(handshake, str) else make(handshake)


def handshakes_of(webhook: CompiledWebhook) -> tuple[Handshake, ...]:
    """Those that the webhook's provider performs."""
    return tuple(map(named, webhook.provider.handshakes)) if webhook.provider else ()
