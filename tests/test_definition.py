"""What a definition notes while it is written down, and that it does nothing else."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from holdfast.definition import App, Queue, Webhook


def here() -> str:
    """The place of the line that asks."""
    caller = inspect.stack()[1]
    return f"{caller.filename}:{caller.lineno}"


def test_every_piece_notes_the_line_where_it_is_written() -> None:
    """App, webhook, handler and forward each know their own place."""
    app, app_place = App(), here()
    webhook, webhook_place = app.webhook("/users"), here()

    @webhook
    def welcome() -> None: ...

    _, forward_place = webhook.forward("http://localhost:3000/"), here()

    assert app.place == app_place
    assert webhook.place == webhook_place
    assert webhook.forwards[0].place == forward_place
    code = welcome.__code__
    assert webhook.handlers[0].place == f"{code.co_filename}:{code.co_firstlineno}"


@pytest.mark.parametrize("odd", [print, 7, type("Odd", (), {})])
def test_what_is_no_function_is_noted_where_it_is_given(odd: Any) -> None:
    """Even what cannot be a handler has a place, so that its mistake can name one."""
    webhook = App().webhook("/users")

    webhook(odd)
    place = here()

    assert webhook.handlers[0].place == place.replace(
        place.rpartition(":")[2], str(int(place.rpartition(":")[2]) - 1)
    )


@pytest.mark.parametrize(
    "decorate",
    [lambda webhook: webhook, lambda webhook: webhook.handler, lambda webhook: webhook.on("a.*")],
)
def test_decorators_hand_the_function_back(
    decorate: Callable[[Webhook], Callable[[Any], Any]],
) -> None:
    """A handler stays an ordinary function: it can be called, tested and decorated again."""
    webhook = App().webhook("/users")

    def welcome() -> None: ...

    assert decorate(webhook)(welcome) is welcome
    assert [handler.function for handler in webhook.handlers] == [welcome]


def test_on_notes_its_pattern_and_a_plain_handler_none() -> None:
    """What a handler is for stands beside it."""
    webhook = App().webhook("/users")

    def welcome() -> None: ...

    webhook.on("user.*")(welcome)
    webhook.handler(welcome)

    assert [handler.pattern for handler in webhook.handlers] == ["user.*", None]


def test_nothing_is_judged_while_it_is_written() -> None:
    """A definition full of mistakes can be written down, so that all of them can be told."""
    app = App("no name")

    webhook = app.webhook("no path", queue=Queue(retention="7 days"), timeout="never")
    webhook.forward("no url", timeout="?").forward("no url either")

    assert app.webhooks == [webhook]
    assert len(webhook.forwards) == 2


def test_settings_are_kept_apart_per_webhook() -> None:
    """Two webhooks share no list that one of them could change."""
    app = App()
    one, two = app.webhook("/one"), app.webhook("/two", name="second")

    one.handler(lambda: None)

    assert two.handlers == []
    assert (one.settings["name"], two.settings["name"]) == (None, "second")
