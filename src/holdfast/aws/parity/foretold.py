"""Whether `plan` foretells a difference: by its own sentence, and only where its cause is there.

A sentence of the plan is no excuse by itself: that the model is wider is believed where every rule
that the body breaks is one which the plan names as widened, that a content type is refused where its
spelling is none of the known ones, that a body is cut down to U+FFFD where it is no UTF-8.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

import jsonschema_rs

from holdfast.aws.differences import Difference
from holdfast.aws.keywords import step
from holdfast.aws.limits import Limits, limits
from holdfast.aws.media import is_binary, spellings
from holdfast.aws.models import Widening
from holdfast.aws.plan import WebhookPlan
from holdfast.compiled import CompiledWebhook, Task
from holdfast.gateway.schema import NotStrict, read
from holdfast.message import Request

_OUTLINE: Final = "everything below the first properties"
"""What a widening is called where the model was too large."""

_CONDITION: Final = ("if", "then", "else")


class Foretold:
    """The differences of one webhook's plan, and what brings each about."""

    def __init__(self, webhook: CompiledWebhook, planned: WebhookPlan) -> None:
        self._webhook = webhook
        self._limits: Limits = limits(webhook)
        self._differences = planned.differences
        self._widenings = planned.model.widenings if planned.model is not None else ()
        self._known = {each.content_type for each in spellings(webhook.content_types)}
        self._schema = None
        if webhook.schema is not None:
            self._schema = jsonschema_rs.Draft202012Validator(
                dict(webhook.schema), validate_formats=True, mask="value", offline=True
            )
        text = json.dumps(webhook.workflow)
        self._asks_context = "$$." in text or "$states.context" in text

    def topic(self, name: str, words: str = "") -> Difference | None:
        """The plan's difference of that topic whose text has these words; None: it has none."""
        named = (each for each in self._differences if each.topic == name)
        return next((each for each in named if words in each.here or words in each.aws), None)

    def answer(
        self, request: Request, here: int, aws: int, reason: str, message_bytes: int
    ) -> Difference | None:
        """Of two answers that differ. `reason`: why the local door refuses, if it does."""
        body = len(request.body)
        numbers = self._limits
        if aws == 413 and (body > numbers.body_bytes or message_bytes > numbers.message_bytes):
            return self.topic("size")
        if here == 413 and body > self._webhook.body_limit_bytes and aws // 100 == 2:
            return self.topic("size")
        content_type = request.headers.last_values().get("content-type", "application/json")
        if aws == 415 and content_type not in self._known:
            return self.topic("content type")
        if here == 503 and aws in (500, 504):
            return self.topic("answers")
        if reason == "invalid_body" and aws // 100 == 2:
            return self.widened(request)
        return self.of_bytes(request)

    def widened(self, request: Request) -> Difference | None:
        """Whether the model lets through what the schema refuses, and says so."""
        if not request.body:
            return self.topic("empty body")
        try:
            value = read(request.body)
        except NotStrict:
            return self.topic("schema", "a key given twice") if _is_json(request.body) else None
        if self._schema is None:
            return None
        broken = [
            _pointer(list(error.schema_path), self._webhook.schema)
            for error in self._schema.iter_errors(value)
        ]
        by = [next((each for each in self._widenings if _covers(each, at)), None) for at in broken]
        if not by or by[0] is None or None in by:
            return None
        return self.topic("schema", f"{by[0].keyword} at {by[0].path or '/'} ")

    def of_bytes(self, request: Request) -> Difference | None:
        """What API Gateway cannot hand on, and all that follows from it."""
        content_type = request.headers.last_values().get("content-type", "")
        if not is_binary(content_type) and not _is_utf8(request.body):
            return self.topic("invalid UTF-8")
        if not request.body:
            return self.topic("empty body")
        return None

    def consequence(self, request: Request, query: str) -> Difference | None:
        """Of a verdict, an input or an end that differs because of what was handed on. `query`: as
        it was handed on."""
        found = self.of_bytes(request)
        if found is None and repeated(request):
            found = self.topic("repeated headers")
        if found is None and query != request.query:
            found = self.topic("query")
        return found

    def end(self, request: Request, query: str, task: str | None) -> Difference | None:
        """Of tasks or an end that differ. `task`: one that refused its input on AWS alone."""
        found = self.consequence(request, query)
        if found is None and task is not None:
            known = self._webhook.tasks.get(task)
            if isinstance(known, Task) and known.takes == "input":
                found = self.topic("input")
        if found is None and self._asks_context:
            found = self.topic("context object")
        return found


def repeated(request: Request) -> bool:
    names = [name for name, _ in request.headers]
    return len(set(names)) < len(names)


def same_query(one: str, other: str) -> bool:
    """Whether two queries say the same to who reads one value of each name."""
    return _values(one) == _values(other)


def _values(query: str) -> dict[str, str]:
    return dict(parse_qsl(query, keep_blank_values=True, errors="replace"))


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _pointer(path: list[str | int], schema: Any) -> str:
    """Where in the schema a rule stands, references followed: as widenings name their places."""
    at, node = "", schema
    for name in path:
        if name == "$ref" and isinstance(node, Mapping):
            target = str(node["$ref"]).partition("#")[2]
            at, node = target, _resolved(schema, target)
            continue
        at = f"{at}/{step(str(name))}"
        node = _below(node, name)
    return at


def _resolved(schema: Any, pointer: str) -> Any:
    node = schema
    for name in pointer.split("/")[1:]:
        node = _below(node, name.replace("~1", "/").replace("~0", "~"))
    return node


def _below(node: Any, name: str | int) -> Any:
    if isinstance(node, Mapping):
        return node.get(str(name))
    if isinstance(node, list) and str(name).isdecimal() and int(name) < len(node):
        return node[int(name)]
    return None


def _covers(widening: Widening, at: str) -> bool:
    """Whether the rule at `at` is one that the model says less of: it, what is inside it, or a
    choice among several of which one is wider."""
    if widening.keyword == _OUTLINE:
        return True
    words = _CONDITION if widening.keyword == "if" else (widening.keyword,)
    places = [f"{widening.path}/{step(word)}" for word in words]
    return any(at == place or f"{at}/".startswith(f"{place}/") for place in places) or (
        f"{widening.path}/".startswith(f"{at}/") and at != ""
    )
