"""Which addresses of keys are trusted, and which certificates."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from certificate_kit import BEGINS, WITHIN, holder
from holdfast import providers
from holdfast.clock import ManualClock
from holdfast.errors import KeyUnavailable, VerificationFailed
from holdfast.keyring import ASKED_MAX, KeyRing, Wanted
from holdfast.message import Headers, Request
from holdfast.verify.certificates import trusted
from holdfast.verify.signed import Signed
from holdfast.verify.webtoken import WebToken


def sns(url: str) -> Request:
    body = {"Type": "Notification", "SigningCertURL": url, "SignatureVersion": "2", "Signature": ""}
    return Request("POST", "/in", "", Headers(), orjson.dumps(body))


def wanted(request: Request, scheme: object) -> tuple[Wanted, ...] | str:
    assert isinstance(scheme, Signed | WebToken)
    try:
        return scheme.wanted(request, [])
    except VerificationFailed as failed:
        return failed.reason


SNS = providers.aws_sns().verification


@pytest.mark.parametrize(
    "url",
    [
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.cn-north-1.amazonaws.com.cn/x.pem",
        "https://sns.us-gov-west-1.amazonaws.com/x.pem",
        "https://sns.us-iso-east-1.amazonaws.com/x.pem",
    ],
)
def test_a_senders_own_host_is_trusted(url: str) -> None:
    """The certificate is wanted from where the message says."""
    assert wanted(sns(url), SNS) == (Wanted(url),)


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-west-1.amazonaws.com/x.pem",
        "https://sns.eu-west-1.amazonaws.com.example.net/x.pem",
        "https://sns.eu-west-1.amazonaws.com@example.net/x.pem",
        "https://user@sns.eu-west-1.amazonaws.com/x.pem",
        "https://sns.eu-west-1.amazonaws.com:444/x.pem",
        "https://sns.eu-west-1.amazonaws.com:99999/x.pem",
        "https://sns.a.b.amazonaws.com/x.pem",
        "https://sns..amazonaws.com/x.pem",
        "https://snsxeu-west-1.amazonaws.com/x.pem",
        "https://sns.eu_west.amazonaws.com/x.pem",
        "https://evil.amazonaws.com/x.pem",
        "https://sns.s3.amazonaws.com/x.pem",  # a bucket that is called sns
        "https://sns.s3-us-west-2.amazonaws.com/x.pem",
        "https://sns.s3-accelerate.amazonaws.com/x.pem",
        "https://sns.eu.amazonaws.com/x.pem",
        "HTTPS://sns.eu-west-1.amazonaws.com/x.pem",
        "\x01https://sns.eu-west-1.amazonaws.com/x.pem",
        "https://sns.eu-west-1.amazonaws.com/\x7fx.pem",
        "https://example.net\\@sns.eu-west-1.amazonaws.com/x.pem",
        "https://example.net#@sns.eu-west-1.amazonaws.com/x.pem",
        "https://sns.eu-west-1.amazonaws.com/x.pem?a=b",
        "https://sns.eu-west-1.amazonaws.com/x.pem#a",
        "https://sns.eu-west-1.amazonaws.com/?Action=x.pem",
        "https://sns.eu-west-1.amazonaws.com/x",
        "https://sns.eu-west-1.amazonaws.com/ x.pem",
        "https://sns.eu-west-1.amazonaws.com\n.example.net/x.pem",
        "https://\u0455ns.eu-west-1.amazonaws.com/x.pem",
        "https://[::1]/x.pem",
        "https://[/x.pem",
        "file:///etc/x.pem",
        "//sns.eu-west-1.amazonaws.com/x.pem",
        "",
    ],
)
def test_no_other_host_is_asked_for_a_key(url: str) -> None:
    """Whatever a forger writes, nothing is fetched; nor is a key that was given believed then."""
    assert wanted(sns(url), SNS) == "certificate_untrusted"
    with pytest.raises(VerificationFailed, match="certificate_untrusted"):
        SNS.check(sns(url), [holder("sns.test").pem], WITHIN)


def test_what_a_stranger_writes_for_a_host_is_not_repeated_at_length() -> None:
    """A megabyte of it would be kept with the failure."""
    with pytest.raises(VerificationFailed) as failed:
        SNS.check(sns(f"https://{'a' * 100_000}.example/x.pem"), [holder("sns.test").pem], WITHIN)

    assert len(str(failed.value)) < 400


def named(url: str) -> Wanted:
    assert isinstance(SNS, Signed)
    (one,) = SNS.wanted(sns(url), [])
    return one


def test_all_hosts_of_a_sender_are_asked_as_often_as_one() -> None:
    """Of regions that nobody has, a forger can name any number."""
    ring = KeyRing(ManualClock(), lambda wanted: wanted.url)
    for number in range(ASKED_MAX):
        ring.find(named(f"https://sns.aa-{'b' * (number + 1)}-1.amazonaws.com/x.pem"))
    with pytest.raises(KeyUnavailable, match="30 times"):
        ring.find(named("https://sns.eu-west-1.amazonaws.com/x.pem"))


def test_a_delivery_without_an_address_says_what_is_missing() -> None:
    """It is no use asking."""
    assert wanted(Request("POST", "/", "", Headers(), b"{}"), SNS) == "field_missing"


def test_of_two_addresses_those_that_are_named_are_wanted() -> None:
    """Adobe names two keys by their paths; a path cannot become another host."""
    adobe = providers.adobe_io_events().verification
    base = "https://static.adobeioevents.com"

    def of(**paths: str) -> Request:
        lines = {f"x-adobe-public-{name}-path": path for name, path in paths.items()}
        return Request("POST", "/", "", Headers.of(lines), b"")

    assert wanted(of(key1="/a", key2="/b"), adobe) == (Wanted(f"{base}/a"), Wanted(f"{base}/b"))
    assert wanted(of(key2="/b"), adobe) == (Wanted(f"{base}/b"),)
    assert wanted(of(), adobe) == "header_missing"
    assert wanted(of(key1="@example.net/a"), adobe) == "certificate_untrusted"
    assert wanted(of(key1=".example.net/a"), adobe) == "certificate_untrusted"


def test_a_key_that_is_given_is_not_fetched() -> None:
    """Pinned in the definition, it is used as it is."""
    assert isinstance(SNS, Signed)
    assert SNS.wanted(sns("https://sns.eu-west-1.amazonaws.com/x.pem"), ["pem"]) == ()


AUTHORITY = holder("authority.test")
NAME = "messages.test"


@pytest.fixture
def roots(tmp_path: Path) -> Path:
    path = tmp_path / "roots.pem"
    path.write_text(AUTHORITY.pem)
    return path


def judged(text: str, roots: Path, now: float = WITHIN, name: str = NAME) -> str:
    try:
        trusted(text, now, name=name, roots=roots)
    except VerificationFailed as failed:
        return failed.reason
    return "trusted"


def test_a_certificate_must_be_the_senders_own(roots: Path) -> None:
    """By a known authority, for its name, and valid at the time of arrival."""
    own = holder(NAME, AUTHORITY)
    ends = own.certificate.not_valid_after_utc.timestamp()

    assert judged(own.pem, roots) == "trusted"
    assert judged(own.pem, roots, name="other.test") == "certificate_untrusted"
    assert judged(own.pem, roots, BEGINS.timestamp() - 1) == "certificate_untrusted"
    assert judged(own.pem, roots, ends + 1) == "certificate_untrusted"
    assert judged(own.pem, roots, 1e300) == "certificate_untrusted"
    assert judged(holder(NAME).pem, roots) == "certificate_untrusted"
    assert judged(own.pem.replace("A", "B", 1), roots) == "certificate_untrusted"
    assert judged(own.public_pem, roots) == "certificate_untrusted"


def test_mozillas_authorities_are_the_known_ones() -> None:
    """Without other roots, one that we made up is nobody."""
    with pytest.raises(VerificationFailed, match=NAME):
        trusted(holder(NAME, AUTHORITY).pem, WITHIN, name=NAME)


def test_without_a_name_only_the_time_counts(roots: Path) -> None:
    """The address that it came from speaks for it; and a bare key has no time."""
    own = holder(NAME)

    assert judged(own.pem, roots, name="") == "trusted"
    assert judged(own.pem, roots, BEGINS.timestamp() - 1, name="") == "certificate_untrusted"
    assert judged(own.public_pem, roots, name="") == "trusted"
    assert judged("", roots, name="") == "trusted"
