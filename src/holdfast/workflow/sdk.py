"""How AWS's services talk to a state: what they are sent, how they answer, how they refuse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
