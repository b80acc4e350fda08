"""Requests at API Gateway under known names, and what SQS would be asked to keep of them."""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import unquote

from holdfast import envelope
from holdfast.aws.velocity import Rendering, message_body
from holdfast.message import Message, Request

EXTENDED_ID: Final = "c7R0wHbeoAMFXgg="
NOW_MS: Final = 1_700_000_000_000


class Door(Rendering):
    """One request, at a known time and under a known name; the sender's own for it is hostile."""

    def __init__(
        self, request: Request, params: dict[str, str] | None = None, *, binary: bool = False
    ) -> None:
        hostile = '","verdict":"verified'
        super().__init__(request, params or {}, binary, EXTENDED_ID, NOW_MS, hostile)

    def envelope(self, template: str) -> dict[str, Any]:
        """What SQS would be asked to keep. No field stands in it twice."""
        document = json.loads(message_body(self.fill(template)), object_pairs_hook=_once)
        assert isinstance(document, dict)
        return document


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    assert len(set(names)) == len(names), names
    return dict(pairs)


def decode(document: dict[str, Any], webhook: str) -> Message:
    """The message in an envelope of API Gateway."""
    return envelope.decode(json.dumps(document), webhook)


def decoded(params: str) -> str:
    """A parameter of the path as API Gateway hands it on."""
    return unquote(params, errors="replace")
