"""What happens as lines, where there is no screen: for people who scroll, and for programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from holdfast.terminal.drawing import answer_part
from holdfast.terminal.feed import Feed, Line, News
from holdfast.terminal.rows import Row, size_text, took_text
from holdfast.terminal.text import fit, took

LOOK_SECONDS: Final = 0.5
REMEMBERED: Final = 10_000

WORDS: Final = {"verified": "verified", "failed": "unproven", "pending": "-", "none": "-"}


class Once:
    """Which rows are worth a line: each when it is first told, and once more when it is over, if it
    was not then."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[str, int | None]] = {}

    def is_new(self, row: Row) -> bool:
        earlier = self._told.pop(row.id, None)
        ended = (row.state, row.took_ms) if row.over else ("", None)
        self._told[row.id] = ended
        while len(self._told) > REMEMBERED:
            del self._told[next(iter(self._told))]
        if row.answer is not None or earlier is None:
            return True
        return row.over and earlier != ended


def follow_lines(
    feed: Feed,
    tell: Callable[[Row], None],
    say: Callable[[str], None],
    *,
    over: Callable[[News], bool] = lambda _: False,
) -> None:
    """Tell each row as it comes, until `over`, which is asked where there is nothing more just now.

    say: what is not a row, and not what was said last. What was told is then remembered.
    """
    once, said = Once(), {"trouble": "", "message": ""}
    while True:
        news = feed.look()
        for row in news.rows:
            if once.is_new(row):
                tell(row)
        feed.keep()
        ended = not news.more and over(news)
        trouble = news.trouble if ended or not news.trouble else f"{news.trouble}; trying again"
        for kind, words in (("trouble", trouble), ("message", news.message)):
            if words and words != said[kind]:
                say(words)
            said[kind] = words
        if ended:
            return
        if not news.more:
            feed.wait(LOOK_SECONDS)


def as_line(row: Row) -> Line:
    """For people, with the whole id, so that it can be pasted behind another command."""
    at = datetime.fromtimestamp(row.at_ms / 1000, UTC).astimezone()
    tries = f"{row.attempts}x" if row.attempts else ""
    middle: Line
    if row.answer is not None:
        style, text = answer_part(row.answer)
        middle = ((style, fit(text, 4)), ("", f"  {took(row.answer.milliseconds):>6}"))
    else:
        middle = (
            (row.state_style, fit(row.told_state, 7)),
            ("", f"  {WORDS.get(row.verification, '-'):<8}  {took_text(row):>6}  {tries:>3}"),
        )
    why = row.answer.trouble if row.answer is not None and row.answer.trouble else row.why
    return (
        ("dim", f"{at:%H:%M:%S}  "),
        ("", f"{row.id}  {fit(row.webhook, max(10, len(row.webhook)))}  "),
        ("bold", fit(row.type, max(16, len(row.type)))),
        ("", "  "),
        *middle,
        ("", f"  {size_text(row):>6}"),
        ("dim", f"  {why}" if why else ""),
    )


def as_json(row: Row) -> bytes:
    """One object in one line, in ASCII: some terminals take bytes beyond it for commands."""
    return json.dumps(dict(row.fields)).encode("ascii") + b"\n"
