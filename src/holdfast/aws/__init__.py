"""A definition at home on AWS. All but `stack` and `worker` is pure: a compiled definition goes in,
plain data comes out, and neither the CDK nor an account is needed for that.

    models     JSON Schema 2020-12 -> the draft-04 model that API Gateway holds bodies against
    mapping    a request -> the envelope in the queue, and an answer of SQS -> the sender's
    machine    the workflow's document -> the state machine, which works batches of records
    plan       a definition -> every resource with its numbers, what it costs, what differs
    bundle     a definition -> the folder with the code of its functions
    worker     what runs in those functions
    stack      a plan -> constructs of the CDK, a template, a cloud assembly (the extra `cdk`)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from holdfast.aws.stack import ResilientWebhook, SharedParts, WebhookStack

__all__ = ["ResilientWebhook", "SharedParts", "WebhookStack"]

_IN_STACK: Final = frozenset(__all__)
"""Imported when asked for: planning needs no CDK."""


def __getattr__(name: str) -> Any:
    if name in _IN_STACK:
        return getattr(import_module("holdfast.aws.stack"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
