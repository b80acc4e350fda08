"""The console's API over real HTTP and a real store: what is asked is answered, as it is described."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openapi_spec_validator
import pytest

from console_scene import SECRET, Client, Scene, described, scene, served
from holdfast.console.endpoint import PREFIX
from holdfast.console.routes import ENDPOINTS
from holdfast.errors import StoreError
from holdfast.queue.engines.sqlite import SQLiteEngine
from holdfast.runtime.console_options import ConsoleOptions
from holdfast.telemetry import Telemetry

_ = scene


def ids(page: dict[str, Any]) -> list[str]:
    return [one["id"] for one in page["items"]]


def test_the_document_is_valid_and_complete(scene: Scene) -> None:
    """OpenAPI 3.1 by its own rules; every endpoint is in it once; it is what is served."""
    served_document = scene.client.get("/openapi.json")
    openapi_spec_validator.validate(served_document)

    told = {
        (method.upper(), path)
        for path, operations in served_document["paths"].items()
        for method in operations
    }
    assert told == {(one.method, PREFIX + one.path) for one in ENDPOINTS}
    assert served_document["paths"] == described()["paths"]
    names = [one.name for one in ENDPOINTS]
    assert len(set(names)) == len(names)


def test_the_console_says_what_it_is(scene: Scene) -> None:
    """Its engine's abilities, its definition, who asks; no gateway where none runs."""
    about = scene.client.get("/about")

    assert about["store"]["engine"] == "sqlite"
    assert {"archive", "desk", "watch", "search"} <= set(about["store"]["abilities"])
    assert (about["app"], about["running"]) == ("shop", None)
    assert (about["token_needed"], about["read_only"]) == (False, False)
    assert about["operator"]


def test_answers_are_never_taken_for_pages(scene: Scene) -> None:
    """JSON with its type, no sniffing, no framing, nothing kept, whatever is answered."""
    for response in (
        scene.client.call("GET", "/events"),
        scene.client.call("GET", "/events/none"),
        scene.client.raw().get("/nowhere"),
        scene.client.raw().get("/events", headers={"host": "evil.example.com"}),
    ):
        assert response.headers["content-type"] == "application/json"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["x-frame-options"] == "DENY"
        assert response.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in response.headers["content-security-policy"]
        assert "access-control-allow-origin" not in response.headers


def test_everything_that_goes_wrong_has_one_shape(scene: Scene) -> None:
    """Code, message, status; a misspelt filter is refused, and nothing of a value is told."""
    fails = scene.client.fails
    assert fails("GET", "/events/f0f0f0f0", 404)["code"] == "not_found"
    assert fails("GET", "/events", 400, params={"webhok": "x"})["detail"] == [
        {"path": "/webhok", "message": "Extra inputs are not permitted"}
    ]
    assert fails("GET", "/events", 400, params=[("limit", "1"), ("limit", "2")])["detail"]
    assert fails("GET", "/events", 400, params={"limit": "1000"})["code"] == "invalid_request"
    assert fails("GET", "/events", 400, params={"since": "yesterday"})["code"] == "invalid_request"
    assert fails("GET", "/events", 400, params={"where": "a..b=1"})["detail"][0]["path"] == "/where"
    assert fails("GET", "/events", 400, params={"where": "a"})["detail"][0]["path"] == "/where"
    assert fails("POST", "/dead/park", 400, json={})["code"] == "invalid_request"
    assert fails("POST", "/dead/park", 415, data={"a": "b"})["code"] == "not_json"
    wrong = fails(
        "POST", "/dead/park", 400, content=b"{", headers={"content-type": "application/json"}
    )
    assert "not JSON" in wrong["message"]
    assert fails("POST", "/dead/park", 400, json={"ids": ["secret-value" * 9]})["detail"]
    big = b'{"ids":["' + b"x" * 5_000_000 + b'"]}'
    assert fails("POST", "/dead/park", 413, content=big)["code"] == "too_large"
    assert fails("GET", "/nowhere", 404)["code"] == "not_found"
    assert fails("PUT", "/events", 405)["code"] == "method_not_allowed"


def test_a_store_that_cannot_answer_is_503(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a defect is 500, says nothing of its insides, and is told to telemetry."""
    told: list[dict[str, Any]] = []
    telemetry: Telemetry = scene.console.site.telemetry
    telemetry.subscribe(lambda kind, fields: told.append({"event": kind.name, **fields}))

    def broken(*_: object) -> Any:
        raise StoreError("the disk is gone")

    monkeypatch.setattr(SQLiteEngine, "depth", broken)
    error = scene.client.fails("GET", "/overview", 503)
    assert (error["code"], error["message"]) == ("store_unavailable", "the disk is gone")

    def defect(*_: object) -> Any:
        raise ZeroDivisionError("s3cr3t")

    monkeypatch.setattr(SQLiteEngine, "depth", defect)
    assert "s3cr3t" not in scene.client.call("GET", "/overview").text
    (failed,) = [one for one in told if one["event"] == "console.failed"]
    assert failed["error"] == "ZeroDivisionError: s3cr3t"
    assert failed["path"] == "/overview"


def test_the_overview_answers_the_first_questions(scene: Scene) -> None:
    """What came in, what waits and since when, what failed, what needs a hand."""
    scene.kept("plain")
    scene.done("plain")
    scene.dead("plain", cause="no order 1")
    scene.dead("plain", cause="no order 2")
    parked = scene.dead("plain", cause="no order 3")
    scene.engine.park([parked])
    scene.refused(webhook=None)
    scene.engine.pause("plain")

    told = scene.client.get("/overview", window="15m")

    assert told["totals"] == {
        "waiting": 1, "leased": 0, "dead": 3, "parked": 1, "oldest": told["totals"]["oldest"],
    }  # fmt: skip
    (plain,) = [one for one in told["webhooks"] if one["name"] == "plain"]
    assert (plain["paused"], plain["waiting"], plain["parked"], plain["path"]) == (
        True,
        1,
        1,
        "/plain",
    )
    assert plain["last_seen"] >= plain["oldest"]
    assert sum(plain["series"]["received"]) == 5
    assert sum(plain["series"]["dead"]) == 3
    assert len(plain["series"]["done"]) == told["window"]["steps"] == 15
    assert plain["rates"]["received"] > 0
    assert sum(told["unrouted"]["refused"]) == 1
    assert [(one["count"], one["message"]) for one in told["groups"]] == [(2, "no order <n>")]
    warned = {(one["code"], one["webhook"]) for one in told["warnings"]}
    assert warned == {("paused", "plain"), ("secret_missing", "partner")}
    assert told["index"] == {"indexed": 0, "behind": 5, "bytes": 0}


def test_webhooks_are_shown_as_they_are_wired(scene: Scene) -> None:
    """Settings, graph, states' counts, secrets by reference alone."""
    assert [one["name"] for one in scene.client.get("/webhooks")] == ["orders", "partner", "plain"]

    orders = scene.client.get("/webhooks/orders")

    secret = {"reference": "env:ORDERS_SECRET", "purpose": "verification", "name": ""}
    assert orders["secrets"] == [secret | {"there": True, "problem": ""}]
    assert orders["verification"] == "hmac"
    assert orders["settings"]["queue"]["max_receive_count"] == 3
    assert orders["body_schema"]["required"] == ["id", "total"]
    assert [one["name"] for one in orders["graph"]["nodes"]] == [
        "Verify", "Charge", "Large", "Ship", "Stop",
    ]  # fmt: skip
    ways = {(one["source"], one["target"], one["way"]) for one in orders["graph"]["edges"]}
    assert ("Large", "Stop", "choice") in ways
    assert ("Large", "Ship", "default") in ways
    assert {one["name"] for one in orders["tasks"]} == {"charge", "ship"}
    assert orders["states"] == []
    partner = scene.client.get("/webhooks/partner")
    assert partner["secrets"][0]["there"] is False
    assert SECRET not in scene.client.call("GET", "/webhooks/orders").text
    scene.client.fails("GET", "/webhooks/none", 404)


def test_a_webhook_is_paused_and_resumed(scene: Scene) -> None:
    """The switch works, is shown, and is written down; one that nobody knows has none."""
    assert scene.client.post("/webhooks/plain/pause") == {"webhook": "plain", "paused": True}
    assert scene.engine.pauses() == ["plain"]
    assert scene.client.post("/webhooks/plain/resume") == {"webhook": "plain", "paused": False}
    assert scene.engine.pauses() == []
    scene.client.fails("POST", "/webhooks/none/pause", 404, json={})
    acts = scene.client.get("/audit")["items"]
    assert [(act["action"], act["webhook"]) for act in acts] == [
        ("resume", "plain"),
        ("pause", "plain"),
    ]


def test_events_by_every_filter(scene: Scene) -> None:
    """Each narrows as it says, refusals among events or left out, pages that go on."""
    plain = scene.done(body=b'{"customer":{"id":"cus_4711"}}', headers={"x-shop": "ada"})
    paid = scene.order(b'{"id":"1","total":5,"kind":"order.paid"}')
    late = scene.order(b'{"id":"2","total":5,"kind":"order.late"}')
    forged = scene.order(b'{"id":"3","total":5,"kind":"order.paid"}', signed=False)
    scene.dead(
        "orders", "VerificationFailed", "header_missing", "Verify", "header_missing", id=forged
    )
    refused = scene.refused()
    get = scene.client.get

    everything = get("/events")
    assert ids(everything) == [refused, forged, late, paid, plain]
    assert (everything["after"], everything["complete"]) == (None, True)
    assert ids(get("/events", refused="false")) == [forged, late, paid, plain]
    assert ids(get("/events", state="refused")) == ids(get("/refusals")) == [refused]
    assert ids(get("/events", state="done")) == [plain]
    assert ids(get("/events", webhook="orders")) == [refused, forged, late, paid]
    assert ids(get("/events", reason="header_missing")) == [forged]
    assert ids(get("/events", type="order.paid")) == [forged, paid]
    assert ids(get("/events", type="order.*", verification="pending")) == [late, paid]
    assert ids(get("/events", verification="failed")) == [forged]
    assert ids(get("/events", verification="none")) == [plain]
    assert ids(get("/events", text="CUS_4711")) == [plain]
    assert ids(get("/events", text=["cus", "ada"])) == [plain]
    assert ids(get("/events", text="too young")) == [refused]
    assert ids(get("/events", where="customer.id=cus_4711")) == [plain]
    assert ids(get("/events", where="age=17")) == [refused]
    assert ids(get("/events", text="us_4711", inside="true")) == [plain]
    assert ids(get("/events", since="2h")) == ids(everything)
    assert ids(get("/events", until="2h")) == []
    scene.indexed()
    assert ids(get("/events", text="cus_4711")) == [plain]
    assert ids(get("/events", type="order.paid")) == [forged, paid]
    walked: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = get("/events", limit="2", **after)
        walked += ids(page)
        if page["after"] is None:
            break
        after = {"after": page["after"]}
    assert walked == ids(everything)
    row = next(one for one in everything["items"] if one["id"] == paid)
    assert (row["type"], row["verification"], row["state"]) == ("order.paid", "pending", "waiting")


HOSTILE = [
    b"",
    b"\xff\xfe\x00binary\x01",
    b"caf\xe9",
    "\u202eevil\u2028</script><script>alert(1)</script>".encode(),
    b'{"a":' * 60 + b"1" + b"}" * 60,
    b'{"big":123456789012345678901234567890}',
    b'"\\ud800"',
    b"x" * 70_000,
    b"[" + b"1," * 600_000 + b"1]",
]


@pytest.mark.parametrize("body", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_bodies_are_shown_and_fetched(scene: Scene, body: bytes) -> None:
    """As JSON that says what they are, and byte for byte as something to be saved."""
    nasty = {"x-evil": "<img src=x onerror=alert(1)>\xff", "content-type": "text/html"}
    id = scene.kept(body=body, headers=nasty, query="q=%00%ff&<script>")

    told = scene.client.get(f"/events/{id}")

    assert told["bytes"] == len(body)
    large = len(body) > 64 * 1024
    assert told["body_omitted"] is large
    if not large:
        assert (told["body"] is None) is (b"\xff" in body or b"\xe9" in body)
    fetched = scene.client.raw().get(told["body_url"].removeprefix(PREFIX))
    assert fetched.content == body
    assert fetched.headers["content-type"] == "application/octet-stream"
    assert fetched.headers["content-disposition"] == f'attachment; filename="{id}.bin"'
    assert fetched.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in fetched.headers["content-security-policy"]
    assert id in ids(scene.client.get("/events"))


def test_one_event_is_one_timeline(scene: Scene) -> None:
    """Received, schema, stored, verified, attempted with its states, dead, sent back, done."""
    id = scene.order(b'{"id":"1","total":5,"kind":"order.paid"}')
    history = (
        {"type": "TaskStateEntered", "timestamp": "2026-01-01T00:00:00.000Z",
         "details": {"name": "Charge", "input": {"n": 1}}},
        {"type": "TaskScheduled", "details": {"resource": "charge", "parameters": {"n": 1}}},
        {"type": "TaskFailed", "details": {"resource": "charge", "error": "Busy", "cause": "x"}},
        {"type": "ExecutionFailed", "timestamp": "2026-01-01T00:00:02.000Z",
         "details": {"error": "Busy", "cause": "x"}},
    )  # fmt: skip
    scene.dead("orders", "Busy", "x", "Charge", id=id, history=history)
    scene.engine.redrive([id])
    scene.engine.settle([scene.lease(id, "orders").receipt])

    told = scene.client.get(f"/events/{id[:20]}")

    moments = [(one["kind"], one["came"]) for one in told["timeline"]]
    assert moments == [
        ("received", "ok"),
        ("schema", "ok"),
        ("stored", "ok"),
        ("verification", "ok"),
        ("attempt", "failed"),
        ("dead", "failed"),
        ("redriven", "neutral"),
        ("done", "ok"),
    ]
    attempt = told["timeline"][4]
    assert attempt["execution"] == 0
    assert [(one["state"], one["came"], one["error"]) for one in attempt["states"]] == [
        ("Charge", "failed", "Busy")
    ]
    assert attempt["states"][0]["duration_ms"] == 2_000
    assert (told["type"], told["delivery_id"]) == ("order.paid", "d-1")
    assert told["verification"]["result"] == "verified"
    assert SECRET not in scene.client.call("GET", f"/events/{id}").text
    (execution,) = scene.client.get(f"/events/{id}/executions")
    assert execution["passed"]["states"] == {"Charge": "failed"}
    assert scene.client.get(f"/events/{id}/executions/0") == execution
    scene.client.fails("GET", f"/events/{id}/executions/1", 404)
    scene.client.fails("GET", f"/events/{id}/executions/x", 404)
    listed = scene.client.get("/executions", status="FAILED", webhook="orders")
    assert [one["event"] for one in listed["items"]] == [id]
    assert scene.client.get("/executions", status="SUCCEEDED")["items"] == []


def test_a_refusal_is_shown_with_its_reason(scene: Scene) -> None:
    """And what there is of its body."""
    id = scene.refused(body=b"\xff<script>")

    told = scene.client.get(f"/refusals/{id}")

    assert (told["status"], told["reason"], told["detail"]) == (
        400,
        "invalid_body",
        "/age: too young",
    )
    assert told["body"] is None
    assert scene.client.raw().get(told["body_url"].removeprefix(PREFIX)).content == b"\xff<script>"
    scene.client.fails("GET", "/refusals/ffffffff", 404)


def test_sessions_are_opened_with_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser's cookie, not readable by scripts, with a CSRF token of its own; and a program's
    bearer without either."""
    options = ConsoleOptions(tokens=("ada=env:ADA_TOKEN",))
    with served(tmp_path, monkeypatch, options) as scene:
        browser = Client(scene.port, {})
        browser.fails("GET", "/events", 401)
        assert (
            browser.fails("POST", "/session", 401, json={"token": "wrong"})["code"]
            == "token_mismatch"
        )
        opened = browser.call("POST", "/session", json={"token": "t0k3n-of-ada-0123456789"})
        cookie = opened.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert "secure" not in cookie
        session = browser.get("/session")
        assert (session["operator"], session["csrf"]) == ("ada", opened.json()["csrf"])
        assert (
            browser.fails("POST", "/webhooks/plain/pause", 403, json={})["code"] == "csrf_missing"
        )
        browser.call(
            "POST", "/webhooks/plain/pause", json={}, headers={"x-holdfast-csrf": session["csrf"]}
        )
        program = Client(scene.port, {"authorization": "Bearer t0k3n-of-ada-0123456789"})
        program.post("/webhooks/plain/resume")
        assert [(act["operator"], act["action"]) for act in program.get("/audit")["items"]] == [
            ("ada", "resume"), ("ada", "pause"),
        ]  # fmt: skip
        browser.call("DELETE", "/session", headers={"x-holdfast-csrf": session["csrf"]})
        browser.fails("GET", "/events", 401)
        browser.close()
        program.close()


def test_without_tokens_a_browser_gets_a_session_too(scene: Scene) -> None:
    """So that its forms carry a CSRF token; the operator is who the console runs as."""
    browser = Client(scene.port, {})

    session = browser.get("/session")

    assert session["csrf"]
    assert session["operator"] == scene.client.get("/about")["operator"]
    assert browser.get("/session")["csrf"] == session["csrf"]
    browser.close()


def test_a_console_that_only_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is seen and nothing is done."""
    with served(tmp_path, monkeypatch, ConsoleOptions(read_only=True)) as scene:
        scene.dead()
        assert scene.client.get("/about")["read_only"] is True
        assert scene.client.get("/dead/groups")["letters"] == 1
        for endpoint in ENDPOINTS:
            if endpoint.method == "POST" and endpoint.name != "log_in":
                path = endpoint.path.replace("{name}", "plain").replace("{id}", "x")
                assert scene.client.fails("POST", path, 403, json={})["code"] == "read_only"
        assert scene.client.get("/audit")["items"] == []
