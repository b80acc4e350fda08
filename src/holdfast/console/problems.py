"""Everything that goes wrong, in one shape: `{"error": {code, message, status, detail}}`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import orjson
from pydantic import ValidationError
from starlette.responses import Response
from typing_extensions import TypedDict

from holdfast.errors import (
    CursorUnknown,
    DefinitionError,
    ExtraMissing,
    HoldfastError,
    NotFound,
    NotSupported,
    SecretMissing,
    StoreError,
    plain,
)
from holdfast.operate.runs import RunInTheWay


class ErrorFields(TypedDict):
    code: str
    """For programs: `not_found`, `invalid_request`, `not_supported`, ..."""
    message: str
    """For people."""
    status: int
    detail: Any
    """Whatever the code has more to tell; mostly null."""


class Problem(HoldfastError):
    """An answer that is none. `code` for programs, the message for people."""

    def __init__(
        self, status: int, code: str, message: str, detail: Any = None, **headers: str
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


_CODES: Final[Sequence[tuple[type[HoldfastError], int, str]]] = (
    (NotFound, 404, "not_found"),
    (CursorUnknown, 409, "cursor_unknown"),
    (NotSupported, 501, "not_supported"),
    (RunInTheWay, 409, "run_in_the_way"),
    (SecretMissing, 409, "secret_missing"),
    (StoreError, 503, "store_unavailable"),
    (DefinitionError, 409, "definition_invalid"),
    (ExtraMissing, 501, "extra_missing"),
    (HoldfastError, 409, "not_possible"),
)


def problem_of(error: Exception) -> Problem:
    """What an exception means to whoever asked. A defect says nothing of its insides."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, ValidationError):
        return _misfit(misfits(error))
    for kind, status, code in _CODES:
        if isinstance(error, kind):
            detail = {"run": error.id} if isinstance(error, RunInTheWay) else None
            retry = {"retry_after": "1"} if status == 503 else {}
            return Problem(status, code, str(error), detail, **retry)
    return Problem(500, "defect", "something is wrong here, not with the request; see the log")


def misfit(path: str, message: str) -> Problem:
    """That one part of a request is wrong, and how."""
    return _misfit([{"path": path, "message": message}])


def _misfit(wrong: list[dict[str, str]]) -> Problem:
    return Problem(400, "invalid_request", "the request does not fit", wrong)


def misfits(error: ValidationError) -> list[dict[str, str]]:
    """Where, and what is wrong there; never what stood there."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return [
        {"path": "".join(f"/{step}" for step in one["loc"]) or "/", "message": plain(one["msg"])}
        for one in found[:50]
    ]


def answer(problem: Problem) -> Response:
    fields: ErrorFields = {
        "code": problem.code,
        "message": str(problem),
        "status": problem.status,
        "detail": problem.detail,
    }
    return Response(
        encoded({"error": fields}), problem.status, problem.headers, media_type="application/json"
    )


def encoded(value: Any) -> bytes:
    """As JSON, whatever a sender or a handler got into it."""
    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:
        # Integers beyond 64 bits, and halves of surrogate pairs: ASCII has escapes for those.
        return json.dumps(value, default=str).encode()
