"""Dead letters as pages, over real HTTP: groups, one group, dry runs, letters, what was done."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import Request

from console_scene import Scene, scene, served
from holdfast.console.endpoint import Call, Nothing
from holdfast.console.pages.dead import GroupAsked
from holdfast.console.pages.dead import group as group_page
from holdfast.operate.book import CONSOLE, Who
from holdfast.operate.front import FOLDERS, failing_at, front
from holdfast.runtime.console_options import ConsoleOptions
from pages_kit import HOSTILE, Read, attributes, http, shown, visitor, wrong_with

_ = scene, http


def acts(page: Read) -> dict[str, Any]:
    """What can be done from it: the endpoint, and what is sent along."""
    return {
        f"{one.attributes['data-act']} {one.attributes.get('data-key') or ''}".strip(): json.loads(
            one.attributes.get("data-body") or "{}"
        )
        for one in page.elements
        if "data-act" in one.attributes and "data-body" in one.attributes
    }


def group_of(scene: Scene, **wanted: Any) -> str:
    items = scene.client.get("/dead/groups", parked="any")["items"]
    return str(next(one["id"] for one in items if wanted.items() <= one.items()))


def orders(scene: Scene, count: int, total: float = 3) -> list[str]:
    """Letters of one group, their events signed as their sender would."""
    body = json.dumps({"id": "o-1", "total": total}).encode()
    return [
        scene.dead("orders", "KeyError", f"no order {n}", "Charge", id=scene.order(body))
        for n in range(count)
    ]


def test_where_others_say_that_things_are_shown_they_are(scene: Scene, http: httpx.Client) -> None:
    """Alerts and the command line write these addresses into messages; each has a page."""
    (letter,) = orders(scene, 1)
    ids = {
        "event": letter,
        "letter": letter,
        "refusal": scene.refused(),
        "group": group_of(scene, webhook="orders"),
        "webhook": "orders",
    }
    root = str(http.base_url)

    assert set(ids) == set(FOLDERS)
    for kind, id in ids.items():
        assert id in shown(http, front(root, kind, id)).text
    assert "no order" in shown(http, failing_at(root, "orders")).text
    assert "no order" not in shown(http, failing_at(root, "plain")).text


def test_groups_are_the_few_problems_that_they_are(scene: Scene, http: httpx.Client) -> None:
    """One row a group, with its count and its way in; those put aside are counted apart."""
    orders(scene, 3)
    scene.dead("plain", "ValueError", "x")
    parked = scene.dead("plain", "OSError", "y")
    scene.client.post("/dead/park", ids=[parked])

    page = shown(http, "/dead")

    assert page.has("4 letters in 2 groups")
    assert page.has("1 parked")
    assert f"/dead/groups/{group_of(scene, error='KeyError')}" in page.links()
    assert f"/dead/groups/{group_of(scene, error='OSError')}" not in page.links()
    assert not shown(http, "/dead?webhook=plain").has("KeyError no order")
    assert shown(http, "/dead?parked=only").has("1 letter in 1 group")
    assert shown(http, "/dead?error=Nothing").has("No dead letter matches")


def test_an_empty_list_says_what_to_do(http: httpx.Client) -> None:
    """Nothing failed: what would stand here, and how to see it."""
    page = shown(http, "/dead")

    assert page.has("No dead letters")
    assert "/webhooks" in page.links()
    assert shown(http, "/dead?parked=only").has("Nothing is parked")


def test_a_group_offers_the_whole_way_back(scene: Scene, http: httpx.Client) -> None:
    """Dry run, try five, redrive, park, purge: each against exactly this group, each with a key."""
    orders(scene, 7)
    id = group_of(scene, error="KeyError")

    page = shown(http, f"/dead/groups/{id}")

    assert page.has("Charge fails with KeyError")
    assert page.has("no order <n>")
    offered = acts(page)
    assert offered["POST /api/v1/dead/redrive t"] == {"group": id, "try_first": 5, "go_on": False}
    assert offered["POST /api/v1/dead/park p"] == {"group": id}
    keys = [one for one in attributes(page, "data-key") if one]
    assert {"d", "t", "r", "p", "x"} <= set(keys)
    assert len(set(keys)) == len(keys)
    hidden = {
        (one.attributes.get("name"), one.attributes.get("value")) for one in page.all("input")
    }
    assert ("group", id) in hidden
    assert page.has("Purge 7 letters")
    assert page.has("Type 7 to remove so many")
    assert "expect" in [one.attributes.get("name") for one in page.all("input")]
    assert len([one for one in page.links() if one.startswith("/dead/letters/")]) == 7 + 1


def test_a_dry_run_is_a_link_and_does_nothing(scene: Scene, http: httpx.Client) -> None:
    """What today's code would do, told state by state; no task is called, nothing is written down."""
    orders(scene, 2)
    id = group_of(scene, error="KeyError")
    before = scene.client.get("/dead/groups"), scene.client.get("/audit")

    page = shown(http, f"/dead/groups/{id}?dry_run=2")

    assert page.has("would be done, as far as can be told")
    # Green is for what is known: the task that failed was not called.
    assert [one for one in page.elements if one.attributes.get("class") == "badge quiet"]
    assert page.has("Charge charge assumed nothing")
    assert (scene.client.get("/dead/groups"), scene.client.get("/audit")) == before
    assert not shown(http, f"/dead/groups/{id}").has("would be done")
    assert http.get(f"/dead/groups/{id}?dry_run=21").status_code == 400


def test_a_dry_run_tells_what_would_fail(scene: Scene, http: httpx.Client) -> None:
    """Where the workflow itself ends badly, with the error and where."""
    orders(scene, 1, total=500)
    page = shown(http, f"/dead/groups/{group_of(scene, error='KeyError')}?dry_run=1")

    assert page.has("would fail, and be tried again")
    assert page.has("TooLarge")


def test_a_part_that_is_fetched_anew_runs_no_dry_run(scene: Scene, http: httpx.Client) -> None:
    """A redrive tells each step; only the part that shows the dry run makes it again."""
    orders(scene, 1)
    path = f"/dead/groups/{group_of(scene, error='KeyError')}?dry_run=1"
    parts = {
        name: http.get(path, headers={"x-holdfast-fragment": name}).text
        for name in ("content", "dry", "letters", "history")
    }

    assert [name for name, text in parts.items() if "would be done" in text] == ["dry"]
    assert "toolbar" in parts["content"]
    assert "/dead/letters/" in parts["letters"]
    found = {name: found_for(scene, path, name) for name in ("content", "dry")}
    assert found["content"]["dry"] is None
    assert found["dry"]["dry"] is not None


def found_for(scene: Scene, path: str, fragment: str) -> Any:
    """What the group's page finds for one of its parts."""
    headers = [(b"x-holdfast-fragment", fragment.encode())]
    request = Request({"type": "http", "headers": headers})
    id = path.split("/")[3].partition("?")[0]
    call = Call(
        scene.console.site, Who("ada", CONSOLE), None, {"id": id}, GroupAsked(dry_run=1), Nothing(),
        request,
    )  # fmt: skip
    return asyncio.run(group_page(call))


def test_a_group_that_is_empty_tells_what_was_done(scene: Scene, http: httpx.Client) -> None:
    """Its address stays good; one that nobody ever touched is none."""
    orders(scene, 2)
    id = group_of(scene, error="KeyError")
    scene.client.post("/dead/purge", group=id, expect=2)

    page = shown(http, f"/dead/groups/{id}")

    assert page.has("This group is empty now")
    assert page.has("purge removed dead letters for good: 2 letters")
    assert acts(page) == {}
    shown(http, "/dead/groups/1234567890abcdef", 404)


def test_every_part_of_a_group_outlives_its_letters(scene: Scene, http: httpx.Client) -> None:
    """A page that was open while the group became empty shows none of its letters any more."""
    (letter,) = orders(scene, 1)
    id = group_of(scene, error="KeyError")

    def part(name: str) -> str:
        address = f"/dead/groups/{id}?dry_run=1&parked=no"
        answer = http.get(address, headers={"x-holdfast-fragment": name})
        assert answer.status_code == 200, answer.text
        return answer.text

    assert letter in part("letters")
    scene.client.post("/dead/purge", group=id, expect=1)

    assert "This group is empty now" in part("content")
    assert "None like that." in part("letters")
    assert "would be done" not in part("dry")
    assert "removed dead letters for good" in part("history")


def test_parked_letters_can_be_taken_out_again(scene: Scene, http: httpx.Client) -> None:
    """A group all of which is parked offers that, and no redrive."""
    ids = orders(scene, 2)
    id = group_of(scene, error="KeyError")
    scene.client.post("/dead/park", ids=ids)

    page = shown(http, f"/dead/groups/{id}")

    assert acts(page) == {"POST /api/v1/dead/unpark u": {"group": id, "parked": "only"}}
    assert page.has("2 of them parked")


def test_a_letter_has_its_attempts_and_its_body(scene: Scene, http: httpx.Client) -> None:
    """Why it died, what it brought, and what can be done with it alone."""
    (id,) = orders(scene, 1)

    page = shown(http, f"/dead/letters/{id}")

    assert page.has("Charge failed with KeyError")
    assert page.has('"total": 3')
    assert acts(page)["POST /api/v1/dead/redrive r"] == {"ids": [id]}
    assert f"/events/{id}" in page.links()
    shown(http, "/dead/letters/0123456789abcdef0123456789abcdef", 404)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "Body 0 B"),
        (b'{"broken": "\xff\xfe"}', "7b 22 62 72 6f 6b 65 6e"),
        (bytes(range(256)), "00 01 02 03"),
        (b"a=1&b=two+words", "two words"),
        (b'{"long": "' + b"x" * (1 << 20) + b'"}', "since it is large"),
    ],
)
def test_a_letters_body_of_any_kind_is_shown(
    scene: Scene, http: httpx.Client, body: bytes, told: str
) -> None:
    """Text, forms, bytes, what is broken, nothing; what is large has a page of its own."""
    id = scene.dead("plain", "ValueError", "x", body=body)

    assert shown(http, f"/dead/letters/{id}").has(told)


def test_letters_are_listed_page_by_page(scene: Scene, http: httpx.Client) -> None:
    """Newest first, with a way to the older ones that keeps the filters."""
    ids = orders(scene, 4)

    page = shown(http, "/dead/letters?webhook=orders&limit=3")

    rows = [one for one in page.links() if one.startswith("/dead/letters/")]
    assert rows == [f"/dead/letters/{id}" for id in reversed(ids[1:])]
    (older,) = [one for one in page.links() if "after=" in one]
    assert "webhook=orders" in older
    assert f"/dead/letters/{ids[0]}" in shown(http, older).links()


def test_strangers_text_is_never_markup(scene: Scene, http: httpx.Client) -> None:
    """Error, cause, state, reason, headers, body: text wherever they stand."""
    body = json.dumps({"kind": HOSTILE}).encode()
    id = scene.dead("orders", HOSTILE, HOSTILE, HOSTILE, HOSTILE, body=body,
                    headers={"x-odd": HOSTILE})  # fmt: skip
    group = group_of(scene, error=HOSTILE)
    for path in ("/dead", f"/dead/groups/{group}", f"/dead/groups/{group}?dry_run=1",
                 "/dead/letters", f"/dead/letters/{id}"):  # fmt: skip
        answer = http.get(path)
        assert answer.status_code == 200
        assert wrong_with(answer.text) == []
        assert "&lt;img src=x" in answer.text
    for path in ("/dead", "/dead/letters"):
        echoed = http.get(path, params={"error": HOSTILE, "reason": HOSTILE})
        assert wrong_with(echoed.text) == []
        assert "&lt;script" in echoed.text


def test_a_console_that_only_shows_offers_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read-only: everything that would change something is switched off; the dry run is not."""
    options = ConsoleOptions(read_only=True)
    with served(tmp_path, monkeypatch, options) as scene, visitor(scene.port) as http:
        id = orders(scene, 2)[0]
        group = group_of(scene, error="KeyError")
        for path in (f"/dead/groups/{group}", f"/dead/letters/{id}"):
            page = shown(http, path)
            for one in page.all("button"):
                if "data-act" in one.attributes or "data-dialog" in one.attributes:
                    assert "disabled" in one.attributes
        assert shown(http, f"/dead/groups/{group}?dry_run=1").has("would be done")
