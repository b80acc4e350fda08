"""Workflows composed in Python, for those who do not want to write JSON.

    orders = app.webhook("/orders", body=Order, workflow=(
        choose(field("body.total") == 0, then=give, otherwise=task(charge, result="payment"))
        >> parallel(ship, send_receipt)
        >> each("body.lines", pick, at_once=5)
    ))

They compile to the Amazon States Language; `holdfast asl FILE.py` prints what they become.
"""

from holdfast.steps.services import call, send
from holdfast.steps.step import Step
from holdfast.steps.values import expr, field, intrinsic
from holdfast.steps.verbs import (
    assign,
    choose,
    each,
    fail,
    goto,
    parallel,
    put,
    raw,
    succeed,
    task,
    wait,
    when,
)

__all__ = [
    "Step",
    "assign",
    "call",
    "choose",
    "each",
    "expr",
    "fail",
    "field",
    "goto",
    "intrinsic",
    "parallel",
    "put",
    "raw",
    "send",
    "succeed",
    "task",
    "wait",
    "when",
]
