"""The examples and the starter are definitions without a mistake."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

import pytest
from starlette.routing import Mount

import holdfast
from holdfast.compile import compile_app, load
from holdfast.gateway.schema import BodySchema
from holdfast.sample import sample_body
from holdfast.starter import STARTER, STARTER_BODY, STARTER_NAME, STARTER_VARIABLE

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture(autouse=True)
def path_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a load adds to the search path does not reach the next test."""
    monkeypatch.setattr(sys, "path", list(sys.path))


def test_the_reference_example_is_what_the_readme_says() -> None:
    """A user with a name, an age of at least 18 and an e-mail, signed with HMAC."""
    webhook = compile_app(load(EXAMPLES / "users.py")).webhook("/users")

    assert webhook is not None
    assert webhook.verification is not None
    assert [str(each) for each in webhook.verification.secrets] == ["env:USERS_SECRET"]
    assert webhook.schema is not None
    door = BodySchema(webhook.schema)
    assert door.violations(b'{"name": "Ada", "age": 18, "email": "ada@example.com"}') == ()
    assert [
        (each.path, each.keyword, each.expected)
        for each in door.violations(b'{"name": "Ada", "age": 17, "email": "ada"}')
    ] == [("/age", "minimum", 18), ("/email", "format", "email")]


def test_the_sample_of_the_reference_example_is_a_user() -> None:
    """What `make run` sends by itself passes the door and the full model."""
    webhook = compile_app(load(EXAMPLES / "users.py")).webhooks[0]

    user = webhook.body_model.model_validate_json(sample_body(webhook), strict=True)

    assert (user.name, user.age, user.email) == ("Ada", 18, "ada@example.com")


def test_the_shop_shows_every_kind_of_webhook() -> None:
    """Types, forward, handshake, workflow: each compiles to what its comment says."""
    compiled = compile_app(load(EXAMPLES / "shop.py"))
    states = {webhook.name: list(webhook.workflow["States"]) for webhook in compiled.webhooks}

    assert states == {
        "stripe": ["Verify", "Route", "mark_paid", "sync_subscription", "Ignore"],
        "github": ["Verify", "Forward"],
        "slack": ["Verify", "Route", "reply", "Ignore"],
        "shopify": ["Verify", "Route", "reindex", "note"],
        "tenants-tenant-orders": ["Verify", "IsFree", "Charge", "Ship", "TellCustomer"],
    }
    assert all(webhook.schema is None for webhook in compiled.webhooks[:-1])
    order = json.loads(sample_body(compiled.webhooks[-1]))
    assert order["lines"] == [{"sku": "sample", "count": 1}]


def test_the_checkout_is_composed_of_steps() -> None:
    """Its states in their order, its functions as tasks, and a sample that fits its model."""
    webhook = compile_app(load(EXAMPLES / "checkout.py")).webhooks[0]

    assert list(webhook.workflow["States"]) == [
        *("Verify", "Choose", "Put payment", "charge", "tell_customer"),
        *("Each body.lines", "OutOfStock", "Parallel"),
    ]
    assert sorted(webhook.tasks) == ["charge", "pack", "reserve", "send_receipt", "tell_customer"]
    assert json.loads(sample_body(webhook))["lines"] == [{"sku": "sample", "count": 1}]


def test_the_embedding_example_mounts_the_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the application's own routes there is one mount, and importing opens no store."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    for name in ("embed_fastapi", "users"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    embedding = importlib.import_module("embed_fastapi")
    for name in ("embed_fastapi", "users"):
        monkeypatch.delitem(sys.modules, name)

    mounted = [route for route in embedding.app.routes if isinstance(route, Mount)]

    assert [mount.path for mount in mounted] == ["/hooks"]
    assert isinstance(mounted[0].app, type(holdfast.asgi(load(EXAMPLES / "users.py"))))


def test_the_starter_compiles_and_takes_its_sample(tmp_path: Path) -> None:
    """`holdfast init` writes a definition that can be run at once."""
    (tmp_path / STARTER_NAME).write_text(STARTER)

    webhook = compile_app(load(tmp_path / STARTER_NAME)).webhooks[0]

    assert webhook.verification is not None
    assert webhook.verification.secrets[0].name == STARTER_VARIABLE
    assert webhook.schema is not None
    assert BodySchema(webhook.schema).violations(STARTER_BODY.encode()) == ()


def test_what_the_starter_shows_in_comments_compiles_too(tmp_path: Path) -> None:
    """Whoever takes a comment away finds working code behind it."""
    lines = STARTER.splitlines()
    shown = [line[6:] for line in lines if line.startswith("#     ") and "export" not in line]
    shown.append("def order(event: Event) -> None: ...")
    (tmp_path / "hooks.py").write_text("\n".join([STARTER, *shown]))

    compiled = compile_app(load(tmp_path / "hooks.py"))

    assert [webhook.name for webhook in compiled.webhooks] == [
        "users",
        "stripe",
        "github",
        "orders",
    ]
    users, orders = compiled.webhooks[0], compiled.webhooks[-1]
    assert (users.queue, users.pipe) == (orders.queue, orders.pipe)
    assert users.body_limit_bytes == orders.body_limit_bytes
