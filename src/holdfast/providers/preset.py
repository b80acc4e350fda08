"""A sender's description, and the `Provider` that it becomes with a secret."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from holdfast.definition import Handshake, Provider
from holdfast.errors import UnknownProvider
from holdfast.gateway.handshakes import named
from holdfast.providers.facts import Facts
from holdfast.providers.ways import Choices, Way, filled, with_mistakes
from holdfast.verify.judge import Judge, References


class Preset:
    """A known sender. Called with a secret's reference, it gives the `Provider` for a webhook."""

    def __init__(self, id: str, table: Mapping[str, Any], *, of: str = "", wrong: str = "") -> None:
        """`of`: what a mistake in the table is said to be in, such as the name of its file."""
        self.id = id
        self._of = of
        self._wrong = [wrong] if wrong else []
        facts = Facts(table, self._wrong)
        self.secret = facts.text("secret")
        """What its secret is called, or looks like."""
        self.secret_chosen = facts.flag("secret_chosen")
        """Whether its user may choose the secret, in its default way to sign."""
        self.config = {name: str(about) for name, about in facts.table("config").items()}
        """Settings of its own, and what each is."""
        self.tokens = {name: str(about) for name, about in facts.table("tokens").items()}
        """References of its own beside the secret: what only its handshake knows."""
        self.ways = _ways(facts, self._wrong)
        """Its ways to sign, by variant; the first is the default. One without variants is `""`."""
        for way in self.ways.values():
            self._wrong += way.mistakes()
        self._provider = facts.provider(id)

    def __repr__(self) -> str:
        return f"<provider {self.id}>"

    @property
    def title(self) -> str:
        return self._provider.title

    @property
    def spelled(self) -> str:
        """How a definition calls it: `providers.stripe`, `providers.from_file("acme.toml")`."""
        own = self._of.endswith(".toml")
        return (
            f"providers.from_file({json.dumps(self._of)})"
            if own
            else f"providers.{self.id.replace('-', '_')}"
        )

    @property
    def variants(self) -> tuple[str, ...]:
        """Its ways to sign, the default first; none where there is only one."""
        return tuple(name for name in self.ways if name)

    def __call__(
        self,
        secret: References | None = None,
        *,
        variant: str | None = None,
        tolerance: str | None = None,
        url: str | None = None,
        **config: Any,
    ) -> Provider:
        """The sender, for `app.webhook(..., provider=...)`.

        secret: a reference such as `env:NAME`, or several during a rotation. Where the sender signs
            with a private key: its public key, or nothing where that is published.
        variant: which of its ways to sign; default: the first.
        tolerance: how old a delivery may be, where the sender's own idea does not suit; `"any"`.
        url: the address as it is registered with the sender, where that is signed and differs from
            what is seen here, as behind a proxy.
        config: the settings of its own, by name; a token of its handshake as a reference.

        Never raises: what is wrong is among the mistakes of the definition.
        """
        wrong: list[str] = []
        try:
            way = self.way(variant)
        except UnknownProvider as error:
            wrong.append(f"variant: {error}")
            way = next(iter(self.ways.values()))
        unknown = [name for name in config if name not in self.config and name not in self.tokens]
        known = ", ".join((*self.config, *self.tokens)) or "none"
        wrong += [f"{name}: not a setting of {self.id}; there are: {known}" for name in unknown]
        for name in way.lacks(config):
            about = self.config.get(name, "")
            wrong.append(
                f'{name}: it must be given: {name}="..."' + (f", {about}" if about else "")
            )
        given = None if way is _NOTHING else secret
        handshakes = tuple(self._shaking(each, url, config, wrong) for each in self._handshakes())
        if self.calls_endpoint and not way.signs_url:
            url = None
        found = way.make(given, Choices(tolerance, url, config), wrong)
        told = [f"{self._of} {mistake}".strip() for mistake in self._wrong] + wrong
        named = variant or next(iter(self.variants), None)
        provider = self._provider
        if self._wrong:
            # Its mistakes are told once, by their place in the description.
            provider = replace(provider, delivery_id=(), event_type=())
            handshakes = ()
        return replace(
            provider,
            verification=with_mistakes(found, told),
            variant=named,
            handshakes=handshakes,
        )

    @property
    def calls_endpoint(self) -> bool:
        """Whether the address that is registered with it has a part in its handshake."""
        return any("{endpoint}" in str(each.settings) for each in self._handshakes())

    def _handshakes(self) -> tuple[Handshake, ...]:
        return tuple(each for each in self._provider.handshakes if isinstance(each, Handshake))

    def _shaking(
        self, handshake: Handshake, url: str | None, config: Mapping[str, Any], wrong: list[str]
    ) -> Handshake:
        """With the user's own settings in it, and his tokens where it asks for one."""
        ready = replace(handshake, settings=filled(handshake.settings, config), url=url or "")
        if named(ready).asks_for != "token":
            return ready
        judge = Judge()
        tokens = [judge.references(config[name]) for name in self.tokens if config.get(name)]
        wrong += [mistake.replace("secret:", "token:", 1) for mistake in judge.wrong]
        return replace(ready, secrets=tuple(ref for refs in tokens for ref in refs))

    def way(self, variant: str | None) -> Way:
        """How it signs, in that variant or by default. Raises UnknownProvider, naming those known."""
        if variant is None:
            return next(iter(self.ways.values()))
        if not variant or variant not in self.ways:
            known = ", ".join(self.variants) or "none"
            raise UnknownProvider(f"{self.id} has no variant {variant!r}; there are: {known}")
        return self.ways[variant]


def _ways(facts: Facts, wrong: list[str]) -> dict[str, Way]:
    shared = facts.table("verify")
    variants = facts.table("variants")
    if not shared and not variants and not wrong:
        wrong.append('verify: say how it signs; scheme = "none" where it does not')
    ways: dict[str, Way] = {}
    for name, changes in variants.items():
        if isinstance(changes, Mapping):
            ways[name] = Way.of({**shared, **changes})
        else:
            wrong.append(f"variants.{name}: a table is needed")
    return ways or {"": Way.of(shared) if shared else _NOTHING}


_NOTHING = Way("none", {})
"""Stands where a description does not say how its sender signs; its mistakes tell so."""
