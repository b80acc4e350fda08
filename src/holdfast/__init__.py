"""Holdfast receives webhooks and never loses one.

Everyday names are here. Those who test their webhooks find more in `holdfast.testing`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from holdfast.definition import Answer, App, Forward, Pipe, Provider, Queue, RateLimit, Webhook
from holdfast.errors import (
    DefinitionError,
    HoldfastError,
    Permanent,
    Retryable,
    VerificationFailed,
)
from holdfast.message import Event, Headers, Request
from holdfast.verify import basic, bearer, hmac, hmac_sha256, standard_webhooks, token
from holdfast.verify import presets as providers

if TYPE_CHECKING:
    from holdfast.runtime.embed import asgi

__version__ = "0.1.0"

__all__ = [
    "Answer",
    "App",
    "DefinitionError",
    "Event",
    "Forward",
    "Headers",
    "HoldfastError",
    "Permanent",
    "Pipe",
    "Provider",
    "Queue",
    "RateLimit",
    "Request",
    "Retryable",
    "VerificationFailed",
    "Webhook",
    "asgi",
    "basic",
    "bearer",
    "hmac",
    "hmac_sha256",
    "providers",
    "standard_webhooks",
    "token",
]


def __getattr__(name: str) -> Any:
    # Imported when it is asked for: a gateway needs the compiler and the store, a definition not.
    if name == "asgi":
        return import_module("holdfast.runtime.embed").asgi
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
