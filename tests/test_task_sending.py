"""From one webhook's workflow into another's queue, through the worker and the real store."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from holdfast import App, Event, Forward, Pipe, bearer, hmac_sha256, providers
from holdfast.cli.run import _missing_secrets
from holdfast.clock import SYSTEM_CLOCK, ManualClock
from holdfast.compile import check_app, compile_app
from holdfast.errors import StoreError
from holdfast.message import Headers, Message, Request
from holdfast.operate.overview import warnings
from holdfast.queue.contract import Entry, Filter, State
from holdfast.queue.engines.sqlite import SQLiteEngine
from holdfast.queue.group_commit import GroupSender
from holdfast.runtime.assembly import limits_of
from holdfast.runtime.worker import Worker
from holdfast.secrets import Secrets
from holdfast.telemetry import Kind, Telemetry
from process_kit import PATIENCE_SECONDS


class Order(BaseModel):
    id: Annotated[int, Field(ge=1)]


def a_shop(*, delay: int = 0) -> tuple[App, list[Event[Any]]]:
    """`/orders` sends what comes in to `/mails`, which nobody can knock at without its secret."""
    app, mailed = App("shop"), list[Event[Any]]()

    async def mail(event: Event[Order]) -> None:
        mailed.append(event)

    app.webhook("/mails", verify=hmac_sha256("env:HOLDFAST_TEST_UNSET"), pipe=Pipe(backoff="0s"))(
        mail
    )
    parameters = {
        "QueueUrl": "${queue:mails}",
        "MessageBody.$": "$.body",
        "MessageAttributes": {"X-Kind": {"DataType": "String", "StringValue": "order"}},
        "DelaySeconds": delay,
    }
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Parameters": parameters,
        "End": True,
    }
    app.webhook("/orders", workflow={"StartAt": "Send", "States": {"Send": state}})
    return app, mailed


def arrived(store: Path, app: App, body: bytes) -> None:
    """An event for `/orders`, as the gateway keeps it."""
    engine = SQLiteEngine(store)
    engine.configure(limits_of(compile_app(app)))
    request = Request("POST", "/orders", "", Headers(), body)
    engine.send([Message("0" * 32, "orders", SYSTEM_CLOCK.now_ms(), request)])
    engine.close()


async def worked(store: Path, app: App, ends: int) -> None:
    """Run a worker until so many messages have ended."""
    telemetry, stop = Telemetry(), asyncio.Event()
    ended: list[str] = []

    def hear(kind: Kind, fields: Any) -> None:
        if kind.name in ("message.done", "message.dead"):
            ended.append(fields["id"])
            if len(ended) >= ends:
                stop.set()

    telemetry.subscribe(hear)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await Worker(compile_app(app), f"sqlite:{store}", telemetry).run(stop)


def kept(store: Path, webhook: str) -> list[Entry]:
    engine = SQLiteEngine(store)
    try:
        return engine.events(Filter(webhook=webhook))
    finally:
        engine.close()


def test_what_one_webhook_sends_the_other_works(tmp_path: Path) -> None:
    """Sent, kept, carried and worked, with its source taken as verified."""
    app, mailed = a_shop()
    arrived(tmp_path, app, b'{"id": 7}')
    asyncio.run(worked(tmp_path, app, 2))
    (entry,) = kept(tmp_path, "mails")

    assert entry.state is State.DONE
    assert mailed[0].body == Order(id=7)
    assert (mailed[0].id, mailed[0].headers["x-kind"]) == (entry.message.id, "order")
    assert (mailed[0].path, entry.message.request.origin) == ("/mails", "queue://orders")


def test_what_does_not_fit_the_other_rests_there(tmp_path: Path) -> None:
    """The sender has done its part; the receiver's dead letters say what was wrong."""
    app, mailed = a_shop()
    arrived(tmp_path, app, b'{"id": 0}')
    asyncio.run(worked(tmp_path, app, 2))
    (sent,), (entry,) = kept(tmp_path, "orders"), kept(tmp_path, "mails")

    assert (sent.state, entry.state, entry.reason) == (State.DONE, State.DEAD, "schema_invalid")
    assert mailed == []


def test_a_delayed_message_is_kept_and_waits(tmp_path: Path) -> None:
    """It is durable when its sender is done, and not to be had before its time."""
    app, mailed = a_shop(delay=900)
    arrived(tmp_path, app, b'{"id": 7}')
    asyncio.run(worked(tmp_path, app, 1))
    (entry,) = kept(tmp_path, "mails")
    clock = ManualClock(entry.message.received_at_ms + 899_000)
    engine = SQLiteEngine(tmp_path, clock=clock)
    early = engine.receive("mails", 10, 60)
    clock.advance(2)
    late = engine.receive("mails", 10, 60)
    engine.close()

    assert (entry.state, mailed, early) == (State.WAITING, [], [])
    assert [lease.message.id for lease in late] == [entry.message.id]


def test_a_group_of_several_delays_is_one_call_for_each(tmp_path: Path) -> None:
    """Whoever stands in line together is kept together, apart from those who wait longer."""
    clock = ManualClock()
    engine = SQLiteEngine(tmp_path, clock=clock)
    sender = GroupSender(engine, Telemetry(), clock)
    request = Request("POST", "/orders", "", Headers(), b"{}")
    delays = {"a": 0.0, "b": 60.0, "c": 0.0, "d": 60.0}

    async def scene() -> None:
        messages = {id: Message(id * 32, "orders", clock.now_ms(), request) for id in delays}
        await asyncio.gather(
            *(sender.send(message, delays[id]) for id, message in messages.items())
        )

    asyncio.run(scene())
    sender.close()
    now = {lease.message.id[0] for lease in engine.receive("orders", 10, 600)}
    clock.advance(61)
    later = {lease.message.id[0] for lease in engine.receive("orders", 10, 600)}
    engine.close()

    assert (now, later) == ({"a", "c"}, {"b", "d"})


def test_a_worker_that_stops_keeps_what_was_sent(tmp_path: Path) -> None:
    """A sender that is closed keeps what stands in line, and takes no more."""
    engine = SQLiteEngine(tmp_path)
    sender = GroupSender(engine, Telemetry(), ManualClock())
    sender.close()
    request = Request("POST", "/orders", "", Headers(), b"{}")

    with pytest.raises(StoreError):
        asyncio.run(sender.send(Message("a" * 32, "orders", 0, request), 5))
    engine.close()


def check(app: App) -> list[str]:
    return [mistake.message for mistake in check_app(app)]


def test_a_forward_is_a_task_beside_functions() -> None:
    """By its name in `tasks`, with the settings and the checks of `webhook.forward`."""

    def charge() -> None: ...

    def state(name: str, **fields: Any) -> dict[str, Any]:
        return {"Type": "Task", "Resource": f"${{{name}}}", **fields}

    workflow = {
        "StartAt": "Charge",
        "States": {"Charge": state("charge", Next="Notify"), "Notify": state("notify", End=True)},
    }
    app = App()
    notify = Forward(
        "http://localhost:3000/x", sign=hmac_sha256("env:X"), headers={"X-A": "1"}, timeout="9s"
    )
    app.webhook("/a", workflow=workflow, tasks={"charge": charge, "notify": notify})
    made = compile_app(app).webhooks[0].tasks["notify"]
    plain = App()
    plain.webhook("/a").forward(
        "http://localhost:3000/x", sign=hmac_sha256("env:X"), headers={"X-A": "1"}, timeout="9s"
    )
    same = compile_app(plain).webhooks[0].tasks["forward"]

    assert (made.name, same.name) == ("notify", "forward")
    for field in ("url", "sign", "headers", "timeout_seconds"):
        assert getattr(made, field) == getattr(same, field)
    assert notify.place.startswith(f"{__file__}:")


def test_a_forward_that_is_wrong_is_told_where_it_is_written() -> None:
    """Each mistake at the line of the Forward, under its name."""
    states = {"N": {"Type": "Task", "Resource": "${notify}", "End": True}}
    workflow = {"StartAt": "N", "States": states}
    app = App()
    app.webhook(
        "/a",
        workflow=workflow,
        tasks={"notify": Forward("localhost", timeout="2m", headers={"a b": ""})},
    )
    app.webhook("/b", workflow=workflow, tasks=[Forward("http://localhost")])  # type: ignore[list-item]  # the mistake
    found = [str(mistake) for mistake in check_app(app)]

    assert [each.partition(" ")[2] for each in found] == [
        '/a tasks.notify: "localhost" is not a URL; write "http://localhost:3000/hooks"',
        '/a tasks.notify.timeout: "2m" is longer than the webhook\'s',
        '/a tasks.notify.headers: "a b" is not a header name',
        '/b tasks: a Forward has no name; write tasks={"notify": Forward(...)}',
        '/b workflow: States.N.Resource: no task "notify"; there are: none',
    ]


@pytest.mark.parametrize(
    ("connections", "expected"),
    [
        ({"api": hmac_sha256("env:X"), "open": None}, []),
        ({"api": "s3cret"}, ['not a scheme; write bearer("env:PAYMENTS_TOKEN"), or None for ']),
        ({"api": hmac_sha256("s3cret")}, ["secret: a secret is written as a reference"]),
        ({"api": lambda _request: True}, ["not a scheme; write bearer("]),
        ({"a b": None, "api": None}, ["is not a name; use 1 to 64 letters, digits, _ and -"]),
        ("s3cret", ['not a mapping; write connections={"payments": bearer(', "States.C.Para"]),
        (None, ['States.C.Parameters.InvocationConfig.ConnectionArn: no connection "api"; ']),
    ],
)
def test_connections_are_judged_with_the_definition(connections: Any, expected: list[str]) -> None:
    """They sign by schemes with references; nothing that may be a secret is repeated."""
    parameters = {
        "ApiEndpoint": "https://api.example/",
        "Method": "GET",
        "InvocationConfig": {"ConnectionArn": "${api}"},
    }
    state = {"Type": "Task", "Resource": "arn:aws:states:::http:invoke", "End": True}
    states = {"C": {**state, "Parameters": parameters}}
    app = App()
    app.webhook("/a", workflow={"StartAt": "C", "States": states}, connections=connections)
    found = check(app)

    assert len(found) == len(expected), found
    for told, wanted in zip(found, expected, strict=True):
        assert told.startswith(wanted)
        assert "s3cret" not in told


def test_a_secret_that_a_connection_lacks_is_told_at_the_start() -> None:
    """`holdfast run` warns of it, by its reference, as of any other."""
    app, _ = a_shop()
    app.webhooks[1].settings["connections"] = {"api": bearer("env:HOLDFAST_TEST_UNSET_TOO")}
    told = _missing_secrets(compile_app(app))

    assert [each.partition(";")[0] for each in told] == [
        "/mails: the secret env:HOLDFAST_TEST_UNSET is not set or is empty",
        "/orders: the secret env:HOLDFAST_TEST_UNSET_TOO is not set or is empty",
    ]


def test_a_handshakes_token_that_is_not_there_is_told_at_the_start() -> None:
    """Meta asks for it before it sends anything, and would be answered 503."""
    app = App()
    meta = providers.meta("env:HOLDFAST_TEST_UNSET", verify_token="env:HOLDFAST_TEST_UNSET_TOO")
    app.webhook("/meta", provider=meta).forward("http://localhost:3000/")

    until = "what needs it fails until it is set and this is started again"
    assert _missing_secrets(compile_app(app)) == [
        f"/meta: the secret env:HOLDFAST_TEST_UNSET is not set or is empty; {until}",
        f"/meta: the secret env:HOLDFAST_TEST_UNSET_TOO is not set or is empty; {until}",
    ]


def test_a_handshake_without_any_token_is_told_at_the_start() -> None:
    """Strava has no secret that would do in its place; Notion's token is still to be handed over."""
    app = App()
    for sender in (providers.strava(), providers.notion("file:not-there")):
        app.webhook(f"/{sender.name}", provider=sender).forward("http://localhost:3000/")
    strava, notion = sorted(_missing_secrets(compile_app(app)), reverse=True)

    assert strava.startswith("/strava: the token of its handshake is not given")
    assert notion.startswith("/notion: the secret file:not-there cannot be read")
    assert notion.endswith("; what needs it fails until the file is there")


def test_a_connections_secret_does_not_stand_in_for_anothers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of two secrets of one connection one may lack, while it is rotated; of two connections none may."""
    monkeypatch.setenv("HOLDFAST_TEST_SET", "s3cret")
    monkeypatch.delenv("HOLDFAST_TEST_UNSET", raising=False)
    app, _ = a_shop()
    app.webhooks[0].settings["verify"] = bearer(
        ["env:HOLDFAST_TEST_SET", "env:HOLDFAST_TEST_UNSET"]
    )
    app.webhooks[1].settings["connections"] = {
        "api": bearer("env:HOLDFAST_TEST_SET"),
        "other": bearer("env:HOLDFAST_TEST_UNSET"),
    }
    told = warnings(compile_app(app), Secrets(), (), (), 0)

    assert [(one.webhook, one.facts["purpose"]) for one in told] == [("orders", "connection")]


def test_connections_without_a_workflow_are_a_mistake() -> None:
    """Nothing could call them."""
    app = App()
    app.webhook("/a", connections={"api": None}).forward("http://localhost:3000/")

    assert check(app) == [
        "connections are named by the HTTP tasks of a workflow; give workflow=..."
    ]


def test_a_workflow_may_send_to_webhooks_that_come_later() -> None:
    """By name or path, its own included; an unknown one names all there are."""

    def workflow(url: str) -> dict[str, Any]:
        parameters = {"QueueUrl": url, "MessageBody": "x"}
        state = {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "End": True}
        return {"StartAt": "S", "States": {"S": {**state, "Parameters": parameters}}}

    app = App()
    app.webhook("/a", workflow=workflow("${queue:later}"))
    app.webhook("/b/{id}", workflow=workflow("${queue:/b/{id}}"))
    app.webhook("/c", name="later", workflow=workflow("${queue:nobody}"))

    wrong = 'States.S.Parameters.QueueUrl: no webhook "nobody"; there are: a, b-id, later'
    assert check(app) == [wrong]
