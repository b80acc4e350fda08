"""One synth and one deployment for all tests here, which need the extra `dev-aws` and Node.js."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from cloud_kit import Stack, deploy, ministack

from holdfast.aws.bundle import HOST, Bundle, bundle, ingredients
from holdfast.aws.plan import StackPlan, plan
from holdfast.aws.stack.assembly import synth
from holdfast.compile import compile_app, load

HERE: Final = Path(__file__).parent
EXAMPLES: Final = HERE.parent.parent / "examples"
DEFINITION: Final = HERE / "definition" / "hooks.py"
CALLING: Final = HERE / "calling" / "apis.py"
BUNDLES: Final = HERE.parent.parent / ".holdfast" / "aws"
SECRETS: Final = {
    "hooks/USERS_SECRET": "it is a secret",
    "hooks/SLACK_SIGNING_SECRET": "another",
}
PARAMETER: Final = "/hooks/ORDERS_SECRET"
"""In Parameter Store."""

ORDERS_SECRET: Final = "a third"


@pytest.fixture(scope="session")
def hooks() -> StackPlan:
    """The plan of the definition that is deployed."""
    return plan(compile_app(load(DEFINITION)))


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template of the definition that is deployed; its code runs on this machine."""
    compiled = compile_app(load(DEFINITION))
    code = bundle(ingredients(compiled, DEFINITION, HOST), BUNDLES)
    return synth(DEFINITION, tmp_path_factory.mktemp("hooks"), "Hooks", bundle=code)


@pytest.fixture(scope="session")
def template(assembly: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(assembly.read_text())
    return document


@pytest.fixture(scope="session")
def calling(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template of a definition that calls APIs, which is not deployed."""
    return synth(
        CALLING, tmp_path_factory.mktemp("calling"), "Calling", bundle=without_code(CALLING)
    )


def without_code(definition: Path) -> Bundle:
    """For a template that is only looked at."""
    return Bundle(definition.parent, "0" * 64, definition.name)


@pytest.fixture(scope="session")
def deployed(assembly: Path) -> Iterator[Stack]:
    """The stack in MiniStack, its secrets in place."""
    with ministack() as cloud:
        keeper = cloud.client("secretsmanager")
        for name, value in SECRETS.items():
            keeper.create_secret(Name=name, SecretString=value)
        given = {"Name": PARAMETER, "Value": ORDERS_SECRET, "Type": "SecureString"}
        cloud.client("ssm").put_parameter(**given)
        yield deploy(cloud, assembly, "Hooks")
