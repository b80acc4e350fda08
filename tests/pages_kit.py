"""What a page holds, read as a browser would read it; and somebody who asks a console for pages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, Final

import httpx
import pytest

from console_scene import Scene
from process_kit import PATIENCE_SECONDS

HOSTILE: Final = "<img src=x onerror=alert(1)>\"'><script>alert(1)</script>{{7*7}}"
VOID = frozenset(
    {"meta", "link", "input", "img", "br", "hr", "use", "path", "circle", "rect", "line"}
)


@dataclass(frozen=True, slots=True)
class Element:
    name: str
    attributes: dict[str, str | None]


@dataclass(slots=True)
class Read:
    """A page's elements in order, and its text."""

    html: str
    elements: list[Element] = field(default_factory=list)
    text: str = ""

    def all(self, name: str) -> list[Element]:
        return [one for one in self.elements if one.name == name]

    def has(self, text: str) -> bool:
        return text in " ".join(self.text.split())

    @property
    def ids(self) -> list[str]:
        return [one.attributes["id"] or "" for one in self.elements if "id" in one.attributes]

    def links(self) -> list[str]:
        return [one.attributes.get("href") or "" for one in self.all("a")]


class _Reader(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.read = Read(html)
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.read.elements.append(Element(tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            while self.open.pop() != tag:
                continue

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.read.elements.append(Element(tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if "script" not in self.open and "style" not in self.open:
            self.read.text += data


def read(html: str) -> Read:
    reader = _Reader(html)
    reader.feed(html)
    reader.close()
    return reader.read


def wrong_with(html: str) -> list[str]:
    """What the policy would stop, or a browser would stumble over; empty for a good page."""
    page = read(html)
    found = []
    for one in page.elements:
        names = set(one.attributes)
        found += [
            f"<{one.name} {name}>" for name in names if name == "style" or name.startswith("on")
        ]
        if one.name == "script" and not one.attributes.get("src"):
            found.append("a script within the page")
        if one.name in ("style", "iframe", "object", "embed", "base"):
            found.append(f"<{one.name}>")
        for name in ("href", "src", "action"):
            target = one.attributes.get(name) or ""
            if re.match(r"\s*(javascript|data|https?|//)", target, re.IGNORECASE):
                found.append(f"<{one.name} {name}={target}>")
        if one.name == "img":
            found.append("an image")
    found += [f"id {id} twice" for id, count in Counter(page.ids).items() if count > 1]
    return found


def attributes(page: Read, name: str) -> list[Any]:
    """Every value of an attribute."""
    return [one.attributes[name] for one in page.elements if name in one.attributes]


def visitor(port: int) -> httpx.Client:
    return httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_SECONDS)


@pytest.fixture
def http(scene: Scene) -> Iterator[httpx.Client]:
    with visitor(scene.port) as client:
        yield client


def shown(client: httpx.Client, path: str, status: int = 200, **given: Any) -> Read:
    """A page, which is a good one whatever it shows."""
    answer = client.get(path, **given)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert wrong_with(answer.text) == []
    return read(answer.text)
