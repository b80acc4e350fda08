"""What is known of how an event's source was checked, told from what the store keeps anyway."""

from __future__ import annotations

from typing import Final, Literal

from holdfast.compiled import CompiledWebhook
from holdfast.message import DeadLetter, Failure
from holdfast.queue.contract import Entry, State
from holdfast.verify import REASONS
from holdfast.workflow.asl import VERIFY
from holdfast.workflow.sqs_send import VERIFIED

Verification = Literal["verified", "failed", "none", "pending", "unknown"]
"""`none`: the webhook asks for none. `pending`: not looked at yet. `unknown`: nobody noted it."""

RESULTS: Final[tuple[Verification, ...]] = ("verified", "failed", "none", "pending", "unknown")

_ERROR: Final = "VerificationFailed"


def verification_of(
    entry: Entry, webhook: CompiledWebhook | None
) -> tuple[Verification, str | None]:
    """The result, and the reason where it failed. `webhook`: as it is defined now, if it is."""
    door = entry.message.verdict
    last = entry.attempts[-1] if entry.attempts else None
    return _told(door, entry.reason, last, entry.attempts, entry.state, webhook)


def verification_of_letter(
    letter: DeadLetter, webhook: CompiledWebhook | None
) -> tuple[Verification, str | None]:
    """The same, of a dead letter."""
    door = letter.message.verdict
    return _told(door, letter.reason, letter.failure, letter.attempts, State.DEAD, webhook)


def _told(
    door: str | None,
    reason: str | None,
    last: Failure | None,
    attempts: tuple[Failure, ...],
    state: State,
    webhook: CompiledWebhook | None,
) -> tuple[Verification, str | None]:
    if door is not None:
        return ("verified", None) if door == VERIFIED else ("failed", door)
    refused = reason in REASONS or (last is not None and last.error == _ERROR)
    if state is State.DEAD and refused:
        return "failed", reason
    if webhook is None:
        return "unknown", None
    if webhook.verification is None:
        return "none", None
    first = verifying_state(webhook)
    if webhook.verify_at == "gateway" or state is State.DONE:
        return "verified", None
    if any(one.state not in ("", first) for one in attempts):
        return "verified", None
    return ("pending" if state in (State.WAITING, State.LEASED) else "unknown"), None


def verifying_state(webhook: CompiledWebhook) -> str:
    """The name of the state that checks the source; empty where the document has none."""
    start = str(webhook.workflow.get("StartAt", ""))
    state = webhook.workflow.get("States", {}).get(start, {})
    return start if state.get("Resource") == f"${{{VERIFY}}}" else ""
