"""The API's arrivals and events by id: everything that was kept, once, and what became of it."""

from __future__ import annotations

from typing import Any

from console_scene import Scene, scene

_ = scene


def ids(page: Any) -> list[str]:
    return [one["id"] for one in page["items"]]


def test_arrivals_go_on_from_a_cursor(scene: Scene) -> None:
    """Oldest first; the same rows as in the list; without a cursor only where one is now."""
    scene.kept()
    begin = scene.client.get("/arrivals")
    assert (begin["items"], begin["more"]) == ([], False)
    made = [scene.kept(), scene.order(b'{"id":"1","total":1,"kind":"order.paid"}'), scene.done()]

    page = scene.client.get("/arrivals", cursor=begin["cursor"], limit=2)
    assert (ids(page), page["more"]) == (made[:2], True)
    assert page["items"][1]["type"] == "order.paid"
    rest = scene.client.get("/arrivals", cursor=page["cursor"])
    assert (ids(rest), rest["more"], rest["items"][0]["state"]) == (made[2:], False, "done")
    assert ids(scene.client.get("/arrivals", since="1h", limit=3))[1:] == made[:2]


def test_arrivals_are_narrowed_and_the_cursor_goes_on(scene: Scene) -> None:
    """What does not match is left out, and not looked at again."""
    cursor = scene.client.get("/arrivals")["cursor"]
    wanted = scene.order(b'{"id":"A-1","total":1,"kind":"order.paid"}')
    scene.order(b'{"id":"B-2","total":1,"kind":"order.lost"}')
    dead = scene.dead(error="KeyError")
    scene.refused()

    for asked in (
        {"webhook": "orders", "text": "a-1"},
        {"where": "id=A-1"},
        {"type": "*.paid"},
        {"type": "order.paid", "verification": "pending", "state": "waiting"},
    ):
        page = scene.client.get("/arrivals", cursor=cursor, **asked)
        assert ids(page) == [wanted], asked
        assert scene.client.get("/arrivals", cursor=page["cursor"])["items"] == []
    assert ids(scene.client.get("/arrivals", cursor=cursor, error="KeyError")) == [dead]
    assert ids(scene.client.get("/arrivals", cursor=cursor, reason="exhausted")) == [dead]
    assert ids(scene.client.get("/arrivals", cursor=cursor, until="2h")) == []
    assert ids(scene.client.get("/arrivals", cursor=cursor, state="refused")) == []


def test_a_cursor_of_another_store_is_a_conflict(scene: Scene) -> None:
    """Told by its own code; a misspelt parameter is a mistake."""
    error = scene.client.fails("GET", "/arrivals", 409, params={"cursor": "7.deadbeef"})
    assert error["code"] == "cursor_unknown"
    assert scene.client.fails("GET", "/arrivals", 400, params={"after": "x"})["code"] == (
        "invalid_request"
    )


def test_events_can_be_asked_for_by_id(scene: Scene) -> None:
    """In that order, refusals too, those that match; and none that is not there."""
    one, other, refused = scene.done(), scene.dead(), scene.refused()
    gone = "0" * 32

    assert ids(scene.client.get("/events", id=[other, gone, refused, one])) == [
        other, refused, one,
    ]  # fmt: skip
    assert ids(scene.client.get("/events", id=[one, other], state="dead")) == [other]
    assert ids(scene.client.get("/events", id=[one, refused], state="refused")) == [refused]
    assert ids(scene.client.get("/events", id=[one, refused], refused="false")) == [one]
    assert ids(scene.client.get("/events", id=[one, refused], text="too young")) == [refused]
