"""URLs that requests are sent to: whether one is usable, told without repeating what it may hide."""

from __future__ import annotations

from typing import Literal
from urllib.parse import SplitResult, urlsplit

from holdfast.errors import HoldfastError


def url_flaw(url: object) -> Literal["credentials", "unusable"] | None:
    """What is wrong with an absolute http or https URL; None: nothing is.

    One with `credentials` must not be shown to anybody.
    """
    if not isinstance(url, str):
        return "unusable"
    try:
        parts = urlsplit(url)
        # Reading the port judges it.
        usable = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return "credentials" if "@" in url else "unusable"
    if parts.username is not None or parts.password is not None:
        return "credentials"
    if not usable or parts.scheme not in {"http", "https"}:
        return "unusable"
    return "unusable" if any(c.isspace() or not c.isprintable() for c in url) else None


def need_url(url: str, shape: str, instead: str = "they would be written down") -> SplitResult:
    """An operator's URL, taken apart. Raises HoldfastError with the shape that it should have.

    instead: what is said of credentials in it.
    """
    match url_flaw(url):
        case "credentials":
            raise HoldfastError(f"credentials do not belong into a URL; {instead}")
        case "unusable":
            raise HoldfastError(f"{url!r} is no URL; write {shape}")
    return urlsplit(url)
