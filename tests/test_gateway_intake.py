"""Every row of the table of answers, by the pure decision alone."""

from __future__ import annotations

import ipaddress
from typing import Any

import orjson
import pytest

from gateway_scene import ADA, ID, NOW_MS, arrival, intake, judge, users, webhook
from holdfast.clock import ManualClock
from holdfast.compiled import Answer, CompiledWebhook, RateLimit
from holdfast.gateway.answers import Accept, Arrival, Greeting, Refused
from holdfast.message import Headers, Message, Request

PRIVATE = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("2001:db8::/32"))
XML = [("content-type", "text/xml")]
MANY = [(f"x-{n}", "y") for n in range(10_000)]


def refused(decision: Accept | Greeting | Refused) -> Refused:
    assert isinstance(decision, Refused)
    return decision


def accepted(decision: Accept | Greeting | Refused) -> Accept:
    assert isinstance(decision, Accept)
    return decision


@pytest.mark.parametrize(
    ("hook", "came", "body", "length", "status", "content"),
    [
        (users(), arrival(headers=MANY), ADA, None, 431, {"error": "too_many_headers"}),
        (users(), arrival("/nobody"), ADA, None, 404, {"error": "not_found"}),
        (users(), arrival("/users/"), ADA, None, 404, {"error": "not_found"}),
        (users(), arrival(method="GET"), b"", None, 405, {"error": "method_not_allowed"}),
        (users(), arrival(method="HEAD"), b"", None, 405, {"error": "method_not_allowed"}),
        (users(), arrival(method="OPTIONS"), b"", None, 405, {"error": "method_not_allowed"}),
        (users(allow=PRIVATE), arrival(), ADA, None, 403, {"error": "address_not_allowed"}),
        (users(), arrival(), b"", 1001, 413, {"error": "payload_too_large", "limit": 1000}),
        (users(), arrival(), b"x" * 1001, None, 413, {"error": "payload_too_large", "limit": 1000}),
        (
            users(),
            arrival(headers=XML),
            ADA,
            None,
            415,
            {"error": "unsupported_media_type", "accepts": ["application/json"]},
        ),
        (users(), arrival(), b"", None, 400, {"details": "Invalid request body"}),
        (users(), arrival(), b"{}", None, 400, {"details": "Invalid request body"}),
    ],
)
def test_refusals_name_their_reason(
    hook: CompiledWebhook,
    came: Arrival,
    body: bytes,
    length: int | None,
    status: int,
    content: dict[str, Any],
) -> None:
    """Each refusal has its status, its reason, the request id, and leaves a note of the same."""
    decision = refused(judge(intake(hook), came, body, length))
    said = orjson.loads(decision.answer.body)

    assert decision.answer.status == decision.refusal.status == status
    assert said.items() >= {**content, "requestId": ID}.items()
    assert dict(decision.answer.headers)["x-request-id"] == ID
    assert dict(decision.answer.headers)["content-type"] == "application/json"
    assert decision.refusal.id == ID
    assert decision.refusal.at_ms == NOW_MS
    assert decision.refusal.reason == said.get("error", "invalid_body")


def test_a_wrong_method_is_told_the_right_ones() -> None:
    """405 comes with Allow."""
    hook = users(methods=("POST", "PUT"))
    decision = refused(judge(intake(hook), arrival(method="DELETE")))

    assert ("allow", "POST, PUT") in decision.answer.headers


def test_the_reference_answer_to_a_bad_body() -> None:
    """The body of the 400 is exactly the reference's."""
    young = b'{"name":"Ada","age":3,"email":"ada@example.com"}'
    decision = refused(judge(intake(users()), arrival(), young))

    assert orjson.loads(decision.answer.body) == {
        "errors": [
            {
                "path": "/age",
                "message": "value is less than the minimum of 18",
                "keyword": "minimum",
                "expected": 18,
            }
        ],
        "details": "Invalid request body",
        "requestId": ID,
    }
    assert decision.refusal.detail == "/age: value is less than the minimum of 18"
    assert decision.refusal.body == young


@pytest.mark.parametrize(
    ("remote", "status"),
    [
        ("10.1.2.3", 200),
        ("11.1.2.3", 403),
        ("::ffff:10.1.2.3", 200),
        ("2001:db8::1", 200),
        ("2001:db9::1", 403),
        ("fe80::1%eth0", 403),
        ("", 403),
        ("unix:", 403),
    ],
)
def test_the_allow_list(remote: str, status: int) -> None:
    """Only listed networks may send; who cannot be named is not listed."""
    decision = judge(intake(users(allow=PRIVATE)), arrival(remote=remote), ADA)

    assert decision.answer.status == status


def test_the_rate_limit_counts_by_the_clock_and_tells_when_to_return() -> None:
    """Two at once, the third is told to wait; after that second one more goes through."""
    clock = ManualClock()
    judging = intake(users(rate_limit=RateLimit(1.0, 2)), webhook("/other"), clock=clock)

    assert [judge(judging, arrival(), ADA).answer.status for _ in range(3)] == [200, 200, 429]
    assert judge(judging, arrival("/other")).answer.status == 200

    clock.advance(0.25)
    third = refused(judge(judging, arrival(), ADA))

    assert ("retry-after", "1") in third.answer.headers
    assert third.refusal.reason == "rate_limited"

    clock.advance(0.75)

    assert judge(judging, arrival(), ADA).answer.status == 200


def test_an_accepted_message_holds_the_request_as_it_came() -> None:
    """Bytes, headers with repetitions, query, parameters and address are all there."""
    lines = (("x-tag", "1"), ("x-tag", "2"), ("content-type", "text/csv"), ("x-odd", "caf\u00e9"))
    came = arrival("/t/a%2Fb/orders", headers=list(lines), query="x=1&x=2")
    hook = webhook("/t/{tenant}/orders")
    accept = accepted(judge(intake(hook), came, b"\x00\xff"))

    assert accept.message == Message(
        ID,
        hook.name,
        NOW_MS,
        Request(
            "POST",
            "/t/a%2Fb/orders",
            "x=1&x=2",
            Headers(lines),
            b"\x00\xff",
            "192.0.2.1",
            "http://scene",
        ),
        {"tenant": "a/b"},
        None,
    )
    assert Message.from_parts(ID, hook.name, NOW_MS, accept.message.head(), b"\x00\xff") == (
        accept.message
    )


def test_success_says_the_id() -> None:
    """By default 200, the id as JSON, and both headers."""
    answer = accepted(judge(intake(users()), arrival(), ADA)).answer

    assert answer.status == 200
    assert orjson.loads(answer.body) == {"id": ID}
    assert dict(answer.headers) == {
        "content-type": "application/json",
        "x-holdfast-id": ID,
        "x-request-id": ID,
    }


@pytest.mark.parametrize(
    ("set_answer", "status", "body", "content_type"),
    [
        (Answer(202, "ok {id}", ()), 202, f"ok {ID}", "text/plain; charset=utf-8"),
        (Answer(200, '{"ok":"{id}"}', ()), 200, f'{{"ok":"{ID}"}}', "application/json"),
        (Answer(200, "<ok/>", (("Content-Type", "text/xml"),)), 200, "<ok/>", "text/xml"),
        (Answer(204, None, ()), 204, "", None),
        (Answer(204, "ignored", ()), 204, "", None),
        (Answer(200, "", ()), 200, "", "text/plain; charset=utf-8"),
    ],
)
def test_a_webhook_sets_its_own_answer(
    set_answer: Answer, status: int, body: str, content_type: str | None
) -> None:
    """Status, body and headers are the definition's; the ids are always ours."""
    answer = accepted(judge(intake(users(answer=set_answer)), arrival(), ADA)).answer
    headers = dict(answer.headers)

    assert (answer.status, answer.body.decode()) == (status, body)
    assert headers.get("content-type") == content_type
    assert headers["x-holdfast-id"] == headers["x-request-id"] == ID


@pytest.mark.parametrize("body", [b"", b"a=1&b=2", b"<x/>", b"\x00\x01\xff", b"{not json"])
def test_without_a_schema_any_body_is_kept(body: bytes) -> None:
    """Form, XML, binary, empty, and broken JSON: whoever declares no schema gets what came."""
    assert accepted(judge(intake(webhook()), arrival(), body)).message.request.body == body


def test_the_limit_itself_still_fits() -> None:
    """Exactly the limit is accepted, one byte more is not."""
    judging = intake(webhook(body_limit_bytes=10))

    assert judge(judging, arrival(), b"x" * 10, 10).answer.status == 200
    assert judge(judging, arrival(), b"x" * 11, None).answer.status == 413


def test_secrets_do_not_stay_in_notes_of_refusals() -> None:
    """Authorization, cookies and proxies' credentials are taken out, whatever the webhook's scheme."""
    lines = [("Authorization", "Basic s3cret"), ("Cookie", "s3cret"), ("X-Plain", "kept")]
    decision = refused(judge(intake(users()), arrival("/nobody", headers=lines)))

    assert "s3cret" not in repr(decision)
    assert ("x-plain", "kept") in decision.refusal.headers


def test_a_note_keeps_only_the_beginning() -> None:
    """4096 bytes and 100 headers are enough to recognise what was sent."""
    hook = users(body_limit_bytes=100_000)
    decision = refused(judge(intake(hook), arrival(), b"x" * 50_000))
    swamped = refused(judge(intake(hook), arrival(headers=MANY)))

    assert len(decision.refusal.body) == 4096
    assert len(swamped.refusal.headers) == 100
