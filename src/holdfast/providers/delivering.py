"""Deliveries as a sender makes them: its type and its id where the sender has them, then signed.

The other direction of `holdfast.verify.naming`, for tests and for whoever plays the sender.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from holdfast.definition import Provider
from holdfast.errors import NotSupported
from holdfast.message import Request
from holdfast.verify.locate import Locator
from holdfast.verify.naming import Naming, delivery_id, event_type, reading_of
from holdfast.verify.privatekeys import NotTheSender
from holdfast.verify.writing import put


def with_event_type(request: Request, provider: Provider, type: str) -> Request:
    """The request as an event of that type. Raises NotSupported where the sender has none, or says
    it in a way that cannot be written, such as in every item of a batch."""
    made = _written(request, provider.event_type, type, "type", provider)
    if event_type(provider.event_type, reading_of(made, provider.verification)) != type:
        raise NotSupported(
            f"{provider.name} would not be read as {type!r}; give the body and headers"
        )
    return made


def with_delivery_id(request: Request, provider: Provider, id: str) -> Request:
    """The request as the delivery of that id. Raises NotSupported, as above."""
    return _written(request, provider.delivery_id, id, "id", provider)


def with_some_delivery_id(request: Request, provider: Provider, id: str) -> Request:
    """The same where the request has none yet, and where that is possible."""
    if delivery_id(provider.delivery_id, reading_of(request, provider.verification)) is None:
        with suppress(NotSupported):
            return with_delivery_id(request, provider, id)
    return request


def signed_by(request: Request, provider: Provider, secret: str, now_seconds: float) -> Request:
    """The request as the sender signs it. Raises as the scheme's own `sign` does, and says of a
    private key that lacks what helps."""
    try:
        return provider.verification.sign(request, secret, now_seconds)
    except NotTheSender as error:
        if error.asked:
            raise NotSupported(not_to_be_played(provider, error.asked)) from None
        name = provider.name
        raise NotSupported(
            f"{name} cannot sign with this secret: only the sender has the private key. "
            f"`holdfast providers key {name}` makes one of your own, whose public half the webhook is "
            f"given; send --as {name} --secret-from file:PATH signs with it (in tests: "
            "holdfast.testing.key_pair)"
        ) from None


def not_to_be_played(provider: Provider, asked: str) -> str:
    """Why nobody else's key is believed, and what to do."""
    return (
        f"{provider.name} cannot be played in its variant {provider.variant!r}: a webhook asks {asked} "
        "for the public key, and believes no other; define it with a variant that is given the key"
    )


def _written(
    request: Request, places: Sequence[str], text: str, what: str, provider: Provider
) -> Request:
    if not places:
        raise NotSupported(f"the deliveries of {provider.name} carry no {what} that is known")
    parts = Naming.parse(places[0]).parts
    texts = text.split(".", len(parts) - 1)
    if len(texts) < len(parts):
        raise NotSupported(f"the {what} of {provider.name} has {len(parts)} parts, joined by dots")
    for place, part in zip(parts, texts, strict=True):
        request = put(request, _writable(place, what, provider), part)
    return request


def _writable(place: Locator, what: str, provider: Provider) -> Locator:
    if place.several or place.transforms or place.kind == "jwt":
        raise NotSupported(f"the {what} of {provider.name} is at {place}, and is not written there")
    return place
