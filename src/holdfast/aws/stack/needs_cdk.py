"""The CDK is an extra, and a large one: say so by name where it is missing."""

from __future__ import annotations

import os
from importlib.util import find_spec

from holdfast.errors import ExtraMissing


def needs_cdk() -> None:
    """Raises ExtraMissing."""
    if find_spec("aws_cdk") is None:
        raise ExtraMissing("deploying to AWS", "cdk")
    # The CDK runs on Node.js, and on every run complains of one that is no longer looked after.
    os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20")
