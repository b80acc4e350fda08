"""How AWS's services talk to a state: what they are sent, how they answer, how they refuse."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import orjson

from holdfast.workflow.failures import StateFailure


def sdk_metadata(headers: Mapping[str, str], request_id: str) -> dict[str, Any]:
    """What stands beside every result of a service."""
    return {
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [value] for name, value in headers.items()},
            "HttpHeaders": dict(headers),
            "HttpStatusCode": 200,
        },
        "SdkResponseMetadata": {"RequestId": request_id},
    }


def refused(
    error: str, message: str, service: str, code: str, request_id: str, *, status: int = 400
) -> StateFailure:
    """A service's refusal. `code` is its own name for it, `error` the one that states match."""
    cause = (
        f"{message} (Service: {service}; Status Code: {status}; Error Code: {code}; "
        f"Request ID: {request_id}; Proxy: null)"
    )
    return StateFailure(error, cause)


def compact(value: Any) -> bytes:
    """A value as JSON, without spaces, in UTF-8."""
    try:
        return orjson.dumps(value)
    except TypeError:
        # Integers beyond 64 bits and lone surrogates are JSON all the same.
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "surrogatepass")
