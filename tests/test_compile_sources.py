"""`verify`, `provider` and the paths: what is refused, and that no secret is ever repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.verify import FunctionVerification
from written import compiled, mistakes

EXAMPLE = 'hmac_sha256("env:NAME", header="X-Signature-256")'
PROVIDER = 'providers.stripe("env:STRIPE_WEBHOOK_SECRET")'

WRONG: dict[str, list[str]] = {
    "verify=hmac_sha256": [f"verify: hmac_sha256 is not called; write {EXAMPLE}"],
    'verify="hunter2"': [
        f"verify: not a verification; write {EXAMPLE}, or a function of the request"
    ],
    'verify=providers.stripe("env:S")': [
        "verify: this is a provider; write provider= instead of verify="
    ],
    'provider="hunter2"': [f"provider: not a provider; write {PROVIDER}"],
    'provider="github"': [f'provider: "github" is only its name; write {PROVIDER}'],
    "provider=providers.github": [f"provider: github is not called; write {PROVIDER}"],
    'provider=providers.github("env:S"), verify=bearer("env:S")': [
        "verify: provider= already says how it signs; leave one of them out"
    ],
    "verify=providers.github": ["verify: this is a provider; write provider= instead of verify="],
    'provider=providers.github("env:S", url="https://x/")': [
        "provider: url: it does not sign the URL"
    ],
    'provider=providers.from_file("acme.toml")("env:S")': [
        "provider: acme.toml cannot be read: No such file or directory"
    ],
    'provider=providers.linear("env:S"), answer=Answer(202)': [
        "answer.status: Linear takes 200 for success, and sends again what is answered 202"
    ],
    'provider=providers.aws_sns(), verify_at="gateway"': [
        "verify_at: its public keys are fetched over the network, which the gateway does not wait"
    ],
    'provider=Provider("x", "X", "hunter2")': [f"provider: not a verification; write {EXAMPLE}"],
    'provider=Provider("x", "X", bearer("env:S"), delivery_id=("id",), handshakes=("salck",))': [
        (
            'provider.delivery_id: "id" is not a locator; '
            'write "header:X-Event-Id" or "json:data.object.id"'
        ),
        'provider.handshakes: "salck" is not known; allowed: ',
    ],
}


@pytest.mark.parametrize("setting", WRONG)
def test_a_wrong_source_is_named_with_its_place(
    setting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is no source is one mistake; a literal that may be a secret is not repeated."""
    monkeypatch.chdir(tmp_path)

    found = mistakes(tmp_path, f'@app.webhook("/users", {setting})\ndef welcome(event): ...\n')

    assert len(WRONG[setting]) == len(found)
    for expected, mistake in zip(WRONG[setting], found, strict=True):
        assert mistake.startswith(f"@ /users {expected}")
        assert "hunter2" not in mistake


@pytest.mark.parametrize("field", ["verify=bearer", "provider=providers.stripe"])
def test_a_literal_secret_is_refused_and_not_repeated(
    field: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a scheme finds wrong is gathered, at the field where the scheme stands."""
    monkeypatch.chdir(tmp_path)

    found = mistakes(tmp_path, f'@app.webhook("/u", {field}("hunter2"))\ndef f(event): ...\n')

    assert len(found) == 1
    assert found[0].startswith(f"@ /u {field.partition('=')[0]}: ")
    assert "hunter2" not in found[0]
    assert "reference" in found[0]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("async def check(request): ...", '"check" is async; a verification is a plain function'),
        ("def check(): ...", '"check" does not take one argument; write def verify(request): ...'),
        ("def check(request, other): ...", '"check" does not take one argument; '),
        ("def check(request): yield", '"check" is a generator; return False or raise '),
    ],
)
def test_a_verification_function_is_plain_and_takes_the_request(
    function: str, expected: str, tmp_path: Path
) -> None:
    """A function that could never give a verdict is refused before it meets an event."""
    text = f'{function}\n@app.webhook("/u", verify=check)\ndef f(event): ...\n'

    found = mistakes(tmp_path, text)

    assert len(found) == 1
    assert f" /u verify: {expected}" in found[0]


def test_a_plain_function_becomes_a_verification(tmp_path: Path) -> None:
    """`verify=` takes any function of the request."""
    text = 'def check(request): return True\n@app.webhook("/u", verify=check)\ndef f(event): ...\n'

    assert isinstance(compiled(tmp_path, text).verification, FunctionVerification)


def test_a_provider_brings_its_own_facts_and_settings_override_them(tmp_path: Path) -> None:
    """Locators and content types are the provider's where the webhook says nothing."""
    github = 'provider=providers.github("env:S")'
    told = compiled(tmp_path, f'@app.webhook("/u", {github})\ndef f(event): ...\n')
    own = compiled(
        tmp_path,
        f'@app.webhook("/u", {github}, delivery_id="json:id", content_types=["*/*"])\n'
        "def f(event): ...\n",
    )

    assert told.delivery_id == ("header:X-GitHub-Delivery",)
    assert told.event_type == ("header:X-GitHub-Event",)
    assert told.content_types == ("application/json", "application/x-www-form-urlencoded")
    assert told.provider is not None
    assert told.provider.verification is told.verification
    assert (own.delivery_id, own.content_types) == (("json:id",), ("*/*",))


def test_a_sender_hears_what_it_must_hear(tmp_path: Path) -> None:
    """Some take nothing but their own words for success; a definition may still use others."""
    sign = 'provider=providers.dropbox_sign("env:S")'
    told = compiled(tmp_path, f'@app.webhook("/u", {sign})\ndef f(event): ...\n')
    own = compiled(
        tmp_path, f'@app.webhook("/u", {sign}, answer=Answer(200, "ok"))\ndef f(event): ...\n'
    )

    assert (told.answer.status, told.answer.body) == (200, "Hello API Event Received")
    assert (own.answer.status, own.answer.body) == (200, "ok")


@pytest.mark.parametrize(
    ("statuses", "taken"),
    [
        ("2xx, 202 at best", [200, 201, 202, 204]),
        ("200 for interactions, 204 for events", [200, 204]),
        ("200 to 202", [200, 201, 202]),
        ("200; 202 ends the retries", [200]),
    ],
)
def test_success_is_what_the_sender_takes_for_it(
    statuses: str, taken: list[int], tmp_path: Path
) -> None:
    """In the sender's own words: families, lists, ranges; what follows a semicolon is none."""
    found = [
        status
        for status in (200, 201, 202, 204)
        if not mistakes(
            tmp_path,
            f'@app.webhook("/u", provider=Provider("x", "X", bearer("env:S"), statuses="{statuses}"), '
            f"answer=Answer({status}))\ndef f(event): ...\n",
        )
    ]

    assert found == taken


def test_a_senders_content_types_hold_for_typed_bodies_too(tmp_path: Path) -> None:
    """SNS sends JSON and calls it text; a webhook with a model must take it as it comes."""
    typed = compiled(
        tmp_path,
        '@app.webhook("/u", provider=providers.aws_sns())\ndef f(event: Event[User]): ...\n',
    )

    assert typed.content_types == ("text/plain", "application/json")


PATHS: dict[str, list[str]] = {
    "users": ['a path starts with "/"; write "/users"'],
    "/users/": ['an empty segment: leave out "//" and the "/" at the end'],
    "/a//b": ['an empty segment: leave out "//" and the "/" at the end'],
    "/a/../b": ['".." never arrives: clients resolve it before they send'],
    "/a b": ['"a b" has characters that need escaping; use letters, digits, . _ ~ : @ -'],
    "/users?x=1": [
        '"users?x=1" has characters that need escaping; use letters, digits, . _ ~ : @ -'
    ],
    "/{a}b": ['"{a}b" is not a parameter; one fills a whole segment: "{tenant}"'],
    "/{1}": ['"{1}" is not a parameter; one fills a whole segment: "{tenant}"'],
    "/{a}/{a}": ["the parameter {a} appears twice"],
}


@pytest.mark.parametrize("path", PATHS)
def test_a_wrong_path_is_explained(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A path that no request would ever match is a mistake."""
    monkeypatch.chdir(tmp_path)

    found = mistakes(tmp_path, f'@app.webhook("{path}", name="u")\ndef f(event): ...\n')

    assert [f"@ {path} path: {expected}" for expected in PATHS[path]] == found


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/users", "users"),
        ("/tenants/{tenant}/orders", "tenants-tenant-orders"),
        ("/", "root"),
        ("/v1.2/hooks", "v1-2-hooks"),
    ],
)
def test_a_name_is_taken_from_the_path(path: str, name: str, tmp_path: Path) -> None:
    """Where no name is given, the path gives one that can be typed and deployed."""
    assert name == compiled(tmp_path, f'@app.webhook("{path}")\ndef f(event): ...\n').name


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("/a", "/a", "/a path: the same requests go to /a at hooks.py:12; a path has one webhook"),
        ("/a/{x}", "/a/{y}", "/a/{y} path: the same requests go to /a/{x} at hooks.py:12; "),
        ("/a/{x}", "/{y}/b", "/{y}/b path: some requests fit both this and /a/{x} at hooks.py:12"),
        ("/a/b", "/a-b", '/a-b name: "a-b" is already /a/b at hooks.py:12; give one of them a nam'),
        ("/a/{x}", "/a/b", None),
        ("/a/{x}", "/b/{x}", None),
        ("/a/{x}", "/a/{x}/c", None),
    ],
)
def test_webhooks_that_collide_are_named_with_each_other(
    first: str,
    second: str,
    expected: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of two webhooks that would take each other's requests or name, the later one is at fault."""
    monkeypatch.chdir(tmp_path)

    found = mistakes(
        tmp_path,
        f'@app.webhook("{first}")\ndef f(event): ...\n@app.webhook("{second}")\ndef g(event): ...\n',
    )

    if expected is None:
        assert found == []
    else:
        assert len(found) == 1
        assert found[0].startswith(f"hooks.py:14 {expected}")


def test_an_app_is_judged_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An App without webhooks, or with a name that nothing can carry, is at fault on its line."""
    monkeypatch.chdir(tmp_path)

    found = mistakes(tmp_path, 'app = App("my app")\n')

    assert found == [
        '@ App.name: "my app" is not a name; use 1 to 64 letters, digits, _ and -',
        '@ App: has no webhook; write @app.webhook("/users") above a function',
    ]


def test_a_forgotten_path_is_explained(tmp_path: Path) -> None:
    """`@app.webhook` without parentheses is the most likely first slip."""
    found = mistakes(tmp_path, "@app.webhook\ndef f(event): ...\n")

    assert any('is not a path; write @app.webhook("/users")' in each for each in found)
