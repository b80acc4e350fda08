"""A plan as constructs of the CDK, one by one. Nothing is decided here; every number is the plan's.

    SharedParts        what all webhooks of a definition have together: API, table, topic, code
    ResilientWebhook   one webhook: queues, pipe, state machine, functions, alarms
    WebhookStack       both, as a stack of its own

Only this package imports the CDK (the extra `cdk`). No account is asked for anything: stacks are
agnostic of their environment.
"""

from holdfast.aws.stack.needs_cdk import needs_cdk

needs_cdk()

from holdfast.aws.stack.shared import SharedParts  # noqa: E402 - a missing extra is told first
from holdfast.aws.stack.stack import WebhookStack  # noqa: E402 - a missing extra is told first
from holdfast.aws.stack.webhook import ResilientWebhook  # noqa: E402 - a missing extra is told first

__all__ = ["ResilientWebhook", "SharedParts", "WebhookStack"]
