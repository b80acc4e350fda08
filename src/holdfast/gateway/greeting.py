"""Handshakes at the door: is this request one, who asks, and what is answered.

Pure, as `intake` is: what has to be done about it, keeping a token or visiting an address, is told
to the door.
"""

from __future__ import annotations

from collections.abc import Sequence

from holdfast.errors import SecretMissing, VerificationFailed
from holdfast.gateway.answers import Answer, Arrival, Greeting
from holdfast.gateway.gate import Gate
from holdfast.gateway.handshakes import Hand, Handshake, Reply
from holdfast.message import Request
from holdfast.secrets import Secrets
from holdfast.verify.reading import Reading
from holdfast.verify.source import check_source, fetches_keys


def announced(gate: Gate, arrival: Arrival) -> Handshake | None:
    """The handshake that the request line and the headers announce, if any."""
    if not gate.line_handshakes:
        return None
    request = Request(
        arrival.method, arrival.path, arrival.query, arrival.headers, b"", arrival.remote
    )
    return _held_out(gate.line_handshakes, Reading(request, gate.url))


def greet(
    gate: Gate, handshake: Handshake | None, arrival: Arrival, request: Request, secrets: Secrets
) -> Greeting | None:
    """What the provider gets; None: it is no handshake after all.

    `handshake`: the one that was announced. Raises VerificationFailed where the provider could not
    prove itself, SecretMissing where the answer needs a secret that is not there.
    """
    reading = Reading(request, gate.url)
    handshake = handshake or _held_out(gate.body_handshakes, reading)
    if handshake is None:
        return None
    reply = handshake.reply(Hand(reading, _secrets(gate, handshake, secrets), handshake.url))
    if reply is None:
        return None
    reply = _without_known(gate, reply, secrets)
    headers = (*reply.headers, ("x-request-id", arrival.id))
    return Greeting(
        Answer(reply.status, headers, reply.body),
        gate.webhook.name,
        handshake.name,
        _source(gate, handshake, request, secrets, arrival.now_ms / 1000),
        reply.token,
        reply.visit,
        request if reply.visit else None,
    )


def _held_out(handshakes: Sequence[Handshake], reading: Reading) -> Handshake | None:
    method = reading.request.method
    for each in handshakes:
        if each.method == method and each.held_out(reading):
            return each
    return None


def _secrets(gate: Gate, handshake: Handshake, secrets: Secrets) -> list[str]:
    """Those that its kind asks for; at least one. A token may be the provider's secret itself."""
    if not handshake.needs_secrets:
        return []
    refs = handshake.references(gate.webhook.verification)
    if not refs:
        raise SecretMissing(f"{gate.webhook.path}: the token of its handshake is not given")
    return secrets.values(refs)


def _source(
    gate: Gate, handshake: Handshake, request: Request, secrets: Secrets, now_seconds: float
) -> str:
    webhook = gate.webhook
    if not handshake.signed or webhook.verification is None:
        return "unsigned"
    if fetches_keys(webhook.verification):
        return "unchecked"  # the door waits for nobody's server: checked before anything is done
    try:
        check_source(webhook, request, secrets, now_seconds)
    except SecretMissing:
        if not handshake.kind.patient:
            raise
        return "unchecked"
    return "verified"


def _without_known(gate: Gate, reply: Reply, secrets: Secrets) -> Reply:
    """A token that is the secret already need not be kept; any other one is not believed."""
    verification = gate.webhook.verification
    if reply.token is None or verification is None:
        return reply
    try:
        known = secrets.values(verification.secrets)
    except SecretMissing:
        return reply
    if reply.token not in known:
        raise VerificationFailed("token_known", "the secret is there; it is not taken from here")
    return reply._replace(token=None)
