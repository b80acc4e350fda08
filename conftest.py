"""A property test has no time limit, neither to run an example nor to think of one: a busy machine is
no defect. On CI Hypothesis says so by itself, and what else it does there stays.

Bytecode is kept, also where the environment asks for none: four workers that each rewrite all tests,
and the hundreds of processes that tests start, would spend more on compiling than on what they show.

Ctrl-C is heard, also where a shell started this in the background and made it deaf: what tests start
would be so, too.
"""

from __future__ import annotations

import os
import signal
import sys

from hypothesis import HealthCheck, settings

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(
    "patient",
    settings.default,
    deadline=None,
    suppress_health_check=[*settings().suppress_health_check, HealthCheck.too_slow],
)
settings.load_profile("patient")
