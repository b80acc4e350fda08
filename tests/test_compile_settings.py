"""Each setting of a webhook: what is refused, where, and in which words."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.errors import DefinitionError
from written import compiled, mistakes

NOT_A_DURATION = (
    'is not a duration; write a number and a unit (ms, s, m, h or d), such as "30s" or "7d"'
)

WRONG: dict[str, list[str]] = {
    # names
    'name="two words"': [
        'name: "two words" is not a name; use 1 to 64 letters, digits, _ and -',
    ],
    "name=7": ["name: 7 is not a name; use 1 to 64 letters, digits, _ and -"],
    # methods
    'methods=["PSOT"]': [
        (
            'methods: "PSOT" is not an HTTP method (did you mean "POST"?); '
            "allowed: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
        )
    ],
    'methods="POST"': ['methods: "POST" is one text; write a list: ["POST"]'],
    "methods=[]": ['methods: no method at all; write ["POST"]'],
    "methods=[1]": ['methods: 1 is not a text; write ["POST"]'],
    "methods=7": ['methods: 7 is not a list of texts; write ["POST"]'],
    # content types
    'content_types=["json"]': [
        'content_types: "json" is not a content type; write "application/json" or "text/*"'
    ],
    'content_types=["text/plain; charset=utf-8"]': [
        (
            'content_types: "text/plain; charset=utf-8": leave out the parameters, '
            "the match ignores them"
        )
    ],
    "content_types=[]": [
        'content_types: no content type at all; leave it out, or write ["*/*"] for any'
    ],
    # sizes and rates
    "body_limit=0": ["body_limit: 0 is out of range; allowed: 1 to 104857600"],
    "body_limit=104857601": ["body_limit: 104857601 is out of range; allowed: 1 to 104857600"],
    'body_limit="1MB"': [
        'body_limit: "1MB" is not a whole number; allowed: 1 to 104857600',
    ],
    "body_limit=True": ["body_limit: True is not a whole number; allowed: 1 to 104857600"],
    "rate_limit=5": ["rate_limit: 5 is a bare number; write RateLimit(per_second=5)"],
    "rate_limit=RateLimit": [
        "rate_limit: RateLimit is the class itself; write RateLimit(per_second=100)"
    ],
    "rate_limit=RateLimit(0)": [
        "rate_limit.per_second: 0 is not a rate; allowed: above 0, at most 1000000"
    ],
    'rate_limit=RateLimit(float("nan"))': [
        "rate_limit.per_second: nan is not a rate; allowed: above 0, at most 1000000"
    ],
    "rate_limit=RateLimit(5, burst=0)": [
        "rate_limit.burst: 0 is out of range; allowed: 1 to 1000000"
    ],
    # addresses
    'allow=["10.0.0.1/8"]': [
        'allow: "10.0.0.1/8" is not an address or a network (did you mean "10.0.0.0/8"?)'
    ],
    'allow=["example.com"]': [
        'allow: "example.com" is not an address or a network; write "203.0.113.7" or "10.0.0.0/8"'
    ],
    'allow="10.0.0.0/8"': [
        'allow: "10.0.0.0/8" is one text; write a list: ["203.0.113.7", "10.0.0.0/8"]'
    ],
    # answers
    "answer=204": ['answer: 204 is not an Answer; write Answer(status=202, body="ok")'],
    "answer=Answer(500)": ["answer.status: 500 is out of range; allowed: 200 to 299"],
    "answer=Answer(body=b'ok')": ["answer.body: b'ok' is not a text"],
    'answer=Answer(204, "ok")': ["answer.body: an answer with status 204 has no body"],
    'answer=Answer(headers={"a b": "1"})': ['answer.headers: "a b" is not a header name'],
    'answer=Answer(headers={"X-A": "1\\r\\nX-B: 2"})': [
        'answer.headers: the value of "X-A" cannot be sent in a header'
    ],
    'answer=Answer(headers={"Content-Length": "2"})': [
        'answer.headers: "Content-Length" cannot be set: it is counted from the body'
    ],
    "answer=Answer(headers=7)": [
        'answer.headers: 7 is not a mapping; write {"X-Name": "value"}',
    ],
    # queue
    'queue="7d"': ['queue: "7d" is not a Queue; write Queue(retention="7d")'],
    'queue=Queue(retention="7 days")': [f'queue.retention: "7 days" {NOT_A_DURATION}'],
    "queue=Queue(retention=7)": [f"queue.retention: 7 {NOT_A_DURATION}"],
    'queue=Queue(retention="15d", dead_retention="14d")': [
        'queue.retention: "15d" is out of range; allowed: 60s to 14d'
    ],
    'queue=Queue(dead_retention="1d")': [
        (
            'queue.dead_retention: "1d" is shorter than retention, "7d": '
            "some dead letters would be gone before they are seen"
        )
    ],
    "queue=Queue(max_receive_count=0)": [
        "queue.max_receive_count: 0 is out of range; allowed: 1 to 1000"
    ],
    'queue=Queue(visibility_timeout="13h")': [
        'queue.visibility_timeout: "13h" is out of range; allowed: 0s to 12h'
    ],
    'queue=Queue(visibility_timeout="30s")': [
        (
            'queue.visibility_timeout: "30s" is shorter than timeout: '
            "a message would be handed out again while it is still worked"
        )
    ],
    # pipe
    "pipe=10": ["pipe: 10 is not a Pipe; write Pipe(concurrency=10)"],
    "pipe=Pipe(batch=10_001)": ["pipe.batch: 10001 is out of range; allowed: 1 to 10000"],
    'pipe=Pipe(window="6m")': ['pipe.window: "6m" is out of range; allowed: 0s to 300s'],
    "pipe=Pipe(concurrency=0)": ["pipe.concurrency: 0 is out of range; allowed: 1 to 10000"],
    'pipe=Pipe(backoff="soon")': [f'pipe.backoff: "soon" {NOT_A_DURATION}'],
    'pipe=Pipe(backoff="1h", max_backoff="1m")': [
        'pipe.max_backoff: "1m" is shorter than backoff, "1h"'
    ],
    # time
    'timeout="10m"': ['timeout: "10m" is out of range; allowed: 1s to 5m'],
    'timeout="1.5s"': ['timeout: "1.5s" is not a whole number of seconds'],
    "timeout=60": [f"timeout: 60 {NOT_A_DURATION}"],
    # words
    'log_level="ERORR"': [
        'log_level: "ERORR" is not known (did you mean "ERROR"?); allowed: ALL, ERROR, FATAL, OFF'
    ],
    "log_level=None": ["log_level: None is not known; allowed: ALL, ERROR, FATAL, OFF"],
    'verify_at="gatway", verify=bearer("env:TOKEN")': [
        'verify_at: "gatway" is not known (did you mean "gateway"?); allowed: workflow, gateway'
    ],
    'verify_at="gateway"': [
        (
            "verify_at: there is nothing to check at the gateway; "
            'give verify=hmac_sha256("env:NAME", header="X-Signature-256") or provider=...'
        )
    ],
    # locators
    'delivery_id="X-Id"': [
        'delivery_id: "X-Id" is not a locator; write "header:X-Event-Id" or "json:data.object.id"'
    ],
    'event_type="json:"': [
        'event_type: "json:" is not a locator; write "header:X-Event-Id" or "json:data.object.id"'
    ],
    # what a workflow needs
    "tasks=[print]": ["tasks: tasks are named by the states of a workflow; give workflow=..."],
}


@pytest.mark.parametrize("setting", WRONG)
def test_a_wrong_setting_is_named_with_its_place(
    setting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One wrong setting is one mistake, at its line, webhook and field, in these words."""
    monkeypatch.chdir(tmp_path)

    found = mistakes(tmp_path, f'@app.webhook("/users", {setting})\ndef welcome(event): ...\n')

    assert [f"@ /users {expected}" for expected in WRONG[setting]] == found


def test_twenty_mistakes_are_reported_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A definition with twenty mistakes says all twenty, each once, and in one error."""
    monkeypatch.chdir(tmp_path)
    settings = [
        'name="a b"',
        'methods=["PSOT", "GETT"]',
        'content_types=["json"]',
        "body_limit=0",
        "rate_limit=RateLimit(-1)",
        'allow=["nowhere"]',
        "answer=Answer(500, headers={'a b': ''})",
        'queue=Queue("7 days", "14 days", 0, "1y")',
        'pipe=Pipe(0, "x", 0, "y", "z")',
        'timeout="1h"',
        'log_level="LOUD"',
    ]
    text = f'@app.webhook("/users", {", ".join(settings)})\ndef welcome(event): ...\n'

    found = mistakes(tmp_path, text)

    assert 20 == len(found) == len(set(found))
    with pytest.raises(DefinitionError) as caught:
        compiled(tmp_path, text)
    assert len(caught.value.mistakes) == 20
    assert str(caught.value).startswith("20 mistakes in the definition\n  hooks.py:12 /users ")


def test_the_defaults_are_the_reference_architecture(tmp_path: Path) -> None:
    """Where nothing is said, the numbers are those that the design promises."""
    webhook = compiled(tmp_path, '@app.webhook("/users")\ndef welcome(event): ...\n')

    assert webhook.queue.retention_seconds == 7 * 86_400
    assert webhook.queue.dead_retention_seconds == 14 * 86_400
    assert webhook.queue.max_receive_count == 3
    assert webhook.queue.visibility_timeout_seconds == 360
    assert webhook.body_limit_bytes == 1024 * 1024
    assert (webhook.log_level, webhook.verify_at) == ("ERROR", "workflow")
    assert webhook.methods == ("POST",)
    assert webhook.content_types == ("*/*",)
    assert (
        webhook.answer.status,
        webhook.answer.body,
        webhook.answer.headers,
    ) == (200, None, ())


def test_what_is_said_is_compiled(tmp_path: Path) -> None:
    """Settings arrive as numbers, networks and normal forms."""
    webhook = compiled(
        tmp_path,
        '@app.webhook("/users", methods=["post", "PUT", "POST"], content_types=["TEXT/*"],\n'
        '  allow=["10.0.0.0/8", "::1"], rate_limit=RateLimit(2.5), timeout="5m",\n'
        '  queue=Queue("1h", "2h", 1000, "12h"), pipe=Pipe(1, "300s", 1, "100ms", "1m"),\n'
        '  delivery_id="header:X-Id", event_type="json:a.0.b", log_level="OFF")\n'
        "def welcome(event): ...\n",
    )

    assert webhook.methods == ("POST", "PUT")
    assert webhook.content_types == ("text/*",)
    assert [str(network) for network in webhook.allow] == ["10.0.0.0/8", "::1/128"]
    assert webhook.rate_limit is not None
    assert (webhook.rate_limit.per_second, webhook.rate_limit.burst) == (2.5, 3)
    assert webhook.queue.visibility_timeout_seconds == 43_200
    assert (webhook.pipe.window_seconds, webhook.pipe.backoff_seconds) == (300, 0.1)
    assert (webhook.delivery_id, webhook.event_type) == (("header:X-Id",), ("json:a.0.b",))
