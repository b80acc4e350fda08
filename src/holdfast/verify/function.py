"""Verification by a plain function of the request, for what no scheme here describes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from holdfast.errors import NotSupported, VerificationFailed
from holdfast.message import Request
from holdfast.secrets import SecretRef


@dataclass(frozen=True, slots=True)
class FunctionVerification:
    """`function(request)` accepts with True or None and rejects with False.

    It may raise VerificationFailed to name its own reason. Whatever else it raises passes as it is:
    a check that broke has not found the source false, so the event is tried again.
    """

    function: Callable[[Request], Any]

    @property
    def name(self) -> str:
        return "function"

    @property
    def secrets(self) -> tuple[SecretRef, ...]:
        return ()

    @property
    def secret_headers(self) -> tuple[str, ...]:
        return ()

    def mistakes(self) -> tuple[str, ...]:
        if not callable(self.function):
            return ("verify takes a scheme, such as hmac_sha256(...), or a function",)
        called = getattr(self.function, "__call__", None)  # noqa: B004 - the method is inspected
        if inspect.iscoroutinefunction(self.function) or inspect.iscoroutinefunction(called):
            return ("a verification function cannot be async: it decides by the request alone",)
        return ()

    def check(self, request: Request, secrets: Sequence[str], now_seconds: float) -> None:
        """Raises VerificationFailed, or whatever the function raises."""
        verdict = self.function(request)
        if verdict is False:
            raise VerificationFailed("rejected")
        if verdict is not None and verdict is not True:
            # A forgotten call or comparison must not pass for a yes.
            kind = type(verdict).__name__
            raise TypeError(f"a verification function returns True, False or None, not {kind}")

    def sign(self, request: Request, secret: str, now_seconds: float) -> Request:
        raise NotSupported("a verification function can check, but not sign")
