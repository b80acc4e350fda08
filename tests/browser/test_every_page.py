"""Every page, light and dark, wide and narrow: nothing complains, nothing sticks out, everybody can use it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest
from browser_kit import NARROW, WIDE, Shop, Viewer, viewing
from checks import assert_accessible, assert_no_overflow
from places import places
from playwright.sync_api import Browser

LOOKS: Final[dict[str, dict[str, Any]]] = {
    "light": {"size": WIDE, "color_scheme": "light"},
    "dark": {"size": WIDE, "color_scheme": "dark"},
    "narrow": {"size": NARROW, "color_scheme": "dark"},
}


@pytest.fixture(scope="module", params=LOOKS)
def window(request: pytest.FixtureRequest, browser: Browser, shop: Shop) -> Iterator[Viewer]:
    with viewing(browser, shop.url, **LOOKS[request.param]) as viewer:
        yield viewer


def test_every_page_is_good(window: Viewer, shop: Shop) -> None:
    """No error of a script, no break of the policy, nothing from elsewhere, within its width, readable."""
    for name, path in places(shop).items():
        page = window.open(path)
        if page.query_selector("[data-live]"):
            window.live()
        assert_no_overflow(page)
        assert_accessible(page)
        assert page.evaluate("window.hit") is None, name
    assert window.complaints == []


def test_folded_things_are_good_too(window: Viewer, shop: Shop) -> None:
    """States with their input and output, stack traces, headers, the plot's numbers."""
    for name in ("event-dead", "event-done", "event-hostile", "overview", "edit"):
        page = window.open(places(shop)[name])
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        assert_no_overflow(page)
        assert_accessible(page)
        assert page.evaluate("window.hit") is None


def test_motion_can_be_done_without(browser: Browser, shop: Shop) -> None:
    """Whoever asks for less motion gets none."""
    with viewing(browser, shop.url, reduced_motion="reduce") as viewer:
        page = viewer.open("/events")
        viewer.live()
        moving = page.evaluate(
            "document.getAnimations().filter((one) => one.playState === 'running').length"
        )
        assert moving == 0
