"""When a request was sent: read in its unit, judged against a tolerance, and written for signing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, get_args

from holdfast.errors import VerificationFailed
from holdfast.verify.locate import Locator
from holdfast.verify.reading import Reading

Unit = Literal["s", "ms", "iso8601"]
UNITS: Final = get_args(Unit)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER: Final = re.compile(r"(\d{1,15})(?:\.(\d{1,9}))?", re.ASCII)
"""Fifteen digits of milliseconds reach the year 33,658; NaN, signs and exponents are no times."""


@dataclass(frozen=True, slots=True)
class Timestamp:
    """Where the time of sending stands, its unit, and how far off it may be.

    `tolerance_ms` None: the time is part of what is signed, but never too old.
    """

    locator: Locator
    unit: Unit
    tolerance_ms: int | None

    def read(self, reading: Reading) -> int:
        """Milliseconds since 1970. Raises VerificationFailed; leaves the text in the reading."""
        text = reading.find(self.locator)
        if text is None:
            raise VerificationFailed("timestamp_missing", str(self.locator))
        sent_at_ms = _milliseconds(text, self.unit)
        if sent_at_ms is None:
            raise VerificationFailed("timestamp_malformed", str(self.locator))
        reading.timestamp = text
        return sent_at_ms

    def judge(self, sent_at_ms: int, now_seconds: float) -> None:
        """Raises VerificationFailed where it is off by more; exactly the tolerance is still fine.

        In whole milliseconds, so that the boundary does not depend on how a float was rounded.
        """
        if self.tolerance_ms is None:
            return
        age_ms = round(now_seconds * 1000) - sent_at_ms
        if age_ms > self.tolerance_ms:
            raise VerificationFailed("timestamp_too_old", f"sent {age_ms / 1000:g}s before")
        if -age_ms > self.tolerance_ms:
            raise VerificationFailed("timestamp_in_future", f"sent {-age_ms / 1000:g}s ahead")

    def write(self, now_seconds: float) -> str:
        """The text a sender would write now."""
        if self.unit == "s":
            return str(int(now_seconds))
        if self.unit == "ms":
            return str(round(now_seconds * 1000))
        moment = datetime.fromtimestamp(now_seconds, UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _milliseconds(text: str, unit: Unit) -> int | None:
    if unit == "iso8601":
        return _from_iso8601(text)
    number = _NUMBER.fullmatch(text)
    if number is None:
        return None
    if unit == "ms":
        return int(number[1])
    thousandths = ((number[2] or "") + "000")[:3]
    return int(number[1]) * 1000 + int(thousandths)


def _from_iso8601(text: str) -> int | None:
    """Any fraction of a second, cut to milliseconds; without a zone it is taken as UTC."""
    if "T" not in text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return (moment - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        return None
