"""What an HTTP answer means to a state, and to the queue. Pure."""

from __future__ import annotations

import email.utils
from collections.abc import Collection, Sequence
from http import HTTPStatus
from typing import Any, Final, NamedTuple

import orjson

from holdfast.verify.source import REDACTED
from holdfast.workflow.failures import StateFailure
from holdfast.workflow.limits import DATA_LIMIT_BYTES

ANSWER_BYTES_MAX: Final = DATA_LIMIT_BYTES
"""A state cannot take more, so no more is read."""

CAUSE_MAX: Final = 8_192
"""Characters of an answer that a failure repeats."""

RETRY_AFTER_SECONDS_MAX: Final = 3_600.0
"""What a target may ask for: beyond an hour its own clock may be wrong, or its mood."""

_ASKS_TO_WAIT: Final = (429, 503)
_NO_TEXT: Final = ("image/", "video/", "audio/")


class Answer(NamedTuple):
    """`whole`: nothing was left out of the body."""

    status: int
    reason: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    whole: bool = True

    def header(self, name: str) -> str:
        """The first line of that name, in lower case; empty where there is none."""
        return next((value for each, value in self.headers if each == name), "")


def retry_after_seconds(answer: Answer, now_seconds: float) -> float | None:
    """How long a busy target (429, 503) asks to be left alone, one hour at most.

    None: it says nothing that can be used, so the queue's own backoff is better.
    """
    text = answer.header("retry-after").strip()
    if answer.status not in _ASKS_TO_WAIT or not text:
        return None
    if text.isascii() and text.isdecimal():
        seconds = float(text[:12])
    else:
        try:
            seconds = email.utils.parsedate_to_datetime(text).timestamp() - now_seconds
        except (ValueError, OverflowError):
            return None
    return min(seconds, RETRY_AFTER_SECONDS_MAX) if seconds > 0 else None


def is_success(answer: Answer) -> bool:
    return 200 <= answer.status < 300


def excerpt(answer: Answer, hidden: Collection[str]) -> str:
    """The beginning of what it says, or its status in words, without what is to stay hidden."""
    text = answer.body.decode("utf-8", "replace").strip()
    if not answer.whole:
        text = _without_beginnings(text, hidden)
    return without(text or _phrase(answer), hidden)[:CAUSE_MAX]


def result(answer: Answer, hidden: Collection[str]) -> dict[str, Any]:
    """What the state gets to see. Raises StateFailure where that is no text, or too much."""
    content_type = answer.header("content-type").partition(";")[0].strip().lower()
    if content_type == "application/octet-stream" or content_type.startswith(_NO_TEXT):
        said = f"The content-type '{content_type}' of the response is not supported."
        raise StateFailure("States.Runtime", said)
    if not answer.whole:
        said = "The response of the HTTP Task exceeds the maximum number of bytes service limit."
        raise StateFailure("States.DataLimitExceeded", said)
    headers: dict[str, list[str]] = {}
    for name, value in answer.headers:
        headers.setdefault(name, []).append(without(value, hidden))
    seen: dict[str, Any] = {"Headers": headers}
    if answer.body:
        seen["ResponseBody"] = _hide(_body(answer.body, content_type), hidden)
    return {**seen, "StatusCode": answer.status, "StatusText": _phrase(answer)}


def _body(body: bytes, content_type: str) -> Any:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        said = "The response of the HTTP Task cannot be read as a valid string."
        raise StateFailure("States.Runtime", said) from None
    if content_type == "application/json" or content_type.endswith("+json"):
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            return text
    return text


def _phrase(answer: Answer) -> str:
    if answer.reason:
        return answer.reason
    try:
        return HTTPStatus(answer.status).phrase
    except ValueError:
        return ""


def _hide(value: Any, hidden: Collection[str]) -> Any:
    if isinstance(value, str):
        return without(value, hidden)
    if isinstance(value, list):
        return [_hide(item, hidden) for item in value]
    if isinstance(value, dict):
        return {without(name, hidden): _hide(below, hidden) for name, below in value.items()}
    return value


def without(text: str, hidden: Collection[str]) -> str:
    """The text, with everything hidden replaced: a target may well repeat what it was sent."""
    for secret in hidden:
        text = text.replace(secret, REDACTED)
    return text


def _without_beginnings(text: str, hidden: Collection[str]) -> str:
    """Of a text that was cut: without the end of it that may be the beginning of a secret."""
    sizes = (
        size
        for secret in hidden
        for size in range(min(len(secret), len(text)), 0, -1)
        if text.endswith(secret[:size])
    )
    return text[: len(text) - max(sizes, default=0)]
