"""`make screenshots`: every page as a picture, into docs/screenshots (or into the folder that is named).

At 1280 in light, some in dark and at 390, of the shop that the browser tests look at after a day of work.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from browser_kit import NARROW, WIDE, Shop, launched, shop_open, viewing
from places import places
from playwright.sync_api import Browser, Page, sync_playwright
from seeds import seed
from yesterday import live_through

FOLDER: Final = Path(__file__).parents[2] / "docs" / "screenshots"
LOOKS: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("light", {"size": WIDE, "color_scheme": "light"}),
    ("dark", {"size": WIDE, "color_scheme": "dark"}),
    ("narrow", {"size": NARROW, "color_scheme": "light"}),
)


ONLY: Final = {
    "dark": ("overview", "events", "event-dead", "dead", "webhook", "execution-failed"),
    "narrow": ("overview", "events", "event-dead", "dead", "webhook"),
}
WINDOW: Final = "/?window=24h"
PICTURES: Final = (
    "overview", "events", "events-narrowed", "event-done", "event-dead", "payload", "edit", "refusal",
    "dead", "group", "dry-run", "letter", "webhooks", "webhook", "webhook-settings", "webhook-test",
    "executions", "execution", "execution-failed", "runs", "run", "alerts", "audit",
)  # fmt: skip


def take(page: Page, path: Path, *, whole: bool) -> None:
    page.wait_for_load_state("networkidle") if not page.query_selector("[data-live]") else None
    page.screenshot(path=path, full_page=whole)


def shoot(browser: Browser, shop: Shop, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    there = places(shop)
    wanted = {name: there[name] for name in PICTURES} | {"overview": WINDOW}
    for look, settings in LOOKS:
        with viewing(browser, shop.url, **settings) as viewer:
            for name, path in wanted.items():
                if name not in ONLY.get(look, PICTURES):
                    continue
                page = viewer.open(path)
                if page.query_selector("[data-live]"):
                    viewer.live()
                take(page, folder / f"{name}-{look}.png", whole=False)


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        live_through(Path(place) / "store")
        with shop_open(Path(place)) as shop:
            seed(shop)
            browser = launched(playwright)
            shoot(browser, shop, folder)
            browser.close()


if __name__ == "__main__":
    main()
