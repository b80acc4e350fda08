"""Secrets out of Secrets Manager, under the names that the stack gave them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from holdfast.clock import Clock
from holdfast.errors import SecretMissing
from holdfast.secrets import SecretRef, Secrets

FRESH_SECONDS: Final = 300.0
"""A rotation is seen by then; two references may be given for the time in between."""


class StackSecrets(Secrets):
    """Values live in memory, and are asked for again once they are old.

    Where Secrets Manager does not answer, an old value serves: a signature that it fits is genuine
    all the same.
    """

    def __init__(self, names: Mapping[str, str], clock: Clock) -> None:
        super().__init__()
        self._names = names
        self._clock = clock
        self._guard = threading.Lock()
        self._known: dict[str, tuple[float, str]] = {}
        self._client: Any = None

    def value(self, ref: SecretRef) -> str:
        """Raises SecretMissing, naming the reference and never the value."""
        name = self._names.get(str(ref))
        if name is None:
            return super().value(ref)
        with self._guard:
            now = self._clock.monotonic()
            known = self._known.get(name)
            if known is None or now - known[0] >= FRESH_SECONDS:
                known = self._asked(ref, name, now, known)
            return known[1]

    def _asked(
        self, ref: SecretRef, name: str, now: float, known: tuple[float, str] | None
    ) -> tuple[float, str]:
        try:
            told = self._secrets_manager().get_secret_value(SecretId=name)
        except Exception as error:  # the SDK's errors have no common root
            if known is not None:
                return known
            raise SecretMissing(
                f"the secret {ref} cannot be read as {name}: {type(error).__name__}"
            ) from None
        value = told.get("SecretString")
        if not value:
            raise SecretMissing(f"the secret {ref}, {name} in Secrets Manager, is empty")
        self._known[name] = (now, value)
        return self._known[name]

    def _secrets_manager(self) -> Any:
        if self._client is None:
            session = import_module("botocore.session").Session()
            self._client = session.create_client("secretsmanager")
        return self._client
