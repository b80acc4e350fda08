"""Reading needs no scripts, and a token is entered without any; a console that only shows offers nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser_kit import Shop, viewing
from checks import assert_accessible, assert_no_overflow
from places import places
from playwright.sync_api import Browser, expect

from console_scene import TOKEN, served
from holdfast.runtime.console_options import ConsoleOptions


def test_every_page_can_be_read(browser: Browser, shop: Shop) -> None:
    """The same content, times in UTC, and no button that would do nothing."""
    with viewing(browser, shop.url, java_script_enabled=False) as viewer:
        for path in places(shop).values():
            page = viewer.open(path)
            assert page.locator("h1").count() == 1
            assert page.locator("main").inner_text().strip()
            assert page.locator("button[data-act]:visible").count() == 0
        page = viewer.open(places(shop)["event-dead"])
        expect(page.locator(".facts time").first).to_contain_text("UTC")


def test_filters_work_as_a_form(browser: Browser, shop: Shop) -> None:
    """Empty fields in the address mean nothing."""
    with viewing(browser, shop.url, java_script_enabled=False) as viewer:
        page = viewer.open("/events")
        page.fill("[name=where]", "customer=cus_1")
        page.get_by_role("button", name="Show").click()
        expect(page.locator(".chips")).to_contain_text("customer=cus_1")
        assert page.locator("tbody tr").count() >= 3


@pytest.mark.parametrize("scripts", [True, False])
def test_a_token_is_entered_and_given_back(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scripts: bool
) -> None:
    """A wrong one is said; the right one leads to where somebody wanted to go; signing out ends it."""
    options = ConsoleOptions(tokens=("ada=env:ADA_TOKEN",))
    with served(tmp_path, monkeypatch, options) as scene:
        id = scene.dead()
        url = f"http://127.0.0.1:{scene.port}"
        with viewing(browser, url, java_script_enabled=scripts) as viewer:
            page = viewer.open(f"/events/{id}")
            assert "/login?next=" in page.url
            if scripts:
                assert_accessible(page)
                assert_no_overflow(page)
            page.fill("#token", "wrong-token-wrong-token")
            page.get_by_role("button", name="Sign in").click()
            expect(page.locator("[role=alert]")).to_contain_text("not one of the console's")
            page.fill("#token", TOKEN)
            page.keyboard.press("Enter")
            page.wait_for_url(f"**/events/{id}")
            if scripts:
                viewer.live()
                page.keyboard.press("p")
                expect(page.locator("h1")).to_contain_text("parked")
            page.get_by_role("button", name="Sign out").click()
            page.wait_for_url("**/login")
            page.goto(url + "/")
            assert "/login" in page.url


def test_a_session_that_ended_leads_to_the_token(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that hears of something new asks for it, is refused, and leads there: nothing looks alive
    that is not."""
    options = ConsoleOptions(tokens=("ada=env:ADA_TOKEN",))
    with (
        served(tmp_path, monkeypatch, options) as scene,
        viewing(browser, f"http://127.0.0.1:{scene.port}") as viewer,
    ):
        page = viewer.open("/login")
        page.fill("#token", TOKEN)
        page.keyboard.press("Enter")
        page.wait_for_url("**/")
        viewer.live()
        viewer.context.clear_cookies()
        scene.kept()
        page.wait_for_url("**/login**")


def test_a_console_that_only_shows(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so, and no key and no button does anything."""
    with served(tmp_path, monkeypatch, ConsoleOptions(read_only=True)) as scene:
        id = scene.dead()
        with viewing(browser, f"http://127.0.0.1:{scene.port}") as viewer:
            page = viewer.open(f"/events/{id}")
            expect(page.locator(".top")).to_contain_text("read only")
            asked: list[str] = []
            page.on("request", lambda request: asked.append(request.method))
            for key in "rnpu":
                page.keyboard.press(key)
            assert page.locator("dialog[open]").count() == 0
            assert "POST" not in asked
            assert page.locator("[data-act]:enabled:not(form)").count() == 0
