"""A store in which real traffic was recorded: requests over HTTP to a definition that runs here."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from unittest import mock

from cli_scene import Called, call
from holdfast.clock import ManualClock
from holdfast.compile import load
from holdfast.testing import delivery, sign
from holdfast.verify import basic, hmac_sha256
from test_first_light import living

NOW_MS: Final = 1_700_000_000_000
HMAC: Final = "s3cr3t-hmac-0815"
PASSWORD: Final = "s3cr3t-password-4711"
SECRETS: Final = {"USERS_SECRET": HMAC, "BASIC_SECRET": PASSWORD}

HOOKS: Final = """
from typing import Annotated, Any

from pydantic import BaseModel, EmailStr, Field

from holdfast import App, Event, Permanent, Queue, basic, hmac_sha256

app = App("shop")


class User(BaseModel):
    name: str
    age: Annotated[int, Field(ge=18)]
    email: EmailStr


@app.webhook("/users", verify=hmac_sha256("env:USERS_SECRET", header="X-Sig"),
             delivery_id="header:X-Delivery", queue=Queue(max_receive_count=1))
def welcome(event: Event[User]) -> None:
    if event.body.name == "eve":
        raise KeyError("no such user")
    if event.body.name == "mallory":
        raise Permanent("not welcome")


@app.webhook("/basic", verify=basic("ada", "env:BASIC_SECRET"))
def kept(event: Event) -> None: ...


def charge(event: Event) -> dict[str, Any]:
    return {"paid": event.body["total"] < 100}


def ship(input: dict[str, Any]) -> None: ...


app.webhook(
    "/tenants/{tenant}/orders",
    name="orders",
    tasks=[charge, ship],
    log_level="ALL",
    queue=Queue(max_receive_count=1),
    workflow={
        "StartAt": "Charge",
        "States": {
            "Charge": {"Type": "Task", "Resource": "${charge}", "ResultPath": "$.payment",
                       "Next": "Paid"},
            "Paid": {"Type": "Choice", "Default": "Declined", "Choices": [
                {"Variable": "$.payment.paid", "BooleanEquals": True, "Next": "Ship"}]},
            "Ship": {"Type": "Task", "Resource": "${ship}", "End": True},
            "Declined": {"Type": "Fail", "Error": "Declined", "Cause": "no money"},
        },
    },
)


@app.webhook("/small", body_limit=2048, content_types=["application/json", "text/plain"])
def small(event: Event) -> None: ...
"""

ADA: Final = {"name": 'Ada é😀\r\n"&+%=#$', "age": 36, "email": "ada@example.com"}


@dataclass(frozen=True)
class Sent:
    """One request as it is sent."""

    path: str
    body: Any
    headers: dict[str, str] = field(default_factory=dict)
    secret: str | None = None
    """What signs it, at /users; what is shown, at /basic."""

    def lines(self) -> tuple[bytes, dict[str, str]]:
        given: dict[str, Any] = {"headers": self.headers, "url": self.path}
        if self.secret is None:
            request = delivery(self.body, **given)
        else:
            by = (
                hmac_sha256("env:X", header="X-Sig")
                if self.path == "/users"
                else basic("ada", "env:X")
            )
            request = sign(by, self.body, secret=self.secret, now=NOW_MS / 1000, **given)
        return request.body, request.headers.last_values()


def user(name: str = "ada", delivery: str = "", secret: str = HMAC, **fields: Any) -> Sent:
    body = {**ADA, "name": name, **fields}
    return Sent("/users", body, {"X-Delivery": delivery or name}, secret)


def order(total: Any) -> Sent:
    return Sent("/tenants/acme%20ltd/orders", {"total": total})


TRAFFIC: Final = (
    Sent("/users", ADA, {"X-Delivery": "1"}, HMAC),
    user("eve"),
    user("mallory"),
    user("forger", secret="a guess"),
    user("child", age=17),
    Sent("/users", b"{", secret=HMAC),
    Sent("/basic", {"n": 1}, secret=PASSWORD),
    Sent("/basic", {"n": 2}, secret="a guess"),
    order(5),
    order(500),
    order(None),
    *(Sent("/small", f"text {n} é😀", {"Content-Type": "text/plain"}) for n in range(12)),
)


@dataclass(frozen=True)
class Recorded:
    """The definition and the store. `ids`: of each request, in order."""

    folder: Path
    ids: list[str]
    statuses: list[int]

    @property
    def hooks(self) -> str:
        return str(self.folder / "hooks.py")

    def call(self, command: str, *arguments: str, hooks: str = "", secrets: bool = True) -> Called:
        """`holdfast COMMAND hooks.py --store STORE ARGUMENTS`."""
        environment = SECRETS if secrets else dict.fromkeys(SECRETS, "")
        with mock.patch.dict("os.environ", environment):
            path = hooks or self.hooks
            return call(command, path, "--store", str(self.folder / "store"), *arguments)

    def changed(self, *changes: tuple[str, str]) -> str:
        """The definition with some of its text in other words: where it stands."""
        text = Path(self.hooks).read_text()
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        path = self.folder / "changed.py"
        path.write_text(text)
        return str(path)


def recorded(folder: Path, traffic: Iterable[Sent] = TRAFFIC, hooks: str = HOOKS) -> Recorded:
    """Send it, and wait until all that was accepted has ended."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "hooks.py").write_text(hooks, encoding="utf-8")
    told: list[tuple[int, str]] = []

    async def send() -> None:
        app = load(folder / "hooks.py")
        async with living(app, folder / "store", ManualClock(NOW_MS)) as house:
            for one in traffic:
                body, headers = one.lines()
                response = await house.send(one.path, body, headers)
                if response.status_code == 200:
                    await house.outcome(response)
                told.append((response.status_code, response.headers["x-request-id"]))

    with mock.patch.dict("os.environ", SECRETS):
        asyncio.run(send())
    return Recorded(folder, [id for _, id in told], [status for status, _ in told])


def shown(told: Called) -> str:
    """All that a command said, secrets not among it."""
    text = told.out + told.err
    for secret in SECRETS.values():
        assert secret not in text
    assert json.dumps(ADA["name"])[1:-1] not in text
    return text


def differences(told: Called) -> list[Mapping[str, Any]]:
    """Those of a parity that fail."""
    return [each for each in told.json["differences"] if each["declared"] is None]


def stages(told: Called) -> set[tuple[str, str]]:
    """The webhooks and stages that they are in."""
    return {(each["webhook"], each["stage"]) for each in differences(told)}


def backtest(past: Recorded, *changed: tuple[str, str], options: tuple[str, ...] = ()) -> Called:
    """The definition with some of its text in other words, over what was recorded."""
    hooks = past.changed(*changed) if changed else ""
    told = past.call("backtest", "-o", "json", *options, hooks=hooks)
    shown(told)
    return told
