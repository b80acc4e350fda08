"""Signed contents that no template can say: a small function for each, by its sender's name.

In a template they stand like any other placeholder: `{url}{form-sorted}`, `{aws-sns}`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from holdfast.errors import VerificationFailed
from holdfast.verify.forms import is_multipart, query_fields
from holdfast.verify.reading import Reading, utf8


class Canonical(NamedTuple):
    """What is signed of a request, and which of its parts that covers."""

    fill: Callable[[Reading], bytes]
    covers: tuple[str, ...]


_SNS_NOTIFICATION: Final = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_SNS_CONFIRMATION: Final = (
    "Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type",
)  # fmt: skip
_SNS_KEYS: Final = {
    "Notification": _SNS_NOTIFICATION,
    "SubscriptionConfirmation": _SNS_CONFIRMATION,
    "UnsubscribeConfirmation": _SNS_CONFIRMATION,
}


def _aws_sns(reading: Reading) -> bytes:
    """Name and value on a line each, of the fields that its type signs and that are there."""
    document = reading.document
    kind = document.get("Type") if isinstance(document, dict) else None
    keys = _SNS_KEYS.get(kind) if isinstance(kind, str) else None
    if keys is None:
        raise VerificationFailed("field_missing", "json:Type names no kind of message")
    fields = {key: document[key] for key in keys if key in document}
    for key, text in fields.items():
        # Left out or written as a text, it would go unsigned what it is.
        if not isinstance(text, str):
            raise VerificationFailed("field_malformed", f"json:{key} is no text")
    return b"".join(utf8(f"{key}\n{text}\n") for key, text in fields.items())


def _form_sorted(reading: Reading) -> bytes:
    """Twilio: each name with its value, by name, each distinct pair once. Nothing separates them.

    Nothing at all where the query carries the body's hash: then the URL covers the body.
    """
    if "bodySHA256" in reading.query:
        return b""
    return utf8("".join(name + value for name, value in sorted(set(_fields(reading)))))


def _plivo(reading: Reading) -> bytes:
    """The URL with its query sorted; then, where there is a form, a mark and its pairs, sorted.

    The mark is a dot, or the question mark that would have begun the query. By the book the form
    counts for POST only; a body that another method brings is not to go unsigned either.
    """
    url, _, query = reading.full_url().partition("?")
    pairs = sorted(query_fields(query))
    head = url + "?" + "&".join(f"{name}={value}" for name, value in pairs) if pairs else url
    fields = "".join(name + value for name, value in sorted(_fields(reading)))
    mark = "." if pairs else "?"
    return utf8(f"{head}{mark}{fields}" if fields else head)


def _fields(reading: Reading) -> list[tuple[str, str]]:
    """Every field of the body. One that cannot be read so would go unsigned, and is refused."""
    multipart = is_multipart(reading.request.headers.get("content-type"))
    if reading.body and (multipart or not reading.form):
        raise VerificationFailed("field_malformed", "the body is no form whose fields are signed")
    return reading.form


CANONICAL: Final[Mapping[str, Canonical]] = {
    "aws-sns": Canonical(
        _aws_sns, tuple(sorted({f"json:{key}" for keys in _SNS_KEYS.values() for key in keys}))
    ),
    "form-sorted": Canonical(_form_sorted, ("body",)),
    "plivo": Canonical(_plivo, ("url", "body")),
}
