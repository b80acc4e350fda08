"""The document at /api/v1/openapi.json, made from the endpoints themselves."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema
from typing_extensions import TypedDict

from holdfast.console.access import COOKIE, CSRF_HEADER, SAFE
from holdfast.console.endpoint import PREFIX, Endpoint
from holdfast.console.problems import ErrorFields

OPENAPI: Final = "3.1.0"
REF: Final = "#/components/schemas/{model}"

PROBLEMS: Final[Mapping[int, str]] = {
    400: "The request does not fit.",
    401: "A token is needed, or it is the wrong one.",
    403: "Not allowed: from elsewhere, without the CSRF header, or this console only shows.",
    404: "There is no such thing.",
    409: "Not as things are now; the message says why.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    500: "A defect here; it is in the log.",
    501: "This engine cannot do that.",
    503: "The store cannot answer just now; try again.",
}
ALWAYS: Final = (400, 401, 403, 500, 503)


class ErrorAnswer(TypedDict):
    error: ErrorFields


def document(endpoints: Sequence[Endpoint], version: str) -> dict[str, Any]:
    """OpenAPI 3.1: every endpoint, what it takes and gives, and how it fails."""
    answers = [one.answers for one in endpoints if one.answers is not None]
    adapters = {repr(answer): TypeAdapter(answer) for answer in [*answers, ErrorAnswer]}
    made, shared = TypeAdapter.json_schemas(
        [(name, "serialization", adapter) for name, adapter in adapters.items()],
        ref_template=REF,
    )
    given = {name: schema for (name, _), schema in made.items()}
    bodies = [one.body for one in endpoints if one.body is not None]
    _, taken = models_json_schema(
        [(body, "validation") for body in dict.fromkeys(bodies)], ref_template=REF
    )
    schemas = {**shared.get("$defs", {}), **taken.get("$defs", {})}
    paths: dict[str, dict[str, Any]] = {}
    for one in endpoints:
        answer = None if one.answers is None else given[repr(one.answers)]
        operation = _operation(one, answer, given[repr(ErrorAnswer)])
        paths.setdefault(PREFIX + one.path, {})[one.method.lower()] = operation
    return {
        "openapi": OPENAPI,
        "info": {
            "title": "Holdfast console",
            "version": version,
            "description": "What operators see and do. Times are ISO 8601 in UTC, ids are hex.",
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"session": []}, {}],
        "tags": [{"name": tag} for tag in dict.fromkeys(one.tag for one in endpoints)],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
            },
        },
    }


def _operation(one: Endpoint, answer: Any, error: Any) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", one.path)
    ]
    parameters += _query(one.params)
    writes = one.method not in SAFE
    if writes:
        parameters.append(
            {
                "name": CSRF_HEADER,
                "in": "header",
                "required": False,
                "description": "Needed unless a bearer token is sent.",
                "schema": {"type": "string"},
            }
        )
    good: dict[str, Any] = {"description": one.summary}
    if one.status != 204:
        schema = answer if one.media == "application/json" else {"type": "string"}
        good["content"] = {one.media: {"schema": schema or {"type": "object"}}}
    statuses = sorted({*ALWAYS, *one.problems, *((413, 415) if one.body else ())})
    operation: dict[str, Any] = {
        "operationId": one.name,
        "summary": one.summary,
        "tags": [one.tag],
        "parameters": parameters,
        "responses": {
            str(one.status): good,
            **{
                str(status): {
                    "description": PROBLEMS[status],
                    "content": {"application/json": {"schema": error}},
                }
                for status in statuses
            },
        },
    }
    if one.description:
        operation["description"] = one.description
    if one.body is not None:
        operation["requestBody"] = {
            "required": any(field.is_required() for field in one.body.model_fields.values()),
            "content": {
                "application/json": {"schema": {"$ref": REF.format(model=one.body.__name__)}}
            },
        }
    return operation


def _query(model: type[BaseModel]) -> list[dict[str, Any]]:
    schema = model.model_json_schema(mode="validation")
    parameters = []
    for name, told in schema.get("properties", {}).items():
        parameter = {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "schema": {key: value for key, value in told.items() if key != "description"},
        }
        if "description" in told:
            parameter["description"] = told["description"]
        parameters.append(parameter)
    return parameters
