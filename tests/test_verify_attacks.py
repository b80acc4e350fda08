"""Ways round verification, each of them tried: what a genuine delivery lends to a forged one."""

from __future__ import annotations

import base64
import hashlib
import hmac as standard
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from certificate_kit import WITHIN, holder
from holdfast import Provider, VerificationFailed, Verified, providers, verify_request
from holdfast.message import Headers, Request
from holdfast.operate.explain.changes import Trial
from holdfast.testing import key_pair, sign
from holdfast.verify import hmac, token
from holdfast.verify.certificates import trusted
from holdfast.verify.forms import form_fields
from holdfast.verify.publickeys import public_keys
from holdfast.verify.signature import SIGNATURES_MAX

NOW: Final = 1_700_000_000
SECRET: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
URL: Final = "https://hooks.example.com/in"


def verified(by: str | Provider, secret: str, request: Request, **changed: Any) -> Verified:
    given: dict[str, Any] = {
        "url": request.url,
        "headers": request.headers.lines,
        "body": request.body,
        "now": NOW,
        **changed,
    }
    return verify_request(by, secret, **given)


def judged(by: str | Provider, secret: str, request: Request, **changed: Any) -> str:
    try:
        verified(by, secret, request, **changed)
    except VerificationFailed as failed:
        return failed.reason
    return "accepted"


@pytest.mark.parametrize("name", ['"payload"', '"p\\u0061yload"', '"\\u0070\\u0061yload"'])
def test_a_member_that_is_given_twice_is_the_one_that_parsers_take(name: str) -> None:
    """Bitso signs one member's text: another of the same name, however it is escaped, is not it."""
    sender = holder("bitso.test").key
    signature = sender.sign(b'{"id":1}', padding.PKCS1v15(), hashes.SHA256())
    headers = {"x-bitso-webhook-event-signature": base64.b64encode(signature).decode()}
    genuine = Request("POST", "/", "", Headers.of(headers), b'{"payload": {"id": 1}}')
    forged = b'{"payload": {"id": 1}, %s: {"id": 2}}' % name.encode()
    key = holder("bitso.test").public_pem

    assert orjson.loads(forged) == {"payload": {"id": 2}}
    assert judged("bitso", key, genuine) == "accepted"
    assert judged("bitso", key, genuine, body=forged) == "signature_mismatch"


@pytest.mark.parametrize("subject", [{"a": 1}, ["a"], 1, True, None])
def test_what_sns_signs_as_a_text_is_one(subject: object) -> None:
    """A subject that is none is nothing that a signature could be over, and goes to the handler."""
    pair = key_pair("aws-sns")
    plain = {"Type": "Notification", "Message": "5", "MessageId": "i", "Timestamp": "t"}
    came = sign("aws-sns", {**plain, "TopicArn": "a"}, secret=pair.private, now=NOW, url=URL)
    fields = orjson.loads(came.body)

    def judge(**changed: object) -> str:
        return judged("aws-sns", pair.public, came, body=orjson.dumps({**fields, **changed}))

    assert judge() == "accepted"
    assert judge(Subject=subject) == "field_malformed"
    assert judge(Message=5) == "field_malformed"


def test_only_the_certificate_that_was_judged_is_a_key(tmp_path: Path) -> None:
    """Whoever can write beside a genuine certificate must not bring a key of his own."""
    authority, forger = holder("authority.test"), holder("forger.test")
    own = holder("messages.test", authority)
    (tmp_path / "roots.pem").write_text(authority.pem)

    for text in (own.pem + forger.public_pem, forger.public_pem + own.pem, own.pem + forger.pem):
        believed = trusted(text, WITHIN, name="messages.test", roots=tmp_path / "roots.pem")
        (key,) = public_keys(believed)
        assert key.key == own.key.public_key()


@pytest.mark.parametrize("text", ['{"keys":[%s]}', "[%s]", "%s"])
def test_a_shared_secret_among_public_keys_is_none(text: str) -> None:
    """What was published is known to everybody, and must not be what an HMAC is made with."""
    with pytest.raises(ValueError, match="no public key"):
        public_keys(text % '{"kty":"oct","k":"a2V5","kid":"1"}')


def test_a_renamed_header_does_not_make_a_delivery_a_new_one() -> None:
    """Svix signs the id under either name: under either it is the same delivery's."""
    came = sign("svix", b"{}", secret=SECRET, now=NOW, delivery_id="msg_1")
    renamed = [(name.replace("svix-id", "webhook-id"), text) for name, text in came.headers]

    assert verified("svix", SECRET, came).delivery_id == "msg_1"
    assert verified("svix", SECRET, came, headers=renamed).delivery_id == "msg_1"


def test_an_id_that_is_signed_comes_before_one_that_is_not() -> None:
    """GitLab sends its id twice; who replays a delivery can change the one that is not signed."""
    gitlab = providers.gitlab("env:S", variant="signing-token")
    came = sign(gitlab, b"{}", secret=SECRET, now=NOW, headers={"webhook-id": "msg_1"})
    headers = [("idempotency-key", "another"), *came.headers]

    assert verified(gitlab, SECRET, came, headers=headers).delivery_id == "msg_1"


def test_a_hash_of_the_body_counts_only_where_it_is_signed() -> None:
    """An address that is registered with a query is what is signed, and what comes behind it is
    added by the sender; a query that is another's vouches for no body."""
    twilio = providers.twilio("env:S", url=f"{URL}?a=1")
    digest = base64.b64encode(standard.digest(b"s", f"{URL}?a=1".encode(), "sha1")).decode()
    empty = Request("POST", "", "", Headers.of({"X-Twilio-Signature": digest}), b"", origin=URL)
    hashed = f"bodySHA256={hashlib.sha256(b'{}').hexdigest()}"
    genuine = sign(twilio, b"{}", secret="s", now=NOW, url=f"{URL}?a=1&{hashed}")

    assert judged(twilio, "s", empty, url=f"{URL}?a=1") == "accepted"
    assert judged(twilio, "s", genuine) == "accepted"
    assert judged(twilio, "s", genuine, body=b"[]") == "body_altered"
    for query in (hashed, f"a=1&{hashed}", f"a=12&{hashed}", f"b&a=1&{hashed}"):
        assert judged(twilio, "s", empty, url=f"{URL}?{query}", body=b"{}") != "accepted", query


@pytest.mark.parametrize("second", ["before", "behind"])
def test_what_is_signed_is_not_given_twice(second: str) -> None:
    """A field of a form, a parameter: we read the first, and others may read the last."""
    for kind in ("form", "query"):
        scheme = hmac("env:S", header="X-Sig", message=f"{{{kind}:id}}")
        way = providers.from_mapping({"verify": {"header": "X-Sig", "message": f"{{{kind}:id}}"}})
        request = Request("POST", "/", "id=1", Headers(), b"id=1", origin="https://h.test")
        came = scheme.sign(request, SECRET, NOW)
        both = "id=2&id=1" if second == "before" else "id=1&id=2"
        changed = {"body": both.encode()} if kind == "form" else {"url": f"https://h.test/?{both}"}

        assert judged(way("env:S"), SECRET, came) == "accepted"
        assert judged(way("env:S"), SECRET, came, **changed) == "field_malformed"


def test_only_so_many_signatures_of_one_header_are_judged() -> None:
    """A stranger must not have a thousand checked at the price of one delivery."""
    stripe = providers.stripe("env:S")
    came = sign(stripe, b"{}", secret=SECRET, now=NOW)
    time, own = came.headers["stripe-signature"].split(",")

    def among(others: int) -> Request:
        entries = [time, *[f"v1={'0' * 64}"] * others, own]
        headers = Headers.of({"stripe-signature": ",".join(entries)})
        return Request("POST", "/", "", headers, b"{}")

    assert judged(stripe, SECRET, among(SIGNATURES_MAX - 1)) == "accepted"
    assert judged(stripe, SECRET, among(SIGNATURES_MAX)) == "signature_mismatch"


def part(name: str, content: str = "1", head: Sequence[str] = ()) -> bytes:
    lines = [f'--b\r\nContent-Disposition: form-data; name="{name}"', *head, "", content]
    return "\r\n".join(lines).encode()


def fields(*parts: bytes, kind: str = "multipart/form-data; boundary=b") -> list[tuple[str, str]]:
    return form_fields(kind, b"\r\n".join((*parts, b"--b--")))


def test_a_form_of_many_parts_is_none() -> None:
    """It is read before its signature is judged, so that it must not take long: no more than a
    thousand parts, none within another, and no endless heads."""
    assert len(fields(*[part("a")] * 1_000)) == 1_000
    assert fields(*[part("a")] * 1_001) == []
    assert fields(*[b"--b"] * 100_000) == []
    inner = "\r\n".join(["--c", 'Content-Disposition: form-data; name="x"', "", "2"] * 9)
    nested = part("a", inner, ["Content-Type: multipart/mixed; boundary=c"])
    assert fields(nested, part("d")) == [("a", inner), ("d", "1")]
    assert fields(part("a", head=["x: y"] * 15)) == [("a", "1")]
    assert fields(part("a", head=["x: y"] * 16), part("d")) == [("d", "1")]
    assert fields(part("a", head=[f"x: {'y' * 2_000}"]), part("d")) == [("d", "1")]


def test_parts_of_a_form_are_read_as_browsers_write_them() -> None:
    """Bytes as they are, line breaks and what looks like a boundary within them included."""
    assert fields(part("a", "x\r\n--bx\r\n\ny\r\n")) == [("a", "x\r\n--bx\r\n\ny\r\n")]
    assert fields(part("a", "")) == [("a", "")]
    assert fields(b"before", part("a"), part("b")) == [("a", "1"), ("b", "1")]
    assert fields(part("a").replace(b"\r\n", b"\n")) == [("a", "1")]
    assert fields(part("a", head=["Content-Transfer-Encoding: 8bit"])) == [("a", "1")]
    assert fields(part("a", "MQ==", ["Content-Transfer-Encoding: base64"])) == []
    assert fields(b"--b\r\nContent-Type: text/plain\r\n\r\n1") == []
    assert (
        fields(part("a"), kind="multipart/form-data; boundary*1=b; boundary*99" + "9" * 5_000) == []
    )
    assert fields(part("a"), kind="multipart/form-data; boundary=\ud800") == []


def test_a_secret_in_one_of_several_headers_is_known_to_be_one() -> None:
    """Each of them is taken out before anything is stored."""
    assert token("env:S", place="header:X-Token,X-Old-Token").secret_headers == (
        "x-token",
        "x-old-token",
    )


def test_what_is_tried_shows_no_secret() -> None:
    """Not in a traceback's repr either."""
    scheme = hmac("env:S", header="X-Sig")

    assert SECRET not in repr(Trial(Request("POST", "/", "", Headers(), b""), (SECRET,), scheme))


@pytest.mark.parametrize("now", [float("nan"), float("inf"), -float("inf"), 1e308])
def test_a_time_that_no_clock_shows_is_a_mistake(now: float) -> None:
    """No age can be judged by it, and nothing is accepted."""
    with pytest.raises(ValueError, match="now: seconds since 1970"):
        verify_request("github", "s", url=None, headers={}, body=b"", now=now)


@pytest.mark.parametrize("headers", [{"X-A": b"1"}, [(b"X-A", "1")], {"X-A": None}])
def test_a_header_of_another_type_is_told_without_what_it_holds(headers: Any) -> None:
    """Bytes are a mistake of the program's own, and may be the secret."""
    with pytest.raises(TypeError, match=r"^headers: names and values are texts") as raised:
        verify_request("github", "s", url=None, headers=headers, body=b"", now=NOW)

    assert "1" not in str(raised.value).replace("latin-1", "")
