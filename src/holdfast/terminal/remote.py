"""History and dead letters of a running Holdfast, over the HTTP API of its console."""

from __future__ import annotations

from typing import Any, Final

from holdfast.clock import Clock
from holdfast.errors import HoldfastError, NotFound, NotSupported
from holdfast.operate.front import FOLDERS, front
from holdfast.operate.retrying import NotRetried, Retried
from holdfast.terminal.api import ConsoleApi
from holdfast.terminal.feed import Counts, Shown
from holdfast.terminal.rows import Row, event_row, letter_row
from holdfast.terminal.showing import show
from holdfast.terminal.source import Came, Changed, Past, Wanted
from holdfast.terminal.stream import Stream

NAMED_MAX: Final = 100
BODY_BYTES_MAX: Final = 2 * 1024 * 1024
"""Of an event that is shown: a larger body is for the console."""


class RemoteSource:
    """One console. `about`: what it said of itself."""

    def __init__(self, api: ConsoleApi, wanted: Wanted, clock: Clock) -> None:
        self.title = api.url
        try:
            self.about: dict[str, Any] = api.get("/about")
            self._check_webhook(api, wanted.webhook)
        except HoldfastError:
            api.close()
            raise
        self._api = api
        self._wanted = wanted
        self._clock = clock
        self._stream = Stream(lambda cursor: api.stream(cursor, wanted.webhook))

    def _check_webhook(self, api: ConsoleApi, name: str | None) -> None:
        """Raises NotFound: of a misspelt one nothing would ever come."""
        known = [str(one["name"]) for one in api.get("/webhooks")] if name is not None else []
        if name is not None and name not in known:
            raise NotFound(f"no webhook {name}; there are {', '.join(known) or 'none'}")

    @property
    def abilities(self) -> frozenset[str]:
        return frozenset(self.about["store"]["abilities"])

    def here(self) -> str:
        return str(self._api.get("/arrivals")["cursor"])

    def arrivals(self, cursor: str | None, limit: int) -> Came:
        told = self._api.get("/arrivals", cursor=cursor, limit=limit, **self._wanted.params)
        return Came(tuple(map(event_row, told["items"])), told["cursor"], told["more"])

    def changes(self, cursor: str | None) -> Changed:
        return self._stream.changes(cursor)

    def named(self, ids: tuple[str, ...]) -> list[Row]:
        found: list[Row] = []
        for at in range(0, len(ids), NAMED_MAX):
            told = self._api.get("/events", id=ids[at : at + NAMED_MAX], **self._wanted.params)
            found += map(event_row, told["items"])
        return found

    def past(self, after: str | None, limit: int) -> Past:
        told = self._api.get("/events", after=after, limit=limit, **self._wanted.params)
        return Past(tuple(map(event_row, told["items"])), told["after"])

    def refusals(self, after: str | None, limit: int) -> Past:
        if not self._wanted.criteria.of_refusals:
            return Past((), None)
        told = self._api.get("/refusals", after=after, limit=limit, **self._wanted.params)
        return Past(tuple(map(event_row, told["items"])), told["after"])

    def letters(self, limit: int) -> list[Row]:
        """Those of the dead letters that are wanted that died last, the last one first."""
        filter = self._wanted.criteria.filter
        told = self._api.get(
            "/dead/letters", webhook=filter.webhook, reason=filter.reason, limit=limit
        )
        return [letter_row(one) for one in told["items"]]

    def counts(self) -> Counts:
        counts = self._stream.counts(self._wanted.webhook)
        if counts is None:
            self._stream.changes(None)
            counts = self._stream.counts(self._wanted.webhook)
        return counts or Counts(0, 0)

    def wait(self, seconds: float) -> None:
        self._stream.wait(seconds)

    def show(self, row: Row, width: int) -> Shown:
        fields, body = self.fetch(row, BODY_BYTES_MAX)
        return Shown(row, show(fields, body, width, self._clock.now_ms()))

    def fetch(self, row: Row, body_bytes_max: int) -> tuple[dict[str, Any], bytes | None]:
        """All of an event, and its body where that is not among the fields already."""
        folder = FOLDERS.get(str(row.fields.get("kind")), "events")
        fields: dict[str, Any] = self._api.get(f"/{folder}/{row.id}")
        left_out = fields.get("body") is None and fields.get("body_base64") is None
        if left_out and 0 < fields.get("bytes", 0) <= body_bytes_max and "body_url" in fields:
            return fields, self._api.body(str(fields["body_url"]))
        return fields, None

    def retry(self, row: Row) -> str:
        # What fits is decided by how things are now, as `holdfast.operate.retrying` does it.
        if row.state == "refused":
            raise NotSupported(f"{row.id} was refused; only its sender can send it again")
        state = "dead"
        if row.fields.get("kind") != "letter":
            state = str(self._api.get(f"/events/{row.id}")["state"])
        if state in ("waiting", "leased"):
            raise NotRetried(f"{row.id} is not over yet: it is still going to be worked")
        if state == "dead":
            self._api.post("/dead/redrive", ids=[row.id], watch=False)
            return str(Retried(row.id, "redriven"))
        made = self._api.post(f"/events/{row.id}/replay")["replayed"]
        if row.id not in made:
            raise NotFound(f"{row.id} is no longer kept")
        return str(Retried(row.id, "replayed", made[row.id]))

    def page(self, row: Row) -> str | None:
        return front(self._api.url, str(row.fields.get("kind")), row.id)

    def close(self) -> None:
        self._stream.close()
        self._api.close()
