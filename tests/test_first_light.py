"""The whole way through, for real: HTTP in, the embedded store, a pipe, a workflow, dead letters.

Only time is the test's own, so that deliveries published years ago are not too old.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from pydantic import BaseModel, EmailStr, Field

from holdfast import App, Event, Pipe, hmac_sha256, providers
from holdfast.clock import ManualClock
from holdfast.compile import compile_app
from holdfast.definition import Verification
from holdfast.gateway.asgi import Application
from holdfast.gateway.door import Door
from holdfast.gateway.intake import Intake
from holdfast.message import Lease
from holdfast.pipe.gate import Gate
from holdfast.pipe.runner import PipeRunner
from holdfast.queue.contract import Claim, Entry, Filter, State
from holdfast.queue.engines.sqlite import SQLiteEngine
from holdfast.queue.group_commit import GroupReceiver, GroupSender
from holdfast.runtime.assembly import limits_of
from holdfast.secrets import Secrets
from holdfast.telemetry import Kind, Telemetry
from holdfast.testing import sign
from holdfast.workflow.crew import Crew
from holdfast.workflow.runner import Express, Wait
from process_kit import PATIENCE_SECONDS

DATA = Path(__file__).parent / "data"
VECTORS = {
    (one["provider"], one["name"]): one
    for one in json.loads((DATA / "verify_vectors.json").read_text(encoding="utf-8"))
}
ENDS = ("message.done", "message.dead", "message.duplicate")


class User(BaseModel):
    name: str
    age: Annotated[int, Field(ge=18)]
    email: EmailStr


class House:
    """A running definition: send to it, and see what becomes of each event."""

    def __init__(self, client: httpx.AsyncClient, engine: SQLiteEngine) -> None:
        self.client = client
        self.engine = engine
        self.worked: list[Event[Any]] = []
        self._ended: set[str] = set()
        self._news = asyncio.Event()

    def hear(self, kind: Kind, fields: Any) -> None:
        if kind.name in ENDS:
            self._ended.add(fields["id"])
            self._news.set()

    async def send(self, path: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
        lines = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        return await self.client.post(path, content=body, headers=lines)

    async def outcome(self, response: httpx.Response) -> Entry:
        """What the store says of an accepted event once it has ended."""
        assert response.status_code == 200, response.text
        id = response.json()["id"]
        while id not in self._ended:
            self._news.clear()
            await self._news.wait()
        return self.engine.events(Filter(id=id))[0]


@asynccontextmanager
async def living(
    app: App, store: Path, clock: ManualClock, wait: Wait = asyncio.sleep
) -> AsyncIterator[House]:
    """The parts that `holdfast run` joins, in one loop. `wait`: how workflows do."""
    compiled = compile_app(app)
    telemetry, secrets, crew, gate = Telemetry(), Secrets(), Crew(4), Gate()
    engine = SQLiteEngine(store, clock=clock, telemetry=telemetry)
    engine.configure(limits_of(compiled))
    sender = GroupSender(engine, telemetry, clock)
    receiver = GroupReceiver(SQLiteEngine(store, clock=clock, telemetry=telemetry))

    async def claim(lease: Lease, delivery_id: str) -> Claim:
        return await receiver.claim(lease.receipt, delivery_id)

    door = Door(Intake(compiled, secrets, clock), sender, clock, telemetry)
    transport = httpx.ASGITransport(app=Application(door))
    stop = asyncio.Event()
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        httpx.AsyncClient(transport=transport, base_url="http://here") as client,
    ):
        house = House(client, engine)
        telemetry.subscribe(house.hear)
        targets = [
            Express(
                webhook,
                secrets=secrets,
                claim=claim,
                crew=crew,
                clock=clock,
                telemetry=telemetry,
                wait=wait,
            )
            for webhook in compiled.webhooks
        ]
        async with asyncio.TaskGroup() as pipes:
            for webhook, target in zip(compiled.webhooks, targets, strict=True):
                runner = PipeRunner(
                    webhook, receiver, target, clock=clock, telemetry=telemetry, gate=gate
                )
                pipes.create_task(runner.run(stop))
            try:
                yield house
            finally:
                stop.set()
        for target in targets:
            await target.aclose()
    sender.close()
    receiver.close()
    crew.close()
    engine.close()


def keeping(app: App, worked: list[Event[Any]]) -> App:
    """Give every webhook a handler that remembers its events."""
    for webhook in app.webhooks:

        def remember(event: Event) -> None:
            worked.append(event)

        webhook(remember)
    return app


def at_the_time_of(vector: dict[str, Any]) -> ManualClock:
    return ManualClock(vector["at_time"] * 1000)


PROVIDERS: dict[str, Callable[[str], Any]] = {
    "github": providers.github,
    "stripe": providers.stripe,
    "slack": providers.slack,
    "shopify": providers.shopify,
}

PUBLISHED = [
    ("github", "docs-example-no-prefix", "dead", "header_malformed", None),
    ("github", "octokit-bad", "dead", "header_malformed", None),
    ("stripe", "sdk-header", "done", None, "example.created"),
    ("stripe", "rotation-two-v1", "done", None, "example.created"),
    ("stripe", "too-old", "dead", "timestamp_too_old", None),
    ("stripe", "body-changed", "dead", "signature_mismatch", None),
    ("slack", "valid", "done", None, None),
    ("slack", "body-changed", "dead", "signature_mismatch", None),
    ("slack", "missing-headers", "dead", "header_missing", None),
    ("shopify", "valid", "done", None, "orders/create"),
    ("shopify", "body-changed", "dead", "body_altered_or_wrong_secret", None),
]


@pytest.mark.parametrize(("provider", "name", "state", "reason", "type"), PUBLISHED)
def test_published_deliveries_go_the_whole_way(
    provider: str,
    name: str,
    state: str,
    reason: str | None,
    type: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A genuine delivery of each provider is worked byte for byte; a false one rests, with why."""
    vector = VECTORS[provider, name]
    monkeypatch.setenv("SECRET", vector["secret"])
    body = base64.b64decode(vector["body"])
    headers = {"Content-Type": "application/x-www-form-urlencoded"} if provider == "slack" else {}
    worked: list[Event[Any]] = []
    app = App()
    app.webhook("/hook", provider=PROVIDERS[provider]("env:SECRET"))
    keeping(app, worked)

    async def test() -> Entry:
        async with living(app, tmp_path / "store", at_the_time_of(vector)) as house:
            return await house.outcome(
                await house.send("/hook", body, {**headers, **vector["headers"]})
            )

    entry = asyncio.run(test())

    assert entry.state == state
    assert entry.reason == reason
    assert entry.message.request.body == body
    assert [(event.raw, event.type) for event in worked] == (
        [(body, type)] if state == "done" else []
    )


def test_a_ping_is_answered_and_is_no_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GitHub's own example is the ping that it sends to a new hook: a handshake, signed."""
    vector = VECTORS["github", "docs-example"]
    monkeypatch.setenv("SECRET", vector["secret"])
    worked: list[Event[Any]] = []
    app = App()
    app.webhook("/hook", provider=providers.github("env:SECRET"))
    keeping(app, worked)

    async def test() -> tuple[int, int]:
        async with living(app, tmp_path / "store", at_the_time_of(vector)) as house:
            body = base64.b64decode(vector["body"])
            genuine = await house.send("/hook", body, vector["headers"])
            forged = await house.send("/hook", body + b"!", vector["headers"])
            return genuine.status_code, forged.status_code

    assert asyncio.run(test()) == (200, 401)
    assert worked == []


def test_a_github_push_is_worked_by_its_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`on("push")` gets the push with its delivery id; the same delivery again is a duplicate."""
    monkeypatch.setenv("SECRET", "It's a Secret to Everybody")
    body = json.dumps({"ref": "refs/heads/main", "commits": [{"id": "0d1a26e6"}]}).encode()
    provider = providers.github("env:SECRET")
    pushes: list[Event[Any]] = []
    app = App()

    @app.webhook("/github", provider=provider).on("push")
    async def push(event: Event) -> None:
        pushes.append(event)

    async def test() -> list[Entry]:
        clock = ManualClock()
        async with living(app, tmp_path / "store", clock) as house:
            request = sign(
                provider,
                body,
                secret="It's a Secret to Everybody",
                headers={
                    "Content-Type": "application/json",
                    "X-GitHub-Event": "push",
                    "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
                },
                url="http://here/github",
                now=clock.now_ms() / 1000,
            )
            headers = dict(request.headers.lines)
            return [
                await house.outcome(await house.send("/github", body, headers)) for _ in range(2)
            ]

    first, second = asyncio.run(test())

    assert [event.body["ref"] for event in pushes] == ["refs/heads/main"]
    assert pushes[0].delivery_id == "72d3162e-cc78-11e3-81ab-4c9367dc0958"
    assert (first.state, second.state) == (State.DONE, State.DONE)
    assert second.duplicate_of == first.message.id


BODIES = [
    ("application/json", b'{"a": 1}', {"a": 1}),
    ("application/x-www-form-urlencoded", b"payload=%7B%7D&x=1", "payload=%7B%7D&x=1"),
    ("application/xml", "<a>é</a>".encode(), "<a>é</a>"),
    ("application/octet-stream", bytes(range(256)), bytes(range(256))),
    ("text/plain", b"", ""),
]


@pytest.mark.parametrize(("content_type", "body", "seen"), BODIES)
def test_any_body_arrives_as_it_was_sent(
    content_type: str, body: bytes, seen: Any, tmp_path: Path
) -> None:
    """JSON, form, XML, binary or nothing: the raw bytes and every header reach the handler."""
    worked: list[Event[Any]] = []
    app = keeping_any(worked)

    async def test() -> None:
        async with living(app, tmp_path / "store", ManualClock()) as house:
            response = await house.send(
                "/any", body, {"Content-Type": content_type, "X-Odd": "caf\u00e9 \u00ff"}
            )
            await house.outcome(response)

    asyncio.run(test())

    assert [(event.raw, event.body) for event in worked] == [(body, seen)]
    assert worked[0].headers["content-type"] == content_type
    assert worked[0].headers["x-odd"] == "caf\u00e9 \u00ff"


def keeping_any(worked: list[Event[Any]]) -> App:
    app = App()
    app.webhook("/any")
    return keeping(app, worked)


def test_the_reference_user_in_good_form_and_in_bad(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fitting user is welcomed as a model; a misfit is answered 400 with every reason, and kept
    among the refusals; a forged one is quarantined."""
    monkeypatch.setenv("USERS_SECRET", "s3cret")
    verification = hmac_sha256("env:USERS_SECRET", header="X-Signature-256")
    welcomed: list[str] = []
    app = App()

    @app.webhook("/users", verify=verification, pipe=Pipe(backoff="1s"))
    def welcome(event: Event[User]) -> None:
        welcomed.append(event.body.name)

    async def test() -> None:
        async with living(app, tmp_path / "store", ManualClock()) as house:
            good = b'{"name": "Ada", "age": 36, "email": "ada@example.com"}'
            done = await house.outcome(await house.send("/users", good, signed(verification, good)))
            assert done.state is State.DONE

            bad = b'{"name": "Bob", "age": 17}'
            refused = await house.send("/users", bad, signed(verification, bad))
            assert refused.status_code == 400
            answer = refused.json()
            assert answer["details"] == "Invalid request body"
            told = {(one["path"], one["keyword"]) for one in answer["errors"]}
            assert told == {("", "required"), ("/age", "minimum")}

            forged = await house.outcome(
                await house.send("/users", good, signed(verification, bad))
            )
            assert (forged.state, forged.reason) == (State.DEAD, "body_altered_or_wrong_secret")

    asyncio.run(test())

    assert welcomed == ["Ada"]


def signed(verification: Verification, body: bytes) -> dict[str, str]:
    request = sign(
        verification,
        body,
        secret="s3cret",
        headers={"Content-Type": "application/json"},
        url="http://here/users",
        now=1_700_000_000,
    )
    return dict(request.headers.lines)
