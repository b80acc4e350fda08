"""Every page, light and dark, wide and narrow: nothing complains, nothing sticks out, everybody can use it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

import pytest
from browser_kit import NARROW, WIDE, Shop, Viewer, until, viewing
from checks import assert_accessible, assert_no_overflow
from places import places
from playwright.sync_api import Browser, Page, expect

Scheme = Literal["light", "dark"]

LOOKS: Final[tuple[tuple[Scheme, tuple[int, int]], ...]] = (
    ("light", WIDE),
    ("dark", WIDE),
    ("dark", NARROW),
    ("light", NARROW),
)


@pytest.fixture(scope="module")
def window(browser: Browser, shop: Shop) -> Iterator[Viewer]:
    with viewing(browser, shop.url) as viewer:
        yield viewer


def look_at(page: Page) -> None:
    """In every look. The page follows the system while it is open; it is loaded in the first."""
    for scheme, (width, height) in LOOKS:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": height})
        judge(page)


def judge(page: Page) -> None:
    assert_no_overflow(page)
    assert_accessible(page)


def test_every_page_is_good(window: Viewer, shop: Shop) -> None:
    """No error of a script, no break of the policy, nothing from elsewhere, within its width, readable."""
    for name, path in places(shop).items():
        page = window.open(path)
        if page.query_selector("[data-live]"):
            window.live()
        look_at(page)
        assert page.evaluate("window.hit") is None, name
        page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
    assert window.complaints == []


def test_folded_things_are_good_too(window: Viewer, shop: Shop) -> None:
    """States with their input and output, stack traces, headers, the plot's numbers."""
    there = places(shop)
    for name in (
        "event-dead",
        "event-done",
        "event-hostile",
        "overview",
        "edit",
        "execution-failed",
    ):
        page = window.open(there[name])
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        look_at(page)
        assert page.evaluate("window.hit") is None
    assert window.complaints == []


def test_a_page_can_be_opened_on_a_phone(browser: Browser, shop: Shop) -> None:
    """Loaded at 390 in the dark, as there, and not only shrunk to it."""
    with viewing(browser, shop.url, size=NARROW, color_scheme="dark", has_touch=True) as viewer:
        for path in ("/", "/events", "/dead", "/webhooks/orders"):
            page = viewer.open(path)
            viewer.live()
            judge(page)
        page = viewer.open("/audit")
        here = page.locator(".areas [aria-current]")
        expect(here).to_be_in_viewport(ratio=1)


def test_motion_can_be_done_without(browser: Browser, shop: Shop) -> None:
    """Whoever asks for less motion gets none."""
    with viewing(browser, shop.url, reduced_motion="reduce") as viewer:
        page = viewer.open("/events")
        viewer.live()
        moving = page.evaluate(
            "document.getAnimations().filter((one) => one.playState === 'running').length"
        )
        assert moving == 0


SPOILT: Final = """() => {
  const main = document.querySelector("main");
  const b = main.appendChild(document.createElement("div"));
  SPOIL;
}"""


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        ("b.style.color = '#999'; b.style.background = '#fff'; b.textContent = 'pale'", "contrast"),
        ("main.append(document.createElement('button'))", "has no name"),
        ("main.append(document.createElement('input'))", "has no name"),
        ("main.append(document.createElement('h1')); main.lastChild.textContent = 'x'", "2 h1"),
        ("main.append(document.createElement('h5')); main.lastChild.textContent = 'x'", "skips"),
        ("b.id = 'find'", "an id twice"),
        ("b.textContent = 'x'; b.tabIndex = 0; b.ariaHidden = 'true'", "hidden from readers"),
        ("b.role = 'alert'; b.append(document.createElement('time'))", "again and again"),
        ("b.style.width = '3000px'; b.style.height = '1px'", "3000"),
    ],
)
def test_the_checks_find_what_they_look_for(viewer: Viewer, spoil: str, told: str) -> None:
    """A page that is spoilt on purpose is not good any more."""
    page = viewer.open("/nothing-here")
    page.evaluate(SPOILT.replace("SPOIL", spoil))
    with pytest.raises(AssertionError, match=told):
        judge(page)


def complaints(viewer: Viewer) -> list[str]:
    """What it was told so far. It listens while it waits for its browser."""
    viewer.page.wait_for_timeout(1)
    return viewer.complaints


@pytest.mark.parametrize(
    ("act", "told"),
    [
        ("document.body.setAttribute('style', 'color: red')", "Content Security Policy"),
        ("fetch('http://127.0.0.1:1/').catch(() => 0)", "Content Security Policy"),
        ("setTimeout(() => { throw new Error('a defect') })", "a defect"),
    ],
)
def test_what_must_not_happen_is_heard(browser: Browser, shop: Shop, act: str, told: str) -> None:
    """A break of the policy, a request to elsewhere and an error of a script each fail a test."""

    def misbehave() -> None:
        with viewing(browser, shop.url) as viewer:
            page = viewer.open("/events")
            page.evaluate(f"() => {{ {act} }}")
            until(lambda: complaints(viewer), "it is heard")

    with pytest.raises(AssertionError, match=told):
        misbehave()
