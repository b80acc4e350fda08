"""How a command ends."""

from __future__ import annotations

from typing import Final

FAILED: Final = 1
STORE: Final = 3
NOT_FOUND: Final = 4
DIFFERENT: Final = 5
INTERRUPTED: Final = 130
