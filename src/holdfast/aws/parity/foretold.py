"""Whether `plan` foretells a difference: by its own sentence, and only where its cause is there.

A sentence of the plan is no excuse by itself: that the model is wider is believed where every rule
that the body breaks is one which the plan names as widened, that a content type is refused where its
spelling is none of the known ones, that a body is cut down to U+FFFD where it is no UTF-8.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

import jsonschema_rs

from holdfast.aws.differences import Difference
from holdfast.aws.door import ping_of, queued_pings
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

_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "if": ("if", "then", "else"),
    "contains": ("contains", "minContains", "maxContains"),
}
"""Keywords that are left out together, under the name of one."""


_JUDGED: Final = (*range(200, 300), 400, 401)
"""Answers that rest on what the body says."""

_TO_A_PING: Final = (*range(200, 300), 401)
"""What the local door answers to one, genuine or not."""


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
        self._pings = queued_pings(webhook)
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
        if here in _TO_A_PING and aws // 100 == 2 and ping_of(request, self._pings):
            return self.topic("ping")
        return self.of_bytes(request) if here in _JUDGED and aws in _JUDGED else None

    def widened(self, request: Request) -> Difference | None:
        """Whether the model lets through what the schema refuses, and says so."""
        if not request.body:
            return self.topic("empty body")
        try:
            value = read(request.body)
        except NotStrict:
            if not _is_json(request.body.decode("utf-8", "replace")):
                return None
            return self.of_bytes(request) or self.topic("schema", "a key given twice")
        if self._schema is None:
            return None
        by = [self._widening(error) for error in self._schema.iter_errors(value)]
        if not by or by[0] is None or None in by:
            return None
        return self.topic("schema", f"{by[0].keyword} at {by[0].path or '/'} ")

    def _widening(self, error: jsonschema_rs.ValidationError, known: int = 0) -> Widening | None:
        """The rule that the model says less of, and that is broken or on whose way the broken one is;
        of a choice none of whose branches fits, one in which nothing else is broken.

        known: how many steps of the way are those of the choice that it is a branch of.
        """
        places = list(_way(error.evaluation_path, self._webhook.schema))[known:]
        places.append("".join(f"/{step(str(name))}" for name in error.schema_path))
        branches = getattr(error.kind, "context", ())
        none_fits = bool(branches) and all(branches)
        for at in places[:-2] if none_fits else places:
            for each in self._widenings:
                if _covers(each, at):
                    return each
        for branch in branches if none_fits else ():
            by = [self._widening(each, len(error.evaluation_path)) for each in branch]
            if None not in by:
                return by[0]
        return None

    def of_bytes(self, request: Request) -> Difference | None:
        """What API Gateway cannot hand on, and all that follows from it."""
        content_type = request.headers.last_values().get("content-type", "")
        if not is_binary(content_type) and not _is_utf8(request.body):
            return self.topic("invalid UTF-8")
        if not request.body:
            return self.topic("empty body")
        return None

    def consequence(self, request: Request, query: str) -> Difference | None:
        """In what the message was handed on otherwise, from which an end may come that differs.
        `query`: as it was handed on."""
        found = self.of_bytes(request)
        if found is None and repeated(request):
            found = self.topic("repeated headers")
        if found is None and query != request.query:
            found = self.topic("query")
        return found

    def end(self, task: str | None) -> Difference | None:
        """Of tasks or an end that differ. `task`: one that refused its input on AWS alone."""
        known = self._webhook.tasks.get(task) if task is not None else None
        if isinstance(known, Task) and known.takes == "input":
            return self.topic("input")
        return self.topic("context object") if self._asks_context else None


def repeated(request: Request) -> bool:
    names = [name for name, _ in request.headers]
    return len(set(names)) < len(names)


def same_query(one: str, other: str) -> bool:
    """Whether two queries say the same to who reads one value of each name."""
    return _values(one) == _values(other)


def _values(query: str) -> dict[str, str]:
    return dict(parse_qsl(query, keep_blank_values=True, errors="replace"))


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _way(path: Sequence[str | int], schema: Any) -> Iterator[str]:
    """Every place of the schema on the way to a rule, from one reference to the next."""
    at, node = "", schema
    for name in path:
        at = f"{at}/{step(str(name))}"
        yield at
        if name == "$ref" and isinstance(node, Mapping) and "$ref" in node:
            target = unquote(str(node["$ref"]).partition("#")[2])
            at, node = target, _at(schema, target)
        else:
            node = _below(node, str(name))


def _at(schema: Any, pointer: str) -> Any:
    node = schema
    for name in pointer.split("/")[1:]:
        node = _below(node, name.replace("~1", "/").replace("~0", "~"))
    return node


def _below(node: Any, name: str) -> Any:
    if isinstance(node, Mapping):
        return node.get(name)
    if isinstance(node, list) and name.isdecimal() and int(name) < len(node):
        return node[int(name)]
    return None


def _covers(widening: Widening, at: str) -> bool:
    """Whether the rule at `at`, a JSON pointer, is the one that is widened."""
    if widening.keyword == _OUTLINE:
        return True
    words = _WORDS.get(widening.keyword, (widening.keyword,))
    return at in {f"{widening.path}/{step(word)}" for word in words}
