"""Secrets out of Secrets Manager and Parameter Store, under the names that the stack gave them."""

from __future__ import annotations

import hmac
import threading
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from holdfast.clock import Clock
from holdfast.errors import SecretMissing, StoreError
from holdfast.secrets import SecretRef, Secrets

FRESH_SECONDS: Final = 300.0
"""A rotation is seen by then; two references may be given for the time in between."""

ASK_AGAIN_SECONDS: Final = 30.0
"""After AWS did not answer, where an old value serves."""

CONNECT_SECONDS: Final = 1
READ_SECONDS: Final = 2
ATTEMPTS: Final = 2
"""Of each call: Verify asks for two secrets and has said which of them AWS keeps silent about before
its own time is up. The SDK by itself would be silent for minutes, and be ended with nothing said."""

_TAKEN: Final = ("ResourceExistsException", "ParameterAlreadyExists")
"""What AWS says to whoever wants to make what is there already."""


class Vaults:
    """Where secrets lie on AWS, by the kind of reference that names them."""

    def __init__(self) -> None:
        self._clients: dict[str, Any] = {}

    def read(self, ref: SecretRef, name: str) -> str:
        """Raises what the SDK raises, and KeyError where a secret is no text."""
        if ref.kind == "aws-ssm":
            told = self._client("ssm").get_parameter(Name=name, WithDecryption=True)
            return str(told["Parameter"]["Value"])
        return str(self._client("secretsmanager").get_secret_value(SecretId=name)["SecretString"])

    def create(self, ref: SecretRef, name: str, value: str) -> None:
        """Make it, and change none that is there. Raises what the SDK raises."""
        if ref.kind == "aws-ssm":
            ssm = self._client("ssm")
            ssm.put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=False)
        else:
            self._client("secretsmanager").create_secret(Name=name, SecretString=value)

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            session = import_module("botocore.session").Session()
            config = import_module("botocore.config").Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            )
            self._clients[service] = session.create_client(service, config=config)
        return self._clients[service]


class StackSecrets(Secrets):
    """Values live in memory, and are asked for again once they are old.

    Where AWS does not answer, an old value serves: a signature that it fits is genuine all the same.
    """

    def __init__(
        self, names: Mapping[str, str], clock: Clock, vaults: Vaults | None = None
    ) -> None:
        super().__init__()
        self._names = names
        self._clock = clock
        self._vaults = vaults or Vaults()
        self._guard = threading.Lock()
        self._known: dict[str, tuple[str, float]] = {}
        """Each value, and when it is to be asked for again."""

    def value(self, ref: SecretRef) -> str:
        """Raises SecretMissing, naming the reference and never the value."""
        name = self._names.get(str(ref))
        if name is None:
            return super().value(ref)
        with self._guard:
            now = self._clock.monotonic()
            value, until = self._known.get(str(ref), (None, now))
            if value is None or now >= until:
                value, good_for = self._asked(ref, name, value)
                self._known[str(ref)] = value, now + good_for
            return value

    def _asked(self, ref: SecretRef, name: str, old: str | None) -> tuple[str, float]:
        """The value, and for how many seconds it is good."""
        try:
            value = self._vaults.read(ref, name)
        except Exception as error:  # the SDK's errors have no common root
            if old is not None:
                return old, ASK_AGAIN_SECONDS
            raise SecretMissing(
                f"the secret {ref} cannot be read as {name}: {_why(error)}"
            ) from None
        if not value:
            raise SecretMissing(f"the secret {ref}, on AWS {name}, is empty")
        return value, FRESH_SECONDS


class KeptToken:
    """The secret that a sender hands over: made once under the name that the stack gave it."""

    def __init__(self, ref: SecretRef, name: str, vaults: Vaults | None = None) -> None:
        self._ref = ref
        self._name = name
        self._vaults = vaults or Vaults()

    def path(self, webhook: str) -> str:
        """Under which name it is."""
        return self._name

    def keep(self, webhook: str, token: str) -> bool:
        """Durable when it returns; False: another one is there. Raises StoreError."""
        try:
            self._vaults.create(self._ref, self._name, token)
        except Exception as error:  # the SDK's errors have no common root
            if _why(error) in _TAKEN:
                return self._is(token)
            raise StoreError(f"the token of {webhook} cannot be kept: {_why(error)}") from None
        return True

    def _is(self, token: str) -> bool:
        try:
            kept = self._vaults.read(self._ref, self._name)
        except Exception as error:
            raise StoreError(f"{self._name} cannot be read: {_why(error)}") from None
        return hmac.compare_digest(kept.encode(), token.encode())


def _why(error: Exception) -> str:
    """AWS's name for it; never the text, which may hold what was sent."""
    told = getattr(error, "response", None)
    code = told.get("Error", {}).get("Code") if isinstance(told, dict) else None
    return str(code or type(error).__name__)
