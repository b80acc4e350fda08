"""An event to take along: as a curl command, or as a test of one's own. Pure."""

from __future__ import annotations

import base64
import re
import shlex
import textwrap
from typing import Final

from holdfast.message import Message
from holdfast.operate.fields import instant
from holdfast.operate.resend import kept_headers

WIDTH: Final = 88

# What may stand between single quotes in a terminal without doing anything there.
_PLAIN: Final = re.compile(r"[^\x00-\x08\x0b-\x1f\x7f]*")


def as_curl(message: Message, url: str) -> str:
    """The same request once more, to `url` (scheme and authority). What was redacted is left out.

    A body that is no text, or that would move a terminal's cursor, goes in as base64.
    """
    request = message.request
    target = f"{url.rstrip('/')}{request.path}" + (f"?{request.query}" if request.query else "")
    lines = ["curl", f"  --request {shlex.quote(request.method)}"]
    for name, value in kept_headers(request):
        # A header without a value is written with a semicolon.
        told = f"{name}: {_text(value)}" if value else f"{name};"
        lines.append(f"  --header {shlex.quote(told)}")
    before = ""
    try:
        body = request.body.decode()
    except UnicodeDecodeError:
        body = "\0"
    if not request.body:
        lines.append("  --data-raw ''")
    elif _PLAIN.fullmatch(body):
        lines.append(f"  --data-raw {shlex.quote(body)}")
    else:
        before = f"printf %s {base64.b64encode(request.body).decode()} | base64 -d | "
        lines.append("  --data-binary @-")
    lines.append(f"  {shlex.quote(target)}")
    return before + " \\\n".join(lines) + "\n"


def as_test(message: Message, type: str | None, definition: str = "hooks.py") -> str:
    """A Python file for pytest: the request as it came, as a fixture, and a test that works it through
    `definition`: the name of a file that the test lies beside, wherever pytest is run from."""
    request = message.request
    # Always with `event_` in front, so that it is a name of ours and no word of Python's.
    name = re.sub(r"[^a-z0-9]+", "_", f"event_{type or message.webhook}".lower()).strip("_")
    url = request.path + (f"?{request.query}" if request.query else "")
    headers = "".join(
        f"            ({header!r}, {value!r}),\n" for header, value in kept_headers(request)
    )
    return (
        f'"""Event {message.id} of {message.webhook}, as it came in at '
        f"{instant(message.received_at_ms)}.\n\n"
        "Put it beside the definition; where it lies elsewhere, DEFINITION says where that is.\n"
        "The functions of the definition are called. What must not be called from a test is played:\n"
        'mocks={"charge": [{"result": {"charged": 20}}]}.\n"""\n\n'
        "from pathlib import Path\n\n"
        "import pytest\n\n"
        "from holdfast import Request\n"
        "from holdfast.testing import delivery, run_webhook\n\n"
        f"DEFINITION = Path(__file__).with_name({definition!r})\n\n\n"
        "@pytest.fixture\n"
        f"def {name}() -> Request:\n"
        "    return delivery(\n"
        f"{textwrap.indent(_literal(request.body), ' ' * 8)},\n"
        f"        headers=[\n{headers}        ],\n"
        f"        method={request.method!r},\n"
        f"        url={url!r},\n"
        "    )\n\n\n"
        f"def test_{name}_is_done({name}: Request) -> None:\n"
        '    """As the definition stands today, it is worked to its end."""\n'
        f"    run = run_webhook(DEFINITION, {name}, mocks={{}})\n\n"
        '    assert run.status == "SUCCEEDED", f"{run.error}: {run.cause}"\n'
    )


def _literal(body: bytes) -> str:
    """Bytes as Python writes them, over several lines where they are long."""
    pieces = [body[at : at + WIDTH - 20] for at in range(0, len(body), WIDTH - 20)]
    if len(pieces) <= 1:
        return repr(body)
    return "(\n" + "".join(f"    {piece!r}\n" for piece in pieces) + ")"


def _text(value: str) -> str:
    """A header's bytes as the text that they mostly are."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value
