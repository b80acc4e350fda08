"""Filters of the console's lists, over real HTTP: in the address, in the form, and one by one away again."""

from __future__ import annotations

import httpx
import pytest

from console_scene import Scene, scene
from pages_kit import HOSTILE, Read, http, read, shown, wrong_with

_ = scene, http


def test_filters_are_strangers_text_too(scene: Scene, http: httpx.Client) -> None:
    """A link that somebody sends may hold anything; it comes back as text, and in the fields as it was."""
    scene.kept()
    page = read(
        http.get("/events", params={"text": HOSTILE, "type": HOSTILE, "webhook": "plain"}).text
    )
    fields = {one.attributes.get("name"): one.attributes.get("value") for one in page.all("input")}
    assert fields["text"] == fields["type"] == HOSTILE
    assert wrong_with(http.get("/events", params={"where": f"a={HOSTILE}"}).text) == []


def test_filters_narrow_and_can_be_taken_away(scene: Scene, http: httpx.Client) -> None:
    """Each stands in the address; empty fields mean nothing; what does not fit is said, not ignored."""
    keep = scene.done(body=b'{"customer": "cus_1"}')
    scene.dead()
    page = shown(http, "/events?webhook=plain&state=done&text=&where=customer%3Dcus_1&since=1h")
    assert [id for id in page.ids if id.startswith("e-")] == [f"e-{keep}"]
    assert "/events?webhook=plain&state=done&where=customer%3Dcus_1" in page.links()
    wrong = shown(http, "/events?where=nothing", 400)
    assert wrong.has("names no value")
    assert shown(http, "/events?misspelt=1", 400).has("misspelt")
    assert shown(http, "/events?text=nobody").has("No event matches")


MISREAD = (
    ("/events", "since", "yesterday", "neither an age"),
    ("/events", "until", "2h ago", "neither an age"),
    ("/events", "state", "dying", "Input should be"),
    ("/events", "verification", "maybe", "Input should be"),
    ("/events", "where", "nothing", "names no value"),
    ("/events", "where", "a[=1", "a["),
    ("/events", "text", "x" * 2_000, "at most 1024"),
    ("/dead", "since", "never", "neither an age"),
    ("/dead", "parked", "perhaps", "Input should be"),
    ("/dead/letters", "reason", "r" * 300, "at most 256"),
    ("/executions", "status", "LOST", "Input should be"),
    ("/runs", "active", "soon", "valid boolean"),
    ("/audit", "since", HOSTILE, "neither an age"),
)


def test_a_page_without_a_form_says_what_it_cannot_read(http: httpx.Client) -> None:
    """And leads to the same page without that, and with all that can be read."""
    for path, kept in (("/", ""), ("/webhooks", ""), ("/webhooks/orders", "?view=settings")):
        page = shown(http, f"{path}{kept}{'&' if kept else '?'}window=bad", 400)
        assert page.has("window Input should be '15m', '1h', '6h', '24h' or '7d'")
        assert f"{path}{kept}" in page.links()
        shown(http, f"{path}{kept}")


def test_a_filter_that_cannot_be_read_is_marked(http: httpx.Client) -> None:
    """The page is the list's own, with its form: what was typed is in it as it was, and what is wrong
    with that is said. What can be read stays as well, and there is a way to the whole list."""
    for path, name, typed, told in MISREAD:
        page = shown(http, path, 400, params={name: typed, "webhook": "plain"})
        assert page.has(told), (path, name)
        marked = [one for one in page.elements if "aria-invalid" in one.attributes]
        assert [one.attributes["name"] for one in marked] == [name]
        assert marked[0].attributes["aria-describedby"] in page.ids
        values = {
            one.attributes["name"]: one.attributes["value"]
            for one in page.all("input")
            if "name" in one.attributes and "value" in one.attributes
        }
        chosen = [
            one.attributes.get("value")
            for one in page.all("option")
            if "selected" in one.attributes
        ]
        assert typed in (values.get(name), *chosen), (path, name)
        assert "plain" in chosen
        assert path in page.links()
        assert "data-live" not in attributes_of(page)
    assert shown(http, "/events?misspelt=1", 400).has("misspelt Extra inputs are not permitted")
    twice = shown(http, "/events?state=done&state=dead", 400)
    assert twice.has("state given twice")


def attributes_of(page: Read) -> set[str]:
    return {name for one in page.elements for name in one.attributes}


@pytest.mark.parametrize(
    ("typed", "place"),
    [
        ("cus_4711", "/events?text=cus_4711"),
        ("data.id=cus_1", "/events?where=data.id%3Dcus_1"),
        ("a b=c", "/events?text=a+b%3Dc"),
        ("  ", "/events"),
        ("deadbeef", "/find/deadbeef"),
    ],
)
def test_what_is_typed_leads_somewhere(http: httpx.Client, typed: str, place: str) -> None:
    """A value at a path, an id, or a text: as it looks."""
    assert http.get("/events", params={"find": typed or " "}).headers.get("location") == place
