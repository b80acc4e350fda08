"""From the path of a request to what answers there, with the values of the path's parameters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, NamedTuple, TypeVar
from urllib.parse import unquote

Target = TypeVar("Target")


class Pattern(NamedTuple, Generic[Target]):
    """A path in segments. A segment's name is given where it is a parameter, None elsewhere."""

    segments: tuple[str, ...]
    names: tuple[str | None, ...]
    target: Target

    def match(self, segments: list[str]) -> dict[str, str] | None:
        """The parameters' values, or None. A parameter never stands for an empty segment."""
        params: dict[str, str] = {}
        for own, name, given in zip(self.segments, self.names, segments, strict=True):
            if name is None:
                if own != given:
                    return None
            elif given:
                params[name] = given
            else:
                return None
        return params


class Router(Generic[Target]):
    """Finds by exact path first, then by template; of two templates the more literal one wins.

    A trailing slash makes another path. `/users` is also found as `/us%65rs`; an encoded slash is
    part of its segment. Bytes that are no UTF-8 become U+FFFD in a parameter; the path that is kept
    with the message is the one that was sent.
    """

    def __init__(self, routes: Iterable[tuple[str, Target]]) -> None:
        self._exact: dict[str, Target] = {}
        self._patterns: dict[int, list[Pattern[Target]]] = {}
        for path, target in routes:
            pattern = _pattern(path, target)
            if not any(pattern.names):
                self._exact.setdefault(path, target)
            self._patterns.setdefault(len(pattern.segments), []).append(pattern)
        for patterns in self._patterns.values():
            # Literal before parameter, from the left: /a/{x} wins over /{x}/b.
            patterns.sort(key=lambda pattern: [name is not None for name in pattern.names])

    def find(self, path: str) -> tuple[Target, dict[str, str]] | None:
        target = self._exact.get(path)
        if target is not None:
            return target, {}
        segments = [unquote(segment) if "%" in segment else segment for segment in path.split("/")]
        for pattern in self._patterns.get(len(segments), ()):
            params = pattern.match(segments)
            if params is not None:
                return pattern.target, params
        return None


def _pattern(path: str, target: Target) -> Pattern[Target]:
    segments = tuple(path.split("/"))
    names = tuple(
        segment[1:-1] if segment.startswith("{") and segment.endswith("}") else None
        for segment in segments
    )
    return Pattern(segments, names, target)
