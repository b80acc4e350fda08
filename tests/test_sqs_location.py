"""Where a store in SQS is: URLs and names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import StoreError
from holdfast.queue.engines.sqs import Location, QueueNames, parse

letters = "abcABC019"


def test_a_url_says_where_the_store_is() -> None:
    """Prefix, region, endpoint and table; what is left out is the SDK's, or follows from the prefix."""
    full = parse("sqs://hooks?region=eu-central-1&endpoint=http://127.0.0.1:4566&table=shared")
    short = parse("sqs://hooks")

    assert full == Location("hooks", "eu-central-1", "http://127.0.0.1:4566", "shared")
    assert (full.ledger, short.ledger) == ("shared", "hooks_ledger")
    assert short == Location("hooks")


@pytest.mark.parametrize("url", ["sqs://hooks", "sqs://h-1?region=eu-west-1&table=a.b"])
def test_a_location_is_shown_as_its_url(url: str) -> None:
    """So that it can be typed again."""
    assert str(parse(url)) == url


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("sqs://", "not written"),
        ("sqs:hooks", "not written"),
        ("sqs://under_score", "not written"),
        ("sqs://hooks/orders", "not written"),
        ("sqs://-hooks", "not written"),
        ("sqs://hooks?queue=x", "no setting 'queue'"),
        ("sqs://hooks?region=", "once, with a value"),
        ("sqs://hooks?region=a&region=b", "once, with a value"),
        ("sqs://hooks?endpoint=127.0.0.1", "endpoint"),
        ("sqs://hooks?endpoint=http://me:secret@127.0.0.1", "endpoint"),
        ("sqs://hooks?table=no/slash", "DynamoDB table"),
    ],
)
def test_what_is_no_location_is_refused_by_name(url: str, why: str) -> None:
    """A mistake in a URL is told before anything is asked of AWS."""
    with pytest.raises(StoreError, match=why) as caught:
        parse(url)
    assert "secret" not in str(caught.value)


def test_credentials_in_a_url_are_refused_and_not_repeated() -> None:
    """A URL ends up in process lists and logs."""
    with pytest.raises(StoreError, match="credentials") as caught:
        parse("sqs://AKIAEXAMPLE:secret@hooks")
    assert "secret" not in str(caught.value)


@given(
    st.lists(st.text(letters + "-", min_size=1, max_size=6), min_size=2, max_size=2),
    st.lists(st.text(letters + "-_", min_size=1, max_size=6), min_size=2, max_size=2),
)
def test_no_two_queues_have_the_same_name(prefixes: list[str], webhooks: list[str]) -> None:
    """Of whatever stores and webhooks, dead letters included."""
    named: dict[str, tuple[str, str, str]] = {}
    for prefix in prefixes:
        for webhook in webhooks:
            try:
                names = Location(prefix).names(webhook)
            except StoreError:
                continue
            for kind, name in names._asdict().items():
                assert named.setdefault(name, (prefix, webhook, kind)) == (prefix, webhook, kind)


@pytest.mark.parametrize(
    ("webhook", "why"),
    [("orders-dlq", "named after"), ("a.b", "named after"), ("x" * 64, "too long")],
)
def test_a_webhook_that_cannot_have_a_queue_is_told_so(webhook: str, why: str) -> None:
    """By its name, and with what would help."""
    with pytest.raises(StoreError, match=why):
        Location("a-prefix-of-its-own").names(webhook)


def test_queues_of_a_stack_are_named_by_it() -> None:
    """Their names are generated, and their settings somebody else's."""
    names = QueueNames("Hooks-OrdersQueue-X1", "Hooks-OrdersDead-X2")
    stack = Location("Hooks", queues={"orders": names})

    assert stack.names("orders") == names
    assert not stack.owned
    with pytest.raises(StoreError, match="no queue for the webhook 'users'"):
        stack.names("users")
