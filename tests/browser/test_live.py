"""What is new comes by itself, and disturbs nobody who is in the middle of something."""

from __future__ import annotations

import os
import signal

from browser_kit import Shop, Viewer, until
from places import event_id
from playwright.sync_api import Page, Route, expect
from seeds import order, stripe


def hears(page: Page) -> None:
    """From now on `heard` is there once the page was told of something new."""
    page.evaluate(
        """() => {
          window.heard = new Promise((told) => {
            document.addEventListener("holdfast:changes", () => told(true), { once: true });
          });
        }"""
    )


def test_a_new_event_comes_into_the_list(shop: Shop, viewer: Viewer) -> None:
    """On top, without a reload, once: and its state follows what happens to it."""
    page = viewer.open("/events")
    viewer.live()
    loaded = page.evaluate("performance.timeOrigin")
    id = shop.send("/stripe", stripe("invoice.paid", number="live-1"))
    row = page.locator(f"#e-{id}")
    expect(row).to_contain_text("invoice.paid")
    expect(row).to_contain_text("done")
    expect(page.locator("tbody tr").first).to_have_attribute("id", f"e-{id}")
    assert page.evaluate("performance.timeOrigin") == loaded


def test_focus_selection_and_folds_stay(shop: Shop, viewer: Viewer) -> None:
    """Whatever comes in: the focused row keeps its focus, what is typed stays typed, folds stay open."""
    page = viewer.open("/events")
    viewer.live()
    page.locator("summary", has_text="More").click()
    page.fill("[name=text]", "half a wo")
    held = page.locator("tbody tr").nth(2).get_attribute("id")
    page.locator(f"#{held} [data-row]").focus()
    id = shop.send("/stripe", stripe("invoice.paid", number="live-2"))
    expect(page.locator(f"#e-{id}")).to_be_visible()
    assert page.evaluate("document.activeElement.closest('tr').id") == held
    assert page.input_value("[name=text]") == "half a wo"
    assert page.evaluate("document.querySelector('.more').open")


def test_selected_text_is_left_alone(shop: Shop, viewer: Viewer) -> None:
    """While somebody has marked something in the list, it does not move under them."""
    page = viewer.open("/events")
    viewer.live()
    page.evaluate("getSelection().selectAllChildren(document.querySelector('tbody tr .type'))")
    marked = page.evaluate("String(getSelection())")
    first = page.locator("tbody tr").first.get_attribute("id")
    hears(page)
    id = shop.kept("/stripe", stripe("invoice.paid", number="live-3"))
    assert page.evaluate("window.heard")
    assert page.evaluate("String(getSelection())") == marked
    assert page.locator("tbody tr").first.get_attribute("id") == first
    page.evaluate("getSelection().removeAllRanges()")
    expect(page.locator(f"#e-{id}")).to_be_visible()


def test_the_stream_can_be_paused(shop: Shop, viewer: Viewer) -> None:
    """Then nothing moves, and that is said; going on shows what was missed."""
    page = viewer.open("/events")
    viewer.live()
    page.keyboard.press(".")
    switch = page.locator("[data-live-switch]")
    expect(switch).to_have_text("paused")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    hears(page)
    id = shop.kept("/stripe", stripe("invoice.paid", number="live-4"))
    assert page.evaluate("window.heard")
    assert page.locator(f"#e-{id}").count() == 0
    assert asked == []
    page.keyboard.press(".")
    expect(switch).to_have_text("live")
    expect(page.locator(f"#e-{id}")).to_be_visible()


def test_an_answer_that_is_late_moves_nothing_either(shop: Shop, viewer: Viewer) -> None:
    """What was asked for before the pause comes during it, and is shown after it."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        if "x-holdfast-fragment" in route.request.headers:
            held.append(route)
        else:
            route.continue_()

    def holding() -> bool:
        viewer.page.wait_for_timeout(1)  # it listens while it waits
        return bool(held)

    viewer.page.route(shop.url + "/events", hold)
    page = viewer.open("/events")
    until(holding, "the list is fetched anew")
    page.keyboard.press(".")
    expect(page.locator("[data-live-switch]")).to_have_text("paused")
    id = shop.kept("/stripe", stripe("invoice.paid", number="live-7"))
    with page.expect_response(lambda answer: answer.url.endswith("/events")) as answer:
        held.pop().continue_()
    assert f"e-{id}" in answer.value.text()
    page.evaluate("fetch('/events').then((answer) => answer.text())")
    assert page.locator(f"#e-{id}").count() == 0
    page.unroute(shop.url + "/events")
    page.keyboard.press(".")
    expect(page.locator(f"#e-{id}")).to_be_visible()


def test_the_overview_counts_along(shop: Shop, viewer: Viewer) -> None:
    """A dead letter more is one more there, too."""
    page = viewer.open("/")
    viewer.live()
    figure = page.locator(".figure", has_text="Dead letters").locator(".big")
    before = int(figure.inner_text())
    shop.kept("/orders", order(900, lines=["sku-404"]), {"x-delivery": "d-900"})
    expect(figure).to_have_text(str(before + 1))


def test_an_event_is_followed_to_its_end(shop: Shop, viewer: Viewer) -> None:
    """Paused it waits; resumed it is done, and its page says so without a reload."""
    shop.api.post("/webhooks/stripe/pause", json={}).raise_for_status()
    id = shop.send("/stripe", stripe("invoice.paid", number="live-5"))
    page = viewer.open(f"/events/{id}")
    viewer.live()
    expect(page.locator("h1")).to_contain_text("waiting")
    shop.api.post("/webhooks/stripe/resume", json={}).raise_for_status()
    expect(page.locator("h1")).to_contain_text("done")
    expect(page.locator(".moment").last).to_contain_text("Done")


def test_times_are_the_viewers(shop: Shop, viewer: Viewer) -> None:
    """In Berlin it is later than in the store; the exact instant is in the title."""
    id = event_id(shop, webhook="orders", state="done")
    told = shop.api.get(f"/events/{id}").json()["received_at"]
    page = viewer.open(f"/events/{id}")
    shown = page.locator(".facts time").first
    expect(shown).to_contain_text("UTC+0")
    assert told in (shown.get_attribute("title") or "")
    assert told[11:13] not in shown.inner_text()[11:13]
    expect(page.locator("[data-zone]")).to_have_text("Europe/Berlin")


def test_a_console_that_went_away_is_found_again(shop: Shop, viewer: Viewer) -> None:
    """The page says that it reconnects, then that it is live, and shows what came in meanwhile."""
    page = viewer.open("/events")
    viewer.live()
    page.evaluate(
        """() => {
          const button = document.querySelector("[data-live-switch]");
          window.shown = [];
          new MutationObserver(() => shown.push(button.textContent)).observe(button, { attributes: true });
        }"""
    )
    (pid,) = shop.run.pids("console")
    os.kill(pid, signal.SIGKILL)
    until(lambda: "reconnecting" in page.evaluate("window.shown"), "it says that it reconnects")
    id = shop.kept("/stripe", stripe("invoice.paid", number="live-6"))
    until(lambda: [one for one in shop.run.pids("console") if one != pid], "the console is back")
    viewer.live()
    expect(page.locator(f"#e-{id}")).to_be_visible()


def test_what_is_alike_is_not_touched(viewer: Viewer) -> None:
    """Put in place of the old, the new keeps every node that is still there: with what comes before it,
    goes, moves, or differs in white space only."""
    page = viewer.open("/events")
    module = page.evaluate("document.querySelector('script').src.replace('console.js', 'morph.js')")
    kept = page.evaluate(
        """async (module) => {
          const { morph } = await import(module);
          const tree = (html) => {
            const made = document.createElement("template");
            made.innerHTML = html;
            return made.content;
          };
          const cases = [
            ["<p class=keep>a</p>", "\\n <p class=keep>b</p>"],
            ["\\n<p class=keep>a</p>\\n", "<p class=keep>b</p>"],
            ["<p class=keep>a</p>", "<p class=new>n</p><p class=keep>b</p>"],
            ["<p class=old>o</p><p class=keep>a</p>", "<p class=keep>b</p>"],
            ["<ul><li id=a>a</li><li id=keep>k</li></ul>", "<ul><li id=n>n</li><li id=keep>b</li><li id=a>a</li></ul>"],
            ["<ul><li id=keep>k</li><li id=z>z</li></ul>", "<ul><li id=y>y</li><li id=keep>b</li></ul>"],
            ["<div><input id=keep></div>", "<b>x</b><div class=''><input id=keep title=b></div>"],
          ];
          return cases.map(([before, after]) => {
            const place = document.createElement("div");
            document.body.append(place);
            place.append(tree(before));
            const old = place.querySelector(".keep, #keep");
            morph(place, tree(after));
            const same = old.isConnected && old === place.querySelector(".keep, #keep");
            const right = place.innerHTML === (() => { const t = document.createElement("div"); t.append(tree(after)); return t.innerHTML; })();
            place.remove();
            return `${same} ${right}`;
          });
        }""",
        module,
    )
    assert kept == ["true true"] * 7


def test_what_fires_is_seen(shop: Shop, viewer: Viewer) -> None:
    """On the page of alerts with its rule, its webhook and who could not be told; and on the first screen."""
    until(
        lambda: [
            one for one in shop.api.get("/alerts").json()["alerts"] if one["state"] == "firing"
        ],
        "dead letters are an alert",
    )
    page = viewer.open("/alerts")
    row = page.locator("tbody tr", has_text="firing").filter(has_text="orders")
    expect(row).to_contain_text("dead letter")
    expect(page.locator("#target-1")).to_contain_text("http://127.0.0.1:1/alerts")
    page.keyboard.press("g")
    page.keyboard.press("o")
    expect(page.locator("#firing")).to_contain_text("orders")
