"""JSONata made by chance."""

from __future__ import annotations
from bench.node_jsonata import Expression, Answer


def evaluate_here(e): ...
def agree(a, b): ...
def of_the_table(p):
    return []


def make(s):
    return Expression("1")
