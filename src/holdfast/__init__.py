"""Holdfast receives webhooks and never loses one.

Everyday names are here. Those who test their webhooks find more in `holdfast.testing`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from holdfast import providers
from holdfast.alerts import Alert, Email, SignedWebhook, Slack
from holdfast.definition import Answer, App, Forward, Pipe, Provider, Queue, RateLimit, Webhook
from holdfast.errors import (
    DefinitionError,
    HoldfastError,
    Mistake,
    Permanent,
    Retryable,
    UnknownProvider,
    VerificationFailed,
)
from holdfast.message import Event, Headers, Request
from holdfast.providers.verifying import Verified, verify_request
from holdfast.verify import (
    basic,
    bearer,
    digest,
    ecdsa,
    ed25519,
    hmac,
    hmac_sha256,
    ip_ranges,
    jwt,
    rsa,
    standard_webhooks,
    token,
)

if TYPE_CHECKING:
    from holdfast.compile import check_app as check
    from holdfast.compile import check_workflow, to_asl
    from holdfast.runtime.embed import asgi

__version__ = "0.1.0"

__all__ = [
    "Alert",
    "Answer",
    "App",
    "DefinitionError",
    "Email",
    "Event",
    "Forward",
    "Headers",
    "HoldfastError",
    "Mistake",
    "Permanent",
    "Pipe",
    "Provider",
    "Queue",
    "RateLimit",
    "Request",
    "Retryable",
    "SignedWebhook",
    "Slack",
    "UnknownProvider",
    "VerificationFailed",
    "Verified",
    "Webhook",
    "asgi",
    "basic",
    "bearer",
    "check",
    "check_workflow",
    "digest",
    "ecdsa",
    "ed25519",
    "hmac",
    "hmac_sha256",
    "ip_ranges",
    "jwt",
    "providers",
    "rsa",
    "standard_webhooks",
    "to_asl",
    "token",
    "verify_request",
]

_LATER: Final = {
    "asgi": ("holdfast.runtime.embed", "asgi"),
    "check": ("holdfast.compile", "check_app"),
    "check_workflow": ("holdfast.compile", "check_workflow"),
    "to_asl": ("holdfast.compile", "to_asl"),
}
"""Imported when asked for: a gateway needs the compiler and the store, a definition not."""


def __getattr__(name: str) -> Any:
    if name in _LATER:
        module, attribute = _LATER[name]
        return getattr(import_module(module), attribute)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
