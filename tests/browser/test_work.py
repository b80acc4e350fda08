"""Webhooks, executions, runs and the audit in a real browser: drawn, switched, followed to the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browser_kit import NARROW, Shop, Viewer, until, viewing
from places import event_id, execution
from playwright.sync_api import Browser, expect
from seeds import order


@pytest.fixture
def _resumed(shop: Shop) -> Iterator[None]:
    """Whatever a test paused is worked again."""
    yield
    for name in ("orders", "stripe"):
        shop.api.post(f"/webhooks/{name}/resume", json={}).raise_for_status()


@pytest.mark.usefixtures("_resumed")
def test_a_webhook_is_paused_and_resumed(shop: Shop, viewer: Viewer) -> None:
    """By one key; what comes in meanwhile waits in the drawing, and is worked afterwards."""
    page = viewer.open("/webhooks/stripe")
    viewer.live()
    page.keyboard.press("p")
    expect(page.locator("h1")).to_contain_text("paused")
    expect(page.locator(".wiring").first).to_contain_text("paused")
    expect(page.locator(".wiring .w-halted").first).to_be_attached()
    id = shop.send("/stripe", b'{"id": "evt_p", "type": "nothing.special"}')
    expect(page.locator(".wiring").first).to_contain_text("1 waiting")
    page.keyboard.press("p")
    expect(page.locator("h1")).not_to_contain_text("paused")
    expect(page.locator(".wiring").first).to_contain_text("0 waiting")
    shop.run.ended(id)


@pytest.mark.usefixtures("_resumed")
def test_a_webhook_is_paused_in_the_list(shop: Shop, viewer: Viewer) -> None:
    """The switch lies above the row's own link."""
    page = viewer.open("/webhooks")
    row = page.locator("tbody tr", has_text="POST /orders")
    row.get_by_role("button", name="Pause").click()
    expect(row).to_contain_text("paused")
    assert page.url.endswith("/webhooks")
    row.get_by_role("button", name="Resume").click()
    expect(row).not_to_contain_text("paused")
    assert shop.api.get("/webhooks/orders").json()["paused"] is False


def test_counts_per_state_are_live(shop: Shop, viewer: Viewer) -> None:
    """What goes through a state is counted in its box while one looks."""
    page = viewer.open("/webhooks/orders")
    viewer.live()
    badge = page.locator("[data-state=ship] .g-ok")
    expect(badge).to_be_visible()

    def counted() -> int:
        return int((badge.text_content() or "").split()[-1])

    before = counted()
    shop.kept("/orders", order(41), {"x-delivery": "d-41"})
    # The worker counts now and then: what it did before may still come, too.
    until(lambda: counted() > before, "one more is counted")


def test_a_sample_is_followed_to_its_end(viewer: Viewer) -> None:
    """Changed by hand, sent with Ctrl Enter, verified, and done on its own page."""
    page = viewer.open("/webhooks/orders")
    page.keyboard.press("t")
    page.wait_for_url("**view=test")
    page.fill("#sample-body", '{"id": "o-s", "customer": "sampled", "total": 0, "lines": []}')
    page.focus("#sample-body")
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/events/*")
    expect(page.locator("h1")).to_contain_text("done")
    expect(page.locator(".facts")).to_contain_text("verified")


def test_a_forged_sample_is_found_out(viewer: Viewer) -> None:
    """Unsigned, it is kept, and rests as one whose sender did not check out."""
    page = viewer.open("/webhooks/orders?view=test")
    page.uncheck("[name=signed]")
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/events/*")
    expect(page.locator("h1")).to_contain_text("dead")


def test_a_sample_that_does_not_fit_is_told(viewer: Viewer) -> None:
    """The gateway's own answer, where it was sent from."""
    page = viewer.open("/webhooks/orders?view=test")
    page.fill("#sample-body", '{"id": 1}')
    page.get_by_role("button", name="Send").click()
    expect(page.locator("[data-complaint]")).to_contain_text("400")


def test_states_of_an_execution_are_looked_at_by_keyboard(shop: Shop, viewer: Viewer) -> None:
    """Each box of the graph is a stop of the Tab key, shows a ring, and opens its input and output."""
    page = viewer.open(execution(shop, "caught"))
    expect(page.locator(".graph .came-caught")).to_have_count(1)
    first = page.locator(".graph a").first
    first.focus()
    page.keyboard.press("Tab")
    focused = page.evaluate("document.activeElement.querySelector('[data-state]').dataset.state")
    stroke = "getComputedStyle(document.activeElement.querySelector('.g-box')).strokeWidth"
    assert page.evaluate(stroke) == "3px"
    page.keyboard.press("Enter")
    page.wait_for_url("**?state=*")
    expect(page.locator("#state h2")).to_contain_text(focused)
    expect(page.locator(".graph .selected")).to_have_attribute("data-state", focused)
    expect(page.locator("#state")).to_contain_text("Input")


def test_a_caught_error_is_seen_on_the_path(shop: Shop, viewer: Viewer) -> None:
    """The dashed way was gone, the solid one was not."""
    page = viewer.open(execution(shop, "caught") + "?state=charge")
    expect(page.locator("#state")).to_contain_text("caught: the workflow went on")
    expect(page.locator(".graph .way-catch.gone[data-from=charge]")).to_have_count(1)
    expect(page.locator(".graph .way-next.gone[data-from=charge]")).to_have_count(0)


def test_executions_lead_to_theirs(shop: Shop, viewer: Viewer) -> None:
    """From the list by keyboard, and from one attempt of an event to another."""
    page = viewer.open("/executions?status=FAILED&webhook=orders")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/executions/*")
    dead = event_id(shop, webhook="orders", state="dead", attempts=2)
    page = viewer.open(f"/events/{dead}/executions/0")
    page.get_by_role("navigation", name="Executions of this event").get_by_text("2").click()
    page.wait_for_url(f"**/{dead}/executions/1")


def test_the_graph_scrolls_and_the_page_does_not(browser: Browser, shop: Shop) -> None:
    """On a phone the drawing keeps its size within its frame; the wiring stands upright."""
    with viewing(browser, shop.url, size=NARROW) as viewer:
        page = viewer.open("/webhooks/orders")
        expect(page.locator(".wiring-upright")).to_be_visible()
        expect(page.locator(".wiring:not(.wiring-upright)")).to_be_hidden()
        frame = page.locator(".graph-frame")
        assert frame.evaluate("(one) => one.scrollWidth > one.clientWidth")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_drawings_take_their_colours_from_the_scheme(browser: Browser, shop: Shop) -> None:
    """Dark and light differ, without any colour in the drawing itself."""
    seen = set()
    for scheme in ("light", "dark"):
        with viewing(browser, shop.url, color_scheme=scheme) as viewer:
            page = viewer.open("/webhooks/orders")
            fill = "(one) => getComputedStyle(one).fill"
            seen.add(page.locator(".graph .g-box").first.evaluate(fill))
            assert page.locator("main svg [style], main svg [fill]").count() == 0
    assert len(seen) == 2


def test_a_run_and_its_audit_lead_to_each_other(viewer: Viewer) -> None:
    """From the list of runs to one, and from what was done back to it."""
    page = viewer.open("/runs")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/runs/*")
    run = page.url
    expect(page.locator("h1")).to_contain_text("Redrive")
    page.keyboard.press("g")
    page.keyboard.press("a")
    page.wait_for_url("**/audit")
    page.select_option("[name=action]", "redrive")
    page.wait_for_url("**/audit?action=redrive")
    rows = page.locator("tbody a.row").evaluate_all("(all) => all.map((one) => one.href)")
    assert run in rows
