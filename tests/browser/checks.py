"""What every page must be to everybody: read out, found by keyboard, told apart, and within its width.

A part of what axe-core looks for, written out: names, labels, landmarks, headings, ids, contrast. Contrast is
computed from what the browser drew, in the colours of the scheme that the page is shown in.
"""

from __future__ import annotations

from typing import Final

from playwright.sync_api import Page

_ACCESSIBLE: Final = r"""
() => {
  const wrong = [];
  const tell = (what, element) => {
    const shown = element ? element.outerHTML.slice(0, 140) : "";
    wrong.push(shown ? `${what}: ${shown}` : what);
  };
  const visible = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true });

  if (!document.documentElement.lang) tell("no language");
  if (!document.title.trim()) tell("no title");
  if (document.querySelectorAll("main").length !== 1) tell("not one main");
  if (document.querySelectorAll("h1").length !== 1) tell(`${document.querySelectorAll("h1").length} h1`);
  let level = 0;
  for (const heading of document.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
    if (!visible(heading)) continue;
    const here = Number(heading.localName[1]);
    if (here > level + 1 && level) tell(`a heading skips from ${level}`, heading);
    level = here;
    if (!heading.textContent.trim()) tell("an empty heading", heading);
  }
  const ids = new Set();
  for (const element of document.querySelectorAll("[id]")) {
    if (ids.has(element.id)) tell("an id twice", element);
    ids.add(element.id);
  }
  for (const element of document.querySelectorAll("[aria-labelledby], [aria-describedby], label[for]")) {
    for (const name of ["aria-labelledby", "aria-describedby", "for"]) {
      for (const id of (element.getAttribute(name) ?? "").split(/\s+/).filter(Boolean)) {
        if (!document.getElementById(id)) tell(`${name} leads nowhere`, element);
      }
    }
  }

  const name = (element) => {
    const labelled = element.getAttribute("aria-labelledby");
    if (labelled) return labelled.split(/\s+/).map((id) => document.getElementById(id)?.textContent ?? "").join(" ");
    if (element.ariaLabel) return element.ariaLabel;
    if (element.labels?.length) return [...element.labels].map((one) => one.textContent).join(" ");
    if (element.matches("input, select, textarea")) return "";
    return element.textContent || element.title;
  };
  for (const element of document.querySelectorAll(
    "a[href], button, input:not([type=hidden]), select, textarea, summary, [role=img], [role=region], nav, dialog[open], progress"
  )) {
    if (!visible(element)) continue;
    if (element.localName === "nav" && document.querySelectorAll("nav").length === 1) continue;
    const told = element.localName === "nav" || element.localName === "progress" ? element.ariaLabel ?? "" : name(element);
    if (!told.trim()) tell("has no name", element);
    if (element.tabIndex > 0) tell("jumps the order of tabs", element);
  }
  for (const element of document.querySelectorAll("a[href], button, input, select, textarea, [tabindex='0']")) {
    if (element.closest("[aria-hidden=true]")) tell("hidden from readers, yet focused", element);
  }
  for (const table of document.querySelectorAll("table")) {
    if (visible(table) && !table.querySelector("th")) tell("a table without heads", table);
  }

  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const drawn = new Map();
  const rgba = (colour) => {
    if (!drawn.has(colour)) drawn.set(colour, read(colour));
    return drawn.get(colour);
  };
  const read = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = "#000";
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3]));
  const ground = (element) => {
    const layers = [];
    for (let here = element; here; here = here.parentElement) {
      const colour = rgba(getComputedStyle(here).backgroundColor);
      if (colour[3] > 0) layers.push(colour);
      if (colour[3] === 1) break;
    }
    let below = [255, 255, 255];
    for (const layer of layers.reverse()) below = over(layer, below);
    return below;
  };
  const light = (colour) => {
    const [r, g, b] = colour.map((part) => {
      const c = part / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const seen = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let count = 0;
  while (walker.nextNode() && count < 1500) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || seen.has(element)) continue;
    seen.add(element);
    count += 1;
    if (!visible(element) || element.closest(":disabled, .sr, .skip, option, noscript, script")) continue;
    const style = getComputedStyle(element);
    const svg = element.closest("svg");
    const back = ground(element);
    const front = over(rgba(svg ? style.fill : style.color), back);
    const [high, low] = [light(front), light(back)].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) tell(`contrast ${ratio.toFixed(2)}`, element);
  }
  return wrong;
}
"""

_WIDE: Final = """
() => {
  const room = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= room) return [];
  const beyond = [...document.body.querySelectorAll("*")].filter(
    (one) => one.getBoundingClientRect().right > room + 1 && !one.closest(".scroll, pre, .areas, .graph-frame")
  );
  return [`${document.documentElement.scrollWidth} in ${room}`, ...beyond.slice(0, 5).map((one) => one.outerHTML.slice(0, 140))];
}
"""


def assert_accessible(page: Page) -> None:
    """Names, labels, landmarks, headings, contrast."""
    wrong = page.evaluate(_ACCESSIBLE)
    assert not wrong, "\n".join([page.url, *wrong])


def assert_no_overflow(page: Page) -> None:
    """The page itself does not scroll sideways; a table or a payload may, within its own frame."""
    wrong = page.evaluate(_WIDE)
    assert not wrong, "\n".join([page.url, *wrong])
