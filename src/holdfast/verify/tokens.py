"""Making schemes of tokens and credentials: what the user writes, in; parsed parts, out.

Nothing here raises: `mistakes()` of what is made tells what is wrong.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence

from holdfast.verify.content import Content
from holdfast.verify.credentials import Credentials
from holdfast.verify.judge import Judge, References
from holdfast.verify.locate import Locator
from holdfast.verify.networks import Addresses, Network, Unsigned
from holdfast.verify.settings import NOWHERE, Fetch, address_of, tolerance_ms
from holdfast.verify.webtoken import (
    ALGORITHMS,
    TIME_CLAIMS,
    Algorithm,
    Claim,
    TimeClaim,
    WebToken,
)


def basic(user: str, password: References) -> Credentials:
    """HTTP Basic: the user's name as it is, the password as a reference such as `env:PASSWORD`."""
    judge = Judge()
    user = judge.text("user", user)
    if ":" in user:
        # The one character that HTTP Basic cannot carry in a name.
        judge.wrong.append("user: a name cannot hold a colon; the password is a setting of its own")
        user = ""
    return _basic(judge, password, user)


def basic_pair(credentials: References) -> Credentials:
    """HTTP Basic, where the secret is all of it: `user:password`."""
    return _basic(Judge(), credentials, None)


def _basic(judge: Judge, secret: References, user: str | None) -> Credentials:
    return Credentials(
        name="basic",
        secrets=judge.references(secret),
        place=Locator("header", "Authorization"),
        word="Basic",
        user=user,
        wrong=tuple(judge.wrong),
    )


def bearer(token: References) -> Credentials:
    """`Authorization: Bearer ...`, compared with a token of ours."""
    judge = Judge()
    references = judge.references(token)
    place = Locator("header", "Authorization")
    return Credentials("bearer", references, place, "Bearer", wrong=tuple(judge.wrong))


def token(token: References, *, header: str | None = None, place: str | None = None) -> Credentials:
    """A header whose whole value is the token, such as `X-Gitlab-Token`; or any other place, such as
    `json:items.*.token`, where every item must show it."""
    judge = Judge()
    references = judge.references(token)
    written = place if place is not None else f"header:{judge.text('header', header or '')}"
    setting = "header" if place is None else "place"
    if written == "header:":
        judge.wrong.append("header: name the header that carries the token")
        where = NOWHERE
    else:
        where = judge.parsed(setting, Locator.parse, written, NOWHERE)
    if where.several and where.name.count("*") > 1:
        judge.wrong.append(f"{setting}: one list at the most, {where} goes through several")
    return Credentials("token", references, where, wrong=tuple(judge.wrong))


def jwt(
    key: References = (),
    *,
    header: str,
    algorithms: Sequence[Algorithm],
    prefix: str = "",
    claims: Mapping[str, str | bool] | None = None,
    times: Sequence[TimeClaim] = (),
    leeway: str = "0s",
    max_age: str | None = None,
    require: Mapping[str, str] | None = None,
    fetch: Fetch | None = None,
    url: str = "",
    name: str = "jwt",
) -> WebToken:
    """A JSON Web Token in a header, signed with a shared secret or with the sender's private key.

    key: a reference to the secret (HS256, ...), or to the public key: PEM, JWK or a set of JWKs; no
        key is given where `fetch` says where it is.
    claims: what the token must say, as templates: `{"body": "{body|sha256hex}"}`. A claim whose
        template comes out empty must be absent; one whose name ends in `?` may be.
    times: of exp, nbf and iat, those that must be there. Each is judged where it is there.
    leeway: how far off the two clocks may be.
    max_age: how long ago it may have been issued.
    require: what must stand elsewhere, as templates; an empty one demands nothing.
    """
    judge = Judge()
    references = () if fetch is not None and not key else judge.references(key)
    allowed = judge.texts("algorithms", algorithms)
    if not allowed:
        judge.wrong.append(f"algorithms: name some of {', '.join(ALGORITHMS)}")
    elif len({word[:2] == "HS" for word in allowed}) > 1:
        # With both, a forger could take the public key, which everybody knows, for the secret.
        judge.wrong.append("algorithms: a shared secret or a key pair, not either")
    age = tolerance_ms(judge, "max_age", max_age)
    return WebToken(
        name=judge.text("name", name),
        secrets=references,
        place=judge.parsed(
            "header", Locator.parse, f"header:{judge.text('header', header)}", NOWHERE
        ),
        algorithms=tuple(judge.one_of("algorithms", each, ALGORITHMS) for each in allowed),
        claims=tuple(_claim(judge, *pair) for pair in (claims or {}).items()),
        times=tuple(judge.one_of("times", each, TIME_CLAIMS) for each in times),
        prefix=judge.text("prefix", prefix),
        leeway_ms=tolerance_ms(judge, "leeway", leeway) or 0,
        max_age_ms=age,
        require=tuple(
            (
                judge.parsed("require", Locator.parse, place, NOWHERE),
                _template(judge, "require", text),
            )
            for place, text in (require or {}).items()
        ),
        address=address_of(judge, fetch),
        url=judge.text("url", url),
        wrong=tuple(judge.wrong),
    )


def ip_ranges(networks: Sequence[str]) -> Addresses:
    """A sender known by its addresses: `["203.0.113.7", "10.0.0.0/8"]`."""
    judge = Judge()
    found: list[Network] = []
    for text in judge.texts("networks", networks):
        try:
            found.append(ipaddress.ip_network(text))
        except ValueError:
            judge.wrong.append(f"networks: {text!r} is not an address or a network")
    if not found and not judge.wrong:
        judge.wrong.append("networks: name at least one")
    return Addresses(tuple(found), tuple(judge.wrong))


def unsigned() -> Unsigned:
    """A sender that signs nothing: what it tells must be asked for at its API."""
    return Unsigned()


def _claim(judge: Judge, name: str, expected: str | bool) -> Claim:
    optional = name.endswith("?")
    name = name.removesuffix("?")
    if isinstance(expected, bool):
        return Claim(name, expected, optional)
    return Claim(name, _template(judge, f"claims.{name}", expected), optional)


def _template(judge: Judge, setting: str, text: str) -> Content:
    """A template that need not hold anything of the request."""
    if isinstance(text, str) and "{" not in text:
        return Content((text.encode(),) if text else ())
    return judge.parsed(setting, Content.parse, text, Content(()))
