"""Holdfast receives webhooks and never loses one.

Everyday names are here. Those who test their webhooks find more in `holdfast.testing`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from holdfast import providers
from holdfast.definition import Answer, App, Pipe, Provider, Queue, RateLimit, Webhook
from holdfast.errors import (
    DefinitionError,
    HoldfastError,
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
    from holdfast.runtime.embed import asgi

__version__ = "0.1.0"

__all__ = [
    "Answer",
    "App",
    "DefinitionError",
    "Event",
    "Headers",
    "HoldfastError",
    "Permanent",
    "Pipe",
    "Provider",
    "Queue",
    "RateLimit",
    "Request",
    "Retryable",
    "UnknownProvider",
    "VerificationFailed",
    "Verified",
    "Webhook",
    "asgi",
    "basic",
    "bearer",
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
    "token",
    "verify_request",
]


def __getattr__(name: str) -> Any:
    # Imported when it is asked for: a gateway needs the compiler and the store, a definition not.
    if name == "asgi":
        return import_module("holdfast.runtime.embed").asgi
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
