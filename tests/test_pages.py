"""The console's pages over real HTTP, read without a browser: complete, escaped, and guarded."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from console_scene import TOKEN, Scene, scene, served
from holdfast.console.pages import writer
from holdfast.console.pages.files import files
from holdfast.console.pages.web import AREAS, PAGES
from holdfast.runtime.console_options import ConsoleOptions
from pages_kit import HOSTILE, attributes, http, read, shown, visitor, wrong_with

_ = scene, http
FRAGMENT = {"x-holdfast-fragment": "content"}
BIDI = "safe\u202egpj.exe\u200b\x1b[31m\x00"


def test_pages_carry_a_strict_policy(scene: Scene, http: httpx.Client) -> None:
    """Nothing from elsewhere, nothing inline, nothing framed, nothing kept; what goes wrong as well."""
    event = scene.kept()
    for path in ("/", "/events", f"/events/{event}", "/login", "/nothing-here"):
        headers = http.get(path).headers
        policy = dict(
            part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";")
        )
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == "'self'"
        assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert headers["cache-control"] == "no-store"


def test_every_area_has_its_page(http: httpx.Client) -> None:
    """What the navigation leads to is there, each with its own key, and marks where one is."""
    there = {page.path for page in PAGES}
    keys = [area["key"] for area in AREAS]
    assert len(set(keys)) == len(keys)
    for area in AREAS:
        if area["path"] in there:
            page = shown(http, area["path"])
            current = [one for one in page.all("a") if one.attributes.get("aria-current") == "page"]
            assert [one.attributes["href"] for one in current] == [area["path"]]


def test_strangers_text_is_never_markup(scene: Scene, http: httpx.Client) -> None:
    """Whatever field it stands in: body, keys, headers, query, type, error, cause, state, reason."""
    body = json.dumps({"kind": HOSTILE, HOSTILE: HOSTILE, "n": [HOSTILE]}).encode()
    headers = {"x-odd": HOSTILE, "content-type": HOSTILE}
    event = scene.dead(
        "orders", HOSTILE, HOSTILE, HOSTILE, HOSTILE, body=body, headers=headers, query=HOSTILE
    )
    refusal = scene.refused(HOSTILE, body=HOSTILE.encode(), detail=HOSTILE, path=f"/{HOSTILE}")
    for path in (
        "/",
        "/events",
        f"/events/{event}",
        f"/events/{event}/payload",
        f"/events/{event}/payload?view=raw",
        f"/events/{event}/edit",
        f"/refusals/{refusal}",
    ):
        page = shown(http, path)
        assert "&lt;img src=x" in page.html
        assert "49" not in [text.strip() for text in page.text.split("{{")]


def test_what_cannot_be_seen_is_shown(scene: Scene, http: httpx.Client) -> None:
    """Controls and marks of direction stand there as escapes, in text and in attributes."""
    body = json.dumps({"kind": "x", "file": BIDI}, ensure_ascii=False).encode()
    event = scene.dead(
        "orders", "Odd", BIDI, body=body, headers={"x-odd": BIDI.replace("\x00", "")}
    )
    for path in (f"/events/{event}", "/", "/events", f"/events/{event}/payload?view=raw"):
        page = shown(http, path)
        assert not set("\u202e\u200b\x1b\x00") & set(page.html)
    told = shown(http, f"/events/{event}")
    assert told.has("safe\\u202egpj.exe\\u200b\\u001b[31m")


def test_bodies_of_every_kind_are_shown(scene: Scene, http: httpx.Client) -> None:
    """JSON with its digits as they came, forms, text, broken UTF-8, bytes, nothing, a mebibyte."""
    number = b'{"big": 123456789012345678901234567890.10, "twice": 1, "twice": 2, "nan": [ ]}'
    cases: list[tuple[bytes, str]] = [
        (number, "123456789012345678901234567890.10"),
        (b'{"a": NaN}', "NaN"),
        (b"[" * 2_000 + b"]" * 2_000, "[[[["),
        (b"a=1&b=two+words&a=%3Cb%3E", "two words"),
        (b"plain <b>text</b>", "plain <b>text</b>"),
        (b'{"broken": "\xff\xfe"}', "7b 22 62 72 6f 6b 65 6e"),
        (bytes(range(256)) * 40, "This is the beginning"),
        (b"", "No body."),
        (b'{"long": "' + b"x" * (1 << 20) + b'"}', "This is the beginning"),
    ]
    for body, told in cases:
        event = scene.kept(body=body)
        assert shown(http, f"/events/{event}").has(told)
        for view in ("pretty", "raw", "bytes"):
            shown(http, f"/events/{event}/payload?view={view}")
    twice = shown(http, f"/events/{scene.kept(body=number)}")
    assert twice.text.count('"twice"') == 2


def test_a_page_has_an_end(scene: Scene, http: httpx.Client) -> None:
    """Whatever is long, a type of a mebibyte or a Map of thousands, is shown by its beginning; what
    failed is shown in any case."""
    body = json.dumps({"kind": "t" * (1 << 20)}).encode()
    long = scene.dead(
        "orders", "E" * 50_000, "c" * 50_000, body=body, headers={"x-long": "v" * 60_000}
    )
    for path, limit in (("/", 200_000), ("/events", 60_000), (f"/events/{long}", 400_000)):
        page = shown(http, path)
        assert len(page.html) < limit
        assert path == "/" or page.has("more)")

    history: list[dict[str, Any]] = []
    for n in range(3_000):
        about = {"name": f"Item {n}", "input": {"n": n, "text": "x" * 500}}
        history.append({"id": 2 * n + 1, "type": "TaskStateEntered", "details": about})
        if n != 2_500:
            about = {"name": f"Item {n}", "output": "y" * 500}
            history.append({"id": 2 * n + 2, "type": "TaskStateExited", "details": about})
    history.append(
        {"id": 9_999, "type": "ExecutionFailed", "details": {"error": "Odd", "cause": "c"}}
    )
    many = scene.dead("orders", "Odd", "c", "Item 2500", history=tuple(history))
    page = shown(http, f"/events/{many}")
    assert len(page.html) < 1_000_000
    assert page.has("and 2,899 more states")
    assert page.has("Item 2500 Task")


def test_a_key_leads_to_events_with_the_same_value(scene: Scene, http: httpx.Client) -> None:
    """Its link finds this event, and another only where the value is the same."""
    body = b'{"data": {"lines": [{"sku": "s-1"}, {"sku": "s-2"}], "odd.key": true, "n": 7}}'
    event = scene.kept(body=body)
    scene.kept(body=b'{"data": {"lines": [{"sku": "s-9"}], "odd.key": false, "n": 8}}')
    links = [one for one in shown(http, f"/events/{event}").links() if "where=" in one]
    paths = [parse_qs(urlsplit(one).query)["where"][0] for one in links]
    assert paths == [
        "data.lines[*].sku=s-1", "data.lines[*].sku=s-2", "data['odd.key']=true", "data.n=7",
    ]  # fmt: skip
    for link in links:
        assert [one for one in shown(http, link).ids if one.startswith("e-")] == [f"e-{event}"]


def test_an_event_is_told_as_one_timeline(scene: Scene, http: httpx.Client) -> None:
    """From its bytes to its end, as the API tells it; with its error, and what can be done now."""
    event = scene.dead("orders", "KeyError", "no order 7", "Charge", body=b'{"kind": "order.paid"}')
    told = scene.client.get(f"/events/{event}")
    page = shown(http, f"/events/{event}")
    moments = [id for id in page.ids if id.startswith("m-")]
    assert len(moments) == len(told["timeline"])
    for text in ("order.paid", "Received", "Stored", "Attempt 1", "KeyError", "no order 7"):
        assert page.has(text)
    acts = [act.split()[1] for act in attributes(page, "data-act")]
    assert acts[:3] == [
        "/api/v1/dead/redrive", f"/api/v1/events/{event}/replay", "/api/v1/dead/park",
    ]  # fmt: skip
    assert f"/dead/groups/{told['group']}" in page.links()


def test_the_list_is_what_the_api_lists(scene: Scene, http: httpx.Client) -> None:
    """The same rows in the same order, refusals among them, and on from there page by page."""
    made = [scene.done(), scene.refused(), scene.dead(), scene.kept()]
    page = shown(http, "/events")
    assert [id for id in page.ids if id.startswith("e-")] == [f"e-{id}" for id in reversed(made)]
    assert f"/refusals/{made[1]}" in page.links()

    first = shown(http, "/events?limit=3")
    (older,) = [one for one in first.links() if "after=" in one]
    rest = shown(http, older)
    assert [id for id in rest.ids if id.startswith("e-")] == [f"e-{made[0]}"]
    assert not [one for one in rest.links() if "after=" in one]


def test_an_id_leads_to_its_event(scene: Scene, http: httpx.Client) -> None:
    """Its beginning too; a refusal's as well; one that is none is looked for as text."""
    event, refusal = scene.kept(), scene.refused()
    assert http.get(f"/find/{event}").headers["location"] == f"/events/{event}"
    assert http.get(f"/find/{refusal[:30]}").headers["location"] == f"/refusals/{refusal}"
    assert http.get("/find/deadbeef").headers["location"] == "/events?text=deadbeef"
    assert http.get("/refusals?webhook=orders").headers["location"] == (
        "/events?state=refused&webhook=orders"
    )


def test_a_part_of_a_page_is_that_part(scene: Scene, http: httpx.Client) -> None:
    """What a script fetches anew is the same block that the whole page holds, and nothing around it."""
    event = scene.dead()
    for path in ("/", "/events", f"/events/{event}"):
        whole = " ".join(http.get(path).text.split())
        part = http.get(path, headers=FRAGMENT)
        assert part.status_code == 200
        assert "<html" not in part.text
        assert wrong_with(part.text) == []
        # The plots' window moves on with the clock.
        assert path == "/" or " ".join(part.text.split()) in whole
    assert http.get("/", headers={"x-holdfast-fragment": "nothing"}).status_code == 404


def test_what_is_not_there_is_said_as_a_page(http: httpx.Client) -> None:
    """With a way on; to programs it is still JSON."""
    assert shown(http, "/nothing", 404).has("there is nothing here")
    assert shown(http, "/events/0123456789abcdef", 404).has("no event 0123456789abcdef")
    assert http.get("/api/v1/nothing").json()["error"]["code"] == "not_found"
    assert http.post("/events").status_code == 405
    assert "GET" in http.post("/events").headers["allow"]


def test_files_are_kept_for_good(http: httpx.Client) -> None:
    """Each under an address that changes with it, of its type, and only those that there are."""
    page = read(http.get("/").text)
    wanted = [
        one
        for one in attributes(page, "href") + attributes(page, "src")
        if "/static/" in (one or "")
    ]
    assert len(wanted) >= 7
    for path in wanted:
        answer = http.get(path)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["content-type"].split(";")[0] in (
            "text/css", "text/javascript", "image/svg+xml",
        )  # fmt: skip
    assert http.get(f"/static/{files().digest}/../page.py").status_code == 404
    assert http.get("/static/0000000000000000/theme.css").status_code == 404


def test_a_package_that_is_installed_anew_breaks_no_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A console that runs goes on with the templates that it began with."""
    folder = shutil.copytree(writer.TEMPLATES, tmp_path / "templates")
    monkeypatch.setattr(writer, "TEMPLATES", folder)
    with served(tmp_path, monkeypatch) as scene, visitor(scene.port) as http:
        shutil.rmtree(folder)
        for path in ("/", "/events", f"/events/{scene.dead()}", "/dead", "/webhooks/orders"):
            shown(http, path)
        shown(http, "/nothing-here", 404)


def test_an_empty_console_says_what_to_do(http: httpx.Client) -> None:
    """Before the first event there is a button that sends one, and a command that does."""
    page = shown(http, "/")
    assert page.has("Nothing has come in yet")
    assert page.has("holdfast send /orders --sample")
    assert attributes(page, "data-act") == ["POST /api/v1/webhooks/orders/sample"]


def test_without_alerts_it_says_how_there_would_be(http: httpx.Client) -> None:
    """A definition without any is not an empty table."""
    page = shown(http, "/alerts")
    assert page.has("No alert is defined")
    assert page.has("notify=[Slack(")


def test_a_token_is_entered_on_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has no session is led there and back again; a wrong token is said; without scripts."""
    with (
        served(tmp_path, monkeypatch, ConsoleOptions(tokens=("ada=env:ADA_TOKEN",))) as scene,
        visitor(scene.port) as http,
    ):
        led = http.get("/events?state=dead")
        assert (led.status_code, led.headers["location"]) == (
            303, "/login?next=%2Fevents%3Fstate%3Ddead",
        )  # fmt: skip
        page = shown(http, led.headers["location"])
        for path in [one for one in attributes(page, "href") if "/static/" in (one or "")]:
            assert http.get(path).status_code == 200
        wrong = http.post("/login", data={"token": "wrong", "next": "/events?state=dead"})
        assert wrong.status_code == 401
        assert read(wrong.text).has("not one of the console's")
        assert http.get("/", headers=FRAGMENT).status_code == 401

        right = http.post("/login", data={"token": TOKEN, "next": "/events?state=dead"})
        assert (right.status_code, right.headers["location"]) == (303, "/events?state=dead")
        assert "HttpOnly" in right.headers["set-cookie"]
        inside = shown(http, "/")
        assert inside.has("ada")
        assert TOKEN not in http.get("/").text

        (csrf,) = {
            one.attributes["value"]
            for one in inside.all("input")
            if one.attributes.get("name") == "csrf"
        }
        assert http.post("/logout", data={"csrf": "wrong"}).status_code == 403
        assert http.post("/logout", data={"csrf": csrf}).headers["location"] == "/login"
        http.cookies.clear()
        assert http.get("/").status_code == 303


@pytest.mark.parametrize(
    "next",
    ["//evil.example.com", "https://evil.example.com", "/\\evil", "javascript:1", "/login", "x"],
)
def test_the_way_back_stays_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, next: str
) -> None:
    """Whatever a link says, signing in leads to a page of this console."""
    with (
        served(tmp_path, monkeypatch, ConsoleOptions(tokens=("ada=env:ADA_TOKEN",))) as scene,
        visitor(scene.port) as http,
    ):
        answer = http.post("/login", data={"token": TOKEN, "next": next})
        assert answer.headers["location"] == "/"


def test_a_console_that_only_shows_offers_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything is there to be read; every button that does something is off, and says why."""
    with (
        served(tmp_path, monkeypatch, ConsoleOptions(read_only=True)) as scene,
        visitor(scene.port) as http,
    ):
        event = scene.dead()
        page = shown(http, f"/events/{event}")
        assert page.has("read only")
        acting = [one for one in page.all("button") if "data-act" in one.attributes]
        assert len(acting) >= 4
        assert all("disabled" in one.attributes for one in acting)


def test_other_pages_hear_nothing(scene: Scene, http: httpx.Client) -> None:
    """A page from elsewhere that loads ours is refused, as a page without the navigation."""
    scene.kept()
    answer = http.get(
        "/events", headers={"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}
    )
    assert answer.status_code == 403
    assert "data-go" not in answer.text
    assert http.get("/", headers={"host": "evil.example.com"}).status_code == 403
