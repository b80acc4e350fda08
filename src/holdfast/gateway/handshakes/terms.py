"""The settings of a handshake, judged and parsed once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from holdfast.verify.content import Content
from holdfast.verify.encoding import ENCODINGS, Encoding
from holdfast.verify.judge import Judge
from holdfast.verify.keys import KEY_ENCODINGS, Key, KeyEncoding
from holdfast.verify.locate import Locator
from holdfast.verify.methods import HASHES

SHAPE: Final = "[A-Za-z0-9+/=_-]{1,256}"
"""What a challenge to be signed looks like. It is held against strictly: whoever gets us to sign a
text of his choice with the provider's own secret has forged an event."""

_WORD: Final = re.compile(r"\{(mac|endpoint)\}")
_NOWHERE: Final = Locator("header", "x")


UTF8: Final = Key()


@dataclass(frozen=True, slots=True)
class Terms:
    """What the kinds take. A text is a template as of a signed content, and knows two words more:
    `{mac}`, the hash that was made, and `{endpoint}`, the address that was called, without query."""

    status: int = 200
    text: Content | None = None
    json: tuple[tuple[str, Content], ...] = ()
    headers: tuple[tuple[str, Content], ...] = ()
    body: str = ""
    of: Content | None = None
    hash: str = "sha256"
    encoding: Encoding = "hex"
    key: Key = UTF8
    shape: re.Pattern[bytes] = re.compile(SHAPE.encode())
    token: Locator | None = None
    visit: Locator | None = None
    hosts: tuple[str, ...] = ()


SETTINGS: Final = (
    "status",
    "text",
    "json",
    "headers",
    "body",
    "of",
    "hash",
    "encoding",
    "key",
    "shape",
    "token",
    "visit",
    "hosts",
)


def parse_terms(settings: Mapping[str, Any], judge: Judge) -> Terms:
    """What is wrong is noted, and something usable put in its place."""

    def content(setting: str, written: Any) -> Content | None:
        text = _WORD.sub(r"{sig:\1}", written) if isinstance(written, str) else written
        found: Content | None = judge.parsed(setting, Content.parse, text, cast("Content", None))
        return found

    def contents(setting: str) -> tuple[tuple[str, Content], ...]:
        table = settings.get(setting, {})
        if not isinstance(table, Mapping):
            judge.wrong.append(f"{setting}: a table is needed")
            return ()
        made = [(str(name), content(f"{setting}.{name}", text)) for name, text in table.items()]
        return tuple((name, each) for name, each in made if each is not None)

    def place(setting: str) -> Locator | None:
        if setting not in settings:
            return None
        return judge.parsed(setting, Locator.parse, settings[setting], _NOWHERE)

    status = settings.get("status", 200)
    if not isinstance(status, int) or not 200 <= status <= 299:
        judge.wrong.append("status: a number from 200 to 299 is needed")
        status = 200
    return Terms(
        status=status,
        text=content("text", settings["text"]) if "text" in settings else None,
        json=contents("json"),
        headers=contents("headers"),
        body=judge.text("body", settings.get("body", "")),
        of=content("of", settings["of"]) if "of" in settings else None,
        hash=judge.one_of("hash", settings.get("hash", "sha256"), HASHES),
        encoding=judge.one_of("encoding", settings.get("encoding", "hex"), ENCODINGS),
        key=Key(_key(judge, settings)),
        shape=judge.parsed("shape", _pattern, settings.get("shape", SHAPE), re.compile(b"")),
        token=place("token"),
        visit=place("visit"),
        hosts=judge.texts("hosts", settings.get("hosts", ())),
    )


def _key(judge: Judge, settings: Mapping[str, Any]) -> KeyEncoding:
    return judge.one_of("key", settings.get("key", "utf8"), KEY_ENCODINGS)


def _pattern(text: str) -> re.Pattern[bytes]:
    try:
        return re.compile(text.encode())
    except re.error as error:
        raise ValueError(f"is no pattern: {error}") from None
