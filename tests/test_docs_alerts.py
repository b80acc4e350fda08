"""The page of alerts says what the code does."""

from __future__ import annotations

from typing import Final, get_args

from holdfast import Alert, Email
from holdfast.alerts import RuleSettings, Subject
from test_docs import ROOT, defaults, field_defaults, rows, section, signature_defaults

PAGE: Final = ROOT / "docs/alerts.md"


def test_every_setting_of_alerts_is_there() -> None:
    """Those that all rules take, those of each rule, and those of an e-mail, with their defaults."""
    settings = [row for row in rows(section(PAGE, "Rules")) if len(row) == 3]
    email = field_defaults(Email)
    del email["place"]  # found out by itself
    told = " ".join(row[0] for row in rows(section(PAGE, "Rules")) if len(row) == 2)

    assert [row[0].strip("`") for row in settings] == list(RuleSettings.__annotations__)
    assert defaults(section(PAGE, "Targets")) == email
    for name in get_args(Subject):
        own = signature_defaults(getattr(Alert, name))
        assert all(f"{each}=" in told for each in own if each != "settings"), name
