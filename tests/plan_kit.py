"""Webhooks to be planned for AWS, and plans of the examples."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from holdfast.aws.plan import StackPlan, WebhookPlan, plan
from holdfast.compile import compile_app, load
from holdfast.compiled import Compiled, CompiledWebhook
from holdfast.message import Event
from workflow_kit import a_webhook

EXAMPLES: Final = Path(__file__).parent.parent / "examples"
EXAMPLE_FILES: Final = ("users.py", "shop.py", "checkout.py")
DOCUMENT: Final[dict[str, Any]] = {
    "StartAt": "Verify",
    "TimeoutSeconds": 65,
    "States": {
        "Verify": {"Type": "Task", "Resource": "${holdfast:verify}", "Next": "Handle"},
        "Handle": {"Type": "Task", "Resource": "${handle}", "TimeoutSeconds": 60, "End": True},
    },
}


def handle(event: Event[Any]) -> None:
    """Any event."""


def planned(webhook: CompiledWebhook) -> WebhookPlan:
    (made,) = plan(Compiled("shop", (webhook,))).webhooks
    return made


def one(**fields: Any) -> CompiledWebhook:
    return a_webhook(handle, **{"workflow": DOCUMENT, "timeout_seconds": 60.0, **fields})


def example(name: str) -> tuple[Compiled, StackPlan]:
    compiled = compile_app(load(EXAMPLES / name))
    return compiled, plan(compiled)
