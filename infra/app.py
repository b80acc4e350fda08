"""A CDK app of one's own with Holdfast in it: cdk deploy --app 'python infra/app.py'."""

from pathlib import Path

from aws_cdk import App, Stack

from holdfast.aws import ResilientWebhook, SharedParts, WebhookStack
from holdfast.aws.plan import plan
from holdfast.aws.stack.stack import bundled
from holdfast.compile import compile_app, load

EXAMPLES = Path(__file__).parent.parent / "examples"
app = App()

# All webhooks of a definition, as a stack of their own.
WebhookStack(app, "Hooks", definition=EXAMPLES / "users.py")

# One of them, in a stack that is there already and has other things in it.
shop = Stack(app, "Shop")
planned = plan(compile_app(load(EXAMPLES / "users.py")))
shared = SharedParts(
    shop, "shared", plan=planned, bundle=bundled(EXAMPLES / "users.py"), account_role=False
)
users = ResilientWebhook(shop, "users", webhook=planned.webhooks[0], shared=shared)

app.synth()
