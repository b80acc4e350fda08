"""Message attributes of SQS: judged as SQS judges them, and the headers that they become. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from holdfast.workflow.arguments import DECIDED, Arguments

ATTRIBUTES_MAX: Final = 10

_NAME: Final = re.compile(r"(?!\.)(?!.*\.\.)[A-Za-z0-9_.-]{1,256}(?<!\.)")
_TYPE: Final = re.compile(r"(String|Number|Binary)(\.[^\s]{1,249})?")
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_HEADER: Final = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")


class Attribute(NamedTuple):
    name: str
    type: str
    value: bytes

    @property
    def is_binary(self) -> bool:
        return self.type.startswith("Binary")

    @property
    def header(self) -> str:
        """As a header's value: the text as it would come over the wire; base64 where it is bytes."""
        if self.is_binary:
            return base64.b64encode(self.value).decode()
        return self.value.decode("latin-1")


def attributes_mistake(arguments: Arguments) -> str | None:
    """What is wrong with attributes as they are written, as far as that can be told."""
    written = arguments.items()
    if len(written) > ATTRIBUTES_MAX:
        return f"{len(written)} attributes; a message has up to {ATTRIBUTES_MAX}"
    for name, value in written:
        if not _is_name(name):
            return f"{name!r} is not the name of an attribute"
        if value is not DECIDED and not isinstance(value, Mapping):
            return f'{name}: write {{"DataType": "String", "StringValue": "..."}}'
        kind = value.get("DataType") if isinstance(value, Mapping) else None
        if kind is not None and not _TYPE.fullmatch(str(kind)) and not str(kind).startswith("{%"):
            return f"{name}: the DataType is String, Number or Binary"
    return None


def _is_name(name: str) -> bool:
    reserved = name.lower().startswith(("aws.", "amazon."))
    return _NAME.fullmatch(name) is not None and not reserved


def read_attributes(given: Mapping[str, Any]) -> tuple[Attribute, ...]:
    """The attributes. Raises ValueError, worded as SQS words it."""
    if len(given) > ATTRIBUTES_MAX:
        raise ValueError(
            f"Number of message attributes [{len(given)}] exceeds the allowed maximum "
            f"[{ATTRIBUTES_MAX}]."
        )
    return tuple(_attribute(name, value) for name, value in given.items())


def attributes_of_pipes(given: Mapping[str, Any]) -> tuple[Attribute, ...]:
    """As a record of EventBridge Pipes has them, which SQS has judged."""
    found = []
    for name, value in given.items():
        kind = str(value.get("dataType", "String"))
        if kind.startswith("Binary"):
            content = base64.b64decode(value.get("binaryValue") or "")
        else:
            content = str(value.get("stringValue") or "").encode("utf-8", "replace")
        found.append(Attribute(name, kind, content))
    return tuple(found)


def _attribute(name: str, value: Any) -> Attribute:
    if not _is_name(name):
        raise ValueError(f"Message (user) attribute name '{name}' is invalid.")
    kind = value.get("DataType") if isinstance(value, Mapping) else None
    if not isinstance(kind, str) or not kind:
        raise ValueError(
            f"The message (user) attribute '{name}' must contain a non-empty message attribute type."
        )
    if not _TYPE.fullmatch(kind):
        raise ValueError(
            f"The type of message (user) attribute '{name}' is invalid. You must use only the "
            "following supported type prefixes: Binary, Number, String."
        )
    field = "BinaryValue" if kind.startswith("Binary") else "StringValue"
    text = value.get(field)
    if not isinstance(text, str) or not text:
        raise ValueError(
            f"The message (user) attribute '{name}' must contain a non-empty message attribute "
            f"value for message attribute type '{kind}'."
        )
    return Attribute(name, kind, _bytes(name, kind, text))


def _bytes(name: str, kind: str, text: str) -> bytes:
    if kind.startswith("Binary"):
        try:
            return base64.b64decode(text, validate=True)
        except binascii.Error:
            raise ValueError(f"The BinaryValue of attribute '{name}' is not base64.") from None
    if kind.startswith("Number") and not _NUMBER.fullmatch(text):
        raise ValueError(f"Can't cast the value of message (user) attribute '{name}' to a number.")
    if not _HEADER.fullmatch(text):
        # SQS would take it; a header, which is what it becomes, ends with its line.
        raise ValueError(f"The value of attribute '{name}' holds control characters.")
    return text.encode("utf-8", "replace")


def digest(attributes: tuple[Attribute, ...]) -> str:
    """`MD5OfMessageAttributes`: names, types and values, each after its length, by name."""
    md5 = hashlib.md5(usedforsecurity=False)
    for each in sorted(attributes, key=lambda one: one.name):
        for part in (each.name.encode(), each.type.encode()):
            md5.update(struct.pack("!I", len(part)) + part)
        md5.update(b"\x02" if each.is_binary else b"\x01")
        md5.update(struct.pack("!I", len(each.value)) + each.value)
    return md5.hexdigest()
