"""Everything in front of the queue for one webhook: methods, templates, models, answers.

API Gateway sends to SQS by itself. Only where the door has to think, a function stands at it: for
`verify_at="gateway"`, and on the method on which a provider shakes hands by more than an echo or a
ping. It is the local gateway's own decision, so nothing is widened there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from holdfast.aws.answers import kept, not_kept
from holdfast.aws.mapping import FORM, request_template
from holdfast.aws.media import USUAL, spellings
from holdfast.aws.mock import greeting, only_echoes, refusal_of_method
from holdfast.aws.resources import Allow, Integration, Method, Throttle
from holdfast.compiled import CompiledWebhook
from holdfast.gateway.handshakes import Handshake, handshakes_of
from holdfast.message import Request
from holdfast.verify.reading import Reading

MODEL: Final = "Body"
"""The name of a webhook's model, after that of the webhook."""

STAGE: Final = "live"
"""Of the API: the first part of every path at its own address."""

DEFAULT_THROTTLE: Final = Throttle(1_000, 2_000)
"""A tenth of what AWS grants an account in a Region: one webhook must not use up all of it."""

BURST_MAX: Final = 5_000
"""What an account may have at once."""

Door = Literal["sqs", "mock", "lambda"]

_PARAMETER: Final = re.compile(r"\{[^{}]+\}")
_FORM_HEADERS: Final = {"Content-Type": f"'{FORM}'"}


def doors(webhook: CompiledWebhook) -> dict[str, Door]:
    """What stands behind each method: those that carry events, and those of handshakes."""
    pings = queued_pings(webhook)
    thoughtful = {each.method for each in handshakes_of(webhook) if each not in pings}
    found: dict[str, Door] = {}
    for verb in webhook.methods:
        thinks = webhook.verify_at == "gateway" or verb in thoughtful
        found[verb] = "lambda" if thinks else "sqs"
    for handshake in handshakes_of(webhook):
        if handshake.method not in webhook.methods:
            others = [each for each in handshakes_of(webhook) if each.method == handshake.method]
            echoes = len(others) == 1 and only_echoes(handshake)
            found[handshake.method] = "mock" if echoes else "lambda"
    return found


def queued_pings(webhook: CompiledWebhook) -> tuple[Handshake, ...]:
    """Those handshakes that go into the queue like an event, and end with Verify.

    Their sender wants to hear the very success that it hears of events, and no model refuses them.
    """
    if webhook.schema is not None:
        return ()
    return tuple(
        each
        for each in handshakes_of(webhook)
        if each.asks_nothing
        and each.method in webhook.methods
        and each.terms.status == webhook.answer.status
    )


def ping_of(request: Request, pings: Sequence[Handshake]) -> Handshake | None:
    """Which of these a request is for; None: it is an event."""
    if not pings:
        return None
    reading = Reading(request)
    held = (each for each in pings if each.method == request.method)
    return next((each for each in held if each.held_out(reading)), None)


def methods(webhook: CompiledWebhook, model: Mapping[str, Any] | None) -> tuple[Method, ...]:
    """Every method of the webhook's path, `ANY` for all the others."""
    made = []
    for verb, door in doors(webhook).items():
        if door == "sqs":
            made.append(_to_queue(webhook, verb, model))
        elif door == "lambda":
            made.append(Method(verb, Integration("lambda", timeout_ms=29_000)))
        else:
            (handshake,) = (each for each in handshakes_of(webhook) if each.method == verb)
            mock = greeting(webhook, handshake)
            templates = {"application/json": mock.request_template}
            made.append(Method(verb, Integration("mock", templates, mock.responses)))
    refusal = refusal_of_method(webhook)
    own = (name for name in webhook.content_types if not name.endswith("/*"))
    templates = dict.fromkeys((*USUAL, *own), refusal.request_template)
    return (*made, Method("ANY", Integration("mock", templates, refusal.responses)))


def binary_types(webhook: CompiledWebhook) -> tuple[str, ...]:
    """Those that the API must not read as text."""
    accepted = spellings(webhook.content_types)
    return tuple(each.content_type for each in accepted if each.binary)


def allowed(webhook: CompiledWebhook) -> Allow | None:
    if not webhook.allow:
        return None
    path = _PARAMETER.sub("*", webhook.path)
    resources = tuple(f"{STAGE}/{verb}{path}" for verb in doors(webhook))
    return Allow(webhook.path, tuple(str(network) for network in webhook.allow), resources)


def throttle(webhook: CompiledWebhook) -> Throttle:
    rate = webhook.rate_limit
    if rate is None:
        return DEFAULT_THROTTLE
    return Throttle(rate.per_second, min(rate.burst, BURST_MAX))


def _to_queue(webhook: CompiledWebhook, verb: str, model: Mapping[str, Any] | None) -> Method:
    accepted = spellings(webhook.content_types)
    binary = any(each.binary for each in accepted)
    integration = Integration(
        "sqs",
        templates={
            each.content_type: request_template(webhook.path, binary=each.binary)
            for each in accepted
        },
        responses=(kept(webhook), *not_kept()),
        request_headers=_FORM_HEADERS,
        content_handling="CONVERT_TO_TEXT" if binary else None,
    )
    held = [each.content_type for each in accepted if not each.binary] if model is not None else []
    return Method(verb, integration, dict.fromkeys(held, MODEL))
