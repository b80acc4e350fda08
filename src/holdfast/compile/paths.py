"""Paths of webhooks: their syntax, the names they give, and which of them collide."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from holdfast.compile.spot import Spot, quoted, shown
from holdfast.compile.values import NAME
from holdfast.compiled import CompiledWebhook
from holdfast.definition import Webhook

_LITERAL: Final = re.compile(r"[A-Za-z0-9._~:@-]+")
_PARAMETER: Final = re.compile(r"\{[A-Za-z_][A-Za-z0-9_]*\}")


def path(spot: Spot, value: object) -> str:
    """A path such as `/tenants/{tenant}/orders`, exactly as requests will be matched to it."""
    if not isinstance(value, str):
        spot.wrong(f'{quoted(value)} is not a path; write @app.webhook("/users")')
        return "/"
    if not value.startswith("/"):
        spot.wrong(f'a path starts with "/"; write "/{value}"')
    elif value != "/":
        seen: set[str] = set()
        for segment in value[1:].split("/"):
            if wrong := _segment_mistake(segment, seen):
                spot.wrong(wrong)
            seen.add(segment)
    return value


def _segment_mistake(segment: str, seen: set[str]) -> str | None:
    if not segment:
        return 'an empty segment: leave out "//" and the "/" at the end'
    if segment in {".", ".."}:
        return f"{quoted(segment)} never arrives: clients resolve it before they send"
    if _PARAMETER.fullmatch(segment):
        return f"the parameter {segment} appears twice" if segment in seen else None
    if "{" in segment or "}" in segment:
        return f'{quoted(segment)} is not a parameter; one fills a whole segment: "{{tenant}}"'
    if not _LITERAL.fullmatch(segment):
        return (
            f"{quoted(segment)} has characters that need escaping; use letters, digits, . _ ~ : @ -"
        )
    return None


def name(spot: Spot, value: object, of_path: str) -> str:
    """The webhook's name: given, or taken from the path."""
    if value is None:
        return default_name(of_path)
    if not isinstance(value, str) or not NAME.fullmatch(value):
        spot.wrong(f"{quoted(value)} is not a name; use 1 to 64 letters, digits, _ and -")
        return default_name(of_path)
    return value


def default_name(of_path: str) -> str:
    """`/tenants/{tenant}/orders` -> `tenants-tenant-orders`; `/` -> `root`."""
    return re.sub(r"[^A-Za-z0-9_]+", "-", of_path).strip("-_")[:64] or "root"


def queues(webhooks: Sequence[Webhook]) -> frozenset[str]:
    """What a workflow may call their queues by: the names and the paths, as far as they are any."""
    names = [
        each.settings["name"] or default_name(each.path)
        for each in webhooks
        if isinstance(each.path, str)
    ]
    of_paths = [each.path for each in webhooks]
    return frozenset(each for each in (*names, *of_paths) if isinstance(each, str))


def collisions(webhooks: Sequence[tuple[CompiledWebhook, Spot]]) -> None:
    """Notes every webhook that an earlier one takes the name or some requests from.

    A path belongs to one webhook, whatever the methods: a wrong method is answered 405, with what
    is allowed, and that answer needs an owner.
    """
    for index, (webhook, spot) in enumerate(webhooks):
        for earlier, where in webhooks[:index]:
            other = f"{earlier.path} at {shown(where.line)}"
            if _shape(webhook.path) == _shape(earlier.path):
                spot.under("path").wrong(f"the same requests go to {other}; a path has one webhook")
            elif _ambiguous(webhook.path, earlier.path):
                spot.under("path").wrong(
                    f"some requests fit both this and {other}, and neither is the more specific one"
                )
            elif webhook.name == earlier.name:
                spot.under("name").wrong(
                    f'"{webhook.name}" is already {other}; give one of them a name=...'
                )


def _shape(of_path: str) -> list[str]:
    """The path with its parameters' names left out: they match the same requests."""
    return ["{}" if part.startswith("{") else part for part in of_path.split("/")]


def _ambiguous(one: str, other: str) -> bool:
    """Both match some request, each being the more literal one somewhere."""
    ours, theirs = _shape(one), _shape(other)
    if len(ours) != len(theirs):
        return False
    pairs = [pair for pair in zip(ours, theirs, strict=True) if pair[0] != pair[1]]
    if any("{}" not in pair for pair in pairs):
        return False
    return len({pair.index("{}") for pair in pairs}) > 1
