"""Known senders, as data: how each signs, names its deliveries and its events, and shakes hands.

Exported as `holdfast.providers`: `providers.stripe("env:STRIPE_WEBHOOK_SECRET")`. Adding one is
writing down its facts in the words of `holdfast.verify.hmac`; a user's own is a `Provider` made the
same way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from holdfast.definition import Provider
from holdfast.verify import schemes
from holdfast.verify.judge import References

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"


def github(secret: References) -> Provider:
    """GitHub. Its `ping` is an event like any other. The older SHA-1 header is not looked at."""
    return Provider(
        name="github",
        title="GitHub",
        verification=schemes.hmac(secret, header="X-Hub-Signature-256", prefix="sha256="),
        delivery_id=("header:X-GitHub-Delivery",),
        event_type=("header:X-GitHub-Event",),
        content_types=(JSON, FORM),
    )


def shopify(secret: References) -> Provider:
    """Shopify; its newer Events deliveries drop the `X-` from the header names."""
    return Provider(
        name="shopify",
        title="Shopify",
        verification=schemes.hmac(
            secret,
            signature=("header:X-Shopify-Hmac-Sha256", "header:Shopify-Hmac-Sha256"),
            encoding="base64",
        ),
        delivery_id=("header:X-Shopify-Webhook-Id", "header:Shopify-Webhook-Id"),
        event_type=("header:X-Shopify-Topic", "header:Shopify-Topic"),
    )


def slack(secret: References) -> Provider:
    """Slack: the Events API in JSON, slash commands and interactions as forms."""
    return Provider(
        name="slack",
        title="Slack",
        verification=schemes.hmac(
            secret,
            header="X-Slack-Signature",
            prefix="v0=",
            message="v0:{timestamp}:{body}",
            timestamp="header:X-Slack-Request-Timestamp",
        ),
        delivery_id=("json:event_id",),
        event_type=("json:event.type", "json:type"),
        handshakes=("slack_url_verification",),
        content_types=(JSON, FORM),
    )


def standard_webhooks(secret: References) -> Provider:
    """Anyone who follows the Standard Webhooks specification, version 1."""
    return Provider(
        name="standard-webhooks",
        title="Standard Webhooks",
        verification=schemes.standard_webhooks(secret),
        delivery_id=("header:webhook-id",),
        event_type=("json:type",),
    )


def stripe(secret: References) -> Provider:
    """Stripe. Its `whsec_...` is the key as it stands, unlike that of Standard Webhooks."""
    return Provider(
        name="stripe",
        title="Stripe",
        verification=schemes.hmac(
            secret,
            header="Stripe-Signature",
            split=",",
            kv="=",
            keys="v1",
            message="{timestamp}.{body}",
            timestamp="sig:t",
        ),
        delivery_id=("json:id",),
        event_type=("json:type",),
    )


PRESETS: Final[Mapping[str, Callable[[References], Provider]]] = {
    "github": github,
    "shopify": shopify,
    "slack": slack,
    "standard-webhooks": standard_webhooks,
    "stripe": stripe,
}
"""Every preset under its provider's name."""
