"""A real browser in front of a real console, in front of a real gateway and worker.

The browser is the system's Chromium. Whatever it is told to load from elsewhere is refused and noted, and so
is every error of a script and every break of the pages' own policy: a test that ends with any of them fails.
"""

from __future__ import annotations

import os
import shutil
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, Request

from holdfast.clock import SYSTEM_CLOCK
from holdfast.compile import compile_app, load
from holdfast.compiled import Compiled
from holdfast.operate.delivery import make_request
from holdfast.secrets import Secrets
from process_kit import PATIENCE_SECONDS, Run, until

HERE: Final = Path(__file__).parent
DEFINITION: Final = HERE / "storefront.py"
PATIENCE_MS: Final = PATIENCE_SECONDS * 1_000
WIDE: Final = (1280, 800)
NARROW: Final = (390, 844)

SECRETS: Final = {
    "ORDERS_SECRET": "orders-secret-0123456789",
    "STRIPE_SECRET": "whsec_0123456789abcdef",
    "PARTNER_TOKEN": "partner-token-0123456789",
    "ALERTS_SECRET": "whsec_YWxlcnRzLXNlY3JldC0wMTIzNDU2Nzg5",
}

FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def chromium() -> str:
    """The system's. Without one a user's run is skipped, and CI's fails."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    said = "no Chromium is installed; Debian: apt-get install chromium"
    if os.environ.get("CI") == "true":
        raise AssertionError(said)
    pytest.skip(said, allow_module_level=True)


def launched(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(
        executable_path=chromium(), headless=True, args=list(FLAGS), timeout=PATIENCE_MS
    )


class Shop:
    """`holdfast run` on the storefront, and its senders."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.directory = directory
        ports = ("--port", "0", "--ops-port", "0", "--console-port", "0")
        (directory / "hooks.py").write_text(DEFINITION.read_text("utf-8"), "utf-8")
        self.run = Run(directory, None, (*ports, *options))
        self.run.ready()
        self.url: str = self.run.record["console_url"]
        self.gateway: str = self.run.record["url"]
        self.compiled: Compiled = compile_app(load(DEFINITION))
        self.api = httpx.Client(
            base_url=self.url + "/api/v1",
            headers={"x-holdfast-csrf": "1"},
            timeout=PATIENCE_SECONDS,
        )

    def send(
        self,
        path: str,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        signed: bool = True,
        query: str = "",
    ) -> str:
        """As the sender would; the id that it was answered, of an event or of a refusal."""
        webhook = next(
            one
            for one in self.compiled.webhooks
            if one.path.split("/{")[0] in (path, path.rpartition("/")[0])
        )
        request = make_request(
            webhook,
            url=self.gateway + path + query,
            method="POST",
            headers={"content-type": "application/json", **(headers or {})},
            body=body,
            secrets=Secrets(),
            clock=SYSTEM_CLOCK,
            signed=signed,
        )
        lines = [
            (name.encode("latin-1"), value.encode("latin-1")) for name, value in request.headers
        ]
        answer = httpx.post(
            self.gateway + path + query, headers=lines, content=body, timeout=PATIENCE_SECONDS
        )
        id: str = answer.headers.get("x-holdfast-id") or answer.headers["x-request-id"]
        return id

    def visit(self, path: str) -> None:
        """Somebody comes to where there is no webhook."""
        assert self.run.post(path).status_code == 404

    def kept(self, *given: Any, **more: Any) -> str:
        """Sent, and worked to its end."""
        id = self.send(*given, **more)
        self.run.ended(id)
        return id

    def all_kept(self, path: str, bodies: Iterable[bytes]) -> list[str]:
        """Sent one after the other, and all of them worked to their ends."""
        ids = [self.send(path, body, {"x-delivery": f"d-{zlib.crc32(body)}"}) for body in bodies]
        for id in ids:
            self.run.ended(id)
        return ids

    def mend(self) -> None:
        """From now on the handlers that failed do not."""
        (self.directory / "mended").touch()

    def break_again(self) -> None:
        """Undo `mend`."""
        (self.directory / "mended").unlink(missing_ok=True)

    def clear(self) -> None:
        """No dead letter is left."""
        there = self.api.post("/dead/redrive", json={"all": True, "parked": "any", "dry_run": True})
        if total := there.json()["total"]:
            chosen = {"all": True, "parked": "any", "expect": total}
            self.api.post("/dead/purge", json=chosen).raise_for_status()

    def close(self) -> None:
        self.api.close()
        self.run.close()


class Viewer:
    """One tab. `complaints`: what must not happen, and has."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context = context
        self.url = url
        self.complaints: list[str] = []
        self.page: Page = context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        self.page.on("console", self._said)
        self.page.on("request", self._asked)

    def _said(self, message: Any) -> None:
        # A status that a test asks for on purpose is told by the browser as an error of loading.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(f"console: {message.text}")

    def _asked(self, request: Request) -> None:
        place = urlsplit(request.url)
        if (
            place.scheme in ("http", "https", "ws")
            and f"{place.scheme}://{place.netloc}" != self.url
        ):
            self.complaints.append(f"asked elsewhere: {request.url}")

    def open(self, path: str) -> Page:
        self.page.goto(self.url + path)
        return self.page

    def live(self) -> None:
        """Wait until the page hears what happens."""
        self.page.wait_for_selector("[data-live-switch][data-state=live]")


@contextmanager
def windows(browser: Browser, **settings: Any) -> Iterator[BrowserContext]:
    """A browser that nobody has used before: without cookies, and with nothing fetched yet."""
    width, height = settings.pop("size", WIDE)
    context = browser.new_context(
        viewport={"width": width, "height": height}, timezone_id="Europe/Berlin", **settings
    )
    try:
        yield context
    finally:
        context.close()


@contextmanager
def tab(context: BrowserContext, url: str) -> Iterator[Viewer]:
    """A tab on this console; what must not happen has not happened at its end."""
    viewer = Viewer(context, url)
    try:
        yield viewer
    finally:
        viewer.page.close()
    assert not viewer.complaints, "\n".join(viewer.complaints)


@contextmanager
def viewing(browser: Browser, url: str, **settings: Any) -> Iterator[Viewer]:
    """Both: a tab of a browser of its own."""
    with windows(browser, **settings) as context, tab(context, url) as viewer:
        yield viewer


@contextmanager
def shop_open(directory: Path) -> Iterator[Shop]:
    """A shop, with the secrets of its senders in the environment."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SECRETS.items():
            patch.setenv(name, value)
        shop = Shop(directory)
        try:
            yield shop
        finally:
            shop.close()


__all__ = [
    "NARROW",
    "SECRETS",
    "WIDE",
    "Shop",
    "Viewer",
    "chromium",
    "launched",
    "shop_open",
    "tab",
    "until",
    "viewing",
    "windows",
]
