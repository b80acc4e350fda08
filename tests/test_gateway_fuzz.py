"""Whatever comes in, the decision is an acceptance or one documented answer."""

from __future__ import annotations

import orjson
from hypothesis import given
from hypothesis import strategies as st

from gateway_scene import ADA, arrival, intake, judge, users, webhook
from holdfast.clock import ManualClock
from holdfast.compiled import RateLimit
from holdfast.definition import Provider
from holdfast.gateway.answers import Accept, Greeting
from holdfast.gateway.handshakes import HANDSHAKES
from holdfast.message import Message
from holdfast.verify import basic, hmac_sha256, token

HMAC = hmac_sha256("file:/nowhere", header="X-Signature")
STATUSES = {200, 400, 401, 403, 404, 405, 413, 415, 429, 503}
JUDGING = intake(
    users(verification=HMAC),
    webhook("/door", verification=HMAC, verify_at="gateway"),
    webhook("/basic", verification=basic("ada", "env:PATH")),
    webhook("/token/{x}", verification=token("env:PATH", header="X-Token"), verify_at="gateway"),
    webhook("/few", rate_limit=RateLimit(0.001, 1), content_types=("text/*",)),
    webhook("/hands", provider=Provider("p", "P", HMAC, handshakes=tuple(HANDSHAKES))),
    clock=ManualClock(),
)

WIRE = st.binary(max_size=30).map(lambda raw: raw.decode("latin-1"))
NAMES = WIRE | st.sampled_from(
    ["content-type", "authorization", "x-token", "x-signature", "content-length", "host"]
)
VALUES = WIRE | st.sampled_from(["application/json", "Basic YWRhOng=", "sha256=00", "text/plain"])
PATHS = (
    WIRE
    | st.text(max_size=20)
    | st.sampled_from(["/users", "/door", "/basic", "/token/%ff", "/few", "/hands", "/"])
)
QUERIES = WIRE | st.sampled_from(["validationToken=%ff", "hub.challenge=1&hub.mode=subscribe"])
BODIES = st.binary(max_size=200) | st.just(ADA) | st.just(ADA * 30)


@given(
    PATHS,
    st.sampled_from(["POST", "GET", "HEAD", "BREW"]),
    st.lists(st.tuples(NAMES, VALUES), max_size=6),
    QUERIES,
    WIRE,
    BODIES,
    st.none() | st.integers(0, 2000),
)
def test_any_request_is_decided(
    path: str,
    method: str,
    headers: list[tuple[str, str]],
    query: str,
    remote: str,
    body: bytes,
    length: int | None,
) -> None:
    """No bytes, headers or paths raise; refusals are JSON; what is accepted can be stored and read
    back."""
    came = arrival(path, method, headers, query, remote)
    decision = judge(JUDGING, came, body, length)

    assert decision.answer.status in STATUSES
    assert all(name.isascii() and value.isascii() for name, value in decision.answer.headers)
    if isinstance(decision, Accept):
        message = decision.message
        assert message.request.body == body
        kept = (message.id, message.webhook, message.received_at_ms, message.head(), body)
        assert Message.from_parts(*kept) == message
    elif not isinstance(decision, Greeting):
        assert orjson.loads(decision.answer.body)["requestId"] == came.id
