"""Which Holdfast this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def installed_version() -> str:
    """As the package's metadata say; `0` where it was not installed."""
    try:
        return version("holdfast")
    except PackageNotFoundError:
        return "0"
