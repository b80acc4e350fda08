"""Handlers, forwards and their annotations: what can be called, with what, and what cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.compiled import Forward, Task
from written import compiled, mistakes

WRONG: dict[str, list[str]] = {
    '@app.webhook("/u")\ndef f(a, b): ...': [
        "@ /u f: needs a, b, but is called with one argument, the event, or with none"
    ],
    '@app.webhook("/u")\ndef f(event, *, now): ...': [
        "@ /u f: needs event, now, but is called with one argument, the event, or with none"
    ],
    '@app.webhook("/u")\ndef f(event):\n    yield 1': [
        "@ /u f: is a generator, so calling it would run nothing; use return, not yield"
    ],
    '@app.webhook("/u")\nasync def f(event):\n    yield 1': [
        "@ /u f: is a generator, so calling it would run nothing; use return, not yield"
    ],
    '@app.webhook("/u")\nclass f: ...': ["@ /u f: f is a class; a handler is a function"],
    'app.webhook("/u")(print)': ["@ /u print: print is built in; write a function that calls it"],
    'app.webhook("/u")(lambda event: 1)': [
        "@ /u <lambda>: a lambda has no name to show in the history; write a function"
    ],
    'app.webhook("/u")(7)': ["@ /u 7: 7 is not a function"],
    '@app.webhook("/u")\ndef größe(event): ...': [
        '@ /u größe: "größe" cannot name a task; use ASCII letters, digits, _ and -'
    ],
    '@app.webhook("/u")\ndef f(input): ...': [
        "@ /u f: `input` is what a workflow's task takes; a handler takes the event: (event)"
    ],
    '@app.webhook("/u")\ndef f(user: User): ...': [
        (
            "@ /u f: takes User, but it is called with the event; "
            "write event: Event[User], whose event.body is that"
        )
    ],
    '@app.webhook("/u")\ndef f(event: Event[Usr]): ...': [
        (
            "@ /u f: the annotation of event cannot be resolved: name 'Usr' is not defined; "
            "its types must be at the top level of the file, imported at run time"
        )
    ],
    'app.webhook("/u")': [
        (
            "@ /u: nothing is done with its events; decorate a function with it, "
            "or write .forward(url) or workflow=..."
        )
    ],
    'u = app.webhook("/u")\n@u\ndef f(event): ...\n@u\ndef g(event): ...': [
        (
            'hooks.py:15 /u g: hooks.py:13 works every event already; use .on("type") for events '
            "of one type"
        )
    ],
    'u = app.webhook("/u", event_type="json:type")\n@u.on("a")\ndef f(event): ...\n'
    '@u.on("b")\ndef f(event): ...': [
        "hooks.py:15 /u f: another function of this webhook is called f; rename one"
    ],
    'u = app.webhook("/u", event_type="json:type")\n@u.on("a")\ndef f(event): ...\n'
    '@u.on("a")\ndef g(event): ...': ['hooks.py:15 /u g: "a" is worked by f already'],
    'u = app.webhook("/u", event_type="json:type")\n@u.on("")\ndef f(event): ...': [
        'hooks.py:13 /u f: "" is not a pattern; write .on("invoice.*")'
    ],
    'u = app.webhook("/u", event_type="json:type")\n@u.on(7)\ndef f(event): ...': [
        'hooks.py:13 /u f: 7 is not a pattern; write .on("invoice.*")'
    ],
    'u = app.webhook("/u", event_type="json:type")\n@u.on(r"a\\b")\ndef f(event): ...': [
        'hooks.py:13 /u f: "a\\b": a backslash stands before * or another backslash only'
    ],
    'u = app.webhook("/u")\n@u.on("a")\ndef f(event): ...': [
        (
            "@ /u event_type: .on(...) asks for the type of an event, but nothing says where it is; "
            'give event_type="json:type" or event_type="header:X-Event-Type"'
        )
    ],
    'u = app.webhook("/u", event_type="json:type")\n@u.on("a")\ndef Route(event): ...': [
        "hooks.py:13 /u Route: Route is what a state of Holdfast's own is called; rename the function"
    ],
    'u = app.webhook("/u", event_type="json:type")\n@u\ndef f(event: Event[User]): ...\n'
    '@u.on("a")\ndef g(event: Event[int]): ...': [
        "hooks.py:15 /u g: takes Event[int], but f says User; a webhook has one type of body"
    ],
    '@app.webhook("/u", body=int)\ndef f(event: Event[User]): ...': [
        "@ /u f: takes Event[User], but body= says int; a webhook has one type of body"
    ],
    'app.webhook("/u").forward("localhost:3000")': [
        '@ /u forward: "localhost:3000" is not a URL; write "http://localhost:3000/hooks"'
    ],
    'app.webhook("/u").forward("http://h:99999/")': [
        '@ /u forward: "http://h:99999/" is not a URL; write "http://localhost:3000/hooks"'
    ],
    'app.webhook("/u").forward("http://h/a b")': [
        '@ /u forward: "http://h/a b" is not a URL; write "http://localhost:3000/hooks"'
    ],
    'app.webhook("/u").forward("https://ada:hunter2@h/")': [
        "@ /u forward: the URL carries credentials; write sign=basic(...) with a reference instead"
    ],
    'app.webhook("/u").forward("http://h/", headers={"Authorization": "hunter2"})': [
        (
            '@ /u forward.headers: "Authorization" cannot be set: '
            "it carries a secret; write sign=bearer(...) with a reference to it"
        )
    ],
    'app.webhook("/u").forward("http://h/", timeout="2m")': [
        '@ /u forward.timeout: "2m" is longer than the webhook\'s'
    ],
    'app.webhook("/u").forward("http://h/", sign="hunter2")': [
        (
            "@ /u forward.sign: not a verification; "
            'write hmac_sha256("env:NAME", header="X-Signature-256")'
        )
    ],
    'app.webhook("/u").forward("http://h/").forward("http://g/")': [
        "@ /u forward: this webhook is forwarded already; for several targets write a workflow"
    ],
    'app.webhook("/u").forward("http://h/").handler(lambda event: 1)': [
        "@ /u forward: the handlers work every event already; forward from a webhook of its own"
    ],
}


@pytest.mark.parametrize("text", WRONG)
def test_what_cannot_work_an_event_is_refused(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each way of writing a handler or a forward wrongly is one mistake, on its own line."""
    monkeypatch.chdir(tmp_path)

    found = mistakes(tmp_path, f"{text}\n")

    assert WRONG[text] == found


@pytest.mark.parametrize(
    ("function", "takes", "is_async", "model"),
    [
        ("def f(event: Event[User]) -> None: ...", "event", False, "User"),
        ("async def f(event: Event[User]): ...", "event", True, "User"),
        ("def f(event: 'Event[User]'): ...", "event", False, "User"),
        ("def f(event: Annotated[Event[User], 'seen']): ...", "event", False, "User"),
        ("def f(event: Event): ...", "event", False, None),
        ("def f(event: Event[Any]): ...", "event", False, None),
        ("def f(event: Event[bytes]): ...", "event", False, "bytes"),
        ("def f(whatever): ...", "event", False, None),
        ("def f(*events): ...", "event", False, None),
        ("def f(event, tries=3, *, log=None): ...", "event", False, None),
        ("def f(event) -> 'Unknown': ...", "event", False, None),
        ("def f(): ...", "nothing", False, None),
    ],
)
def test_a_handler_is_called_as_its_signature_says(
    function: str, takes: str, is_async: bool, model: str | None, tmp_path: Path
) -> None:
    """The event or nothing; the annotation gives the type of the body, also when it is text."""
    webhook = compiled(tmp_path, f'@app.webhook("/u")\n{function}\n')
    task = webhook.tasks["f"]

    assert isinstance(task, Task)
    assert (takes, is_async) == (task.takes, task.is_async)
    assert model == (task.model.__name__ if task.model is not None else None)
    assert task.model is webhook.body_model


def test_a_decorated_handler_keeps_its_place_and_its_signature(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else's decorator between webhook and function hides neither."""
    monkeypatch.chdir(tmp_path)
    text = (
        "import functools\n"
        "def logged(function):\n"
        "    @functools.wraps(function)\n"
        "    def wrapper(*args): return function(*args)\n"
        "    return wrapper\n"
        '@app.webhook("/u")\n@logged\ndef f(a, b): ...\n'
    )

    assert mistakes(tmp_path, text) == [
        "hooks.py:17 /u f: needs a, b, but is called with one argument, the event, or with none"
    ]


def test_unannotated_handlers_get_the_body_that_the_others_name(tmp_path: Path) -> None:
    """One annotation, or `body=`, is enough for all functions of a webhook."""
    webhook = compiled(
        tmp_path,
        'u = app.webhook("/u", event_type="json:type")\n@u\ndef f(event): ...\n'
        '@u.on("a")\ndef g(event: Event[User]): ...\n',
    )

    assert {"User"} == {
        task.model.__name__ for task in webhook.tasks.values() if isinstance(task, Task)
    }


def test_a_forward_is_a_task(tmp_path: Path) -> None:
    """What is carried elsewhere keeps its URL, signature, headers and its own limit."""
    webhook = compiled(
        tmp_path,
        'app.webhook("/u").forward("http://h:1/x", sign=bearer("env:T"),\n'
        '  headers={"X-From": "us"}, timeout="10s")\n',
    )
    task = webhook.tasks["forward"]

    assert isinstance(task, Forward)
    assert (
        task.url,
        task.headers,
        task.timeout_seconds,
    ) == ("http://h:1/x", (("X-From", "us"),), 10)
    assert task.sign is not None
    assert webhook.workflow["States"]["Forward"]["TimeoutSeconds"] == 10
