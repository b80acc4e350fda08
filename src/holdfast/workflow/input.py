"""What the workflow and its handlers get to see of a message. Pure.

`Delivery` is one message as read once: its JSON, type, delivery id and body are worked out when
first asked for and kept, because Verify, the execution's input and the handler's event all want them.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import cached_property
from typing import Any, Final, Literal, NamedTuple

import orjson
from pydantic import TypeAdapter, ValidationError

from holdfast.compiled import CompiledWebhook
from holdfast.errors import SchemaInvalid, plain
from holdfast.message import Event, Message
from holdfast.verify.naming import delivery_id, event_type, reading_of
from holdfast.verify.reading import Reading
from holdfast.workflow.limits import DATA_LIMIT_BYTES, measure
from holdfast.workflow.timestamps import format_timestamp

BodyEncoding = Literal["json", "text", "base64"]

_TEXT_CHARSETS: Final = frozenset(
    ("utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "latin-1", "windows-1252", "utf-16")
)
_BINARY: Final = (
    "image/",
    "audio/",
    "video/",
    "font/",
    "application/octet-stream",
    "application/pdf",
    "application/zip",
    "application/gzip",
    "application/protobuf",
    "application/x-protobuf",
)

_RAW: Final = (bytes, str)
"""Types of body that ask for it as it came."""

_ESCAPED_BYTES: Final = 6
"""What one byte can grow to in JSON (`\\u0000`); numbers grow less."""

_FRAME_BYTES: Final = 4_096
"""More than names, punctuation and the short fields of an input weigh."""


class Body(NamedTuple):
    value: Any
    encoding: BodyEncoding


def read_body(content_type: str | None, body: bytes, *, expect_json: bool) -> Body:
    """Parsed JSON where it is (or should be) JSON; else text where it is text; else base64.

    An empty body is empty text. What calls itself JSON and is not is handed on as what it is. What
    calls itself nothing counts as JSON, as at the door and on API Gateway.
    """
    kind, _, parameters = (content_type or "").partition(";")
    kind = kind.strip().lower()
    if body and (expect_json or not kind or kind.endswith(("/json", "+json"))):
        try:
            return Body(orjson.loads(body), "json")
        except orjson.JSONDecodeError:
            pass
    if not kind.startswith(_BINARY):
        try:
            return Body(body.decode(_charset(parameters)), "text")
        except UnicodeDecodeError:
            pass
    return Body(base64.b64encode(body).decode("ascii"), "base64")


def read_text(content_type: str | None, body: bytes) -> str:
    """The body as text, in the charset that it names, or UTF-8. Raises SchemaInvalid."""
    charset = _charset((content_type or "").partition(";")[2])
    try:
        return body.decode(charset)
    except UnicodeDecodeError:
        raise SchemaInvalid(f"the body: not text in {charset}") from None


def _charset(parameters: str) -> str:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            charset = value.strip().strip('"').lower()
            # Only plain charsets: Python knows codecs that no sender should get to choose.
            return charset if charset in _TEXT_CHARSETS else "utf-8"
    return "utf-8"


class Validator:
    """A pydantic model, ready. Its errors name fields, never what was in them."""

    def __init__(self, model: Any) -> None:
        self.type = model
        self._adapter: TypeAdapter[Any] = TypeAdapter(model)

    def json(self, body: bytes) -> Any:
        """A body as the model. Raises SchemaInvalid."""
        return self._validated(self._adapter.validate_json, body)

    def python(self, value: Any) -> Any:
        """Parsed JSON as the model. Raises SchemaInvalid."""
        return self._validated(self._adapter.validate_python, value)

    def _validated(self, validate: Callable[[Any], Any], value: Any) -> Any:
        try:
            return validate(value)
        except ValidationError as error:
            # From None: pydantic's own error carries the values, and it would be in the trace.
            raise SchemaInvalid(_describe(error)) from None


def _describe(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    lines = [f"{_pointer(mistake['loc'])}: {plain(mistake['msg'])}" for mistake in found[:20]]
    if len(found) > 20:
        lines.append(f"and {len(found) - 20} more")
    return "; ".join(lines)


def _pointer(location: tuple[int | str, ...]) -> str:
    steps = (str(step).replace("~", "~0").replace("/", "~1") for step in location)
    return "".join(f"/{step}" for step in steps) or "the body"


_UNREAD: Final = object()


class Delivery:
    """One message under work, at one attempt."""

    def __init__(
        self, webhook: CompiledWebhook, message: Message, attempt: int, model: Validator | None
    ) -> None:
        self.webhook = webhook
        self.message = message
        self.attempt = attempt
        self._model = model
        self._body: Body | None = None
        self._type: Any = _UNREAD
        self._delivery_id: Any = _UNREAD
        self._ready: Event[Any] | None = None
        """Built by `validate`, for the first handler."""

    @property
    def body(self) -> Body:
        if self._body is None:
            request, webhook = self.message.request, self.webhook
            expect_json = webhook.schema is not None or webhook.body_model not in (None, *_RAW)
            content_type = request.headers.get("content-type")
            self._body = read_body(content_type, request.body, expect_json=expect_json)
        return self._body

    @property
    def type(self) -> str | None:
        if self._type is _UNREAD:
            places = self.webhook.event_type
            self._type = event_type(places, self._reading) if places else None
        return self._type  # type: ignore[no-any-return]  # read by the line above

    @property
    def delivery_id(self) -> str | None:
        """What the sender calls this delivery. A replay has none: it is nobody's duplicate."""
        if self._delivery_id is _UNREAD:
            replay = self.message.replay_of is not None
            places = () if replay else self.webhook.delivery_id
            self._delivery_id = delivery_id(places, self._reading) if places else None
        return self._delivery_id  # type: ignore[no-any-return]  # read by the line above

    @cached_property
    def _reading(self) -> Reading:
        """The request as names are found in it; JSON that was parsed already is not parsed again."""
        reading = reading_of(self.message.request, self.webhook.verification)
        if self.body.encoding == "json":
            reading.document = self.body.value
        return reading

    def input(self) -> tuple[dict[str, Any], int]:
        """The execution's input, and at least its size as JSON in bytes.

        A body with which it would exceed 262,144 bytes is left out, and `bodyOmitted` says so.
        """
        body, message = self.body, self.message
        headers = message.request.headers
        built = {
            "id": message.id,
            "webhook": message.webhook,
            "type": self.type,
            "deliveryId": self.delivery_id,
            "receivedAt": format_timestamp(message.received_at_ms),
            "attempt": self.attempt,
            "headers": headers.last_values(),
            "body": body.value,
            "bodyEncoding": body.encoding,
        }
        shown = len(message.request.body) + len(self.type or "") + len(self.delivery_id or "")
        shown += sum(len(name) + len(text) + 1 for name, text in headers)
        size = _FRAME_BYTES + shown * _ESCAPED_BYTES
        if size > DATA_LIMIT_BYTES:
            size = measure(built)
            if size > DATA_LIMIT_BYTES:
                built |= {"body": None, "bodyOmitted": True}
                size = measure(built)
        return built, size

    def validate(self) -> None:
        """Hold the body against the webhook's model. Raises SchemaInvalid."""
        if self._model is not None and self._ready is None:
            self._ready = self._build_event(self._modelled(self._model))

    def event(self, model: Validator | None = None) -> Event[Any]:
        """What a handler receives; with a model of its own where that is not the webhook's.

        A new one each time, because a handler may change its body and then fail. Raises
        SchemaInvalid.
        """
        model = model or self._model
        if model is None:
            return self._build_event(self._plain_body())
        ready, self._ready = self._ready, None
        if ready is not None and model is self._model:
            return ready
        return self._build_event(self._modelled(model))

    def _modelled(self, model: Validator) -> Any:
        """The body as the model, where `bytes` and `str` mean: as it came, JSON or not."""
        request = self.message.request
        if model.type is bytes:
            return request.body
        if model.type is str:
            return read_text(request.headers.get("content-type"), request.body)
        return model.json(request.body)

    def _plain_body(self) -> Any:
        raw, body = self.message.request.body, self.body
        if body.encoding == "json":
            return orjson.loads(raw)
        return raw if body.encoding == "base64" else body.value

    def _build_event(self, body: Any) -> Event[Any]:
        return Event.of(
            self.message,
            body,
            type=self.type,
            delivery_id=self.delivery_id,
            attempt=self.attempt,
        )
