"""The handler of every function of a stack. Everything slow is done while Lambda starts it."""

from __future__ import annotations

import os

from holdfast.aws.worker.functions import function_of
from holdfast.aws.worker.setting import Setting

handle = function_of(Setting.of(os.environ))
