"""What was not kept: why, and what of it is known."""

from __future__ import annotations

from typing import Any, Final, cast

from holdfast.console.endpoint import Call
from holdfast.console.pages import payload
from holdfast.console.pages.page import Found, Page
from holdfast.console.routes import events as api


async def refusal(call: Call) -> Found:
    found = await api.refusal(call)
    return {"found": found, "drawn": payload.body(cast(dict[str, Any], found)), "whole": None}


PAGES: Final = (Page("/refusals/{id}", "refusal", "refusal.html", refusal, "events"),)
