"""What is otherwise in front of the queue: sizes, schema, content types, senders, their proof."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from holdfast.aws.behind import hands_over
from holdfast.aws.differences.kind import Difference
from holdfast.aws.door import BURST_MAX, DEFAULT_THROTTLE, STAGE, doors, queued_pings
from holdfast.aws.limits import Limits
from holdfast.aws.media import families, spellings
from holdfast.aws.models import Widening
from holdfast.compiled import CompiledWebhook
from holdfast.gateway.answers import RETRY_SECONDS
from holdfast.gateway.handshakes import handshakes_of
from holdfast.verify.function import FunctionVerification

_ADDRESS: Final = frozenset({"url", "path", "query"})
"""What of a request a signature vouches for, where the API's own address counts."""


def size(webhook: CompiledWebhook, limits: Limits) -> Iterator[Difference]:
    body, limit = limits.body_bytes, webhook.body_limit_bytes
    queue = f"the queue takes messages of {limits.message_bytes:,} bytes, {body:,} of body or a little more"
    if body < limit:
        yield Difference(
            "size",
            f"bodies of up to {limit:,} bytes",
            f"{queue}; more is answered 413",
            "send a link instead of what is larger, or set a smaller body_limit here too",
        )
    else:
        yield Difference(
            "size",
            f"a body of more than {limit:,} bytes is answered 413",
            f"{queue}; up to that, a larger one than here may be accepted and is worked",
        )


def schema(webhook: CompiledWebhook, widenings: tuple[Widening, ...]) -> Iterator[Difference]:
    if webhook.schema is None or not _direct(webhook):
        return
    yield Difference(
        "schema",
        "a body that does not fit is answered 400, each error with its path and keyword",
        "API Gateway answers 400 with one text for all errors; what only the full schema refuses is "
        "kept, answered with success, and quarantined as schema_invalid by the first state",
    )
    for each in widenings:
        yield Difference(
            "schema",
            f"{each.keyword} at {each.path or '/'} is held at the door",
            f"widened at the door: {each.why}",
        )
    yield Difference(
        "schema",
        "a key given twice, nesting beyond 64 levels and the like are answered 400",
        "API Gateway's JSON reader decides at the door; the first state is as strict as here",
    )


def content(webhook: CompiledWebhook) -> Iterator[Difference]:
    if _direct(webhook):
        yield from _types(webhook)
    if any(not each.binary for each in spellings(webhook.content_types)):
        # Whatever stands at the door, API Gateway reads the body first.
        yield Difference(
            "invalid UTF-8",
            "the body is kept byte for byte, whatever it is",
            "a body is read as UTF-8, and every byte that is none becomes U+FFFD: a signature over "
            "such a body cannot fit, and JSON that is refused here for it may be let in. Types that are no text, such as application/octet-stream, "
            "arrive as they are",
        )
    if not _direct(webhook):
        yield Difference(
            "query",
            "event.query is as it was sent",
            "it is written anew from its parameters, as API Gateway hands them to the function",
        )
        return
    yield Difference(
        "empty body",
        "an empty body is empty",
        "API Gateway writes {} for it; with a Content-Length of 0, or none, it is taken as empty, and "
        "so is a body of {} that is sent without one",
    )
    yield Difference(
        "repeated headers",
        "every line is kept, and the first of a name is what a scheme looks at",
        "the last value of each name is known, and no other; a name in two spellings of its letters "
        "is quarantined as envelope_invalid",
    )
    yield Difference(
        "query",
        "event.query is as it was sent",
        "it is written anew from its parameters: the last value of each, in no order",
    )


def _types(webhook: CompiledWebhook) -> Iterator[Difference]:
    accepted = families(webhook.content_types)
    known = [each.content_type for each in spellings(webhook.content_types)]
    if accepted:
        plain = [each for each in known if ";" not in each]
        yield Difference(
            "content type",
            f"{', '.join(accepted)} is taken",
            f"API Gateway knows types by name: {', '.join(plain)}; any other is answered 415",
            "name the types that your senders use in content_types=[...]",
        )
    yield Difference(
        "content type",
        "parameters such as charset never count",
        f"a charset is known in its usual spellings, of types named here and of those that senders "
        f"write one with ({len(known)} in all); another may be answered 415",
    )


def source(webhook: CompiledWebhook) -> Iterator[Difference]:
    scheme = webhook.verification
    behind = doors(webhook)
    thinking = sorted(verb for verb, door in behind.items() if door == "lambda")
    if thinking:
        why = (
            'verify_at="gateway"'
            if webhook.verify_at == "gateway"
            else "a handshake that is more than an echo"
        )
        yield Difference(
            "function at the door",
            "the gateway decides by itself",
            f"{', '.join(thinking)} goes through a function in Lambda, for {why}: it decides as the "
            "gateway here does, costs an invocation, and its first request after a pause is slow",
        )
    if scheme is not None and scheme.secret_headers and _direct(webhook):
        header = ", ".join(scheme.secret_headers)
        yield Difference(
            "static secret",
            f"the door checks {header} and keeps [redacted] in its place",
            f"{header} lies in the queue, encrypted, until the first state has checked it; it goes no "
            "further, but a dead letter still has it",
            'verify_at="gateway" checks it at the door there too',
        )
    if queued_pings(webhook) and _direct(webhook):
        yield Difference(
            "ping",
            "the sender's ping is answered by the gateway, 401 where it is signed with another secret",
            "it goes into the queue like an event and hears success; the first state ends it, and puts "
            "one that is signed with another secret into dead letters",
        )
    yield from _signed_address(webhook)
    if hands_over(webhook):
        yield Difference(
            "handed over",
            "the secret that the sender hands over is kept in a file beside the store",
            "the function at the door makes a secret of it, once, under the name that plan lists; it "
            "stays when the stack is deleted, and a new one is taken once that one is deleted",
        )
    if any(each.visits for each in handshakes_of(webhook)):
        yield Difference(
            "visit",
            "the address that the sender wants visited is visited after the answer",
            "it is visited before: Lambda freezes what is left running",
        )
    if isinstance(scheme, FunctionVerification):
        yield Difference(
            "verification function",
            "your function sees the request as it came",
            "it runs in Lambda, over what the envelope holds: one value per header, the query written "
            "anew",
        )


def _signed_address(webhook: CompiledWebhook) -> Iterator[Difference]:
    """Of schemes that sign where they send to, of which the path is the least."""
    scheme = webhook.verification
    if _ADDRESS.isdisjoint(getattr(scheme, "covers", ())):
        return
    url = getattr(scheme, "url", "")
    who = webhook.provider.title if webhook.provider is not None else "the scheme"
    given = f"as url= gives it, {url}" if url else "as it was called"
    there = "url= has to be" if url else "that is"
    yield Difference(
        "signed URL",
        f"{who} signs the address too, {given}",
        f"{there} https://ID.execute-api.REGION.amazonaws.com/{STAGE}{webhook.path}, stage included, or "
        "that of a domain of your own; and a query is written anew, so that a signature over several "
        "parameters, or one with escapes of its own, does not fit",
        "register the address that the stack's output says, without a query; set url= where a domain "
        "or a proxy of your own stands before it",
    )


def senders(webhook: CompiledWebhook) -> Iterator[Difference]:
    if webhook.allow:
        yield Difference(
            "allow-list",
            "others are answered 403 by the gateway",
            "a resource policy of the API refuses them before anything else is looked at",
        )
    rate = webhook.rate_limit
    if rate is None:
        yield Difference(
            "rate limit",
            "none",
            f"{DEFAULT_THROTTLE.per_second:,.0f} requests a second, {DEFAULT_THROTTLE.burst:,} at once, so that this webhook "
            "cannot use up what the account has in its Region",
            "RateLimit(...) sets it",
        )
    else:
        capped = f", {BURST_MAX:,} at once at most" if rate.burst > BURST_MAX else ""
        yield Difference(
            "rate limit",
            f"{rate.per_second:g} a second in each gateway process, Retry-After as it is",
            f"about as many in all, whoever sends{capped}; best effort, and Retry-After is always {RETRY_SECONDS}",
        )


def _direct(webhook: CompiledWebhook) -> bool:
    """Whether API Gateway itself takes events for the queue."""
    return "sqs" in doors(webhook).values()
