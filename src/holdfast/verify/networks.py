"""Schemes without a secret: a sender known by its addresses, or not known at all."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from holdfast.errors import VerificationFailed
from holdfast.message import Request
from holdfast.secrets import SecretRef
from holdfast.verify.judge import refuse_mistakes

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Addresses:
    """A source that sends from known addresses. Made by `ip_ranges`.

    It is the peer's address that counts, as it does for a webhook's `allow`: behind a proxy that is
    the proxy.
    """

    networks: tuple[Network, ...]
    wrong: tuple[str, ...] = ()
    name = "ip-ranges"
    covers = frozenset[str]()

    @property
    def secrets(self) -> tuple[SecretRef, ...]:
        return ()

    @property
    def secret_headers(self) -> tuple[str, ...]:
        return ()

    def mistakes(self) -> tuple[str, ...]:
        return self.wrong

    def check(self, request: Request, secrets: Sequence[str], now_seconds: float) -> None:
        """Raises VerificationFailed."""
        refuse_mistakes(self.name, self.wrong)
        try:
            address = ipaddress.ip_address(request.remote.partition("%")[0])
        except ValueError:
            raise VerificationFailed("address_not_allowed", "it is not known") from None
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if not any(address in network for network in self.networks):
            raise VerificationFailed("address_not_allowed", request.remote)

    def sent_at(self, _request: Request) -> float | None:
        return None

    def sign(self, request: Request, secret: str, now_seconds: float) -> Request:
        """As it is: nothing in a request shows its address."""
        return request


@dataclass(frozen=True, slots=True)
class Unsigned:
    """A source that proves nothing, and says so: what it tells must be asked for at its API."""

    name = "none"
    covers = frozenset[str]()

    @property
    def secrets(self) -> tuple[SecretRef, ...]:
        return ()

    @property
    def secret_headers(self) -> tuple[str, ...]:
        return ()

    def mistakes(self) -> tuple[str, ...]:
        return ()

    def check(self, request: Request, secrets: Sequence[str], now_seconds: float) -> None:
        """Anything goes."""

    def sent_at(self, _request: Request) -> float | None:
        return None

    def sign(self, request: Request, secret: str, now_seconds: float) -> Request:
        """As it is."""
        return request
