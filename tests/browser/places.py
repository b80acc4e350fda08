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
    binary = event_id(shop, webhook="anything", bytes=2_048)
    return {
        "overview": "/",
        "overview-week": "/?window=7d",
        "events": "/events",
        "events-narrowed": "/events?state=dead&where=customer%3Dcus_1&verification=verified",
        "events-none": "/events?text=nobody-has-this",
        "events-wrong": "/events?where=nothing",
        "event-done": f"/events/{event_id(shop, webhook='orders', state='done', attempts=1)}",
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
        "not-here": "/nothing-here",
    }
