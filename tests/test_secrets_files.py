"""Secrets that stand in files."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.secrets import SecretRef, Secrets


def test_a_relative_path_stays_where_it_was_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A handler that changes the directory takes no secret away, and puts none in its place."""
    (tmp_path / "hook").write_text("from the start\n", encoding="utf-8")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "hook").write_text("another\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    secrets = Secrets()

    monkeypatch.chdir(elsewhere)

    assert secrets.value(SecretRef.parse("file:hook")) == "from the start"
