"""What the other parts ask of a webhook's verification: check its source, hide its secrets."""

from __future__ import annotations

from typing import Final

from holdfast.compiled import CompiledWebhook
from holdfast.message import Headers, Request
from holdfast.secrets import Secrets

REDACTED: Final = "[redacted]"


def check_source(
    webhook: CompiledWebhook, request: Request, secrets: Secrets, now_seconds: float
) -> None:
    """Return if the source is genuine, or if the webhook does not ask.

    `now_seconds` is when the request was received, not when it is worked: a message that waited in
    the queue, or comes back from dead letters, has not grown too old by that.
    Raises VerificationFailed, or SecretMissing where it cannot be told.
    """
    verification = webhook.verification
    if verification is not None:
        values = secrets.values(verification.secrets)
        verification.check(request, values, now_seconds)


def redact(webhook: CompiledWebhook, headers: Headers) -> Headers:
    """The headers as they may be stored: without the values that are the secret itself."""
    hidden = webhook.verification.secret_headers if webhook.verification else ()
    if not hidden:
        return headers
    return Headers(
        tuple((name, REDACTED if name in hidden else value) for name, value in headers.lines)
    )
