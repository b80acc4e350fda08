"""Which content types a webhook takes."""

from __future__ import annotations

from collections.abc import Iterable


class MediaTypes:
    """Accepted media types: exact ones, families (`text/*`), or anything (`*/*`)."""

    __slots__ = ("_any", "_exact", "_families")

    def __init__(self, accepted: Iterable[str]) -> None:
        names = [name.strip().lower() for name in accepted]
        self._any = "*/*" in names
        self._exact = frozenset(name for name in names if not name.endswith("/*"))
        self._families = tuple(name[:-1] for name in names if name.endswith("/*"))

    def accepts(self, content_type: str | None) -> bool:
        """Parameters such as `charset` do not count. A missing type is taken for JSON."""
        if self._any or content_type in self._exact:
            return True
        name = (content_type or "application/json").partition(";")[0].strip().lower()
        return name in self._exact or name.startswith(self._families)
