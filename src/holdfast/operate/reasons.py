"""Why an event rests or was refused: each name in one sentence, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from holdfast.verify import REASONS

DEAD: Final[Mapping[str, str]] = {
    **REASONS,
    "exhausted": "Every attempt failed, or its worker died every time.",
    "expired": "It waited longer than its queue's retention.",
    "permanent": "The handler said that trying again cannot help.",
    "envelope_invalid": "What lay in the queue is no request as a gateway writes one.",
    "schema_invalid": "The body passed the door but does not fit the full model.",
}
