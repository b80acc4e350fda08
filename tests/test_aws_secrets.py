"""Secrets as functions in Lambda read them: out of Secrets Manager and Parameter Store, over HTTP."""

from __future__ import annotations

from typing import Any, Final

import pytest

from holdfast.aws.state_machine import TASK_SECONDS
from holdfast.aws.worker.secrets import (
    ASK_AGAIN_SECONDS,
    FRESH_SECONDS,
    KeptToken,
    StackSecrets,
    Vaults,
)
from holdfast.clock import ManualClock
from holdfast.errors import SecretMissing, StoreError
from holdfast.secrets import SecretRef
from sqs_kit import Cloud, cloud, new_prefix  # noqa: F401 - a fixture

NOW_MS: Final = 1_700_000_000_000
REFERENCES: Final = ("env:USERS_SECRET", "aws-secret:prod/users", "aws-ssm:/prod/users")
OPERATIONS: Final = {
    "env": "GetSecretValue",
    "aws-secret": "GetSecretValue",
    "aws-ssm": "GetParameter",
}


@pytest.fixture(autouse=True)
def region(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811 - the fixture
    """Where the SDK looks."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.endpoint)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")


def change(ref: SecretRef, name: str, value: str) -> None:
    """As an operator would."""
    vaults: Any = Vaults()
    if ref.kind == "aws-ssm":
        vaults._client("ssm").put_parameter(
            Name=name, Value=value, Type="SecureString", Overwrite=True
        )
    else:
        vaults._client("secretsmanager").put_secret_value(SecretId=name, SecretString=value)


@pytest.mark.parametrize("reference", REFERENCES)
def test_secrets_are_asked_for_once_in_five_minutes(
    reference: str,
    cloud: Cloud,  # noqa: F811 - the fixture
) -> None:
    """A rotation is seen after that; where nobody answers then, the old one serves for half a minute
    more."""
    clock, name, ref = ManualClock(NOW_MS), f"/{new_prefix()}/users", SecretRef.parse(reference)
    secrets = StackSecrets({reference: name}, clock)
    Vaults().create(ref, name, "one")
    cloud.calls.clear()

    assert [secrets.value(ref) for _ in range(3)] == ["one"] * 3
    assert len(cloud.asked(OPERATIONS[ref.kind])) == 1
    change(ref, name, "two")
    clock.advance(FRESH_SECONDS)
    assert secrets.value(ref) == "two"
    change(ref, name, "three")
    cloud.fail(OPERATIONS[ref.kind], "InternalServiceError", status=400, times=1)
    cloud.calls.clear()
    clock.advance(FRESH_SECONDS)
    assert [secrets.value(ref) for _ in range(3)] == ["two"] * 3
    assert len(cloud.asked(OPERATIONS[ref.kind])) == 1
    clock.advance(ASK_AGAIN_SECONDS)
    assert secrets.value(ref) == "three"


@pytest.mark.parametrize("service", ["ssm", "secretsmanager"])
def test_verify_says_which_secret_aws_keeps_silent_about(service: str) -> None:
    """Two of them, each asked for as often as the SDK does, take less than Verify has; so a function
    without a way to AWS ends with a reason, and one that knows an old value keeps it."""
    vaults: Any = Vaults()
    config = vaults._client(service).meta.config

    asking = config.connect_timeout + config.read_timeout
    assert 2 * asking * config.retries["total_max_attempts"] < TASK_SECONDS


@pytest.mark.parametrize("reference", REFERENCES)
def test_a_secret_that_is_not_there_is_named_by_its_reference(reference: str) -> None:
    """And by the name under which somebody is to put it there; it is looked for again each time."""
    name, ref = f"/{new_prefix()}/users", SecretRef.parse(reference)
    secrets = StackSecrets({reference: name}, ManualClock(NOW_MS))

    with pytest.raises(SecretMissing, match=rf"{reference} cannot be read as {name}: \w+NotFound"):
        secrets.value(ref)
    Vaults().create(ref, name, "there")
    assert secrets.value(ref) == "there"


@pytest.mark.parametrize("reference", REFERENCES)
def test_a_token_is_made_once_and_never_changed(
    reference: str,
    cloud: Cloud,  # noqa: F811 - the fixture
) -> None:
    """Whoever hands over the same is told so, another one is not taken; no error says what was sent."""
    name, ref = f"/{new_prefix()}/token", SecretRef.parse(reference)
    token = KeptToken(ref, name)

    assert token.keep("hook", "first")
    assert token.keep("hook", "first")
    assert not token.keep("hook", "second")
    assert Vaults().read(ref, name) == "first"
    making = "PutParameter" if ref.kind == "aws-ssm" else "CreateSecret"
    cloud.fail(making, "AccessDeniedException")
    with pytest.raises(StoreError, match="AccessDenied") as told:
        token.keep("hook", "third")
    assert "third" not in str(told.value)
