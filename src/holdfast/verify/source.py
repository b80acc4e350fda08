"""What the other parts ask of a webhook's verification: check its source, hide its secrets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from holdfast.compiled import CompiledWebhook
from holdfast.definition import Verification
from holdfast.errors import KeyUnavailable, SecretMissing, VerificationFailed
from holdfast.keyring import KeyRing
from holdfast.message import Headers, Request
from holdfast.secrets import Secrets
from holdfast.verify.certificates import trusted
from holdfast.verify.signed import Signed
from holdfast.verify.webtoken import WebToken

REDACTED: Final = "[redacted]"

_MISFITS: Final = (
    "key_unknown",
    "signature_mismatch",
    "body_altered_or_wrong_secret",
    "certificate_untrusted",
)


def check_source(
    webhook: CompiledWebhook,
    request: Request,
    secrets: Secrets,
    now_seconds: float,
    keys: KeyRing | None = None,
) -> None:
    """Return if the source is genuine, or if the webhook does not ask.

    `now_seconds` is when the request was received, not when it is worked: a message that waited in
    the queue, or comes back from dead letters, has not grown too old by that.
    `keys`: where `fetches_keys`, the sender's public keys; asking for one waits for the network.
    Raises VerificationFailed, or SecretMissing or KeyUnavailable where it cannot be told.
    """
    verification = webhook.verification
    if verification is not None:
        values = secrets.values(verification.secrets)
        check_with_keys(verification, request, values, now_seconds, keys)


def fetches_keys(verification: Verification | None) -> bool:
    """Whether its keys may have to be fetched over the network."""
    if not isinstance(verification, Signed | WebToken) or verification.address is None:
        return False
    return not verification.secrets or bool(verification.address.post)


def check_with_keys(
    verification: Verification,
    request: Request,
    secrets: Sequence[str],
    now_seconds: float,
    keys: KeyRing | None,
) -> None:
    """Check; with keys that are fetched first, where the scheme wants any and was given none."""
    wanted = (
        verification.wanted(request, secrets)
        if keys is not None and isinstance(verification, Signed | WebToken)
        else ()
    )
    if keys is None or not wanted:
        verification.check(request, secrets, now_seconds)
        return
    for anew in (False, True):
        found = [(one, keys.find(one, anew=anew)) for one in wanted]
        try:
            texts = [trusted(text, now_seconds, name=one.certificate) for one, text in found]
            verification.check(request, texts, now_seconds)
        except VerificationFailed as failure:
            # Keys change: what fits none of those that we kept may fit a new one.
            if anew or failure.reason not in _MISFITS:
                raise
        except SecretMissing:
            # An error page that was answered 200, say: nothing is held against the source.
            if anew:
                raise KeyUnavailable(f"what {wanted[0].host} publishes is no key") from None
        else:
            return


def redact(webhook: CompiledWebhook, headers: Headers) -> Headers:
    """The headers as they may be stored: without the values that are the secret itself."""
    hidden = webhook.verification.secret_headers if webhook.verification else ()
    if not hidden:
        return headers
    return Headers(
        tuple((name, REDACTED if name in hidden else value) for name, value in headers.lines)
    )
