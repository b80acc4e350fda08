"""An event to take along: the command and the test give the same request again."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.message import Headers, Message, Request
from holdfast.operate.export import as_curl, as_test
from holdfast.verify.source import REDACTED

HEADERS = (
    ("host", "old.example.com"),
    ("content-length", "9"),
    ("content-type", "application/json"),
    ("x-shop", 'it\'s "ada" $HOME `id`'),
    ("x-name", "Zo\u00eb".encode().decode("latin-1")),
    ("x-empty", ""),
    ("authorization", REDACTED),
)
SENT = [line for line in HEADERS if line[0] in ("content-type", "x-shop", "x-name", "x-empty")]


def message(body: bytes, headers: tuple[tuple[str, str], ...] = HEADERS) -> Message:
    request = Request("POST", "/orders/7", "a=1&b=%20", Headers(headers), body, "203.0.113.7")
    return Message("1" * 32, "orders", 1_700_000_000_000, request)


FAKE = """#!{python}
import json, sys
arguments = sys.argv[1:]
body = b""
headers = []
rest = []
while arguments:
    one = arguments.pop(0)
    if one == "--header":
        headers.append(arguments.pop(0))
    elif one == "--data-raw":
        body = arguments.pop(0).encode("utf-8", "surrogateescape")
    elif one == "--data-binary":
        assert arguments.pop(0) == "@-"
        body = sys.stdin.buffer.read()
    elif one == "--request":
        rest.append(arguments.pop(0))
    else:
        rest.append(one)
print(json.dumps([rest, headers, body.hex()]))
"""
"""Stands in for curl: tells what a shell handed to it."""


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("bin")
    program = folder / "curl"
    program.write_text(FAKE.replace("{python}", sys.executable), encoding="utf-8")
    program.chmod(0o755)

    def run(command: str) -> Any:
        import json  # noqa: PLC0415 - beside the only use

        path = f"{folder}{os.pathsep}{os.environ['PATH']}"
        told = subprocess.run(  # noqa: S603 - a shell with our own command
            ["/bin/sh", "-c", command],
            env={**os.environ, "PATH": path, "LC_ALL": "C.UTF-8"},
            capture_output=True,
            check=True,
        )
        return json.loads(told.stdout)

    return run


BODIES = [
    b"",
    b'{"a": 1}',
    b"@/etc/passwd",
    b"it's $(id) `id` \\ \" ! \n two\tlines",
    "Grüße".encode(),
    b"\x00\xff\x1b[2J binary",
    b"\x1b]0;title\x07",
]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_the_command_sends_the_same_again(shell: Any, body: bytes) -> None:
    """Through a real shell: method, address, headers and body, and nothing that was redacted."""
    command = as_curl(message(body), "http://127.0.0.1:8080/")

    rest, headers, sent = shell(command)

    assert rest == ["POST", "http://127.0.0.1:8080/orders/7?a=1&b=%20"]
    assert bytes.fromhex(sent) == body
    assert headers == [
        "content-type: application/json", "x-shop: it's \"ada\" $HOME `id`", "x-name: Zoë", "x-empty;",
    ]  # fmt: skip
    assert not any(ord(one) < 32 and one not in "\n\t" for one in command)


def fixture(text: str) -> Request:
    """What the fixture of this file gives."""
    space: dict[str, Any] = {"__file__": "test_event.py"}
    exec(compile(text, "fixture", "exec"), space)  # noqa: S102 - that it runs is what is tested
    (made,) = [one for name, one in space.items() if hasattr(one, "__wrapped__")]
    request: Request = made.__wrapped__()
    return request


@pytest.mark.parametrize("body", [*BODIES, b"x" * 5_000], ids=range(len(BODIES) + 1))
def test_the_fixture_gives_the_same_again(body: bytes) -> None:
    """As Python: the request as it came, but for its connection and what was redacted."""
    request = fixture(as_test(message(body), "order.paid"))

    assert (request.method, request.path, request.query) == ("POST", "/orders/7", "a=1&b=%20")
    assert list(request.headers.lines) == SENT
    assert request.body == body
    assert "def event_order_paid() -> Request:" in as_test(message(body), "order.paid")


@settings(max_examples=60, deadline=None)
@given(
    st.binary(max_size=300),
    st.text(max_size=30),
    st.text(st.characters(max_codepoint=255), max_size=40),
)
def test_no_sender_writes_code(body: bytes, type: str, value: str) -> None:
    """Whatever stands in a type, a header or a body stays data."""
    told = as_test(message(body, (("x-evil", value),)), type)

    assert fixture(told).body == body
    assert told.count("def ") == 2


HOOKS = """
from pathlib import Path
from typing import Any

from holdfast import App, Event, hmac_sha256

app = App()


@app.webhook("/orders/{n}", verify=hmac_sha256("env:NOT_THERE", header="X-Signature"))
def charge(event: Event[Any]) -> None:
    assert event.params == {"n": "7"}
    if not Path("mended").exists():
        raise KeyError(event.body["a"])
"""


def test_what_is_saved_is_a_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It fails as the event did, in the code that it lies beside, and passes once that is mended,
    wherever pytest is run from; what was signed by somebody else needs no secret here."""
    (place := tmp_path / "tests").mkdir()
    (place / "shop.py").write_text(HOOKS, "utf-8")
    monkeypatch.chdir(tmp_path)
    space: dict[str, Any] = {"__file__": str(place / "test_event.py")}
    told = as_test(message(b'{"a": 1}'), "order.paid", "shop.py")
    exec(compile(told, "test", "exec"), space)  # noqa: S102 - that it runs is what is tested
    test = space["test_event_order_paid_is_done"]
    request = space[next(iter(inspect.signature(test).parameters))].__wrapped__()

    with pytest.raises(AssertionError, match="KeyError"):
        test(request)
    Path("mended").touch()
    test(request)
