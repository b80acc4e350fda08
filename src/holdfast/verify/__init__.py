"""How a source proves itself: one interface, and what implements it.

The interface is `holdfast.definition.Verification`:

    check(request, secrets, now_seconds)   return, or raise VerificationFailed with a named reason
    sign(request, secret, now_seconds)     the request as a genuine sender would send it
    mistakes()                             what is wrong with its settings, in words
    secrets, secret_headers, name          what the rest of Holdfast must know about it

`hmac`, `digest`, `ed25519`, `ecdsa` and `rsa` describe whoever signs; `hmac_sha256` and
`standard_webhooks` are two such descriptions. `jwt` is for who sends a token, `basic`, `bearer` and
`token` for who shows a secret, `ip_ranges` for who is known by its address, and
`FunctionVerification` asks a function. Which of them each known sender uses is data, in
`holdfast.providers`.

All of it is pure: a request, the secrets' values and a time go in, a verdict comes out. Making a
scheme never raises, and neither do requests make `check` raise anything but VerificationFailed,
whatever bytes they hold. `REASONS` explains every name that a failure can carry. Where a public key
must be fetched, `wanted` says from where, and `holdfast.verify.source` has it done.
"""

from holdfast.verify.function import FunctionVerification
from holdfast.verify.reasons import REASONS
from holdfast.verify.schemes import (
    digest,
    ecdsa,
    ed25519,
    hmac,
    hmac_sha256,
    rsa,
    standard_webhooks,
)
from holdfast.verify.tokens import basic, bearer, ip_ranges, jwt, token

__all__ = [
    "REASONS",
    "FunctionVerification",
    "basic",
    "bearer",
    "digest",
    "ecdsa",
    "ed25519",
    "hmac",
    "hmac_sha256",
    "ip_ranges",
    "jwt",
    "rsa",
    "standard_webhooks",
    "token",
]
