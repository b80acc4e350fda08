"""send, and the run that answers it: real processes, one definition, the happy path and its edges."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli_run import HMAC, Running, running
from cli_scene import call
from holdfast import verify_request
from holdfast.clock import SYSTEM_CLOCK

GOOD = '{"name": "Ada", "age": 36}'


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("run")) as run:
        yield run


def body_of(run: Running, id: str) -> str:
    body: str = run.call("events", "show", id, "-o", "json").json["body"]
    return body


def test_a_signed_event_is_accepted_and_worked(run: Running) -> None:
    """With --wait the command ends when the event does, and says how."""
    sent = run.call("send", "/users", "--json", GOOD, "--wait")

    assert sent.code == 0
    assert sent.lines[0].startswith('200 {"id":')
    assert sent.lines[1] == "done"


def test_everything_is_told_as_json(run: Running) -> None:
    """Status, answer, id, and with --wait the event as it ended."""
    sent = run.call("send", "/users", "--json", GOOD, "--wait", "--output", "json").json

    assert (sent["accepted"], sent["status"]) == (True, 200)
    assert sent["event"]["id"] == sent["id"]
    assert sent["event"]["state"] == "done"


def test_a_sample_fits_the_schema(run: Running) -> None:
    """Nothing has to be made up to try a webhook."""
    assert run.call("send", "/users", "--sample", "--wait").code == 0


def test_a_forger_ends_in_dead_letters(run: Running) -> None:
    """Accepted, kept, and quarantined with its reason: code 1 where one waits for it."""
    sent = run.call("send", "/users", "--json", GOOD, "--no-signed", "--wait")

    assert sent.code == 1
    assert sent.lines[1].startswith("dead: header_missing, VerificationFailed")


def test_a_refusal_is_code_1(run: Running) -> None:
    """What the gateway does not take is shown with its reasons, and found again."""
    sent = run.call("send", "/users", "--json", '{"name": "Bob", "age": 17}', "-o", "json")

    assert sent.code == 1
    assert sent.json["status"] == 400
    shown = run.call("events", "show", sent.json["id"], "-o", "json").json
    assert (shown["state"], shown["reason"]) == ("refused", "invalid_body")


def test_a_failure_is_code_1_when_waited_for(run: Running) -> None:
    """The last error is told, and where the whole story is."""
    sent = run.call("send", "/fails", "--json", "{}", "--wait")

    assert sent.code == 1
    assert sent.lines[1] == "dead: permanent, Permanent: it cannot be helped"


def test_a_file_is_sent_byte_for_byte(run: Running, tmp_path: Path) -> None:
    """The content type comes from the name, or from --type."""
    (tmp_path / "note.xml").write_bytes(b"<a>\r\n</a>")
    (tmp_path / "odd.bin").write_bytes(bytes(range(256)))

    xml = run.call("send", "/any", "--file", str(tmp_path / "note.xml"), "-o", "json").json
    odd = run.call(
        "send", "/any", "--file", str(tmp_path / "odd.bin"), "--type", "image/x-odd", "-o", "json"
    ).json

    shown = run.call("events", "show", odd["id"], "-o", "json").json
    assert body_of(run, xml["id"]) == "<a>\r\n</a>"
    assert shown["bytes"] == 256
    assert ["content-type", "image/x-odd"] in shown["headers"]


def test_a_form_is_encoded(run: Running) -> None:
    """Names and values are escaped as a browser would."""
    sent = run.call(
        "send", "/any", "--form", "text=a b&c", "--form", "name=Zoë", "--wait", "-o", "json"
    ).json

    assert body_of(run, sent["id"]) == "text=a+b%26c&name=Zo%C3%AB"


def test_headers_are_added_and_repeated(run: Running) -> None:
    """Several of one name stay several; what is no ASCII goes out as UTF-8."""
    sent = run.call(
        "send", "/any", "--json", "1", "-H", "X-A: 1", "-H", "X-A: 2", "-H", "X-Name: Zoë",
        "-H", "Content-Type: application/vnd.x+json", "-o", "json",
    ).json  # fmt: skip

    headers = run.call("events", "show", sent["id"], "-o", "json").json["headers"]
    assert [value for name, value in headers if name == "x-a"] == ["1", "2"]
    assert ["x-name", "Zoë".encode().decode("latin-1")] in headers
    assert [v for n, v in headers if n == "content-type"] == ["application/vnd.x+json"]


def test_another_method_is_refused(run: Running) -> None:
    """The gateway's own answer is shown."""
    sent = run.call("send", "/any", "--json", "1", "--method", "put")

    assert sent.code == 1
    assert sent.out.startswith("405 ")


def test_a_wrong_path_is_code_4(run: Running) -> None:
    """The paths that there are are named."""
    sent = run.call("send", "/nobody", "--json", "1")

    assert (sent.code, sent.out) == (4, "")
    assert "/users, /token, /fails, /stripe, /shop, /any" in sent.err


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--json", "1", "--sample"),
        ("--form", "no-equals"),
        ("--file", "nothing-here"),
        ("--json", "1", "-H", "no-colon"),
    ],
)
def test_wrong_usage_sends_nothing(run: Running, options: tuple[str, ...]) -> None:
    """One body, in a form that can be read, and headers with a colon: anything else is code 2."""
    assert run.call("send", "/any", *options).code == 2


@pytest.mark.parametrize("url", ["nonsense", "http://127.0.0.1:1", "http://[", "ftp://x"])
def test_a_gateway_that_does_not_answer_is_code_1(run: Running, url: str) -> None:
    """Said in a sentence, without a traceback."""
    sent = run.call("send", "/any", "--json", "1", "--url", url)

    assert (sent.code, sent.out) == (1, "")
    assert sent.err.startswith("error: ")
    assert len(sent.err.splitlines()) == 1


def test_nothing_running_is_wrong_usage(tmp_path: Path) -> None:
    """Where neither a run nor options say what to send to, that is what is said."""
    sent = call("send", "/users", "--sample", "--store", str(tmp_path))

    assert sent.code == 2
    assert "nothing runs on" in sent.err


def test_a_known_sender_is_played(run: Running) -> None:
    """Type and id stand where Stripe has them, and the signature is Stripe's."""
    event = ("--as", "stripe", "--event", "invoice.paid")
    sent = run.call("send", "/stripe", *event, "--wait", now_ms=SYSTEM_CLOCK.now_ms())

    assert (sent.code, sent.lines[1]) == (0, "done")
    id = sent.lines[0].partition('"id":"')[2][:32]
    shown = run.call("events", "show", id, "-o", "json").json
    assert '"type":"invoice.paid"' in shown["body"]
    assert "stripe-signature" in {name.lower() for name, _ in shown["headers"]}


def test_a_sender_is_played_with_any_webhooks_secret(run: Running) -> None:
    """GitHub's way to sign is not what /users expects: kept, and quarantined by reason."""
    sent = run.call("send", "/users", "--as", "github", "--json", GOOD, "--wait")

    assert (sent.code, sent.lines[1].split(",")[0]) == (1, "dead: header_missing")


def test_who_has_a_private_key_is_played_with_one_of_ours(run: Running, tmp_path: Path) -> None:
    """What `providers key` wrote is the secret; the event carries that sender's signature."""
    key = tmp_path / "key.pem"
    made = call("providers", "key", "discord", "--file", str(key), "-o", "json").json
    secret = ("--as", "discord", "--secret-from", f"file:{key}")
    sent = run.call("send", "/any", *secret, "--json", '{"type":2}', "-o", "json").json
    shown = run.call("events", "show", sent["id"], "-o", "json").json

    assert sent["accepted"]
    verify_request(
        "discord",
        made["public"],
        url=None,
        headers=shown["headers"],
        body=shown["body"].encode(),
        now=0,
    )


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("/users", "--as", "githup", "--json", "{}"), 4, "did you mean github?"),
        (("/users", "--as", "discord", "--json", "{}"), 1, "providers key discord` makes"),
        (("/users", "--as", "livekit", "--json", "{}"), 2, "api_key"),
        (("/users", "--as", "livekit", "--config", "api_key", "--json", "{}"), 2, "NAME=VALUE"),
        (
            ("/users", "--as", "github", "--secret-from", HMAC, "--json", "{}"),
            2,
            "never as the secret",
        ),
        (("/users", "--variant", "x", "--json", "{}"), 2, "are for --as"),
        (("/users", "--event", "x"), 1, "has no provider"),
        (("/any", "--as", "github", "--json", "{}"), 2, "secret"),
    ],
)
def test_what_cannot_be_played_is_told(
    run: Running, arguments: tuple[str, ...], code: int, told: str
) -> None:
    """An unknown sender, one with a private key, a setting that lacks, a secret as itself."""
    sent = run.call("send", *arguments)

    assert sent.code == code
    assert told in " ".join(sent.err.replace("│", " ").split())
    assert HMAC not in sent.err + sent.out
