"""A definition that is looked at and not deployed: no emulator's CloudFormation has connections."""

from holdfast import App, basic, bearer, hmac_sha256
from holdfast.steps import call

app = App("calling")

app.webhook(
    "/orders",
    verify=hmac_sha256("aws-ssm:/calling/ORDERS_SECRET", header="X-Signature-256"),
    connections={"shop": bearer("env:SHOP_TOKEN"), "crm": basic("ada", "aws-secret:crm/ada")},
    workflow=call("https://shop.example/orders", connection="shop")
    >> call("https://crm.example/notes", connection="crm"),
)
