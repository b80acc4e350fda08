"""What waits for a target, and what it is told: outboxes, and news as one message."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, Final

from alert_kit import NOW_MS, USERS, a_rule, a_slack, some_news
from holdfast.compiled import EmailTarget
from holdfast.operate.alerts import outbox as boxes
from holdfast.operate.alerts.letters import Letter, trial, write
from holdfast.operate.alerts.outbox import GATHER_SECONDS, GIVE_UP_SECONDS, Outbox
from holdfast.operate.alerts.standing import Key, News
from holdfast.operate.alerts.targets import SLACK_TEXT_MAX, mail, slack_document, where

ORDERS: Final = Key("depth", "orders")
GATHER_MS: Final = round(GATHER_SECONDS * 1000)


def ids() -> Callable[[], str]:
    numbers = itertools.count(1)
    return lambda: f"msg_{next(numbers)}"


def high_of(_low: float, high: float) -> float:
    return high


def test_news_of_one_moment_wait_for_each_other() -> None:
    """Two webhooks within seconds are one message; its id changes with what it says."""
    new_id = ids()
    box = boxes.put(Outbox(), [some_news()], "warning", NOW_MS, new_id)
    first = box.id
    box = boxes.put(box, [some_news(ORDERS)], "warning", NOW_MS + 2_000, new_id)

    assert not boxes.due(box, NOW_MS + GATHER_MS - 1)
    assert boxes.due(box, NOW_MS + GATHER_MS)
    assert set(box.entries) == {USERS, ORDERS}
    assert box.id != first


def test_a_target_is_told_of_what_it_asked_for() -> None:
    """`at_least="critical"` hears no warning, and its outbox does not change."""
    box = Outbox()

    assert boxes.put(box, [some_news()], "critical", NOW_MS, ids()) is box
    heard = boxes.put(box, [some_news(severity="critical")], "critical", NOW_MS, ids())
    assert list(heard.entries) == [USERS]


def test_while_a_target_is_away_the_newest_stands_for_all() -> None:
    """However long it takes, an alert is one entry, and one that nobody heard of begins when heard."""
    box = boxes.put(Outbox(), [some_news()], "warning", NOW_MS, ids())
    box = boxes.failed(box, "down", None, NOW_MS + GATHER_MS, high_of)
    again = some_news(turn="goes_on", at_ms=NOW_MS + 600_000, detail="300 waiting")
    box = boxes.put(box, [again], "warning", NOW_MS + 600_000, ids())

    (entry,) = box.entries.values()
    assert (entry.turn, entry.detail) == ("began", "300 waiting")
    box = boxes.put(box, [some_news(turn="ended")], "warning", NOW_MS + 700_000, ids())
    assert [one.turn for one in box.entries.values()] == ["ended"]


def test_what_arrived_is_gone_and_what_came_meanwhile_stays() -> None:
    """The end of an alert, told while its beginning was under way, is a message of its own."""
    box = boxes.put(Outbox(), [some_news(), some_news(ORDERS)], "warning", NOW_MS, ids())
    told = dict(box.entries)
    box = boxes.put(box, [some_news(turn="ended", at_ms=NOW_MS + 9_000)], "warning", NOW_MS, ids())
    box = boxes.sent(box, told, NOW_MS + 10_000)

    assert [one.turn for one in box.entries.values()] == ["ended"]
    assert box.sent_ms == NOW_MS + 10_000
    assert boxes.sent(box, dict(box.entries), NOW_MS).entries == {}


def test_failures_wait_longer_each_time_within_bounds() -> None:
    """Ten seconds, twenty, ... a quarter of an hour; half of it at least, so that jitter is no rush."""
    box, waits, low = boxes.put(Outbox(), [some_news()], "warning", 0, ids()), [], []
    for _ in range(9):
        box = boxes.failed(box, "down", None, 1_000, high_of)
        waits.append((box.next_ms - 1_000) // 1000)
        low.append(boxes.failed(box, "down", None, 0, lambda low, _: low).next_ms)

    assert waits == [10, 20, 40, 80, 160, 320, 640, 900, 900]
    assert low[0] == 10_000
    assert (box.tries, box.error, box.failing_since_ms) == (9, "down", 1_000)


def test_a_target_may_ask_for_patience_but_not_for_ever() -> None:
    """Retry-After counts where it is longer than ours, up to an hour."""
    box = boxes.put(Outbox(), [some_news()], "warning", 0, ids())

    assert boxes.failed(box, "429", 120.0, 0, high_of).next_ms == 120_000
    assert boxes.failed(box, "429", 1.0, 0, high_of).next_ms == 10_000
    assert boxes.failed(box, "429", 1e9, 0, high_of).next_ms == 3_600_000


def test_after_a_day_of_failures_what_is_untold_is_dropped() -> None:
    """Nothing is kept for ever; a success in between begins the day anew."""
    box = boxes.put(Outbox(), [some_news()], "warning", 0, ids())
    box = boxes.failed(box, "down", None, 0, high_of)
    day_ms = round(GIVE_UP_SECONDS * 1000)

    assert boxes.failed(box, "down", None, day_ms - 1, high_of).entries
    assert not boxes.failed(box, "down", None, day_ms, high_of).entries


RULES: Final = (
    a_rule(),
    a_rule("dead", over=0),
    a_rule("failure_rate", over=0.2, window_seconds=300, at_least=20),
)


def letter(*news: News, console: str | None = "http://127.0.0.1:8082") -> Letter:
    return write(
        RULES,
        {one.key: one for one in news},
        id="msg_1",
        app="shop",
        console_url=console,
        now_ms=NOW_MS + 600_000,
    )


def test_a_rule_over_several_webhooks_is_one_section() -> None:
    """The condition once, then each webhook with its number; what is over comes last."""
    made = letter(
        some_news(),
        some_news(ORDERS, detail="3,000 waiting"),
        some_news(
            Key("dead", "users"), severity="critical", detail="12 dead letters",
            groups=("10 x CardDeclined in Charge (group 1a2b3c4d)",),
        ),
        some_news(Key("failure_rate", "users"), turn="ended", detail="1 of 50 attempts failed (2%)"),
    )  # fmt: skip

    assert made.title == "[shop] critical: users: dead letters (+1 more rule)"
    assert made.severity == "critical"
    assert made.text.splitlines() == [
        "[shop] critical: users: dead letters (+1 more rule)",
        "",
        "more than 100 waiting (depth)",
        "  orders: 3,000 waiting, since 10m",
        "  users: 200 waiting, since 10m",
        "dead letters (dead)",
        "  users: 12 dead letters (critical), since 10m",
        "    10 x CardDeclined in Charge (group 1a2b3c4d)",
        "over: more than 20% of at least 20 attempts within 5m fail (failure_rate)",
        "  users: over after 10m; now 1 of 50 attempts failed (2%)",
        "",
        "users, depth: http://127.0.0.1:8082/webhooks/users",
        "orders, depth: http://127.0.0.1:8082/webhooks/orders",
        "users, dead: http://127.0.0.1:8082/dead?webhook=users",
        "console: http://127.0.0.1:8082",
    ]


def links(*news: News, console: str = "http://127.0.0.1:8082/") -> Sequence[tuple[str, str]]:
    made = letter(*news, console=console)
    assert made.links[-1].url == console
    assert [one["url"] for one in made.document()["data"]["alerts"]][:1] == [made.links[0].url]
    return [(one.name, one.url.removeprefix("http://127.0.0.1:8082")) for one in made.links[:-1]]


def test_a_link_leads_to_what_is_alerted_of() -> None:
    """The group where it is one, the groups where they are several, otherwise the webhook."""
    dead, rate = Key("dead", "users"), Key("failure_rate", "users")

    assert links(some_news()) == [("users, depth", "/webhooks/users")]
    assert links(some_news(dead, groups=("3 x A",), group="1a2b")) == [
        ("users, dead", "/dead/groups/1a2b")
    ]
    assert links(some_news(dead, groups=("3 x A", "2 x B"))) == [
        ("users, dead", "/dead?webhook=users")
    ]
    assert links(some_news(dead)) == [("users, dead", "/dead?webhook=users")]
    assert links(some_news(rate)) == [("users, failure_rate", "/webhooks/users")]
    assert links(
        some_news(rate, groups=("3 x A",), group="1a2b"), some_news(dead, group="1a2b")
    ) == [("users, failure_rate", "/dead/groups/1a2b")]


def test_links_do_not_grow_without_limit() -> None:
    """What is over has none, ten of many are enough, and no block of Slack's is too long."""
    many = [some_news(Key("depth", f"hook-{number}")) for number in range(100)]
    far = f"https://{'a' * 400}.example.com"

    assert len(letter(*many).links) == 11
    assert [one.name for one in letter(some_news(turn="ended")).links] == ["console"]
    for block in slack_document(letter(*many, console=far))["blocks"]:
        assert len(block["text"]["text"]) <= SLACK_TEXT_MAX + 10


def test_a_message_of_ends_says_so_in_its_title() -> None:
    """Whoever reads the subject only knows that it is over."""
    made = letter(some_news(turn="ended"), some_news(ORDERS, turn="ended"), console=None)

    assert made.title == "[shop] over: users, orders: more than 100 waiting"
    assert made.over
    assert "console" not in made.text


def test_programs_get_every_field() -> None:
    """As Standard Webhooks advises: type, time, data; and of each alert what a program would ask."""
    document = letter(some_news()).document()

    assert document["type"] == "holdfast.alerts"
    assert document["timestamp"] == "2023-11-14T22:23:20.000Z"
    assert document["data"]["alerts"] == [
        {
            "rule": "depth",
            "watches": "depth",
            "webhook": "users",
            "state": "firing",
            "turn": "began",
            "severity": "warning",
            "value": 200.0,
            "over": 100,
            "detail": "200 waiting",
            "groups": [],
            "url": "http://127.0.0.1:8082/webhooks/users",
            "since": "2023-11-14T22:13:20.000Z",
            "at": "2023-11-14T22:13:20.000Z",
        }
    ]


def test_every_rule_says_when_it_holds() -> None:
    """In words that need no manual."""
    said = [
        rule.condition
        for rule in (
            *RULES,
            a_rule("dead", over=10),
            a_rule("oldest", over=600),
            a_rule("new_dead", over=0, window_seconds=900),
            a_rule("silence", over=None),
            a_rule("silence", over=3_600),
            a_rule("provider", over=None),
        )
    ]

    assert said == [
        "more than 100 waiting",
        "dead letters",
        "more than 20% of at least 20 attempts within 5m fail",
        "more than 10 dead letters",
        "the oldest has waited for longer than 10m",
        "new dead letters within 15m",
        "nothing comes for longer than usual",
        "nothing comes for longer than 1h",
        "a sender may give up",
    ]


def texts(document: Any) -> Sequence[str]:
    return [block["text"]["text"] for block in document["blocks"]]


def test_slack_reads_nothing_into_what_is_told() -> None:
    """Names with Slack's own characters are text, and no block is longer than Slack takes."""
    made = letter(
        *(
            some_news(Key("depth", f"hook-{number}"), detail="<!channel> & ```code```" * 3)
            for number in range(100)
        )
    )
    document = slack_document(made)
    told = texts(document)

    assert "<!channel>" not in "".join(told)
    assert "&lt;!channel&gt; &amp;" in told[1]
    assert told[1].count("```") == 2
    assert all(len(text) <= 3_000 for text in told)
    assert len(document["text"]) <= SLACK_TEXT_MAX


EMAIL: Final = EmailTarget(
    "email", "warning", ("ops@example.com", "ada@example.com"), "holdfast@example.com",
    "smtp.example.com", 587, "starttls", None, (),
)  # fmt: skip


def test_an_email_says_what_and_from_whom_and_asks_for_no_answer() -> None:
    """Subject, date and id of the message, and a mark against answers of absence."""
    made = mail(EMAIL, letter(some_news()))

    assert made["Subject"] == "[shop] users: more than 100 waiting"
    assert made["To"] == "ops@example.com, ada@example.com"
    assert made["Date"] == "Tue, 14 Nov 2023 22:23:20 +0000"
    assert made["Message-ID"] == "<msg_1@example.com>"
    assert made["Auto-Submitted"] == "auto-generated"
    assert "users: 200 waiting, since 10m" in made.get_content()


def test_a_test_says_that_nothing_is_wrong() -> None:
    """Nobody gets up for it."""
    made = trial("shop", "slack", id="msg_1", console_url=None, now_ms=NOW_MS)

    assert "Nothing is wrong." in made.text
    assert made.document()["type"] == "holdfast.alerts.test"


def test_where_a_target_is_shows_no_secret() -> None:
    """Slack's URL is one; its reference is not."""
    assert where(a_slack()) == "Slack, by env:SLACK_URL"
    assert where(EMAIL) == "ops@example.com, ada@example.com by smtp.example.com:587"
