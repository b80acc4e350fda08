"""One browser and one shop for all tests here, which need the extra `dev-browser` and Chromium."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browser_kit import PATIENCE_MS, Shop, Viewer, launched, shop_open, tab, windows
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright
from seeds import seed

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
    with shop_open(tmp_path_factory.mktemp("shop")) as shop:
        seed(shop)
        yield shop


@pytest.fixture(scope="session")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """What tests have in common that ask for nothing special: style sheets and scripts are fetched once."""
    with windows(browser) as context:
        yield context


@pytest.fixture
def viewer(context: BrowserContext, shop: Shop) -> Iterator[Viewer]:
    """A tab of one's own."""
    with tab(context, shop.url) as one:
        yield one
