"""Where npm's jsonata gives something else than ours: every known difference."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from bench.differences import Difference
from bench.node_jsonata import Answer, Expression


def _both_fail(_expression: Expression, here: Answer, there: Answer) -> bool:
    return here.instead == there.instead == "error"


EXPRESSIONS: Final[Sequence[Difference[Expression, Answer]]] = (
    Difference(
        "which-error",
        "where an expression is wrong in several places, or in one that has several names, another "
        "error is told",
        "open",
        "the documentation does not say in which order parts are evaluated; Step Functions has one "
        "name for all of them, States.QueryEvaluationError",
        applies=_both_fail,
    ),
    Difference(
        "order-of-numeric-keys",
        "keys that look like whole numbers come first, as in every object of JavaScript; here keys "
        "stay in the order they were made in",
        "open",
        "JSON objects have no order (RFC 8259); AWS does not run JavaScript",
        applies=lambda expression, here, there: (
            "{$string(age)" in expression.text and not here.instead and not there.instead
        ),
    ),
    Difference(
        "infinite-numbers",
        "a division by zero gives Infinity, which becomes null as JSON; here it fails with D1001",
        "holdfast",
        "docs/decisions/0011-jsonata.md: Infinity is no JSON",
        applies=lambda _expression, here, _there: here.code == "D1001",
    ),
    Difference(
        "not-a-number",
        "$max, $sum and the like of what is not a number give that; here it is passed over",
        "open",
        "the documentation knows only numbers",
        applies=lambda expression, here, there: (
            re.search("[%/] ", expression.text) is not None
            and (there == Answer(None) or there.code == "D3061")
            and not here.instead
        ),
    ),
    Difference(
        "large-numbers",
        "$formatNumber writes numbers from 1e21 on as JavaScript does, 3.1e+24, in any picture",
        "holdfast",
        "XPath 3.1, fn:format-number, which JSONata's documentation refers to",
        applies=lambda expression, here, there: (
            "$formatNumber" in expression.text and "$power" in expression.text and here != there
        ),
    ),
    Difference(
        "exceptions-of-javascript",
        "the reference fails with an error that has no code of JSONata's: it transforms a list that "
        "it made itself, and may not clone it",
        "holdfast",
        "the documentation's error codes; a transform of what an expression made is allowed",
        applies=lambda _expression, _here, there: there.instead == "error" and there.code == "",
    ),
)
