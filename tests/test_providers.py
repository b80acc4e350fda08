"""Known senders and a user's own: what a description gives, and what is wrong with one."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import generated
import holdfast
from holdfast import App, Provider, check, providers, verify_request
from holdfast.definition import Disabling, Handshake, Retries
from holdfast.errors import UnknownProvider
from holdfast.gateway.handshakes import named
from holdfast.gateway.handshakes.kinds import KINDS
from holdfast.providers.files import DATA
from holdfast.providers.preset import Preset
from holdfast.testing import sign
from holdfast.verify.signed import Signed

ROOT = Path(__file__).resolve().parent.parent

SIX_LINES = """\
title = "Acme"
delivery_id = "header:X-Acme-Id"
event_type = "json:kind"

[verify]
header = "X-Acme-Signature"
"""


def made(preset: Preset, **settings: Any) -> Provider:
    """With everything that it must be given."""
    way = preset.way(settings.get("variant"))
    config = {name: "x" for name, needed in way.config().items() if needed}
    return preset("env:SECRET" if way.needs_secret else None, **config, **settings)


@pytest.mark.parametrize("name", providers.names())
def test_every_description_is_right(name: str) -> None:
    """Each file of ours, in each of its variants, is a provider without a mistake."""
    preset = providers.load(name)

    for variant in preset.variants or (None,):
        provider = made(preset, variant=variant)
        assert provider.verification.mistakes() == ()
        assert provider.name == name
        assert provider.title
        assert [named(each).kind for each in provider.handshakes] == [
            KINDS[each.kind] for each in provider.handshakes if isinstance(each, Handshake)
        ]
        assert provider.variant == (variant or None)
    told = preset.secret or not any(way.needs_secret for way in preset.ways.values())
    assert told, "nobody is told what its secret is"
    assert set(preset.config) == {key for way in preset.ways.values() for key in way.config()}


def test_a_name_is_a_python_name() -> None:
    """`providers.standard_webhooks` is `standard-webhooks`, and `dir` lists every sender."""
    listed = set(dir(providers))

    for name in providers.names():
        spelled = name.replace("-", "_")
        assert spelled.isidentifier()
        assert spelled in listed
        assert getattr(providers, spelled) is providers.load(name)


def test_the_facts_of_a_sender_are_told() -> None:
    """Deadline, retries, handshake, answer and the rest are there for whoever watches."""
    shopify = providers.shopify("env:S")
    linear = providers.linear("env:S")
    slack = providers.slack("env:S")

    assert shopify.deadline_seconds == 5
    assert shopify.retries == Retries(count=8, period_seconds=14_400)
    assert shopify.disabling == Disabling(8, None, "a subscription made by API is removed")
    assert linear.retries == Retries(3, (60, 3_600, 21_600))
    assert linear.unconfirmed == ("retries", "addresses")
    assert len(linear.addresses) == 4
    assert slack.handshakes == (
        Handshake(
            "echo",
            "json:type is url_verification",
            "200 and json:challenge as plain text",
            signed=True,
            where=(("json:type", "url_verification"),),
            settings={"text": "{json:challenge}"},
        ),
    )
    assert slack.content_types == ("application/json", "application/x-www-form-urlencoded")
    assert providers.sendgrid("env:S").content_types == ("*/*",)
    assert providers.okta("env:S").statuses == "200, 204"
    adyen = providers.adyen("env:S").answer
    assert adyen is not None
    assert (adyen.status, adyen.body) == (200, "[accepted]")


@pytest.mark.parametrize(
    ("written", "near"),
    [
        ("strype", "stripe"),
        ("Stripe", "stripe"),
        ("twitter", "x-twitter"),
        ("dropbox-sgn", "dropbox-sign or dropbox"),
        ("hubspot-v3", "hubspot-v2 or hubspot-v1 or hubspot"),
        ("standard", "standard-webhooks or standard-webhooks-ed25519"),
        ("facebook", "meta"),
        ("hellosign", "dropbox-sign"),
    ],
)
def test_a_slip_of_the_pen_is_answered_with_the_nearest(written: str, near: str) -> None:
    """Three at the most, by id, by a part of it or by what the sender is called; not all of them."""
    with pytest.raises(UnknownProvider) as told:
        providers.load(written)

    assert str(told.value) == (
        f"no provider {written!r}; did you mean {near}? `holdfast providers` lists all 118"
    )


def test_an_unknown_sender_or_variant_is_told() -> None:
    """With what was meant, or where to find it."""
    with pytest.raises(AttributeError, match=r"did you mean stripe\?"):
        _ = providers.strype  # type: ignore[attr-defined]  # the slip
    with pytest.raises(ValueError, match="no provider 'zzzz'; `holdfast providers` lists all"):
        verify_request("zzzz", "s", url=None, headers={}, body=b"", now=0)
    with pytest.raises(UnknownProvider, match="there are: token, signing-token"):
        verify_request("gitlab", "s", variant="x", url=None, headers={}, body=b"", now=0)
    with pytest.raises(UnknownProvider, match="there are: none"):
        verify_request("stripe", "s", variant="", url=None, headers={}, body=b"", now=0)


@pytest.mark.parametrize(
    ("provider", "mistake"),
    [
        (providers.gitlab("env:S", variant="x"), "variant: gitlab has no variant 'x'"),  # type: ignore[arg-type]  # as an untyped definition would
        (providers.load("livekit")("env:S"), 'api_key: it must be given: api_key="..."'),
        (providers.load("livekit")("env:S", api_kye="k", api_key="k"), "api_kye: not a setting"),
        (providers.load("github")("env:S", tolerance="5m"), "tolerance: its deliveries carry no"),
        (providers.stripe("env:S", tolerance="long"), "tolerance: "),
        (providers.load("github")("env:S", url="https://x/"), "url: it does not sign the URL"),
        (providers.load("mollie")("env:S"), "secret: it has none"),
        (providers.load("stripe")(), "secret: "),
        (providers.load("stripe")("whsec_literal"), "secret: "),
    ],
)
def test_what_is_wrong_with_a_sender_is_told_not_raised(provider: Provider, mistake: str) -> None:
    """As with every verification, its mistakes are the definition's."""
    (told,) = provider.verification.mistakes()

    assert told.startswith(mistake)
    assert "whsec_literal" not in told


@pytest.mark.parametrize(
    ("description", "mistake"),
    [
        ({"verify": {"scheme": "jwt", "header": "X"}}, "verify.algorithms: it is needed"),
        (
            {"verify": {"header": "X", "tolerance": "1m"}},
            "verify.tolerance: of what? nothing says where the timestamp is",
        ),
        ({"delivery_id": "heder:X", "verify": {"header": "X"}}, "delivery_id: 'heder:X' does"),
        (
            {
                "verify": {"header": "X"},
                "handshake": {"kind": "ping", "where": {"json:a": 1}, "signed": "yes"},
            },
            "handshake.signed: true or false is needed",
        ),
        (
            {
                "verify": {"header": "X"},
                "handshake": {"kind": "ping", "where": {"json:a": 1}, "empty": 1},
            },
            "handshake.empty: true or false is needed",
        ),
    ],
)
def test_what_is_wrong_with_a_description_is_told_once(
    description: dict[str, Any], mistake: str
) -> None:
    """By its place there, among the mistakes of the definition."""
    app = App()
    sender = providers.from_mapping(description, name="acme")("env:S")
    app.webhook("/acme", provider=sender).forward("http://localhost:3000/")
    (told,) = map(str, check(app))

    assert mistake in told


def test_a_sender_of_your_own_is_six_lines(tmp_path: Path) -> None:
    """A file beside the definition, or the same as a mapping, is a sender like ours."""
    assert len([line for line in SIX_LINES.splitlines() if line]) <= 6
    (tmp_path / "acme.toml").write_text(SIX_LINES)
    from_file = providers.from_file(tmp_path / "acme.toml")("env:ACME_SECRET")
    from_mapping = providers.from_mapping(
        {
            "title": "Acme",
            "delivery_id": "header:X-Acme-Id",
            "event_type": "json:kind",
            "verify": {"header": "X-Acme-Signature"},
        },
        name="acme",
    )("env:ACME_SECRET")

    assert from_file == from_mapping
    assert from_file.verification.mistakes() == ()
    sent = sign(from_file, {"kind": "order"}, secret="s", now=0, headers={"X-Acme-Id": "7"})
    verified = verify_request(
        from_file, "s", url=None, headers=list(sent.headers), body=sent.body, now=0
    )
    assert (verified.provider, verified.delivery_id, verified.event_type) == ("acme", "7", "order")


def test_a_file_stands_beside_the_definition_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From whatever directory the program is started."""
    (tmp_path / "senders.py").write_text(
        "from holdfast import providers\nacme = providers.from_file('acme.toml')\n"
    )
    (tmp_path / "acme.toml").write_text(SIX_LINES)
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(str(tmp_path))

    try:
        from senders import acme  # type: ignore[import-not-found]  # noqa: PLC0415 - written above
    finally:
        sys.modules.pop("senders", None)

    assert acme("env:S").title == "Acme"


WRONG: dict[str, list[str]] = {
    "title = 7\n[verify]\nheader = 'X'": ["acme.toml title: a text is needed"],
    "titel = 'x'\n[verify]\nheader = 'X'": ["acme.toml titel: not a key; there are title, secret"],
    "title = 'x'": ["acme.toml verify: say how it signs"],
    "verify = 'x'": ["acme.toml verify: a table is needed"],
    "title = ": ["acme.toml is no TOML: "],
    "[verify]\nheder = 'X'": [
        "acme.toml verify.heder: not a setting of hmac; did you mean header?",
        "header: name the header that carries the signature",
    ],
    "[verify]\nscheme = 'hmca'": ["acme.toml verify.scheme: 'hmca' is none of hmac"],
    "[verify]\nheader = 'X'\nhash = 'md4'": ["hash: 'md4' is not one of md5, sha1"],
    "[verify]\nheader = 'X'\n[variants]\na = 1": ["acme.toml variants.a: a table is needed"],
    "deadline = 10\n[verify]\nheader = 'X'": ["acme.toml deadline: a duration is needed"],
    "delivery_id = 'id'\n[verify]\nheader = 'X'": [
        "acme.toml delivery_id: 'id' does not say where"
    ],
    "event_type = 'sig:t'\n[verify]\nheader = 'X'": ["acme.toml event_type: sig:t does not name"],
    "event_type = 'json:t|up'\n[verify]\nheader = 'X'": ["acme.toml event_type: |up is not a"],
    "notes = [1]\n[verify]\nheader = 'X'": ["acme.toml notes: a text or a list of texts"],
    "[verify]\nheader = 'X'\n[retries]\ncount = -1": ["acme.toml retries.count: a whole number"],
    "[verify]\nheader = 'X'\n[retries]\ndelays = '1m'": ["acme.toml retries.delays: a list"],
    "[verify]\nheader = 'X'\n[retries]\nevery = '1m'": ["acme.toml retries.every: not a key"],
    "[verify]\nheader = 'X'\n[answer]\nbody = 1": ["acme.toml answer.body: a text is needed"],
    "[verify]\nscheme = 'ip_ranges'": [
        "acme.toml verify.networks: it is needed",
        "secret: it has none",
    ],
    "[verify]\nscheme = 'ip_ranges'\nnetworks = ['x']": ["secret: it has none", "networks: 'x' is"],
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_with_a_file_is_told_with_its_place(text: str, tmp_path: Path) -> None:
    """All of it at once, and nothing is raised: a definition is judged as a whole."""
    (tmp_path / "acme.toml").write_text(text)

    provider = providers.from_file(tmp_path / "acme.toml")("env:S")

    told = provider.verification.mistakes()
    assert len(told) == len(WRONG[text])
    for expected, mistake in zip(WRONG[text], told, strict=True):
        assert mistake.startswith(expected)
    with pytest.raises(holdfast.DefinitionError):
        provider.verification.check(sign(providers.github("env:S"), b"", secret="s", now=0), [], 0)


def test_a_file_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    """Told with its name; so is a file that is no text, and a description that is no mapping."""
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    nothing: Any = None

    for preset, words in (
        (providers.from_file(tmp_path / "none.toml"), "none.toml cannot be read: No such file"),
        (providers.from_file(5), "from_file: the path of a TOML file is needed"),  # type: ignore[arg-type]  # as above
        (providers.from_file(tmp_path / "bytes.toml"), "bytes.toml cannot be read: it is no UTF-8"),
        (providers.from_mapping(nothing), "custom a description is a mapping"),
    ):
        (told,) = preset("env:S").verification.mistakes()
        assert told.startswith(words)


def test_what_a_user_sets_signs_itself() -> None:
    """Braces in a setting are no placeholders, and an empty setting is none at all."""
    braces = providers.paypal(webhook_id="{body}").verification
    assert isinstance(braces, Signed)
    assert braces.mistakes() == ()
    assert b"|{body}|" in b"".join(
        part for part in braces.contents[0].parts if isinstance(part, bytes)
    )
    assert providers.load("paypal")(webhook_id="").verification.mistakes() != ()


def test_a_definition_without_providers_reads_no_descriptions() -> None:
    """Each is read when it is first asked for, and once."""
    assert len(list(DATA.glob("*.toml"))) == len(providers.names())
    assert providers.load("stripe") is providers.load("stripe")


UNHURRIED = """
import sys
from holdfast import App, Event, providers
from holdfast.compile import compile_app
from holdfast.testing import sign
app = App()
provider = providers.github("env:SECRET")
@app.webhook("/github", provider=provider)
def handle(event: Event) -> None: ...
compile_app(app)
provider.verification.check(sign(provider, b"{}", secret="s", now=0), ["s"], 0)
print([name for name in ("cryptography", "jwt", "Crypto", "certifi") if name in sys.modules])
"""


def test_the_large_libraries_are_imported_by_those_who_need_them() -> None:
    """A gateway and a worker with a GitHub webhook start without any of them."""
    told = subprocess.run(  # noqa: S603 - our own text
        [sys.executable, "-c", UNHURRIED], capture_output=True, text=True, check=True
    )

    assert told.stdout == "[]\n"


def test_the_stub_is_written_from_the_descriptions() -> None:
    """What type checkers believe is what the senders take; `python tests/generated.py` mends it."""
    assert generated.STUB.read_text("utf-8") == generated.stub()


def test_the_table_in_the_docs_is_written_from_the_descriptions() -> None:
    """And so is the count of senders and proofs; `python tests/generated.py` mends it."""
    assert generated.PAGE.read_text("utf-8") == generated.page()


def test_no_page_claims_another_count() -> None:
    """Wherever known senders or their published deliveries are counted, the count is the data's."""
    counted = re.findall(r"\d+", generated.sentence())

    for page in (ROOT / "README.md", generated.PAGE, *(ROOT / "docs").glob("*.md")):
        text = page.read_text("utf-8")
        for senders in re.findall(r"(\d+) known senders", text):
            assert senders == counted[0], page
        for deliveries, proven in re.findall(r"(\d+) published deliveries of (\d+)", text):
            assert [deliveries, proven] == counted[1:], page
    assert generated.sentence() in generated.PAGE.read_text("utf-8")
