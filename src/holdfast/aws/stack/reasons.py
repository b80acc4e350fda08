"""What cdk-nag finds in a stack of ours, and why it is so: said beside the code that makes it so."""

from __future__ import annotations

from typing import Final

from aws_cdk import Acknowledgment, Validations
from constructs import Construct

PACK: Final = "AwsSolutions"

REASONS: Final = {
    "APIG2": "the validator is on the methods that have a schema; the others take any body, as defined",
    "APIG3": "a web ACL costs by the month and belongs to whoever runs the account; it can be added",
    "APIG4": "senders prove themselves by a signature over the body, which no authorizer can see",
    "COG4": "the same: senders are other companies' servers, and nobody who could sign in",
    "IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]": (
        "API Gateway's own policy for its account-wide right to write logs"
    ),
    "IAM5[Resource::*]": "delivery of logs: AWS knows no narrower resource for it",
    (
        "IAM5[Resource::arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:stateMachine:*]"
    ): "a machine's role is there before the machine; methods and addresses are named beside it",
    (
        "IAM5[Resource::arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:"
        "secret:events!connection/*]"
    ): "EventBridge makes the secrets of connections, and names them itself",
    "L1": "the Python of the functions is pinned, so that what was tried is what runs",
    "SF1": "the level is the webhook's own `log_level`; at ALL the log costs as much as the work",
    "SF2": "X-Ray is there with `tracing=True`",
}
"""By rule, evidence included. Each is a decision of the plan, not of a single stack."""


def acknowledge(construct: Construct) -> None:
    """Of everything below it."""
    known = [
        Acknowledgment(id=f"{PACK}::{PACK}-{rule}", reason=reason)
        for rule, reason in REASONS.items()
    ]
    Validations.of(construct).acknowledge(*known)
