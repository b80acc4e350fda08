"""One browser and one shop for all tests here, which need the extra `dev-browser` and Chromium."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browser_kit import PATIENCE_MS, SECRETS, Shop, Viewer, launched, viewing
from playwright.sync_api import Browser, expect, sync_playwright
from seeds import seed

# Far beyond what anything here takes on a quiet machine, so that a busy one fails no test.
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launched(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop with a morning behind it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SECRETS.items():
            patch.setenv(name, value)
        shop = Shop(tmp_path_factory.mktemp("shop"))
        try:
            seed(shop)
            yield shop
        finally:
            shop.close()


@pytest.fixture
def viewer(browser: Browser, shop: Shop) -> Iterator[Viewer]:
    with viewing(browser, shop.url) as one:
        yield one
