"""Why a source was not believed: every reason by name, each in one sentence.

A dead letter is filed under its reason, a door answers 401 with it, and a dashboard counts by it;
so the names are few, and stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

REASONS: Final[Mapping[str, str]] = {
    "header_missing": "A header that the scheme needs is not there.",
    "header_malformed": "A header is there, but not in the form that the scheme writes.",
    "field_missing": "A field of the body or the query that the scheme needs is not there.",
    "field_malformed": "A field of the body or the query is not in the form the scheme writes.",
    "timestamp_missing": "The request does not say when it was sent.",
    "timestamp_malformed": "What should say when the request was sent is not a time.",
    "timestamp_too_old": "Correctly signed, but longer ago than the scheme tolerates.",
    "timestamp_in_future": "Correctly signed, but with a time further ahead than is tolerated.",
    "signature_mismatch": "Signed with another secret, or changed after it was signed.",
    "credentials_mismatch": "The user name or the password is wrong.",
    "token_mismatch": "The token is wrong.",
    "rejected": "The definition's own verification function said no.",
}
