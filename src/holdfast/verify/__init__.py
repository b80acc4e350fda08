"""How a source proves itself: one interface, and what implements it.

The interface is `holdfast.definition.Verification`:

    check(request, secrets, now_seconds)   return, or raise VerificationFailed with a named reason
    sign(request, secret, now_seconds)     the headers that a genuine sender would add
    mistakes()                             what is wrong with its settings, in words
    secrets, secret_headers, name          what the rest of Holdfast must know about it

`hmac` describes any scheme that signs with a shared secret, `hmac_sha256` and `standard_webhooks`
are two such descriptions, `basic`, `bearer` and `token` compare a secret that a header carries, and
`FunctionVerification` asks a function. `presets` says which of them each known sender uses.

All of it is pure: a request, the secrets' values and a time go in, a verdict comes out. Making a
scheme never raises, and neither do requests make `check` raise anything but VerificationFailed,
whatever bytes they hold. `REASONS` explains every name that a failure can carry.
"""

from holdfast.verify.credentials import basic, bearer, token
from holdfast.verify.function import FunctionVerification
from holdfast.verify.reasons import REASONS
from holdfast.verify.schemes import hmac, hmac_sha256, standard_webhooks

__all__ = [
    "REASONS",
    "FunctionVerification",
    "basic",
    "bearer",
    "hmac",
    "hmac_sha256",
    "standard_webhooks",
    "token",
]
