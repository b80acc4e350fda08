"""Mistakes in a verification's settings: all told in words, none raised, no secret repeated."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast import providers
from holdfast.definition import Verification
from holdfast.errors import DefinitionError
from holdfast.message import Headers, Request
from holdfast.verify import basic, bearer, hmac, hmac_sha256, standard_webhooks, token
from holdfast.verify.settings import DEFAULTS, SignedSettings

REQUEST = Request("POST", "/in", "", Headers.of({"X": "00" * 32}), b"")
NEEDING = [
    preset
    for preset in map(providers.load, providers.names())
    if all(way.needs_secret and not way.config() for way in preset.ways.values())
]
"""Every known sender that wants a secret and nothing else."""
UNTYPED: Any = None
"""What a type checker would have caught."""


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({}, "header"),
        ({"header": None}, "header"),
        ({"header": 5}, "header"),
        ({"header": ""}, "signature"),
        ({"signature": "cookie:x"}, "signature"),
        ({"signature": 7}, "signature"),
        ({"header": "X", "hash": "md4"}, "hash"),
        ({"header": "X", "encoding": "rot13"}, "encoding"),
        ({"header": "X", "prefix": None}, "prefix"),
        ({"header": "X", "kv": "="}, "split"),
        ({"header": "X", "split": ",", "kv": "="}, "keys"),
        ({"header": "X", "split": ",", "keys": "v1"}, "keys"),
        ({"header": "X", "split": ",", "keys": [1]}, "keys"),
        ({"header": "X", "message": "{body"}, "message"),
        ({"header": "X", "message": "{bodies}"}, "message"),
        ({"header": "X", "message": "constant"}, "message"),
        ({"header": "X", "message": None}, "message"),
        ({"header": "X", "message": "{timestamp}.{body}"}, "timestamp"),
        ({"header": "X", "message": "{sig:t}.{body}"}, "split"),
        ({"header": "X", "key": "rot13"}, "key"),
        ({"header": "X", "key_strip": 1}, "key_strip"),
        ({"header": "X", "timestamp": "X-Time"}, "timestamp"),
        ({"header": "X", "timestamp": "header:T", "timestamp_unit": "h"}, "timestamp_unit"),
        ({"header": "X", "timestamp": "header:T", "tolerance": "300"}, "tolerance"),
        ({"header": "X", "timestamp": "header:T", "tolerance": 300}, "tolerance"),
    ],
)
def test_wrong_settings_are_told_not_raised(settings: dict[str, Any], word: str) -> None:
    """Making a scheme never raises; the mistake names the setting, and it never runs."""
    scheme = hmac("env:S", **settings)

    assert scheme.mistakes()[0].startswith(f"{word}: ")
    with pytest.raises(DefinitionError):
        scheme.check(REQUEST, ["s"], 0.0)
    with pytest.raises(DefinitionError):
        scheme.sign(REQUEST, "s", 0.0)


@pytest.mark.parametrize(
    "secret", ["hunter2-literal", "", None, 5, b"hunter2-literal", [], ["env:"]]
)
def test_a_literal_secret_is_told_but_never_repeated(secret: Any) -> None:
    """What may be the secret itself is in no message and in no repr."""
    schemes: list[Verification] = [
        hmac_sha256(secret),
        standard_webhooks(secret),
        basic("alice", secret),
        bearer(secret),
        token(secret, header="X-Token"),
        *(preset(secret).verification for preset in NEEDING),
    ]
    for scheme in schemes:
        (mistake,) = scheme.mistakes()
        assert mistake.startswith("secret: ")
        assert "hunter2" not in mistake + repr(scheme) + str(scheme)


def test_good_settings_have_no_mistakes_and_show_their_references() -> None:
    """A repr names where the secrets are; schemes compare by what they say."""
    scheme = hmac_sha256(["env:NEW", "file:/run/old"], header="X")

    assert scheme.mistakes() == ()
    assert [str(reference) for reference in scheme.secrets] == ["env:NEW", "file:/run/old"]
    assert scheme.secret_headers == ()
    assert scheme == hmac_sha256(["env:NEW", "file:/run/old"], header="X")


@pytest.mark.parametrize(
    ("scheme", "word"),
    [
        (basic("alice:hunter2", "env:S"), "user"),
        (basic(UNTYPED, "env:S"), "user"),
        (token("env:S", header=""), "header"),
        (token("env:S", header=UNTYPED), "header"),
    ],
)
def test_wrong_settings_of_credentials_are_told_not_raised(scheme: Any, word: str) -> None:
    """A password written into the user's name is not repeated either."""
    assert scheme.mistakes()[0].startswith(f"{word}: ")
    assert "hunter2" not in repr(scheme) + "".join(scheme.mistakes())
    with pytest.raises(DefinitionError):
        scheme.check(REQUEST, ["s"], 0.0)
    with pytest.raises(DefinitionError):
        scheme.sign(REQUEST, "s", 0.0)


def test_every_setting_has_a_default() -> None:
    """What a type checker knows of the settings is what they are."""
    assert set(DEFAULTS) == set(SignedSettings.__annotations__)
