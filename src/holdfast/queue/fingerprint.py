"""Which failures are the same failure. Pure.

A thousand dead letters are seldom a thousand problems. Two belong together when they are of one
webhook, rest for one reason, failed in one state, with one error, and say the same once everything
that differs from event to event is taken out of the message:

    no order 4711 for 'ada@example.com'       no order <n> for <value>
    timeout after 12.5s at 10.0.0.7:5432      timeout after <n>s at <ip>
    /items/3/sku: Field required              /items/<n>/sku: Field required
    no header X-Signature-256                no header X-Signature-256

Taken out are quoted texts, addresses (URLs below their host, e-mail, IP), UUIDs, times, hex, words
that mix letters and digits as ids do, and numbers; but not the digits in the name of a header
(`X-...`) or of a hash, which are the same in every event. Where a message is nothing but one quoted text
(`KeyError: 'customer'`) the quotes mean nothing: what is in them is all there is to tell errors
apart. The error's own name is never touched: `Http.StatusCode.503` is not `Http.StatusCode.404`.

It stands beside the contract because an engine may keep the fingerprint with the dead letter and
group by it; what has no such engine gets the same groups by walking.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

import orjson

from holdfast.message import Failure

VERSION: Final = "2"
"""The first character of every fingerprint. Whoever keeps them makes others anew."""

DIGITS: Final = 16
"""How long a fingerprint is."""

MESSAGE_CHARACTERS: Final = 300
"""What a message says beyond that tells no groups apart."""

_SCAN_CHARACTERS: Final = 2_000

_QUOTED_ALONE: Final = re.compile(r"""\s*(['"`])([^'"`]*)\1\s*""")

_VARYING: Final = re.compile(
    r"""
      (?P<url>  \b[a-z][a-z0-9+.-]*://[^\s/?\#'"<>]+) [^\s'"<>]*
    | (?P<email> [\w.+-]+@[\w-]+(?:\.[\w-]+)+ )
    | (?P<uuid> \b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b )
    | (?P<value> "[^"\n]*" | (?<!\w)'[^'\n]*'(?!\w) | `[^`\n]*` )
    | (?P<time> \b\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)? )
    | (?P<ip>   \b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b )
    | (?P<name> (?<![\w-])x-[a-z]+(?:-(?:[a-z]+\d{0,5}|\d{1,3}))*(?![\w-])
              | (?<![^\W_])(?:sha-?(?:1|2|3|224|256|384|512)|ed25519)(?![^\W_]) )
    | (?P<hex>  \b0x[0-9a-f]+\b | \b(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{8,}\b )
    | (?P<id>   \b(?=\w*\d)(?=\w*[a-z])\w{6,}\b )
    | (?P<n>    (?<![a-z_\d])\d+(?:[.,]\d+)*(?:e[+-]?\d+)? )
    """,
    re.IGNORECASE | re.VERBOSE,
)


def normalised(message: str) -> str:
    """What a message says of every event that fails like this. `normalised` again: no change."""
    if alone := _QUOTED_ALONE.fullmatch(message):
        message = alone[2]
    told = " ".join(_VARYING.sub(_named, message[:_SCAN_CHARACTERS]).split())
    return told[:MESSAGE_CHARACTERS]


def _named(match: re.Match[str]) -> str:
    if (url := match["url"]) is not None:
        # Where it went matters, which page of it does not; a port and credentials change.
        scheme, _, place = url.partition("://")
        host = place.rpartition("@")[2].partition(":")[0]
        return f"{scheme}://{_VARYING.sub(_named, host)}"
    return match["name"] or f"<{match.lastgroup}>"


def failure_message(cause: str) -> str:
    """The message in a cause: `errorMessage` where it is in Lambda's form, otherwise all of it."""
    if not cause.startswith("{"):
        return cause
    try:
        told = orjson.loads(cause)["errorMessage"]
    except (ValueError, TypeError, KeyError):
        return cause
    return told if isinstance(told, str) else cause


def fingerprint(webhook: str, reason: str, failure: Failure | None) -> str:
    """The group's name: 16 hex digits, the first of them the version. `failure`: the last one."""
    state, error, message = "", "", ""
    if failure is not None:
        state, error = failure.state, failure.error
        message = normalised(failure_message(failure.cause))
    told = f"{webhook}\0{reason}\0{state}\0{error}\0{message}"
    digest = hashlib.sha256(told.encode("utf-8", "backslashreplace")).hexdigest()
    return VERSION + digest[: DIGITS - 1]
