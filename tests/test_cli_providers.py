"""providers, providers show, providers token, verify: what is known, and why a capture fails."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from cli_scene import NOW_MS, Called, call
from holdfast import providers, verify_request
from holdfast.gateway.tokens import TokenShelf
from holdfast.testing import sign

NOW: Final = NOW_MS / 1000
SECRET: Final = "whsec_0123456789abcdef"


def test_every_sender_has_a_row() -> None:
    """Id, title, how it signs, where, how long it waits and how it shakes hands."""
    lines = call("providers").lines

    assert len(lines) == len(providers.names()) + 1
    (stripe,) = [line for line in lines if line.startswith("stripe ")]
    assert "HMAC-SHA256, hex" in stripe
    assert "Stripe-Signature" in stripe
    (zoom,) = [line for line in lines if line.startswith("zoom ")]
    assert "3s" in zoom
    assert "hmac-reply" in zoom


def test_rows_are_found_by_any_text() -> None:
    """By name, by scheme, by handshake; and nothing is told as such."""
    found = call("providers", "--find", "Hmac-Reply", "-o", "json").json

    assert [row["provider"] for row in found] == ["braintree", "smartcar", "x-twitter", "zoom"]
    assert found[0]["handshakes"][0]["kind"] == "hmac-reply"
    assert "no sender has 'zebra'" in call("providers", "--find", "zebra").out


@pytest.mark.parametrize("name", providers.names())
def test_every_sender_can_be_shown(name: str) -> None:
    """For people and for programs, each with the line that a definition needs."""
    shown = call("providers", "show", name)
    told = call("providers", "show", name, "-o", "json").json

    assert (shown.code, told["provider"]) == (0, name)
    assert told["definition"] in shown.out
    assert f"https://YOUR-HOST/{name}" in shown.out


def test_a_sender_is_told_in_full() -> None:
    """Scheme, tolerance, deadline, retries, disabling, handshake, and what to paste where."""
    out = call("providers", "show", "shopify").out + call("providers", "show", "meta").out

    for words in (
        "HMAC-SHA256, base64, over {body}",
        "waits        5s",
        "tries again  8 times within 4h",
        "gives up     after 8 failures in a row",
        "copy into .env: SHOPIFY_SECRET=",
        "echo: GET with ?hub.mode=subscribe",
        'verify_token="env:META_VERIFY_TOKEN"',
        "write into .env, and give there as verify_token: META_VERIFY_TOKEN=",
    ):
        assert words in out
    assert "no secret: its public keys are fetched" in call("providers", "show", "aws-sns").out
    notion = call("providers", "show", "notion").out
    assert 'providers.notion("file:.holdfast/tokens/notion")' in notion
    assert "copy into .env" not in notion
    assert "signing-token (this)" in (
        call("providers", "show", "gitlab", "--variant", "signing-token").out
    )


def test_what_a_webhook_needs_beside_its_sender_is_shown() -> None:
    """The registered address where that counts, and where it is to be checked."""
    xero = call("providers", "show", "xero").out

    assert (
        'xero = app.webhook("/xero", provider=providers.xero("env:XERO_SECRET"), verify_at="gateway")'
        in xero
    )
    assert "check at     gateway" in xero
    assert 'url="https://YOUR-HOST/square"' in call("providers", "show", "square").out


def test_retries_are_attempts_after_the_first() -> None:
    """Also of senders who count the first one too: 60 attempts are 59 retries."""
    told = {
        name: call("providers", "show", name, "-o", "json").json["retries"]
        for name in ("paddle", "mollie", "strava", "square", "okta", "stripe")
    }

    assert told["paddle"].startswith("59 times within 3d")
    assert told["mollie"] == "9 times within 1d 2h"
    assert told["strava"] == "2 times"
    assert told["square"] == "10 times within 1d"
    assert told["okta"].startswith("once; ")
    assert told["stripe"].startswith("for 3d; ")


def test_a_pair_is_made_once_and_its_private_half_never_shown(tmp_path: Path) -> None:
    """For its owner alone; asked for again, the same one is told. With it the sender is played."""
    store = ("--store", str(tmp_path))
    first = call("providers", "key", "discord", *store)
    told = call("providers", "key", "discord", *store, "-o", "json").json
    file = tmp_path / "keys" / "discord.pem"
    secret = file.read_text()
    request = sign("discord", {"type": 2}, secret=secret, now=NOW)

    assert (told["file"], told["made"], told["variable"]) == (str(file), False, "DISCORD_SECRET")
    assert first.lines[1] == f"where you try it, in .env: DISCORD_SECRET={told['public']}"
    assert file.stat().st_mode & 0o777 == 0o600
    assert secret.splitlines()[1] not in first.out + first.err + str(told)
    verify_request(
        "discord",
        told["public"],
        url=None,
        headers=request.headers.lines,
        body=request.body,
        now=NOW,
    )


def test_a_pair_takes_the_place_of_a_published_key(tmp_path: Path) -> None:
    """The definition then names it, where it would name none."""
    told = call("providers", "key", "aws_sns", "--file", str(tmp_path / "k"), "-o", "json").json

    assert told["definition"] == 'providers.aws_sns("env:AWS_SNS_SECRET")'


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("stripe",), "stripe has no private key: what signs is the secret that both know"),
        (("plaid", "--variant", "api"), "asks production.plaid.com for the public key"),
        (("ebay", "--file", "k"), "k: ebay cannot sign with it: it is no private key"),
        (("chip", "--file", "."), ".: Is a directory"),
    ],
)
def test_where_no_pair_helps_that_is_told(
    arguments: tuple[str, ...], why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shared secret, a sender that is asked for its key, a file that holds another thing."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "k").write_text("no key")
    made = call("providers", "key", *arguments)

    assert made.code == 1
    assert why in " ".join(made.err.split())


def test_a_mistake_in_a_senders_own_file_is_told(tmp_path: Path) -> None:
    """By each command that takes one, instead of what is known of a sender that is not there."""
    (tmp_path / "acme.toml").write_text('[verify]\nmessage = "{nothing}"\nheader = "X"\n')
    none, wrong = (str(tmp_path / name) for name in ("none.toml", "acme.toml"))

    shown = call("providers", "show", none)

    assert (shown.code, shown.out) == (1, "")
    assert f"{none}: cannot be read: No such file or directory" in shown.err
    assert f"{wrong}: message: {{nothing}} is not" in call("providers", "show", wrong).err


@pytest.mark.parametrize("command", ["show strype", "token nobody"])
def test_what_is_not_there_is_code_4(command: str, tmp_path: Path) -> None:
    """An unknown sender, a webhook that was handed no secret."""
    store = ("--store", str(tmp_path)) if command.startswith("token") else ()

    assert call("providers", *command.split(), *store).code == 4
    assert call("providers", "token", "../x", "--store", str(tmp_path)).code == 2


def test_a_token_is_shown_and_forgotten(tmp_path: Path) -> None:
    """Only on demand; then the next one is taken."""
    shelf, store = TokenShelf(tmp_path), ("--store", str(tmp_path))
    shelf.keep("notion", "secret_1")

    assert call("providers", "token", "notion", *store).lines == ["secret_1"]
    told = call("providers", "token", "notion", *store, "-o", "json").json
    assert told == {"webhook": "notion", "file": f"{tmp_path}/tokens/notion", "token": "secret_1"}
    assert call("providers", "token", "notion", "--forget", *store).code == 0
    assert call("providers", "token", "notion", *store).code == 4
    assert shelf.keep("notion", "secret_2")


# -- verify


@pytest.fixture
def capture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A delivery of Stripe's, as files: headers, body."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STRIPE", SECRET)
    request = sign("stripe", secret=SECRET, now=NOW, event_type="invoice.paid", body={"id": "e"})
    lines = "".join(f"{name}: {value}\n" for name, value in request.headers)
    (tmp_path / "headers").write_text(f"POST /stripe HTTP/1.1\nHost: x.example\n{lines}")
    (tmp_path / "body").write_bytes(request.body)
    return tmp_path


def judged(
    capture: Path, *arguments: str, provider: str = "stripe", reference: str = "env:STRIPE"
) -> Called:
    files = ("--headers", str(capture / "headers"), "--body", str(capture / "body"))
    source = ("--provider", provider, "--secret-from", reference)
    return call("verify", *source, *files, *arguments)


def test_what_is_genuine_is_code_0(capture: Path) -> None:
    """One line for people, a verdict for programs; --at says when it came."""
    assert judged(capture).out == "verified: Stripe sent it\n"
    told = judged(capture, "-o", "json").json
    assert (told["verified"], told["reason"], told["fits"]) == (True, None, [])
    for at in (str(int(NOW)), "2023-11-14T22:13:20+00:00", "0s"):
        assert judged(capture, "--at", at).code == 0


def test_what_is_not_is_explained(capture: Path) -> None:
    """Code 1, the reason, and what would make it fit; the secret is nowhere."""
    (capture / "body").write_bytes((capture / "body").read_bytes() + b"\n")
    shown, told = judged(capture), judged(capture, "-o", "json")

    assert (shown.code, told.code) == (1, 1)
    assert shown.lines[0].startswith("signature_mismatch: Signed with another secret")
    assert "it would fit: the file ends in a line break" in shown.lines[1]
    assert told.json["fits"][0]["changes"] == ["body_trailing_newline"]
    assert SECRET not in shown.out + shown.err + told.out + told.err


def test_a_capture_of_the_past_is_told_as_such(capture: Path) -> None:
    """Judged now, a genuine one is old; by how much is said."""
    told = judged(capture, "--at", str(int(NOW) + 7_200))

    assert told.code == 1
    assert "it was sent 2h before" in told.out
    assert (
        judged(capture, "--at", str(int(NOW) + 7_200), "-o", "json").json["skew_seconds"] == 7_200
    )


def test_nothing_is_made_up(capture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another secret is another secret."""
    monkeypatch.setenv("STRIPE", "whsec_another")

    assert "nothing that commonly happens" in judged(capture).out


@pytest.mark.parametrize(
    ("provider", "words"),
    [
        ("square", "give the whole address that was called: --url URL"),
        ("gitlab", "header_missing: A header that the scheme needs is not there. (X-Gitlab-Token)"),
    ],
)
def test_what_lacks_is_told_and_no_secret_doubted(provider: str, words: str, capture: Path) -> None:
    """Where something is not there, comparing secrets would not help."""
    with (capture / "headers").open("w") as file:
        file.write(f"x-square-hmacsha256-signature: {'A' * 43}=\n")
    told = judged(capture, provider=provider)

    assert words in told.out
    assert "compare the secret" not in told.out


@pytest.mark.parametrize("at", ["nan", "inf", "-inf"])
def test_a_time_that_is_none_is_wrong_usage(at: str, capture: Path) -> None:
    """Python takes these for numbers; no clock shows them."""
    assert judged(capture, f"--at={at}").code == 2


def test_a_sender_of_ones_own_is_judged_by_its_file(capture: Path) -> None:
    """The same for a description in a file."""
    (capture / "mine.toml").write_text('[verify]\nheader = "X-Mine"\n')
    request = sign(providers.from_file(capture / "mine.toml")("env:S"), b"{}", secret=SECRET, now=0)
    (capture / "headers").write_text(f"X-Mine: {request.headers['x-mine']}")
    (capture / "body").write_bytes(b"{}")

    assert judged(capture, provider="mine.toml").code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ({"provider": "strype"}, 4, "did you mean stripe?"),
        ({"provider": "twitter"}, 4, "did you mean x-twitter?"),
        ({"provider": "dropboxsign"}, 4, "did you mean dropbox-sign or dropbox?"),
        ({"reference": SECRET}, 2, "never as the secret itself"),
        ({"reference": "env:NOT_SET"}, 1, "env:NOT_SET is not set"),
        ({"provider": "livekit"}, 2, "api_key"),
        ({"provider": "none.toml"}, 1, "cannot be read"),
    ],
)
def test_what_cannot_be_judged_is_told(
    capture: Path, arguments: dict[str, str], code: int, told: str
) -> None:
    """A slip in the name, a secret as itself (which is not repeated), a setting that lacks."""
    made = judged(capture, **arguments)

    assert made.code == code
    assert told in " ".join(made.err.replace("│", " ").split())
    assert SECRET not in made.err
