"""Everything that will be otherwise on AWS, for one webhook as it is defined. Pure.

Each says what is so here, what is so there, and where it helps, what to do. What holds for every
webhook comes last.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from holdfast.aws.calls import foreign_functions
from holdfast.aws.door import BURST_MAX, DEFAULT_THROTTLE, doors
from holdfast.aws.limits import Limits
from holdfast.aws.media import families, spellings
from holdfast.aws.models import Widening
from holdfast.aws.watching import LOG_DAYS
from holdfast.clock import format_duration
from holdfast.compiled import CompiledWebhook, Forward
from holdfast.gateway.answers import RETRY_SECONDS
from holdfast.verify.function import FunctionVerification
from holdfast.workflow.asl import EXPRESS_SECONDS

BEYOND_REACH: Final = ("//localhost", "//127.", "//[::1]", "//0.0.0.0", "//host.docker.internal")


@dataclass(frozen=True, slots=True)
class Difference:
    """`topic`: one of a few words, to search by. `todo`: empty where nothing helps or none is needed."""

    topic: str
    here: str
    aws: str
    todo: str = ""


def differences(
    webhook: CompiledWebhook, limits: Limits, widenings: tuple[Widening, ...]
) -> tuple[Difference, ...]:
    """All of them, those of this very webhook first."""
    found: list[Difference] = []
    for part in (_size, _queue, _work):
        found += part(webhook, limits)
    found += _schema(webhook, widenings)
    for each in (_source, _content, _senders, _tasks):
        found += each(webhook)
    return (*found, *ALWAYS)


def _direct(webhook: CompiledWebhook) -> bool:
    """Whether API Gateway itself takes events for the queue."""
    return "sqs" in doors(webhook).values()


def _size(webhook: CompiledWebhook, limits: Limits) -> Iterator[Difference]:
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


def _schema(webhook: CompiledWebhook, widenings: tuple[Widening, ...]) -> Iterator[Difference]:
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


def _content(webhook: CompiledWebhook) -> Iterator[Difference]:
    if _direct(webhook):
        yield from _types(webhook)
    yield from _bytes(webhook)
    if _direct(webhook):
        yield Difference(
            "empty body",
            "an empty body is empty",
            "API Gateway writes {} for it; with a Content-Length of 0, or none, it is taken as empty",
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
    else:
        yield Difference(
            "query",
            "event.query is as it was sent",
            "it is written anew from its parameters, as API Gateway hands them to the function",
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
        f"the usual spellings of a charset are known ({len(known)} in all); another may be answered 415",
    )


def _bytes(webhook: CompiledWebhook) -> Iterator[Difference]:
    """Of what stands at the door, whatever it is, API Gateway reads the body first."""
    if any(not each.binary for each in spellings(webhook.content_types)):
        yield Difference(
            "invalid UTF-8",
            "the body is kept byte for byte, whatever it is",
            "a body is read as UTF-8, and every byte that is none becomes U+FFFD: a signature over "
            "such a body cannot fit. Types that are no text, such as application/octet-stream, "
            "arrive as they are",
        )


def _source(webhook: CompiledWebhook) -> Iterator[Difference]:
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
    if isinstance(scheme, FunctionVerification):
        yield Difference(
            "verification function",
            "your function sees the request as it came",
            "it runs in Lambda, over what the envelope holds: one value per header, the query written "
            "anew",
        )


def _queue(webhook: CompiledWebhook, limits: Limits) -> Iterator[Difference]:
    visible = format_duration(limits.visibility_timeout_seconds)
    first, most = (
        format_duration(each)
        for each in (webhook.pipe.backoff_seconds, webhook.pipe.max_backoff_seconds)
    )
    yield Difference(
        "backoff",
        f"the wait after a failure grows from {first} to {most}, drawn anew each time; "
        "Retryable(after_seconds=...) sets it",
        f"the wait is always the visibility timeout, {visible}; after_seconds is not heard",
        "let a Retry in the workflow wait out what passes quickly",
    )
    rest = limits.dead_retention_seconds - limits.retention_seconds
    left, tight = (f"as little as {format_duration(rest)}" if rest else "nothing"), rest < 86_400
    if limits.visibility_timeout_seconds != webhook.queue.visibility_timeout_seconds:
        yield Difference(
            "visibility timeout",
            f"{format_duration(webhook.queue.visibility_timeout_seconds)}, renewed while work runs",
            f"{visible}, six times the limit of an execution, and not renewed",
        )
    yield Difference(
        "expiry",
        f"what waits longer than {format_duration(limits.retention_seconds)} becomes a dead letter, expired",
        "SQS deletes it; an alarm tells at half of that time",
        "watch the alarm waits-too-long",
    )
    yield Difference(
        "dead letters",
        f"one rests for {format_duration(limits.dead_retention_seconds)} from its death",
        f"for one that SQS moves by itself, that time counts from its arrival: {left} may be left",
        *(("a shorter retention leaves more",) if tight else ()),
    )
    yield Difference(
        "attempt history",
        "a dead letter has every attempt, and the state that failed",
        "it has the last error with the beginning of its cause; earlier ones stand in the execution log, "
        f"for {LOG_DAYS} days",
    )
    if webhook.delivery_id:
        yield Difference(
            "duplicates",
            "one that comes while the first is in progress waits a second, and that is not counted",
            "it waits for the visibility timeout, and that is counted as a receive",
        )


def _work(webhook: CompiledWebhook, limits: Limits) -> Iterator[Difference]:
    pipe = webhook.pipe
    several = f"batches of {limits.batch}, worked {limits.concurrency} at a time"
    together = several if limits.batch > 1 else "batches of one"
    yield Difference(
        "concurrency",
        f"{pipe.concurrency} messages at once in each worker process",
        f"{together}; the pipe runs as many batches as there is backlog for",
        "a reserved concurrency of the functions protects what cannot bear that",
    )
    if limits.batch < pipe.batch:
        yield Difference(
            "batch",
            f"up to {pipe.batch:,} messages start together",
            f"{limits.batch}: a whole batch fits into 262,144 bytes and {EXPRESS_SECONDS} seconds",
            "a smaller body_limit allows larger batches",
        )
    if limits.batch > 1:
        yield Difference(
            "batch",
            "a record that fails, however it does, fails alone",
            f"one that takes the whole {limits.execution_seconds} s, or ends in States.Runtime, which nothing "
            "may catch, takes its batch along: all of it comes back",
            "Pipe(batch=1) keeps every record alone",
        )
    if webhook.timeout_seconds > EXPRESS_SECONDS - 15:
        yield Difference(
            "timeout",
            f"an attempt may take {format_duration(webhook.timeout_seconds)}",
            f"AWS ends an execution after {EXPRESS_SECONDS} s, start-up of functions included",
        )
    yield Difference(
        "functions",
        "handlers run in worker processes that stay",
        "each task is a function in Lambda of its own: nothing is shared in memory, a first call takes "
        "seconds, the disk is /tmp, and what is left running when a handler returns is frozen",
    )
    yield Difference(
        "environment",
        "handlers read the environment and .env files",
        "they find what the stack sets and no .env; secrets that the definition names come from Secrets "
        "Manager",
    )
    if any(
        not isinstance(each, Forward) and each.takes == "event" for each in webhook.tasks.values()
    ):
        yield Difference(
            "input",
            "an execution's input is what the contract says",
            "it has one member more, holdfast, in which the event travels to the tasks that take it",
        )


def _senders(webhook: CompiledWebhook) -> Iterator[Difference]:
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


def _tasks(webhook: CompiledWebhook) -> Iterator[Difference]:
    for task in webhook.tasks.values():
        if isinstance(task, Forward) and any(each in task.url.lower() for each in BEYOND_REACH):
            yield Difference(
                "forward",
                f"{task.name} goes to {task.url}",
                "that is the function's own machine in Lambda, where nothing listens",
                "forward to an address that is reached from AWS",
            )
    if webhook.log_level == "ALL":
        yield Difference(
            "execution log",
            "every step is kept with its input and output",
            "every step is logged, without: the log would hold what senders sent",
        )
    text = json.dumps(webhook.workflow)
    if "$$." in text or "$states.context" in text:
        yield Difference(
            "context object",
            "it is that of one event's execution",
            "an execution works a batch: Execution.Input is the array of records, and Map.Item the record",
        )
    for state, function in foreign_functions(webhook.workflow).items():
        yield Difference(
            "foreign function",
            f"state {state} calls the task of that name",
            f"it calls {function}, as it is written: a function of the account, not of this stack",
            "write ${NAME} to have the task deployed",
        )


ALWAYS: Final = (
    Difference(
        "answers",
        "what cannot be kept is answered 503",
        "500 or 504, with Retry-After, and never success",
    ),
    Difference(
        "refusals",
        "the newest 10,000 are kept with their reason and body",
        "they stand in the access log, without the body",
    ),
    Difference(
        "history",
        "what came in can be listed, searched and replayed",
        "what was worked is gone from the queue; its execution is in the log, without its data",
    ),
    Difference(
        "ids",
        "32 hex digits, sorted by arrival",
        "API Gateway's extended request id, in no order",
    ),
)
"""What holds for every webhook."""
