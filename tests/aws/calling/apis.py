"""A definition that is looked at and not deployed: no emulator's CloudFormation has connections.

Its webhooks send to each other, and one to itself, so that a circle in the template would be found.
"""

from holdfast import App, basic, bearer, hmac_sha256
from holdfast.steps import call, field, send

app = App("calling")

app.webhook(
    "/orders",
    verify=hmac_sha256("aws-ssm:/calling/ORDERS_SECRET", header="X-Signature-256"),
    connections={"shop": bearer("env:SHOP_TOKEN"), "crm": basic("ada", "aws-secret:crm/ada")},
    workflow=call("https://shop.example/orders", connection="shop")
    >> call("https://crm.example/notes", connection="crm")
    >> send("notes", {"order": field("body.id")}),
)

app.webhook(
    "/notes",
    verify=bearer("env:NOTES_TOKEN"),
    delivery_id="json:order",
    workflow=send("orders", {"id": field("body.order")}) >> send("notes", "once more"),
)
