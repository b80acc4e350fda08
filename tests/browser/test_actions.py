"""Everything that a page can do, done with the mouse or the keys, and looked for where it should show."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from browser_kit import Shop, Viewer, until
from places import event_id
from playwright.sync_api import Locator, Page, expect
from seeds import order, stripe


@pytest.fixture
def dead(shop: Shop) -> str:
    """A dead letter of its own."""
    numbers = shop.api.get("/overview").json()["totals"]["dead"]
    return shop.kept("/anything", b"fail with number %d" % numbers)


class Target(ThreadingHTTPServer):
    """Another program. It keeps what it gets."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.got: list[tuple[str, bytes, dict[str, str]]] = []


class _Answer(BaseHTTPRequestHandler):
    server: Target

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.got.append((self.path, body, dict(self.headers)))
        self.send_response(418)
        self.end_headers()
        self.wfile.write(b"<b>short and stout</b>")

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def target() -> Iterator[Target]:
    server = Target()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def toast(page: Page) -> Locator:
    """What was said last, in the corner. It is gone after a while."""
    return page.locator(".toast span").last


def test_an_event_is_replayed(shop: Shop, viewer: Viewer) -> None:
    """One press: a new event, and its page, which names the old one."""
    id = event_id(shop, webhook="stripe", type="invoice.paid")
    page = viewer.open(f"/events/{id}")
    page.get_by_role("button", name="Replay", exact=True).click()
    page.wait_for_url(lambda url: id not in url)
    expect(page.locator(".facts", has_text="Replay of")).to_contain_text(id[:13])
    expect(page.locator("h1")).to_contain_text("done")


def test_a_dead_letter_is_redriven(shop: Shop, viewer: Viewer, dead: str) -> None:
    """It dies again, and the timeline tells all of it."""
    page = viewer.open(f"/events/{dead}")
    viewer.live()
    expect(page.locator(".moment", has_text="Dead letter")).to_have_count(1)
    page.keyboard.press("r")
    expect(toast(page)).to_have_text("Sent back to its queue.")
    expect(page.locator(".moment", has_text="Redriven")).to_have_count(1)
    expect(page.locator(".moment", has_text="Dead letter")).to_have_count(2)
    until(
        lambda: not shop.api.get("/runs", params={"active": True}).json()["items"],
        "the run is over",
    )


def test_a_dead_letter_is_parked_and_taken_back(viewer: Viewer, dead: str) -> None:
    """The same key does both; the page says how it is."""
    page = viewer.open(f"/events/{dead}")
    page.keyboard.press("p")
    expect(page.locator("h1")).to_contain_text("parked")
    page.keyboard.press("p")
    expect(page.locator("h1")).not_to_contain_text("parked")


def test_purging_asks_first(shop: Shop, viewer: Viewer, dead: str) -> None:
    """Cancelled, nothing is done; confirmed, it is gone, and its page says so."""
    page = viewer.open(f"/events/{dead}")
    page.get_by_role("button", name="Purge").click()
    page.keyboard.press("Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)
    assert shop.api.get(f"/events/{dead}").json()["state"] == "dead"
    page.get_by_role("button", name="Purge").click()
    page.locator("dialog[open]").get_by_role("button", name="Purge").click()
    expect(page.locator("main")).to_contain_text(re.compile("purged|no longer there"))


def test_an_event_goes_to_another_program(shop: Shop, viewer: Viewer, target: Target) -> None:
    """Byte for byte; its answer is shown as text, and the address is remembered."""
    id = event_id(shop, webhook="stripe", type="invoice.paid")
    address = f"http://127.0.0.1:{target.server_port}/hook"
    page = viewer.open(f"/events/{id}")
    page.keyboard.press("u")
    page.fill("#replay-url", address)
    page.keyboard.press("Enter")
    answer = page.locator("[data-answer]")
    expect(answer).to_contain_text("418")
    expect(answer).to_contain_text("<b>short and stout</b>")
    ((path, body, headers),) = target.got
    assert (path, body) == ("/hook", shop.api.get(f"/events/{id}/body").content)
    assert headers["x-holdfast-id"] == id
    page.reload()
    page.keyboard.press("u")
    assert page.input_value("#replay-url") == address
    page.fill("#replay-url", "http://127.0.0.1:1/")
    page.keyboard.press("Enter")
    expect(page.locator("#replay-to [data-complaint]")).to_contain_text("127.0.0.1:1")


def test_a_changed_copy_is_sent(shop: Shop, viewer: Viewer) -> None:
    """What does not fit the schema is said where it does not; what fits is signed anew, and done."""
    id = event_id(shop, webhook="orders", state="done")
    page = viewer.open(f"/events/{id}")
    page.keyboard.press("e")
    page.wait_for_url("**/edit")
    page.fill("#edit-body", '{"id": "o-77", "customer": "c", "lines": [], "total": -1}')
    page.get_by_role("button", name="Send the copy").click()
    expect(page.locator("[data-complaint]")).to_contain_text("/total")
    page.fill("#edit-body", '{"id":"o-77","customer":"c","lines":[],"total":0}')
    page.get_by_role("button", name="Lay out as JSON").click()
    assert page.input_value("#edit-body").startswith('{\n  "id": "o-77"')
    page.focus("#edit-body")
    page.keyboard.press("Control+Enter")
    page.wait_for_url(lambda url: not url.endswith("/edit"))
    expect(page.locator("h1")).to_contain_text("done")
    expect(page.locator(".facts")).to_contain_text("verified")
    expect(page.locator("#payload")).to_contain_text('"o-77"')


def test_an_untouched_copy_is_the_same_bytes(shop: Shop, viewer: Viewer) -> None:
    """Line ends, tabs and odd spaces are as they came: a form does not mend anything."""
    body = b'\r\n{"id":\t"o-78",\r\n "customer": "caf\xc3\xa9 \xe2\x80\xa8", "lines": [], "total": 1 }\r\n'
    id = shop.kept("/orders", body, {"x-delivery": "d-78"})
    page = viewer.open(f"/events/{id}/edit")
    page.get_by_role("button", name="Send the copy").click()
    page.wait_for_url(lambda url: not url.endswith("/edit"))
    copy = page.url.rpartition("/")[2]
    assert copy != id
    assert shop.api.get(f"/events/{copy}/body").content == body


def test_an_event_can_be_taken_along(shop: Shop, viewer: Viewer, tmp_path: Path) -> None:
    """As curl in the clipboard, as a test, and its body, byte for byte."""
    viewer.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=shop.url)
    id = event_id(shop, webhook="anything", bytes=2_048)
    page = viewer.open(f"/events/{id}")
    page.keyboard.press("c")
    expect(toast(page)).to_have_text("The curl command is copied.")
    assert (
        page.evaluate("navigator.clipboard.readText()") == shop.api.get(f"/events/{id}/curl").text
    )
    with page.expect_download() as fixture:
        page.keyboard.press("f")
    assert fixture.value.suggested_filename == f"test_{id}.py"
    with page.expect_download() as saved:
        page.get_by_role("link", name="save", exact=True).click()
    saved.value.save_as(tmp_path / "body")
    assert (tmp_path / "body").read_bytes() == bytes(range(256)) * 8


def test_what_fails_is_said(shop: Shop, viewer: Viewer) -> None:
    """An action that the console refuses stays on the screen until it is closed."""
    id = shop.kept("/anything", b"fail with something else")
    page = viewer.open(f"/events/{id}")
    page.keyboard.press(".")
    shop.api.post("/dead/purge", json={"ids": [id], "expect": 1}).raise_for_status()
    page.get_by_role("button", name="Park").click()
    expect(toast(page)).to_contain_text("no dead letter")
    page.get_by_role("button", name="close").click()
    expect(page.locator(".toast")).to_have_count(0)


def test_finding_in_a_payload(shop: Shop, viewer: Viewer) -> None:
    """Marked over the borders of coloured pieces, counted, gone through with Enter."""
    id = shop.kept("/anything", b'{"a": "needle", "b": ["Needle", {"needle": 1}]}')
    page = viewer.open(f"/events/{id}")
    page.fill("#in-payload", '"needle"')
    count = page.locator("[data-find-count]")
    expect(count).to_have_text("1 of 3")
    page.keyboard.press("Enter")
    expect(count).to_have_text("2 of 3")
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("Shift+Enter")
    expect(count).to_have_text("3 of 3")
    assert page.evaluate("CSS.highlights.get('found').size") == 3
    page.fill("#in-payload", 'needle": 1')
    expect(count).to_have_text("1 of 1")
    page.fill("#in-payload", "nothing like it")
    expect(count).to_have_text("none")


def test_keys_of_a_payload_lead_to_the_like(shop: Shop, viewer: Viewer) -> None:
    """A key is a link to the events with the same value there."""
    shop.kept("/stripe", stripe("invoice.paid", customer="cus_only_here"))
    id = event_id(shop, type="invoice.paid", webhook="stripe")
    page = viewer.open(f"/events/{id}")
    page.locator("#payload a.k", has_text='"customer"').click()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator(".chips")).to_contain_text("data.object.customer=cus_only_here")


def test_orders_are_seeded(shop: Shop) -> None:
    """What the tests here stand on: a shop in which every kind of end has happened."""
    items = shop.api.get("/events", params={"limit": 200}).json()["items"]
    assert {"done", "dead", "refused"} <= {one["state"] for one in items}
    assert order(1) != order(2)
