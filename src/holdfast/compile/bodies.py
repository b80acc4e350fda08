"""The schema of a body: from a type, from a JSON Schema in the definition or in a file, or none.

The schema is the contract, and the door holds senders to it strictly: pydantic alone would read the
text "18" as the number 18, but a body whose age is a text does not fit a schema that says integer,
and is answered 400. What a schema cannot say (a model's own validators) the model says again in the
first state, where a body that fails is quarantined as `schema_invalid`.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import orjson
from pydantic import TypeAdapter

from holdfast.compile.json_text import parse
from holdfast.compile.spot import Spot, quoted
from holdfast.workflow.fields import meant

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
_TYPES: Final = ("null", "boolean", "object", "array", "number", "string", "integer")
_OUTSIDE: Final = re.compile(r"Resource '([^']+)' is not present")
PLAIN: Final = orjson.OPT_PASSTHROUGH_DATACLASS
"""An object of Python's is not JSON, though it could be written as if it were."""

_RAW: Final = (bytes, str)
"""`Event[bytes]` and `Event[str]` ask for the body as it came, whatever it is: no schema."""


def schema(
    spot: Spot, settings: Mapping[str, Any], model: Any, model_spot: Spot
) -> dict[str, Any] | None:
    """What the door holds bodies against. `model`: the type of the body, where one is known."""
    if settings["schema"] is not None:
        if settings["body"] is not None:
            spot.under("schema").wrong("body= already gives the schema; leave one of them out")
        return _given(spot.under("schema"), settings["schema"])
    if model is None or model in _RAW:
        return None
    made = schema_of(model_spot, model)
    return made if made is not None and _judged(model_spot, made) else None


def schema_of(spot: Spot, model: Any) -> dict[str, Any] | None:
    """JSON Schema of a type, by the names that senders use (aliases)."""
    try:
        with warnings.catch_warnings():
            # A default that JSON cannot hold only means that the schema does not mention it.
            warnings.simplefilter("ignore")
            return TypeAdapter(model).json_schema(mode="validation", by_alias=True)
    except Exception as error:
        lines = str(error).strip().splitlines() or [""]
        spot.wrong(f"{called(model)} has no JSON Schema: {lines[0]}")
        return None


def called(model: Any) -> str:
    """A type as its reader knows it: `User`, `list[User]`."""
    return (
        model.__name__ if isinstance(model, type) and not hasattr(model, "__args__") else str(model)
    )


def json_file(spot: Spot, name: str) -> Any:
    """The JSON in a file beside the definition; None where it cannot be read, which is noted."""
    path = spot.directory / Path(name)
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        spot.wrong(f"{quoted(name)} is not there; files are looked for beside the definition")
    except OSError as error:
        spot.wrong(f"{quoted(name)} cannot be read: {error.strerror}")
    except ValueError:
        spot.wrong(f"{quoted(name)} is not the name of a file")
    else:
        try:
            return parse(text)
        except ValueError as error:
            spot.wrong(f"{quoted(name)} {error}")
    return None


def _given(spot: Spot, value: object) -> dict[str, Any] | None:
    if isinstance(value, str | Path):
        document = json_file(spot, str(value))
        if document is None:
            return None
    else:
        document = value
    if not isinstance(document, Mapping):
        spot.wrong(
            f'{quoted(document)} is not a JSON Schema; write a mapping or "user.schema.json"'
        )
        return None
    copied = plain(spot, document)
    return copied if copied is not None and _judged(spot, copied) else None


def plain(spot: Spot, document: Mapping[Any, Any]) -> dict[str, Any] | None:
    """A copy that nobody else holds, of JSON and nothing else."""
    try:
        copied: dict[str, Any] = orjson.loads(orjson.dumps(dict(document), option=PLAIN))
    except (TypeError, ValueError) as error:
        spot.wrong(f"holds something that is not JSON: {error}")
        return None
    return copied


def _judged(spot: Spot, document: dict[str, Any]) -> bool:
    """Whether the schema says something, and only with words of the draft we hold bodies to."""
    dialect = document.get("$schema", DRAFT)
    if not isinstance(dialect, str) or dialect.rstrip("#") != DRAFT:
        spot.wrong(f"$schema is {quoted(dialect)}; only draft 2020-12 is read: {quoted(DRAFT)}")
        return False
    errors = list(jsonschema_rs.validator_for({"$ref": DRAFT}).iter_errors(document))
    for error in errors:
        pointer = "".join(f"/{part}" for part in error.instance_path)
        spot.wrong(f"at {pointer or '/'}: {_said(document, error)}")
    if errors:
        return False
    try:
        jsonschema_rs.Draft202012Validator(document, validate_formats=True, offline=True)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as error:
        spot.wrong(_unusable(error))
        return False
    return True


def _unusable(error: jsonschema_rs.ValidationError | jsonschema_rs.ReferencingError) -> str:
    """Why a schema that is well-formed cannot be compiled."""
    first_line = str(error).splitlines()[0]
    if outside := _OUTSIDE.match(first_line):
        return f"refers to {quoted(outside[1])}, outside this schema; put that under $defs"
    pointer = "".join(f"/{part}" for part in getattr(error, "instance_path", ()))
    return f"at {pointer}: {first_line}" if pointer else f"cannot be compiled: {first_line}"


def _said(document: Mapping[str, Any], error: jsonschema_rs.ValidationError) -> str:
    """The metaschema's complaint, in friendlier words where it says the least: unknown types."""
    value: Any = document
    for part in error.instance_path:
        value = value[part]
    if list(error.instance_path)[-1:] == ["type"] and isinstance(value, str):
        listed = ", ".join(_TYPES)
        return f"{quoted(value)} is not a type{meant(value, _TYPES)}; allowed: {listed}"
    return error.message
