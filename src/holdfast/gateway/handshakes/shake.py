"""A description of a handshake, made ready for the door."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson

from holdfast.definition import Handshake as Described
from holdfast.definition import Verification
from holdfast.errors import VerificationFailed
from holdfast.gateway.handshakes.hand import Hand, Reply
from holdfast.gateway.handshakes.kinds import KINDS, Kind
from holdfast.gateway.handshakes.terms import SETTINGS, Terms, parse_terms
from holdfast.secrets import SecretRef
from holdfast.verify.forms import is_form
from holdfast.verify.judge import Judge
from holdfast.verify.locate import Locator, json_at
from holdfast.verify.reading import Reading, text_of

METHODS: Final = ("GET", "POST", "HEAD", "PUT", "OPTIONS")

_IN_LINE: Final = frozenset({"query", "header"})
_LACKING: Final = frozenset({"field_missing", "header_missing", "header_malformed"})


@dataclass(frozen=True, slots=True)
class Condition:
    """What must stand in a place: this text, or anything (True), or nothing at all (False)."""

    place: Locator
    wanted: str | bool

    def holds(self, reading: Reading) -> bool:
        found = self._found(reading)
        if isinstance(self.wanted, bool):
            return (found is not None) is self.wanted
        return found == self.wanted

    def _found(self, reading: Reading) -> str | None:
        if self.place.kind == "json" and self.wanted is not True:
            return _written(json_at(reading.document, self.place.name))
        if self.place.kind == "form" and not is_form(reading.request.headers.get("content-type")):
            # Any text at all can be read as a form: JSON that holds `&webhook_id=3` is none.
            return None
        return reading.find(self.place)

    @property
    def trace(self) -> bytes:
        """What a body holds wherever this can be true: reading every event as JSON would cost more."""
        return self.place.name.partition("#")[0].rpartition(".")[2].encode()


@dataclass(frozen=True, slots=True)
class Handshake:
    """One provider's way: how a request for it looks, and what it expects to hear."""

    name: str
    kind: Kind
    method: str
    signed: bool
    """Sent with the provider's signature, which is checked first."""
    secrets: tuple[SecretRef, ...]
    """References to the token that only this handshake knows."""
    conditions: tuple[Condition, ...]
    empty: bool
    """The body must be, too."""
    terms: Terms
    url: str = ""

    @property
    def in_line(self) -> bool:
        """Whether the request line and the headers tell, without the body."""
        return not self.empty and all(each.place.kind in _IN_LINE for each in self.conditions)

    @property
    def asks_for(self) -> Literal["secret", "token"] | None:
        shown = self.kind is KINDS["echo"] and self.terms.token is not None
        return "token" if shown else self.kind.asks_for

    @property
    def may_use_secret(self) -> bool:
        """Whether the secret with which the provider signs will do, where no token is given."""
        return self.kind is not KINDS["digest-reply"]

    @property
    def needs_secrets(self) -> bool:
        return self.asks_for is not None

    def references(self, verification: Verification | None) -> Sequence[SecretRef]:
        """To what it needs: its own token, or the provider's secret where that will do."""
        if self.secrets or verification is None or not self.may_use_secret:
            return self.secrets
        return verification.secrets

    def cannot_answer(self, verification: Verification | None) -> bool:
        """Whether it needs a secret, and was given none."""
        return self.needs_secrets and not self.references(verification)

    @property
    def hands_over(self) -> bool:
        """Whether the provider gives us its secret in it."""
        return self.kind is KINDS["store-token"] and self.terms.token is not None

    @property
    def asks_nothing(self) -> bool:
        """Whether any answer of its status will do."""
        return self.kind is KINDS["ping"] and not self.terms.body

    @property
    def visits(self) -> bool:
        """Whether an address of the provider's is to be visited."""
        return self.kind is KINDS["visit-url"]

    @property
    def parameter(self) -> str | None:
        """The query parameter that is given back as text, without a secret and without a thought;
        None: it is more than that."""
        text = self.terms.text
        if self.signed or self.needs_secrets or not self.in_line or text is None:
            return None
        places = [each.place for each in text.placeholders if not each.transforms]
        if len(text.parts) != 1 or len(places) != 1 or self.kind is not KINDS["echo"]:
            return None
        (place,) = places
        return place.name if isinstance(place, Locator) and place.kind == "query" else None

    def held_out(self, reading: Reading) -> bool:
        """Whether a request with its method is one for this handshake."""
        body = reading.body
        if self.empty and body.strip():
            return False
        for each in self.conditions:
            if each.wanted is False or each.place.kind in _IN_LINE:
                continue
            if each.trace not in body:
                return False
        return all(each.holds(reading) for each in self.conditions)

    def reply(self, hand: Hand) -> Reply | None:
        """What is answered; None where it is no handshake after all.

        Raises VerificationFailed where the provider had to prove itself and could not, or where what
        it asks for is refused.
        """
        try:
            return self.kind.reply(self.terms, hand)
        except VerificationFailed as failure:
            if failure.reason in _LACKING:
                return None
            raise


def make(described: Described, name: str = "") -> Handshake:
    """From a description; one with mistakes becomes something that no request is."""
    return _made(described, name or described.kind)[0]


def handshake_mistakes(described: Described) -> list[str]:
    """Everything that is wrong with a description, in words."""
    return _made(described, described.kind)[1]


def _made(described: Described, name: str) -> tuple[Handshake, list[str]]:
    judge = Judge()
    if described.kind not in KINDS:
        judge.wrong.append(f"kind: {described.kind!r} is none of {', '.join(KINDS)}")
    kind = KINDS.get(described.kind, KINDS["ping"])
    settings = dict(described.settings)
    empty = settings.pop("empty", False) is True
    judge.wrong += [
        f"{each}: not a setting of {described.kind}; there are {', '.join(kind.takes)}"
        for each in settings
        if each not in kind.takes
    ]
    judge.wrong += [f"{each}: it is needed" for each in kind.needs if each not in settings]
    conditions = tuple(_condition(judge, place, value) for place, value in described.where)
    if not conditions and not empty and described.method == "POST":
        judge.wrong.append("where: say what tells it from an event")
    method = judge.one_of("method", described.method, METHODS)
    terms = parse_terms({key: settings[key] for key in settings if key in SETTINGS}, judge)
    made = Handshake(
        name=name,
        kind=kind,
        method=method if not judge.wrong else "",
        signed=described.signed,
        secrets=described.secrets,
        conditions=conditions,
        empty=empty,
        terms=terms,
        url=described.url,
    )
    return made, judge.wrong


def _condition(judge: Judge, place: str, value: Any) -> Condition:
    nowhere = Locator("header", "x")
    locator = judge.parsed(f"where.{place}", Locator.parse, place, nowhere)
    if isinstance(value, bool):
        return Condition(locator, value)
    text = text_of(value)
    if text is None:
        judge.wrong.append(
            f"where.{place}: a text, a number, true for anything at all, or false for nothing"
        )
    return Condition(locator, text or "")


def _written(value: Any) -> str | None:
    """A scalar as text; a list or an object as JSON, so that `[]` can be asked for."""
    if isinstance(value, list | dict):
        return orjson.dumps(value).decode()
    return text_of(value)
