"""Style sheets, scripts and the icon: read once, served under an address that names their content.

One digest over all of them stands in the path, so that a script finds its modules beside it, and a
browser may keep every file for good: what changes gets another address.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FOLDER: Final = Path(__file__).parent / "static"
FOREVER: Final = "public, max-age=31536000, immutable"

TYPES: Final[Mapping[str, str]] = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Files:
    """What is served, by name. `digest` changes with any of them."""

    digest: str
    content: Mapping[str, bytes]

    def path(self, name: str) -> str:
        """Where it is. Raises KeyError for what there is not."""
        if name not in self.content:
            raise KeyError(name)
        return f"/static/{self.digest}/{name}"

    def named(self, suffix: str) -> list[str]:
        return [name for name in self.content if name.endswith(suffix)]

    def routes(self) -> list[Route]:
        return [self._route(name) for name in self.content]

    def _route(self, name: str) -> Route:
        kind, content = TYPES[Path(name).suffix], self.content[name]

        async def serve(_request: Request) -> Response:
            return Response(content, media_type=kind, headers={"cache-control": FOREVER})

        return Route(self.path(name), serve, name=f"static-{name}")


@cache
def files() -> Files:
    """Those of the package."""
    found = {path.name: path.read_bytes() for path in sorted(FOLDER.iterdir())}
    digest = hashlib.sha256()
    for name, content in found.items():
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return Files(digest.hexdigest()[:16], found)
