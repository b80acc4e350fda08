"""Secrets as functions in Lambda read them."""

from __future__ import annotations

from typing import Final

import pytest

from holdfast.aws.worker.secrets import FRESH_SECONDS, StackSecrets
from holdfast.clock import ManualClock
from holdfast.errors import SecretMissing
from holdfast.secrets import SecretRef

NOW_MS: Final = 1_700_000_000_000


class Answering:
    """What answers for it, and how often it was asked."""

    def __init__(self) -> None:
        self.values = {"shop/USERS_SECRET": "one"}
        self.asked = 0

    def get_secret_value(self, SecretId: str) -> dict[str, str]:  # noqa: N803 - the SDK's name
        self.asked += 1
        return {"SecretString": self.values[SecretId]}


def test_secrets_are_asked_for_once_in_five_minutes() -> None:
    """A rotation is seen after that; where nobody answers then, the old one serves."""
    clock, manager = ManualClock(NOW_MS), Answering()
    secrets = StackSecrets({"env:USERS_SECRET": "shop/USERS_SECRET"}, clock)
    secrets._client = manager
    reference = SecretRef("env", "USERS_SECRET")

    assert [secrets.value(reference) for _ in range(3)] == ["one"] * 3
    assert manager.asked == 1
    manager.values["shop/USERS_SECRET"] = "two"
    clock.advance(FRESH_SECONDS)
    assert secrets.value(reference) == "two"
    manager.values.clear()
    clock.advance(FRESH_SECONDS)
    assert secrets.value(reference) == "two"


def test_a_secret_that_is_not_there_is_named_by_its_reference() -> None:
    """And by the name under which somebody is to put it there."""
    secrets = StackSecrets({"env:OTHER": "shop/OTHER"}, ManualClock(NOW_MS))
    secrets._client = Answering()

    with pytest.raises(SecretMissing, match=r"env:OTHER.*shop/OTHER"):
        secrets.value(SecretRef("env", "OTHER"))
