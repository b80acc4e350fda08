"""What a description says of a sender beside how it signs, judged key by key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, get_args

from holdfast.clock import parse_duration
from holdfast.definition import Answer, Disabling, Handshake, Provider, Retries, VerifyAt
from holdfast.gateway.handshakes import handshake_mistakes
from holdfast.providers.ways import filled
from holdfast.verify.naming import naming_mistakes
from holdfast.verify.networks import Unsigned

KEYS: Final = (
    "title",
    "secret",
    "secret_chosen",
    "delivery_id",
    "event_type",
    "content_types",
    "statuses",
    "verify_at",
    "deadline",
    "addresses",
    "unconfirmed",
    "notes",
    "config",
    "tokens",
    "verify",
    "variants",
    "answer",
    "retries",
    "disabling",
    "handshake",
)

_HANDSHAKE: Final = ("kind", "when", "answer", "signed", "method", "where")
"""The keys of a handshake that every kind has; the others are settings of its kind."""

ANY: Final = ("*/*",)
"""The content types of a sender whose own are not known: its signature speaks for it."""


class Facts:
    """A description under examination; `wrong` collects what is wrong with it, in words."""

    def __init__(self, table: Mapping[str, Any], wrong: list[str]) -> None:
        self._table = table
        self._wrong = wrong
        unknown = [key for key in table if key not in KEYS]
        wrong += [f"{key}: not a key; there are {', '.join(KEYS)}" for key in unknown]

    def provider(self, name: str) -> Provider:
        """All of it; the verification is made later, with a secret."""
        return Provider(
            name=name,
            title=self.text("title") or name,
            verification=Unsigned(),
            delivery_id=self._places("delivery_id"),
            event_type=self._places("event_type"),
            handshakes=self._handshakes(),
            content_types=self.texts("content_types") or ANY,
            answer=self._answer(),
            statuses=self.text("statuses") or "2xx",
            verify_at=self._verify_at(),
            deadline_seconds=self._seconds(self._table, "deadline"),
            retries=self._retries(),
            disabling=self._disabling(),
            addresses=self.texts("addresses"),
            notes=self.texts("notes"),
            unconfirmed=self.texts("unconfirmed"),
        )

    def flag(self, key: str) -> bool:
        return self._flag(self._table, key, of="")

    def text(self, key: str) -> str:
        return _text(self._table, key, self._wrong)

    def texts(self, key: str) -> tuple[str, ...]:
        """One text or several; none where the key is absent."""
        value = self._table.get(key, ())
        if isinstance(value, str):
            return (value,)
        if isinstance(value, Sequence) and all(isinstance(text, str) for text in value):
            return tuple(value)
        self._wrong.append(f"{key}: a text or a list of texts is needed")
        return ()

    def table(self, key: str) -> Mapping[str, Any]:
        """A table of its own; empty where the key is absent."""
        value = self._table.get(key, {})
        if isinstance(value, Mapping):
            return value
        self._wrong.append(f"{key}: a table is needed")
        return {}

    def _places(self, key: str) -> tuple[str, ...]:
        places = self.texts(key)
        self._wrong += [f"{key}: {mistake}" for mistake in naming_mistakes(places)]
        return places

    def _verify_at(self) -> VerifyAt:
        written = self.text("verify_at") or "workflow"
        if written not in get_args(VerifyAt):
            self._wrong.append(f"verify_at: {written!r} is none of {', '.join(get_args(VerifyAt))}")
        return "gateway" if written == "gateway" else "workflow"

    def _answer(self) -> Answer | None:
        table = self._own("answer", ("status", "body"))
        if not table:
            return None
        status = self._whole(table, "answer", "status")
        body = _text(table, "body", self._wrong, of="answer.") if "body" in table else None
        return Answer(status=200 if status is None else status, body=body)

    def _retries(self) -> Retries | None:
        table = self._own("retries", ("count", "delays", "period", "note"))
        if not table:
            return None
        delays = table.get("delays", ())
        if isinstance(delays, str) or not isinstance(delays, Sequence):
            self._wrong.append("retries.delays: a list of durations is needed")
            delays = ()
        return Retries(
            count=self._whole(table, "retries", "count"),
            delays_seconds=tuple(self._duration("retries.delays", delay) for delay in delays),
            period_seconds=self._seconds(table, "period", of="retries."),
            note=_text(table, "note", self._wrong, of="retries."),
        )

    def _disabling(self) -> Disabling | None:
        table = self._own("disabling", ("failures", "window", "note"))
        if not table:
            return None
        return Disabling(
            failures=self._whole(table, "disabling", "failures"),
            window_seconds=self._seconds(table, "window", of="disabling."),
            note=_text(table, "note", self._wrong, of="disabling."),
        )

    def _handshakes(self) -> tuple[Handshake, ...]:
        """One table, or a list of them."""
        found = self._table.get("handshake", ())
        tables = (found,) if isinstance(found, Mapping) else found
        if isinstance(tables, str) or not isinstance(tables, Sequence):
            tables = (None,)
        made = []
        for table in tables:
            if not isinstance(table, Mapping):
                self._wrong.append("handshake: a table is needed, or a list of tables")
                continue
            made.append(self._handshake(table))
        return tuple(made)

    def _handshake(self, table: Mapping[str, Any]) -> Handshake:
        kind, when, answer = (
            _text(table, key, self._wrong, of="handshake.") for key in ("kind", "when", "answer")
        )
        where = table.get("where", {})
        if not isinstance(where, Mapping):
            self._wrong.append("handshake.where: a table is needed")
            where = {}
        self._flag(table, "empty", of="handshake.")
        made = Handshake(
            kind,
            when,
            answer,
            signed=self._flag(table, "signed", of="handshake."),
            method=str(table.get("method", "POST")),
            where=tuple(where.items()),
            settings={key: value for key, value in table.items() if key not in _HANDSHAKE},
        )
        tried = replace(made, settings=filled(made.settings, {}, lacking="x"))
        self._wrong += [f"handshake.{mistake}" for mistake in handshake_mistakes(tried)]
        return made

    def _own(self, key: str, known: tuple[str, ...]) -> Mapping[str, Any]:
        table = self.table(key)
        unknown = [inner for inner in table if inner not in known]
        self._wrong += [
            f"{key}.{inner}: not a key; there are {', '.join(known)}" for inner in unknown
        ]
        return table

    def _flag(self, table: Mapping[str, Any], key: str, *, of: str) -> bool:
        value = table.get(key, False)
        if not isinstance(value, bool):
            # Not taken for false: a handshake that was to be signed would go unchecked.
            self._wrong.append(f"{of}{key}: true or false is needed")
        return value is True

    def _whole(self, table: Mapping[str, Any], of: str, key: str) -> int | None:
        value = table.get(key)
        if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
            return value
        self._wrong.append(f"{of}.{key}: a whole number is needed")
        return None

    def _seconds(self, table: Mapping[str, Any], key: str, *, of: str = "") -> float | None:
        return self._duration(f"{of}{key}", table[key]) if key in table else None

    def _duration(self, setting: str, value: Any) -> float:
        try:
            return parse_duration(value if isinstance(value, str) else "")
        except ValueError:
            self._wrong.append(f'{setting}: a duration is needed, such as "10s"')
            return 0.0


def _text(table: Mapping[str, Any], key: str, wrong: list[str], *, of: str = "") -> str:
    value = table.get(key, "")
    if isinstance(value, str):
        return value
    wrong.append(f"{of}{key}: a text is needed")
    return ""
