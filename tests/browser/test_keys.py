"""The keyboard alone: from the first screen to an event and back, and whatever can be done there."""

from __future__ import annotations

from browser_kit import Shop, Viewer, viewing
from places import event_id
from playwright.sync_api import Browser, expect


def test_a_whole_way_without_a_mouse(viewer: Viewer) -> None:
    """Overview, events, down and up the list, into one, and back to the beginning."""
    page = viewer.open("/")
    page.keyboard.press("g")
    page.keyboard.press("e")
    page.wait_for_url("**/events")
    for key in ("j", "j", "j", "k", "ArrowDown", "ArrowUp"):
        page.keyboard.press(key)
    second = page.locator("tbody tr").nth(1)
    expect(second.locator("[data-row]")).to_be_focused()
    id = (second.get_attribute("id") or "").removeprefix("e-")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/{id}")
    page.keyboard.press("g")
    page.keyboard.press("o")
    page.wait_for_url(lambda url: url.endswith("/"))


def test_typing_is_not_commanding(viewer: Viewer) -> None:
    """In a field every key is a letter; Escape leaves it."""
    page = viewer.open("/events")
    page.keyboard.press("/")
    expect(page.locator("#find")).to_be_focused()
    page.keyboard.type("gojk?.")
    assert page.input_value("#find") == "gojk?."
    assert page.url.endswith("/events")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    expect(page.locator("tbody [data-row]").first).to_be_focused()


def test_finding_from_anywhere(shop: Shop, viewer: Viewer) -> None:
    """An id leads to its event; a value at a path and a text to the list of what holds them."""
    id = event_id(shop, webhook="orders", state="done")
    page = viewer.open("/")
    for typed, place in (
        (id, f"**/events/{id}"),
        ("customer=cus_1", "**/events?where=customer%3Dcus_1"),
        ("cus_4711", "**/events?text=cus_4711"),
    ):
        page.keyboard.press("/")
        page.keyboard.type(typed)
        page.keyboard.press("Enter")
        page.wait_for_url(place)
    expect(page.locator("tbody tr").first).to_be_visible()


def test_the_keys_are_told(shop: Shop, viewer: Viewer) -> None:
    """Those of this page and those of every page; Escape closes the list, and focus is not lost."""
    page = viewer.open(f"/events/{event_id(shop, webhook='orders', state='dead')}")
    page.keyboard.press("?")
    told = page.locator("dialog[open]")
    for said in ("Redrive", "Copy as curl", "Edit a copy", "Find events", "Events"):
        expect(told).to_contain_text(said)
    page.keyboard.press("Escape")
    expect(told).to_have_count(0)
    keys = page.locator("[data-key]").evaluate_all("(all) => all.map((one) => one.dataset.key)")
    assert len(keys) == len(set(keys))


def test_every_stop_of_the_tab_key_is_seen(viewer: Viewer) -> None:
    """The first leads past the navigation; each has a ring around it."""
    page = viewer.open("/events")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    for _ in range(12):
        page.keyboard.press("Tab")
        ring = page.evaluate(
            """() => {
              const here = document.activeElement;
              const own = getComputedStyle(here), after = getComputedStyle(here, "::after");
              return [own, after].some((one) => one.outlineStyle !== "none" && parseFloat(one.outlineWidth) > 0);
            }"""
        )
        assert ring, page.evaluate("document.activeElement.outerHTML")


def test_a_list_of_filters_is_a_link(browser: Browser, shop: Shop) -> None:
    """What is chosen stands in the address, without what is empty; whoever opens it sees the same."""
    with viewing(browser, shop.url) as viewer:
        page = viewer.open("/events")
        page.focus("[name=state]")
        while page.input_value("[name=state]") != "dead":
            page.keyboard.press("ArrowDown")
        page.get_by_role("button", name="Show").press("Enter")
        page.wait_for_url("**/events?state=dead")
        page.select_option("[name=since]", "7d")
        page.wait_for_url("**/events?state=dead&since=7d")
        page.select_option("[name=since]", "")
        page.wait_for_url("**/events?state=dead")
        page.fill("[name=where]", "customer=cus_1")
        page.keyboard.press("Enter")
        page.wait_for_url("**/events?state=dead&where=customer%3Dcus_1")
        rows = page.locator("tbody tr").count()
        address = page.url.removeprefix(shop.url)
    with viewing(browser, shop.url) as other:
        page = other.open(address)
        assert page.locator("tbody tr").count() == rows
        page.locator(".chips a[aria-label^='Remove state']").click()
        page.wait_for_url("**/events?where=customer%3Dcus_1")
