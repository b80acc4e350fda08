"""How providers make sure that an address is ours before they send to it.

A handshake is answered at once and never queued. What is echoed comes from a stranger, so it goes
back as plain text that no browser may take for anything else.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

import orjson

from holdfast.errors import VerificationFailed

ECHO_HEADERS: Final = (
    ("content-type", "text/plain; charset=utf-8"),
    ("x-content-type-options", "nosniff"),
)

_FIELDS_MAX: Final = 100

Query = Mapping[str, str]


class Hand(NamedTuple):
    """What a provider holds out: the request's query and body; and the secrets it may know."""

    query: Query
    body: bytes
    secrets: Sequence[str]


@dataclass(frozen=True, slots=True)
class Handshake:
    """One provider's way: how a request for it looks, and what it expects to hear.

    `parameter` is the query parameter that marks it; None: only the body can tell. `echo`
    returns the text of the answer, or None where the request is no handshake after all; it raises
    VerificationFailed where the provider had to prove itself and could not.
    """

    name: str
    method: str
    parameter: str | None
    echo: Callable[[Hand], str | None]
    signed: bool = False
    """Sent with the provider's signature, which is checked first if the secret is there already."""
    needs_secrets: bool = False


def query_of(text: str) -> Query:
    """The last value of every parameter; empty where the text is no query of a sane size."""
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_FIELDS_MAX))
    except ValueError:
        return {}


def _slack(hand: Hand) -> str | None:
    if b"url_verification" not in hand.body:
        return None
    try:
        body: Any = orjson.loads(hand.body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(body, dict) or body.get("type") != "url_verification":
        return None
    challenge = body.get("challenge")
    return challenge if isinstance(challenge, str) else None


def _meta(hand: Hand) -> str | None:
    if hand.query.get("hub.mode") != "subscribe":
        return None
    given = hand.query.get("hub.verify_token", "").encode()
    # Every secret is compared, so that the time taken does not tell which one is near.
    matches = [hmac.compare_digest(given, secret.encode()) for secret in hand.secrets]
    if not any(matches):
        raise VerificationFailed("token_mismatch", "hub.verify_token is not one of ours")
    return hand.query["hub.challenge"]


def _microsoft(hand: Hand) -> str | None:
    return hand.query["validationToken"]


def _dropbox(hand: Hand) -> str | None:
    return hand.query["challenge"]


def _table(*handshakes: Handshake) -> dict[str, Handshake]:
    return {handshake.name: handshake for handshake in handshakes}


HANDSHAKES: Final[Mapping[str, Handshake]] = _table(
    Handshake("slack_url_verification", "POST", None, _slack, signed=True),
    Handshake("meta_hub_challenge", "GET", "hub.challenge", _meta, needs_secrets=True),
    Handshake("microsoft_validation_token", "POST", "validationToken", _microsoft),
    Handshake("dropbox_challenge", "GET", "challenge", _dropbox),
)
