"""`holdfast run` as a process of its own, and what it says."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from cli_scene import Called, call
from process_kit import PATIENCE_SECONDS, PORTS, holdfast

BEARER: Final = "s3cr3t-bearer-5f0c1d9e"
HMAC: Final = "s3cr3t-hmac-8a444b9c"

HOOKS: Final = '''
"""Webhooks: signed, with a token in a header, one that fails, Stripe's, one that takes all."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from holdfast import App, Event, Permanent, bearer, hmac_sha256, providers

app = App()


class User(BaseModel):
    name: str
    age: Annotated[int, Field(ge=18)]


@app.webhook("/users", verify=hmac_sha256("env:USERS_SECRET", header="X-Signature"))
def welcome(event: Event[User]) -> None:
    print(f"welcome {event.body.name}")


@app.webhook("/token", verify=bearer("env:TOKEN"))
def token(event: Event[Any]) -> None: ...


@app.webhook("/fails")
def fails(event: Event[Any]) -> None:
    raise Permanent("it cannot be helped")


stripe = app.webhook("/stripe", provider=providers.stripe("env:USERS_SECRET"))


@stripe.on("invoice.*")
def paid(event: Event[Any]) -> None: ...


shop = providers.shopify("env:USERS_SECRET")


@app.webhook("/shop", provider=shop, verify_at="gateway")
def shopped(event: Event[Any]) -> None: ...


@app.webhook("/any")
def anything(event: Event[Any]) -> None: ...
'''


@dataclass
class Running:
    """A run of HOOKS in a folder. `out` and `err` are complete once it has ended."""

    folder: Path
    process: subprocess.Popen[bytes]
    started: dict[str, Any]
    out: str = ""
    err: str = ""
    queue: str | None = None
    """A store that is not in the folder."""

    @property
    def store(self) -> str:
        return self.queue or str(self.folder / "store")

    def call(self, *arguments: str, **settings: Any) -> Called:
        return call(*arguments, "--store", self.store, **settings)

    def end(self) -> int:
        """Drain as Ctrl-C does; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            out, err = self.process.communicate(timeout=PATIENCE_SECONDS)
            self.out, self.err = out.decode(), err.decode()
        return self.process.returncode


def spawn(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """`holdfast ARGUMENTS` in this folder, both streams as pipes."""
    # Variables set here would win over the folder's .env.
    environment = {k: v for k, v in os.environ.items() if k not in ("USERS_SECRET", "TOKEN")}
    return subprocess.Popen(  # noqa: S603 - our own command
        holdfast(*arguments),
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def write_hooks(folder: Path, hooks: str = HOOKS) -> None:
    (folder / "hooks.py").write_text(hooks, encoding="utf-8")
    (folder / ".env").write_text(f"USERS_SECRET={HMAC}\nTOKEN={BEARER}\n", encoding="utf-8")


@contextmanager
def running(
    folder: Path, *options: str, queue: str | None = None, hooks: str = HOOKS
) -> Iterator[Running]:
    """From the moment at which everything is ready. `queue`: a store that is not in the folder."""
    write_hooks(folder, hooks)
    store = queue or "store"
    process = spawn(folder, "run", "hooks.py", "--store", store, *PORTS, "-o", "json", *options)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, process.communicate()[1].decode()
        run = Running(folder, process, orjson.loads(line), queue=queue)
        yield run
        run.end()
    finally:
        process.kill()
        process.communicate()
