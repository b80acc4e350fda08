"""The wiring: what each webhook is, how it is set, what runs in it, and its switch."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from holdfast.compiled import CompiledWebhook, Forward
from holdfast.console.asking import Asked, Time
from holdfast.console.endpoint import Call, Endpoint
from holdfast.console.routes.front import Window, overview_webhooks
from holdfast.console.rows import moment
from holdfast.console.shapes.front import OverviewWebhook
from holdfast.console.shapes.webhooks import (
    HandshakeFields,
    PausedFields,
    SecretFields,
    SenderFields,
    StateFields,
    TaskFields,
    WebhookFields,
    WebhookRow,
)
from holdfast.console.site import Site
from holdfast.definition import Handshake, Provider
from holdfast.errors import NotFound
from holdfast.operate import lookup
from holdfast.operate.abilities import watch_of
from holdfast.operate.graph import graph
from holdfast.operate.overview import Series, secret_states, series, series_start
from holdfast.operate.times import parse_time


async def list_webhooks(call: Call[Window]) -> list[WebhookRow]:
    rows = await call.site.look(_rows, call.site, call.params.window)
    return [webhook_row(call.site, row) for row in rows]


def _rows(site: Site, window: str) -> list[OverviewWebhook]:
    store, now = site.store, site.clock.now_ms()
    depths, pauses, watch = store.depth(), store.pauses(), watch_of(store)
    told: Series | None = None
    if watch is not None:
        start, step, _ = series_start(now, window)
        names = [depth.webhook for depth in depths]
        told = series(watch.series(start, step), names, now, window)
    return overview_webhooks(site, depths, pauses, told)


def webhook_row(site: Site, row: OverviewWebhook) -> WebhookRow:
    webhook = site.webhook(row["name"])
    provider = webhook.provider if webhook else None
    verification = webhook.verification if webhook else None
    return {
        **row,
        "provider": provider.name if provider else None,
        "verification": _scheme(verification) if verification else None,
        "methods": list(webhook.methods) if webhook else [],
    }


class StatesSince(Window):
    states_since: Time = "1h"


async def webhook(call: Call[StatesSince]) -> WebhookFields:
    return await call.site.look(_webhook, call.site, call.path["name"], call.params)


def _webhook(site: Site, name: str, asked: StatesSince) -> WebhookFields:
    found = next((row for row in _rows(site, asked.window) if row["name"] == name), None)
    if found is None:
        raise NotFound(f"no webhook {name}")
    defined = site.webhook(name)
    since = parse_time(asked.states_since, site.clock.now_ms())
    states = _states(site, name, since)
    return {
        **webhook_row(site, found),
        "sender": sender_fields(defined.provider) if defined and defined.provider else None,
        "place": defined.place if defined else None,
        "settings": settings(defined) if defined else None,
        "body_schema": defined.schema if defined else None,
        "secrets": _secrets(site, defined) if defined else [],
        "workflow": defined.workflow if defined else None,
        "graph": graph(defined.workflow) if defined else None,
        "tasks": _tasks(defined) if defined else [],
        "states": states,
        "states_since": moment(since) if states is not None else None,
    }


def settings(webhook: CompiledWebhook) -> dict[str, Any]:
    """Every number of the definition, durations in seconds. No secret is among them."""
    return {
        "content_types": list(webhook.content_types),
        "body_limit_bytes": webhook.body_limit_bytes,
        "rate_limit": asdict(webhook.rate_limit) if webhook.rate_limit else None,
        "allow": [str(network) for network in webhook.allow],
        "verify_at": webhook.verify_at,
        "delivery_id": list(webhook.delivery_id),
        "event_type": list(webhook.event_type),
        "answer": {
            "status": webhook.answer.status,
            "body": webhook.answer.body,
            "headers": [list(line) for line in webhook.answer.headers],
        },
        "queue": asdict(webhook.queue),
        "pipe": asdict(webhook.pipe),
        "timeout_seconds": webhook.timeout_seconds,
        "log_level": webhook.log_level,
    }


def sender_fields(provider: Provider) -> SenderFields:
    """What an operator needs to know of a sender when something is wrong."""
    retries, disabling = provider.retries, provider.disabling
    return {
        "name": provider.name,
        "title": provider.title,
        "variant": provider.variant,
        "statuses": provider.statuses,
        "deadline_seconds": provider.deadline_seconds,
        "retries": None
        if retries is None
        else {
            "count": retries.count,
            "delays_seconds": list(retries.delays_seconds),
            "period_seconds": retries.period_seconds,
            "note": retries.note,
        },
        "disabling": None
        if disabling is None
        else {
            "failures": disabling.failures,
            "window_seconds": disabling.window_seconds,
            "note": disabling.note,
        },
        "handshakes": [_handshake(one) for one in provider.handshakes],
        "addresses": list(provider.addresses),
        "notes": list(provider.notes),
        "unconfirmed": list(provider.unconfirmed),
    }


def _handshake(one: Handshake | str) -> HandshakeFields:
    if isinstance(one, str):
        return {"kind": one, "when": "", "answer": ""}
    return {"kind": one.kind, "when": one.when, "answer": one.answer}


def _scheme(verification: Any) -> str:
    return str(getattr(verification, "name", type(verification).__name__))


def _secrets(site: Site, webhook: CompiledWebhook) -> list[SecretFields]:
    return [
        {
            "reference": one.reference,
            "purpose": one.purpose,
            "name": one.name,
            "there": one.there,
            "problem": one.problem,
        }
        for one in secret_states(webhook, site.secrets)
    ]


def _tasks(webhook: CompiledWebhook) -> list[TaskFields]:
    tasks: list[TaskFields] = []
    for name, task in webhook.tasks.items():
        if isinstance(task, Forward):
            tasks.append({"name": name, "kind": "forward", "takes": None, "url": task.url})
        else:
            tasks.append({"name": name, "kind": "function", "takes": task.takes, "url": None})
    return tasks


def _states(site: Site, name: str, since_ms: int) -> list[StateFields] | None:
    watch = watch_of(site.store)
    if watch is None:
        return None
    found: list[StateFields] = []
    for one in watch.states(since_ms):
        ended = one.succeeded + one.failed
        if one.webhook == name:
            found.append(
                {
                    "name": one.state,
                    "running": one.running,
                    "succeeded": one.succeeded,
                    "failed": one.failed,
                    "mean_ms": round(one.milliseconds / ended, 3) if ended else None,
                }
            )
    return found


async def pause(call: Call[Any, Asked]) -> PausedFields:
    return await call.site.look(_set_paused, call, True)


async def resume(call: Call[Any, Asked]) -> PausedFields:
    return await call.site.look(_set_paused, call, False)


def _set_paused(call: Call[Any, Asked], paused: bool) -> PausedFields:
    store, name = call.site.store, call.path["name"]
    if call.site.webhook(name) is None:
        lookup.known_webhook(store, name)
    call.book.note("pause" if paused else "resume", webhook=name)
    if paused:
        store.pause(name)
    else:
        store.resume(name)
    return {"webhook": name, "paused": paused}


ENDPOINTS: Final = (
    Endpoint("GET", "/webhooks", "webhooks", "Every webhook, defined or known to the store",
             "webhooks", list_webhooks, list[WebhookRow], params=Window),
    Endpoint("GET", "/webhooks/{name}", "webhook",
             "One webhook: settings, workflow, graph, secrets' state, counts per state",
             "webhooks", webhook, WebhookFields, params=StatesSince, problems=(404,)),
    Endpoint("POST", "/webhooks/{name}/pause", "pause",
             "Stop working its messages; what comes in is kept", "webhooks",
             pause, PausedFields, body=Asked, problems=(404,)),
    Endpoint("POST", "/webhooks/{name}/resume", "resume", "Work its messages again", "webhooks",
             resume, PausedFields, body=Asked, problems=(404,)),
)  # fmt: skip
