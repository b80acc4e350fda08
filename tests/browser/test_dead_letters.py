"""From a failure to its end, in a real browser: most of it with the keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any, Final

import pytest
from browser_kit import Shop, Viewer, shop_open, tab, until, viewing
from places import group_id
from playwright.sync_api import Browser, BrowserContext, Page, expect
from seeds import order, stripe

ROUNDS: Final = count()


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop beside the one that all look at, into which nothing has come yet."""
    with shop_open(tmp_path_factory.mktemp("hospital")) as shop:
        yield shop


@pytest.fixture
def failing(hospital: Shop) -> Iterator[Shop]:
    """In it seven reminders and two orders died, and nothing else is dead."""
    shop, round = hospital, next(ROUNDS)
    shop.break_again()
    shop.clear()
    unpaid = [stripe("invoice.payment_failed", number=1_000 * round + n) for n in range(7)]
    shop.all_kept("/stripe", unpaid)
    shop.all_kept("/orders", (order(10 * round + n, lines=["sku-404"]) for n in range(2)))
    EARLIER.update(one["id"] for one in shop.api.get("/runs").json()["items"])
    yield shop
    for one in runs(shop):
        if one["active"]:
            shop.api.post(f"/runs/{one['id']}/cancel", json={})
    until(lambda: not shop.api.get("/runs?active=true").json()["items"], "no run is under way")
    # What is still worked now would die in the next test, as soon as that breaks the handlers again.
    until(lambda: quiet(shop), "nothing is under way")


EARLIER: Final[set[str]] = set()
"""Runs of the tests before."""


@pytest.fixture
def desk(context: BrowserContext, failing: Shop) -> Iterator[Viewer]:
    with tab(context, failing.url) as viewer:
        yield viewer


def dead(shop: Shop) -> int:
    found: int = shop.api.get("/overview").json()["totals"]["dead"]
    return found


def quiet(shop: Shop) -> bool:
    """Whether nothing waits, and nothing is worked."""
    totals = shop.api.get("/overview").json()["totals"]
    return (totals["waiting"], totals["leased"]) == (0, 0)


def runs(shop: Shop) -> list[dict[str, Any]]:
    """Those of this test."""
    found: list[dict[str, Any]] = shop.api.get("/runs").json()["items"]
    return [one for one in found if one["id"] not in EARLIER]


def over(shop: Shop) -> None:
    until(lambda: runs(shop) and not runs(shop)[0]["active"], "the run is over")


def test_an_empty_shop_sends_its_first_event(context: BrowserContext, hospital: Shop) -> None:
    """One press on the first screen: sent through the gateway, signed, worked, and shown. It comes first
    here, since the others fill the shop."""
    with tab(context, hospital.url) as viewer:
        page = viewer.open("/")
        page.get_by_role("button", name="Send a signed sample").click()
        page.wait_for_url("**/events/*")
        expect(page.locator(".moment").first).to_contain_text("Received")
        page.keyboard.press("g")
        page.keyboard.press("o")
        page.wait_for_url(hospital.url + "/")
        expect(page.locator("main")).not_to_contain_text("Nothing has come in yet")


def test_the_whole_way_back_without_a_mouse(failing: Shop, desk: Viewer) -> None:
    """Found, dry run, mended, tried with five, gone on: the keyboard alone, and nothing is left."""
    page = desk.open("/")
    page.keyboard.press("g")
    page.keyboard.press("d")
    page.wait_for_url("**/dead")
    expect(page.locator("h2")).to_contain_text("9 letters")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("tbody tr").nth(1).locator("[data-row]")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/dead/groups/*")
    expect(page.locator("h1")).to_contain_text("remind fails with TimeoutError")
    page.keyboard.press("d")
    page.wait_for_url("**dry_run=3*")
    expect(page.locator("#dry-run .rehearsal")).to_have_count(3)
    assert dead(failing) == 9
    failing.mend()
    page.keyboard.press("t")
    expect(page.locator(".run").first).to_contain_text("tried")
    expect(page.locator(".run .tally .ok").first).to_have_text("5")
    assert dead(failing) == 4
    page.keyboard.press("y")
    expect(page.locator("h1")).to_contain_text("This group is empty now")
    expect(page.locator(".run.ok")).to_contain_text("finished")
    over(failing)
    assert dead(failing) == 2


def test_a_try_that_fails_stops_by_itself(failing: Shop, desk: Viewer) -> None:
    """Nothing was mended: some come back dead, the rest is not sent, and the page says why."""
    page = desk.open(f"/dead/groups/{group_id(failing, webhook='stripe')}")
    desk.live()
    page.keyboard.press("t")
    expect(page.locator(".run").first).to_contain_text("stopped")
    expect(page.locator(".run").first).to_contain_text("came back dead")
    assert dead(failing) == 9
    # Once it is over, it can be tried anew.
    expect(page.get_by_role("button", name="Try 5")).to_be_visible()


def test_a_redrive_is_slow_and_can_be_cancelled(failing: Shop, desk: Viewer) -> None:
    """The dialog's numbers are what the run gets; its progress shows, and ends when told to."""
    failing.mend()
    page = desk.open(f"/dead/groups/{group_id(failing, webhook='stripe')}")
    desk.live()
    page.keyboard.press("r")
    page.fill("#redrive-first", "0")
    page.fill("#redrive-rate", "0.1")
    page.fill("#redrive-stop", "3")
    page.keyboard.press("Enter")
    expect(page.locator("dialog[open]")).to_have_count(0)
    progress = page.locator(".run").first
    expect(progress).to_contain_text("rolling")
    expect(progress).to_contain_text("0.1/s")
    expect(page.get_by_role("button", name="Try")).to_have_count(0)
    until(lambda: runs(failing)[0]["sent"], "the first is on its way")
    page.keyboard.press("c")
    expect(progress).to_contain_text("cancelled")
    (run,) = runs(failing)
    assert (run["try_first"], run["rate"], run["stop_at"]) == (0, 0.1, "3")
    assert 0 < run["sent"] < 7


def test_what_does_not_fit_is_said_in_the_dialog(failing: Shop, desk: Viewer) -> None:
    """A run is in the way: said where it was asked for, and nothing is begun."""
    failing.api.post(
        "/dead/redrive", json={"webhook": "stripe", "rate": 0.1, "stop_at": "never"}
    ).raise_for_status()
    id = group_id(failing, webhook="stripe")
    page = desk.open(f"/dead/groups/{id}")
    page.keyboard.press("r")
    page.locator("#redrive").get_by_role("button", name="Redrive").click()
    expect(page.locator("#redrive [data-complaint]")).to_contain_text("is under way")
    assert len(runs(failing)) == 1


def test_parking_and_taking_out_again(failing: Shop, desk: Viewer) -> None:
    """Out of the groups and back, and both are in the audit."""
    id = group_id(failing, webhook="orders")
    page = desk.open(f"/dead/groups/{id}")
    page.keyboard.press("p")
    expect(page.locator(".facts")).to_contain_text("2 of them parked")
    listed = desk.open("/dead")
    expect(listed.locator(f"#group-{id}")).to_have_count(0)
    listed.get_by_role("link", name="2 parked").click()
    expect(listed.locator(f"#group-{id}")).to_have_count(1)
    page = desk.open(f"/dead/groups/{id}")
    page.keyboard.press("u")
    expect(page.locator(".facts")).not_to_contain_text("parked")
    page.get_by_role("link", name="in the audit").click()
    expect(page.locator("tbody tr")).to_have_count(2)


def test_purging_wants_the_number_typed(failing: Shop, desk: Viewer) -> None:
    """Anything else does nothing; the number removes them, and the page tells so."""
    id = group_id(failing, webhook="orders")
    page = desk.open(f"/dead/groups/{id}")
    page.keyboard.press("x")
    page.fill("#purge-count", "yes")
    page.keyboard.press("Enter")
    assert dead(failing) == 9
    page.fill("#purge-count", "2")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("This group is empty now")
    assert dead(failing) == 7


def test_dialogs_say_how_many_there_are_now(failing: Shop, desk: Viewer) -> None:
    """As they open, even where the page stands still; and while they are open."""
    page = desk.open(f"/dead/groups/{group_id(failing, webhook='orders')}")
    desk.live()
    page.keyboard.press(".")
    expect(page.locator("[data-live-switch]")).to_have_text("paused")
    failing.all_kept("/orders", [order(700, lines=["sku-404"])])
    page.keyboard.press("x")
    expect(page.locator("#purge")).to_contain_text("Purge 3 letters")
    expect(page.locator("#purge label")).to_have_text("Type 3 to remove so many")
    page.keyboard.press("Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)
    page.keyboard.press(".")
    desk.live()
    page.keyboard.press("r")
    expect(page.locator("#redrive h2")).to_have_text("Redrive 3 letters")
    page.fill("#redrive-first", "2")
    failing.all_kept("/orders", [order(701, lines=["sku-404"])])
    expect(page.locator("#redrive h2")).to_have_text("Redrive 4 letters")
    assert page.input_value("#redrive-first") == "2"


def test_purging_more_than_was_seen_removes_none(failing: Shop, desk: Viewer) -> None:
    """Meanwhile another one died: the number does not fit any more."""
    id = group_id(failing, webhook="orders")
    page = desk.open(f"/dead/groups/{id}")
    page.keyboard.press("x")
    page.fill("#purge-count", "2")
    failing.kept("/orders", order(5, lines=["sku-404"]), {"x-delivery": "x-5"})
    page.keyboard.press("Enter")
    expect(page.locator("#purge [data-complaint]")).to_contain_text("not 2")
    assert dead(failing) == 10


def test_one_letter_is_worked_alone(failing: Shop, desk: Viewer) -> None:
    """From the group to the letter, back and forth by keys; sent back, its event shows its end."""
    failing.mend()
    page = desk.open(f"/dead/groups/{group_id(failing, webhook='orders')}")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/dead/letters/*")
    expect(page.locator("h1")).to_contain_text("pick failed with KeyError")
    page.keyboard.press("b")
    page.wait_for_url("**/dead/groups/*")
    page.keyboard.press("e")
    page.wait_for_url("**/dead/letters/*")
    page.keyboard.press("r")
    page.wait_for_url("**/events/*")
    expect(page.locator("h1")).to_contain_text("done")
    over(failing)
    assert dead(failing) == 8


def test_new_failures_appear_by_themselves(failing: Shop, desk: Viewer) -> None:
    """The list counts on while it is looked at, and the row that has the focus keeps it."""
    page = desk.open("/dead")
    desk.live()
    row = page.locator(f"#group-{group_id(failing, webhook='stripe')}")
    row.locator("[data-row]").focus()
    failing.kept("/stripe", stripe("invoice.payment_failed", number=99))
    expect(row.locator("b")).to_have_text("8")
    expect(row.locator("[data-row]")).to_be_focused()


def test_what_strangers_wrote_does_nothing(failing: Shop, desk: Viewer) -> None:
    """An error that is a script is read, and not run."""
    hostile = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>'
    id = failing.kept("/anything", f"fail with {hostile}".encode(), {"content-type": "text/html"})
    group = group_id(failing, webhook="anything")
    for path in ("/dead", f"/dead/groups/{group}?dry_run=1", f"/dead/letters/{id}"):
        page = desk.open(path)
        expect(page.locator("main")).to_contain_text("<script>window.hit=")
        assert page.evaluate("window.hit") is None


def test_groups_are_read_without_scripts(browser: Browser, failing: Shop) -> None:
    """All of it, dry run included; what needs a script is not offered."""
    with viewing(browser, failing.url, java_script_enabled=False) as viewer:
        page = viewer.open("/dead")
        page.locator("tbody tr", has_text="remind").locator("a.row").click()
        page.get_by_role("link", name="Dry run").click()
        expect(page.locator(".rehearsal")).to_have_count(3)
        expect(page.locator("button.js:visible")).to_have_count(0)
        assert letters(page) == 7


def letters(page: Page) -> int:
    return int(page.locator("tr[id^=letter-]").count())
