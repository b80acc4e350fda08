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
    "body_malformed": "The body cannot be unpacked as the scheme packs it.",
    "url_missing": "The scheme signs the URL, and none is known.",
    "timestamp_missing": "The request does not say when it was sent.",
    "timestamp_malformed": "What should say when the request was sent is not a time.",
    "timestamp_too_old": "Correctly signed, but longer ago than the scheme tolerates.",
    "timestamp_in_future": "Correctly signed, but with a time further ahead than is tolerated.",
    "signature_mismatch": "Signed with another secret, or something that it signs was changed.",
    "body_altered_or_wrong_secret": "The body alone is signed: it was changed, or the secret differs.",
    "body_altered": "Correctly signed, but for another body: this one was changed on the way.",
    "claim_mismatch": "The token is genuine, but was issued for something or someone else.",
    "algorithm_unknown": "It names an algorithm that the scheme does not allow.",
    "key_unknown": "Signed with a key that is not one of the known ones.",
    "key_unavailable": "The sender's public key could not be fetched.",
    "certificate_untrusted": "The certificate, or where it is to be fetched, is not to be trusted.",
    "credentials_mismatch": "The user name or the password is wrong.",
    "token_mismatch": "The token is wrong.",
    "address_not_allowed": "It was sent from an address that is not one of the sender's.",
    "secret_unusable": "The secret cannot be a key of this scheme: empty, or not so encoded.",
    "config_missing": "The scheme needs a setting that was not given.",
    "rejected": "The definition's own verification function said no.",
}
