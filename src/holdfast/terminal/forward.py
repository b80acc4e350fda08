"""A feed of events that are handed to a program on this machine, one after the other.

    pull ──> hand over ── it answered, whatever ──> tell, remember ──> pull
                 ^
                 '── nothing answers: wait, try again

At least once and in the order in which they came: what was handed over is remembered only
afterwards, so whoever is killed in between repeats it. An answer of any status is an answer; only
where there is none it is tried again, so that one event that a program dislikes does not hold up
the rest.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import httpx

from holdfast.clock import SYSTEM_CLOCK, Clock, format_duration
from holdfast.errors import CursorUnknown, HoldfastError, NotFound
from holdfast.message import Headers, Message, Request
from holdfast.operate.resend import copy_for
from holdfast.terminal.bookmark import Bookmark
from holdfast.terminal.feed import Counts, News, Shown
from holdfast.terminal.rows import Answer, Row
from holdfast.terminal.showing import body_of
from holdfast.terminal.source import Came, Changed

PAGE: Final = 20
BROKEN_MAX: Final = 3
"""So often a program may break off over one event, until the next one's turn comes."""

WAIT_FIRST_SECONDS: Final = 0.5
WAIT_MAX_SECONDS: Final = 10.0
OWN: Final = ("accept", "accept-encoding", "user-agent")
"""Headers that our client would add where a sender had none."""


class Away(HoldfastError):
    """Nothing answers at the local address. `reached`: something did, and broke off."""

    retryable = True

    def __init__(self, message: str, *, reached: bool = False) -> None:
        super().__init__(message)
        self.reached = reached


class Remote(Protocol):
    """What is needed of a console."""

    title: str

    def here(self) -> str: ...
    def arrivals(self, cursor: str | None, limit: int) -> Came: ...
    def changes(self, cursor: str | None) -> Changed: ...
    def named(self, ids: tuple[str, ...]) -> list[Row]: ...
    def counts(self) -> Counts: ...
    def wait(self, seconds: float) -> None: ...
    def show(self, row: Row, width: int) -> Shown: ...
    def fetch(self, row: Row, body_bytes_max: int) -> tuple[dict[str, Any], bytes | None]: ...
    def page(self, row: Row) -> str | None: ...
    def close(self) -> None: ...


class Target:
    """The local program. `url`: where; with `append_path` the event's own path comes after it.

    Redirects are answers. Raises HoldfastError where `url` is none.
    """

    def __init__(
        self, url: str, *, append_path: bool, timeout_seconds: float, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self.url = url
        self._append_path = append_path
        self._timeout_seconds = timeout_seconds
        self._clock = clock
        copy_for(_NOTHING, url)
        self._client = httpx.Client(
            timeout=timeout_seconds, follow_redirects=False, trust_env=False
        )

    def hand_over(self, message: Message) -> Answer:
        """Raises Away where nothing took it."""
        url = self.url.rstrip("/") + message.request.path if self._append_path else self.url
        began = self._clock.monotonic()
        try:
            request = self._request(copy_for(message, url))
            response = self._client.send(request, stream=True)
            response.close()
            status, trouble = response.status_code, ""
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise Away(f"nothing answers at {self.url}") from None
        except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
            told = f"{self.url} broke off ({type(error).__name__})"
            raise Away(told, reached=True) from None
        except httpx.TimeoutException:
            status, trouble = None, f"no answer within {format_duration(self._timeout_seconds)}"
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            status, trouble = None, f"cannot be sent: {error}"
        return Answer(status, (self._clock.monotonic() - began) * 1000, trouble)

    def close(self) -> None:
        self._client.close()

    def _request(self, copy: Request) -> httpx.Request:
        lines = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in copy.headers]
        request = self._client.build_request(
            copy.method, copy.url, headers=lines, content=copy.body
        )
        for name in OWN:
            if name not in copy.headers:
                request.headers.pop(name, None)
        return request


@dataclass(slots=True)
class _Broken:
    id: str = ""
    times: int = 0


class Forward:
    """See above. `since`: what is wanted says since when, and what is remembered does not count."""

    def __init__(
        self,
        source: Remote,
        target: Target,
        bookmark: Bookmark,
        *,
        since: bool = False,
        only_verified: bool = False,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self.title = f"{source.title} > {target.url}"
        self.note = ""
        self._source = source
        self._target = target
        self._bookmark = bookmark
        self._since = since
        self._only_verified = only_verified
        self._clock = clock
        self._begun = False
        self._cursor: str | None = None
        """Everything before it is handed over, and of what follows, `done`."""
        self._next_cursor: str | None = None
        self._done: list[str] = []
        self._kept: dict[str, Any] | None = None
        self._pending: deque[Row] = deque()
        self._again: deque[Row] = deque()
        """Handed over once more, to be told."""
        self._more = False
        self._pause_seconds = WAIT_FIRST_SECONDS
        self._not_before = float("-inf")
        self._broken = _Broken()
        self.failures = 0
        """How many answers were no success, or none at all."""

    def look(self) -> News:
        """Hands over the next one, if there is one."""
        if self._again:
            return News((self._again.popleft(),), more=True)
        try:
            message = self._begin() if not self._begun else ""
            if not self._pending:
                self._pull()
            counts = self._source.counts()  # before anything that must be told is done
            if not self._pending:
                return News(counts=counts, message=message, more=self._more)
            news = self._one(self._pending[0])
            return replace(news, counts=counts, message=news.message or message)
        except CursorUnknown as error:
            raise HoldfastError(
                f"{error}; begin anew with --since TIME, or --since 0s for what comes from now on"
            ) from None
        except HoldfastError as error:
            if not error.retryable:
                raise
            return News(trouble=f"{error}; trying again")

    @property
    def clear(self) -> bool:
        """Whether all that had come is handed over."""
        return self._begun and not self._pending and not self._more and not self._again

    def keep(self) -> None:
        place = {"cursor": self._cursor, "done": list(self._done)}
        if self._begun and place != self._kept:
            self._bookmark.write(place)
            self._kept = place

    def wait(self, seconds: float) -> None:
        self._source.wait(max(seconds, self._not_before - self._clock.monotonic()))

    def show(self, row: Row, width: int) -> Shown:
        return self._source.show(row, width)

    def retry(self, row: Row) -> str:
        """Hand it over once more."""
        answer = self._target.hand_over(self._message(row))
        self._again.append(row.answered(answer))
        told = answer.trouble or f"answered {answer.status}"
        return f"sent again: {told}"

    def page(self, row: Row) -> str | None:
        return self._source.page(row)

    def close(self) -> None:
        self._source.close()
        self._target.close()

    def _begin(self) -> str:
        saved = None if self._since else self._bookmark.read()
        self._source.changes(None)  # from here on the console rings
        message = ""
        if saved is not None and isinstance(saved.get("cursor"), str | None):
            self._cursor, self._done = saved["cursor"], [str(id) for id in saved.get("done", ())]
        elif not self._since:
            self._cursor = self._source.here()
            message = "nothing is remembered here: from now on; earlier ones with --since"
        self._begun = True
        return message

    def _pull(self) -> None:
        self._source.changes(None)
        if self._next_cursor is not None:
            self._cursor, self._done = self._next_cursor, []
        came = self._source.arrivals(self._cursor, PAGE)
        self._next_cursor, self._more = came.cursor, came.more
        done = set(self._done)
        self._pending.extend(row for row in came.rows if row.id not in done)

    def _one(self, row: Row) -> News:
        if self._clock.monotonic() < self._not_before:
            return News(trouble=self._trouble(row))
        if self._only_verified and (news := self._unproven(row)) is not None:
            return news
        try:
            message = self._message(row)
        except NotFound:
            return self._passed(row, f"{row.id} is no longer kept")
        try:
            answer = self._target.hand_over(message)
        except Away as error:
            if error.reached and self._broke_off(row):
                return self._passed(row.answered(Answer(None, 0.0, str(error))))
            self._hold_off()
            return News(trouble=self._trouble(row, str(error)))
        self._pause_seconds, self._not_before = WAIT_FIRST_SECONDS, float("-inf")
        return self._passed(row.answered(answer))

    def _passed(self, row: Row, message: str = "") -> News:
        """It is over, one way or another. What no answer stands beside is not told."""
        self._pending.popleft()
        self._done.append(row.id)
        rows = (row,) if row.answer is not None else ()
        self.failures += sum(not one.answer.good for one in rows if one.answer is not None)
        return News(rows, arrived=len(rows), message=message, more=True)

    def _unproven(self, row: Row) -> News | None:
        """None: its source is verified, or nobody asks for that."""
        if row.verification == "pending":
            found = self._source.named((row.id,))
            row = found[0] if found else row
        if row.verification == "pending":
            return News(message=f"{row.id} waits until its source is verified")
        if row.verification not in ("verified", "none"):
            return self._passed(row, f"{row.id} left out: its source is not verified")
        return None

    def _message(self, row: Row) -> Message:
        fields, body = self._source.fetch(row, 1 << 62)
        raw = body_of(fields) if body is None else body
        request = Request(
            fields["method"],
            fields["path"],
            fields["query"],
            Headers(tuple((name, value) for name, value in fields["headers"])),
            raw or b"",
            fields["remote"],
        )
        return Message(row.id, row.webhook, row.at_ms, request)

    def _broke_off(self, row: Row) -> bool:
        """Whether it did so often enough over this one."""
        if self._broken.id != row.id:
            self._broken = _Broken(row.id)
        self._broken.times += 1
        return self._broken.times >= BROKEN_MAX

    def _hold_off(self) -> None:
        self._not_before = self._clock.monotonic() + self._pause_seconds
        self._pause_seconds = min(WAIT_MAX_SECONDS, self._pause_seconds * 2)

    def _trouble(self, row: Row, why: str = "") -> str:
        waiting = len(self._pending)
        more = " or more" if self._more else ""
        told = why or f"nothing answers at {self._target.url}"
        return f"{told}; {waiting:,}{more} wait, from {row.id} on; trying again"


_NOTHING: Final = Message("", "", 0, Request("POST", "/", "", Headers(), b""))
