"""asl: what a webhook compiles to, as JSON and drawn."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli_scene import call
from holdfast.compile import compile_app, load
from holdfast.workflow.drawing import draw

HOOKS = """
from holdfast import App, bearer, providers
from holdfast.steps import task, wait

app = App()

def charge(event): ...

@app.webhook("/users", verify=bearer("env:NOT_THERE"))
def welcome(event): ...

app.webhook("/tenants/{tenant}/orders", name="orders", workflow=wait("1s") >> charge)
"""
ONE = """
from holdfast import App, bearer

app = App()

@app.webhook("/users", verify=bearer("env:NOT_THERE"))
def welcome(event): ...
"""


@pytest.fixture
def hooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A definition of two webhooks, whose secrets are nowhere."""
    monkeypatch.delenv("NOT_THERE", raising=False)
    (tmp_path / "hooks.py").write_text(HOOKS)
    return str(tmp_path / "hooks.py")


@pytest.mark.parametrize("webhook", ["orders", "/tenants/{tenant}/orders"])
def test_the_document_of_a_webhook_is_printed(webhook: str, hooks: str) -> None:
    """By name and by path: the text that runs, its keys in their order, and nothing else."""
    told = call("asl", hooks, webhook)

    compiled = compile_app(load(Path(hooks))).webhook("orders")
    assert compiled is not None
    assert told.code == 0
    assert told.err == ""
    assert told.out == json.dumps(compiled.workflow, indent=2) + "\n"
    assert list(told.json["States"]) == ["Verify", "Wait 1s", "charge"]
    assert call("asl", hooks, webhook, "--output", "json").out == told.out


def test_the_document_is_drawn(hooks: str) -> None:
    """As Mermaid, byte for byte also at a terminal; as JSON, the drawing is a text in it."""
    document = call("asl", hooks, "orders").json

    told = call("asl", hooks, "orders", "--mermaid", terminal=True)

    assert told.out == draw(document)
    assert call("asl", hooks, "orders", "--mermaid", "-o", "json").json == {"mermaid": told.out}


def test_the_only_webhook_need_not_be_named(tmp_path: Path) -> None:
    """Where there is exactly one, it is the one that is meant."""
    (tmp_path / "hooks.py").write_text(ONE)

    told = call("asl", str(tmp_path / "hooks.py"))

    assert list(told.json["States"]) == ["Verify", "Handle"]


def test_several_webhooks_are_listed(hooks: str) -> None:
    """Without a name it is wrong usage; with a wrong one, there is no such thing."""
    unnamed, unknown = call("asl", hooks), call("asl", hooks, "order")

    assert (unnamed.code, unknown.code) == (2, 4)
    assert (unnamed.out, unknown.out) == ("", "")
    for told in (unnamed, unknown):
        said = " ".join(told.err.split())
        assert "users (/users), orders (/tenants/{tenant}/orders)" in said


def test_a_definition_with_mistakes_has_no_document(tmp_path: Path) -> None:
    """All of them are told, and nothing is printed that could be taken for a workflow."""
    (tmp_path / "hooks.py").write_text(ONE.replace('"/users"', '"users", timeout="soon"'))

    told = call("asl", str(tmp_path / "hooks.py"))

    assert (told.code, told.out) == (1, "")
    assert "2 mistakes in the definition" in told.err


def test_a_document_by_itself_is_drawn(tmp_path: Path) -> None:
    """A file of JSON needs no definition around it; a webhook means nothing there."""
    document = {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}
    path = tmp_path / "orders.asl.json"
    path.write_text(json.dumps(document))

    assert call("asl", str(path)).json == document
    assert call("asl", str(path), "--mermaid").out == draw(document)
    assert call("asl", str(path), "orders").code == 2


def test_a_document_with_mistakes_is_not_drawn(tmp_path: Path) -> None:
    """They are told with their paths."""
    path = tmp_path / "orders.asl.json"
    path.write_text('{"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}}')

    told = call("asl", str(path), "--mermaid")

    assert (told.code, told.out) == (1, "")
    assert f'{path} States.A.Next: no state "B"' in told.err
