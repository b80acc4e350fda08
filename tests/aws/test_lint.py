"""What others' checks say of the template: cfn-lint, the CDK's own validation, cdk-nag."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks
from conftest import CALLING, DEFINITION, without_code

from holdfast.aws.stack import WebhookStack
from holdfast.aws.stack.reasons import PACK, REASONS

DOUBLED = "W3005"
"""A dependency that a reference says already: the CDK's own function adds one to its role."""


@pytest.mark.parametrize("which", ["assembly", "calling"])
def test_cfn_lint_finds_nothing(which: str, request: pytest.FixtureRequest) -> None:
    """Types, values, references and the state machine's text, as CloudFormation would take them."""
    tool = Path(sys.executable).with_name("cfn-lint")
    command = [str(tool), "--ignore-checks", DOUBLED, "--template"]
    command.append(str(request.getfixturevalue(which)))
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - installed here

    assert (done.stdout, done.returncode) == ("", 0)


def test_cdk_nag_finds_only_what_has_a_reason(tmp_path: Path) -> None:
    """Every finding is acknowledged, no acknowledgement is idle, and the CDK's validation is silent."""
    app = App(outdir=str(tmp_path), analytics_reporting=False)
    for name, definition in (("Hooks", DEFINITION), ("Calling", CALLING)):
        WebhookStack(app, name, definition=definition, bundle=without_code(definition))
    Validations.of(app).add_plugins(AwsSolutionsChecks())

    app.synth()

    told = json.loads((tmp_path / "validation-report.json").read_text())["pluginReports"]
    assert [each for each in told if each.get("violations")] == []
    assert found(told) == {f"{PACK}-{rule}" for rule in REASONS}


def found(reports: list[dict[str, Any]]) -> set[str]:
    """Rules that would have been broken, had nobody said why."""
    return {
        each["ruleName"] for report in reports for each in report.get("suppressedViolations", ())
    }
