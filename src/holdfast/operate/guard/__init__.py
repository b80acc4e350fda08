"""The provider guard: tells an operator before a sender gives up.

    facts     what is known of a webhook's sender, and what was counted of its requests
    rules     too slow, refused too often, silent: three pure functions
    rhythm    how long a source usually falls silent
    watch     the counts of the last minutes, and which warnings begin and end
    notes     a file in the store, so that commands and the console see them, and rhythms outlive a restart

Counts come from telemetry, about once a second; nothing here touches a request.
"""

from holdfast.operate.guard.facts import Counted, Sender, senders_of
from holdfast.operate.guard.notes import GUARD_FILE, read_warnings
from holdfast.operate.guard.watch import Guard
from holdfast.operate.overview import Warned

__all__ = [
    "GUARD_FILE",
    "Counted",
    "Guard",
    "Sender",
    "Warned",
    "read_warnings",
    "senders_of",
]
