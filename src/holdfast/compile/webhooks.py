"""One webhook after the other, each judged field by field, then all of them together."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, cast, get_args

from holdfast.compile import alerts, bodies, notified, paths, settings
from holdfast.compile.sources import source
from holdfast.compile.spot import Spot, quoted, shown
from holdfast.compile.values import NAME, choice, duration
from holdfast.compile.work import work
from holdfast.compiled import Compiled, CompiledWebhook
from holdfast.definition import App, LogLevel, VerifyAt, Webhook
from holdfast.errors import DefinitionError, Mistake

_JSON: Final[tuple[str, ...]] = ("application/json",)
_ANY: Final[tuple[str, ...]] = ("*/*",)


def compile_app(app: App) -> Compiled:
    """The whole definition as frozen data. Raises DefinitionError with every mistake in it."""
    compiled, mistakes = _compiled(app)
    if mistakes:
        raise DefinitionError(mistakes)
    return compiled


def check_app(app: App) -> list[Mistake]:
    """Every mistake, webhook by webhook; none: the definition can be run."""
    return _compiled(app)[1]


def _compiled(app: App) -> tuple[Compiled, list[Mistake]]:
    if not isinstance(app, App):
        raise TypeError(f"an App is needed, not {type(app).__name__}")
    found: list[Mistake] = []
    spot = Spot(found, app.place, field="App")
    if not isinstance(app.name, str) or not NAME.fullmatch(app.name):
        spot.under("name").wrong(
            f"{quoted(app.name)} is not a name; use 1 to 64 letters, digits, _ and -"
        )
    if not app.webhooks:
        spot.wrong('has no webhook; write @app.webhook("/users") above a function')
    compiled = []
    queues = paths.queues(app.webhooks)
    for webhook in app.webhooks:
        where = Spot(found, webhook.place, str(webhook.path))
        compiled.append((_webhook(where, webhook, queues), where))
    paths.collisions(compiled)
    webhooks = tuple(webhook for webhook, _ in compiled)
    rules = alerts.rules(spot, app, webhooks)
    return Compiled(app.name, webhooks, rules, notified.targets(spot, app)), found


def _webhook(spot: Spot, webhook: Webhook, queues: Collection[str]) -> CompiledWebhook:
    """`queues`: the names and paths of all webhooks."""
    given = webhook.settings
    path = paths.path(spot.under("path"), webhook.path)
    timeout = _timeout(spot.under("timeout"), given["timeout"])
    origin = source(spot, given)
    done = work(spot, webhook, timeout, typed=bool(origin.event_type), queues=queues)
    schema = bodies.schema(spot, given, done.model, done.model_spot or spot.under("body"))
    accepted = _JSON if schema is not None else _ANY
    told = given["answer"]
    if origin.provider is not None:
        told = origin.provider.answer if told is None else told
        theirs = spot.under("provider.content_types")
        accepted = settings.content_types(theirs, origin.provider.content_types, _ANY)
    return CompiledWebhook(
        name=paths.name(spot.under("name"), given["name"], path),
        path=path,
        methods=settings.methods(spot.under("methods"), given["methods"]),
        content_types=settings.content_types(
            spot.under("content_types"),
            given["content_types"],
            accepted,
        ),
        body_limit_bytes=settings.body_limit(spot.under("body_limit"), given["body_limit"]),
        rate_limit=settings.rate_limit(spot.under("rate_limit"), given["rate_limit"]),
        allow=settings.allow(spot.under("allow"), given["allow"]),
        verification=origin.verification,
        verify_at=cast(
            VerifyAt, choice(spot.under("verify_at"), given["verify_at"], get_args(VerifyAt))
        ),
        provider=origin.provider,
        delivery_id=origin.delivery_id,
        event_type=origin.event_type,
        answer=settings.answer(spot.under("answer"), told, origin.provider),
        schema=schema,
        body_model=done.model,
        queue=settings.queue(spot.under("queue"), given["queue"], timeout),
        pipe=settings.pipe(spot.under("pipe"), given["pipe"]),
        timeout_seconds=timeout,
        workflow=done.document,
        tasks=done.tasks,
        log_level=cast(
            LogLevel, choice(spot.under("log_level"), given["log_level"], get_args(LogLevel))
        ),
        place=shown(webhook.place),
        connections=done.connections,
    )


def _timeout(spot: Spot, value: object) -> float:
    """Whole seconds, as the workflow language counts them; five minutes end an Express execution."""
    known = len(spot.found)
    seconds = duration(spot, value, at_least="1s", at_most="5m")
    if len(spot.found) == known and seconds != int(seconds):
        spot.wrong(f"{quoted(value)} is not a whole number of seconds")
    return seconds
