"""A property test has no time limit per example: a busy machine is no defect. On CI Hypothesis says
so by itself, and what else it does there stays."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("patient", settings.default, deadline=None)
settings.load_profile("patient")
