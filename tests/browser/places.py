"""Where everything is in the shop that was seeded: each page by a name."""

from __future__ import annotations

from typing import Any

from browser_kit import Shop
from seeds import HOSTILE


def event_id(shop: Shop, **wanted: Any) -> str:
    """The newest row of the list that is like this."""
    events = shop.api.get("/events", params={"limit": 200}).json()["items"]
    ids = (one["id"] for one in events if wanted.items() <= one.items())
    return str(next(ids))


def places(shop: Shop) -> dict[str, str]:
    """The path of each page; of those with an id, in every state that there is."""
    dead = event_id(shop, webhook="orders", state="dead", attempts=2)
    large = event_id(shop, webhook="anything", type="large")
    duplicate = next(
        one["id"]
        for one in shop.api.get("/events", params={"limit": 200}).json()["items"]
        if one["duplicate_of"] is not None
    )
    binary = event_id(shop, webhook="anything", bytes=2_048)
    return {
        "overview": "/",
        "overview-week": "/?window=7d",
        "events": "/events",
        "events-narrowed": "/events?state=dead&where=customer%3Dcus_1&verification=verified",
        "events-none": "/events?text=nobody-has-this",
        "events-wrong": "/events?where=nothing",
        "event-done": f"/events/{event_id(shop, webhook='orders', state='done', duplicate_of=None)}",
        "event-duplicate": f"/events/{duplicate}",
        "event-dead": f"/events/{dead}",
        "event-hostile": f"/events/{event_id(shop, type=HOSTILE)}",
        "event-failing": f"/events/{event_id(shop, webhook='anything', state='dead')}",
        "event-binary": f"/events/{binary}",
        "event-large": f"/events/{large}",
        "payload": f"/events/{event_id(shop, webhook='stripe')}/payload",
        "payload-large": f"/events/{large}/payload?view=raw",
        "payload-bytes": f"/events/{binary}/payload?view=bytes",
        "edit": f"/events/{event_id(shop, webhook='stripe')}/edit",
        "edit-binary": f"/events/{binary}/edit",
        "refusal": f"/refusals/{event_id(shop, kind='refusal', webhook='orders')}",
        "refusal-of-none": f"/refusals/{event_id(shop, kind='refusal', status=404)}",
        "alerts": "/alerts",
        "not-here": "/nothing-here",
        **work_places(shop),
    }


def group_id(shop: Shop, **wanted: Any) -> str:
    """The group of dead letters that is like this."""
    groups = shop.api.get("/dead/groups", params={"parked": "any"}).json()["items"]
    ids = (one["id"] for one in groups if wanted.items() <= one.items())
    return str(next(ids))


def execution(shop: Shop, came: str) -> str:
    """One in which a state came to this."""
    for row in shop.api.get("/executions", params={"limit": 200}).json()["items"]:
        for one in shop.api.get(f"/events/{row['event']}/executions").json():
            if came in one["passed"]["states"].values():
                return f"/events/{row['event']}/executions/{one['index']}"
    raise LookupError(came)


def work_places(shop: Shop) -> dict[str, str]:
    """Where failed work is taken in hand."""
    dead = event_id(shop, webhook="orders", state="dead", attempts=2)
    picks = group_id(shop, state="pick")
    return {
        "dead": "/dead",
        "dead-narrowed": "/dead?webhook=orders&since=24h&parked=any",
        "dead-none": "/dead?error=Nothing",
        "group": f"/dead/groups/{picks}",
        "dry-run": f"/dead/groups/{picks}?dry_run=3",
        "dry-run-fails": f"/dead/groups/{group_id(shop, reason='header_malformed')}?dry_run=1",
        "group-hostile": f"/dead/groups/{group_id(shop, error='RuntimeError')}?dry_run=1",
        "letters": "/dead/letters",
        "letter": f"/dead/letters/{dead}",
        "webhooks": "/webhooks",
        "webhook": "/webhooks/orders",
        "webhook-settings": "/webhooks/stripe?view=settings",
        "webhook-test": "/webhooks/orders?view=test",
        "executions": "/executions",
        "executions-failed": "/executions?status=FAILED&webhook=orders",
        "execution": execution(shop, "caught"),
        "execution-failed": f"/events/{dead}/executions/1",
        "execution-unvisited": f"/events/{dead}/executions/0?state=tell_customer",
        "runs": "/runs",
        "run": f"/runs/{shop.api.get('/runs').json()['items'][-1]['id']}",
        "audit": "/audit",
    }
