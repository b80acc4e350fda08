"""One way in which a sender signs: a scheme's name and its settings, as a description has them.

The settings are those of the scheme's own function, by the same names: `[verify]` with
`header = "X-Signature"` is `holdfast.hmac(secret, header="X-Signature")`. In any text
`{config:name}` stands for a setting of the user's, which may be left out where it is written
`{config:name?}`.
"""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

from holdfast.definition import Verification
from holdfast.verify.judge import References
from holdfast.verify.networks import Unsigned
from holdfast.verify.schemes import (
    digest,
    ecdsa,
    ed25519,
    hmac,
    hmac_sha256,
    rsa,
    standard_webhooks,
)
from holdfast.verify.settings import SignedSettings
from holdfast.verify.tokens import basic_pair, bearer, ip_ranges, jwt, token, unsigned

SCHEMES: Final[Mapping[str, Callable[..., Verification]]] = {
    "hmac": hmac,
    "hmac_sha256": hmac_sha256,
    "standard_webhooks": standard_webhooks,
    "digest": digest,
    "ed25519": ed25519,
    "ecdsa": ecdsa,
    "rsa": rsa,
    "jwt": jwt,
    "token": token,
    "bearer": bearer,
    "basic": basic_pair,
    "ip_ranges": ip_ranges,
    "none": unsigned,
}
"""Every scheme by the name that a description calls it. The first is meant where none is named."""

_SECRETLESS: Final = ("ip_ranges", "none")
_CONFIG: Final = re.compile(r"\{config:([a-z][a-z0-9_]*)(\?)?\}")
_URL: Final = re.compile(r"\{(?:url|plivo)[|}]")


@dataclass(frozen=True, slots=True)
class Choices:
    """What the user says of a sender, beside its secret."""

    tolerance: str | None = None
    url: str | None = None
    config: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """A scheme and its settings, not judged yet."""

    scheme: str
    settings: Mapping[str, Any]

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> Way:
        """From a `verify` table, with what a variant changes of it."""
        settings = dict(table)
        return cls(str(settings.pop("scheme", "hmac")), settings)

    @property
    def takes_secret(self) -> bool:
        return self.scheme not in _SECRETLESS

    @property
    def needs_secret(self) -> bool:
        """Not where it is a public key that is published."""
        fetch = self.settings.get("fetch")
        published = isinstance(fetch, Mapping) and "post" not in fetch
        return self.takes_secret and not published

    @property
    def signs_url(self) -> bool:
        return any(_URL.search(text) for text in _texts(self.settings))

    @property
    def age(self) -> str:
        """The setting that says how old a delivery may be; empty: its age is not judged."""
        if self.scheme == "standard_webhooks" or "timestamp" in self.settings:
            return "tolerance"
        return "max_age" if "max_age" in self.settings else ""

    def config(self) -> dict[str, bool]:
        """The settings of the user's that it asks for, and whether each must be given."""
        found: dict[str, bool] = {}
        for text in _texts(self.settings):
            for name, optional in _CONFIG.findall(text):
                found[name] = found.get(name, False) or not optional
        return found

    def lacks(self, config: Mapping[str, str]) -> list[str]:
        """The settings that must be given, and are not."""
        return [name for name, needed in self.config().items() if needed and not config.get(name)]

    def mistakes(self) -> list[str]:
        """What no scheme could make anything of."""
        if self.scheme not in SCHEMES:
            return [f"verify.scheme: {self.scheme!r} is none of {', '.join(SCHEMES)}"]
        known = settings_of(self.scheme)
        wrong = [
            f"verify.{name}: not a setting of {self.scheme}{_close(name, known)}"
            for name in self.settings
            if name not in known
        ]
        if "tolerance" in self.settings and "tolerance" in known and not self.age:
            wrong.append("verify.tolerance: of what? nothing says where the timestamp is")
        return wrong + [f"verify.{name}: it is needed" for name in self._lacking()]

    def _lacking(self) -> list[str]:
        """The settings without which the scheme cannot be made."""
        known = settings_of(self.scheme)
        parameters = inspect.signature(SCHEMES[self.scheme]).parameters.values()
        needed = [each.name for each in parameters if each.default is each.empty]
        return [name for name in needed if name in known and name not in self.settings]

    def make(self, secret: References | None, choices: Choices, wrong: list[str]) -> Verification:
        """The verification. What is wrong is noted there and in `wrong`; nothing is raised."""
        make = SCHEMES.get(self.scheme)
        if make is None:
            return Unsigned()
        settings = {
            name: filled(value, choices.config or {})
            for name, value in self.settings.items()
            if name in settings_of(self.scheme)
        }
        if choices.tolerance is not None:
            if self.age:
                settings[self.age] = choices.tolerance
            else:
                wrong.append("tolerance: its deliveries carry no time that is judged")
        if choices.url is not None:
            if self.signs_url:
                settings["url"] = choices.url
            else:
                wrong.append("url: it does not sign the URL")
        if not self.takes_secret:
            if secret is not None:
                wrong.append("secret: it has none")
            secret = None
        given = (secret,) if self.needs_secret or secret is not None else ()
        if self._lacking():
            return Unsigned()  # which is among its mistakes
        try:
            return make(*given, **settings)
        except TypeError as error:
            wrong.append(f"verify: {error}")
            return Unsigned()


@lru_cache(maxsize=32)
def settings_of(scheme: str) -> frozenset[str]:
    """The names of a scheme's settings, its secret aside."""
    parameters = list(inspect.signature(SCHEMES[scheme]).parameters.values())
    names = {each.name for each in parameters if each.kind is each.KEYWORD_ONLY}
    if any(each.kind is each.VAR_KEYWORD for each in parameters):
        names |= set(SignedSettings.__annotations__)
    if scheme == "ip_ranges":
        names.add("networks")
    return frozenset(names)


def with_mistakes(verification: Verification, wrong: list[str]) -> Verification:
    """The same, with more mistakes: it will never run, and tells why."""
    if not wrong:
        return verification
    if isinstance(verification, Unsigned):
        return replace(hmac("env:SECRET", header="X"), wrong=tuple(wrong))
    told = (*wrong, *verification.mistakes())
    return replace(verification, wrong=told)  # type: ignore[type-var]  # all of ours have one


def _texts(value: Any) -> Iterator[str]:
    """Every text in a table, keys aside."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)


def filled(value: Any, config: Mapping[str, str], lacking: str = "") -> Any:
    """With the user's settings in their places, and `lacking` where there are none. Their braces
    stand for themselves."""
    if isinstance(value, str):
        return _CONFIG.sub(lambda found: _literal(config.get(found[1]), value, lacking), value)
    if isinstance(value, Mapping):
        return {name: filled(each, config, lacking) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [filled(each, config, lacking) for each in value]
    return value


def _literal(text: str | None, template: str, lacking: str) -> str:
    if not isinstance(text, str):
        return lacking
    alone = _CONFIG.fullmatch(template) is not None
    return text if alone else text.replace("{", "{{").replace("}", "}}")


def _close(name: str, known: frozenset[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""
