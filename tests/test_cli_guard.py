"""The guard over a real run: refusals at the gateway become a warning that `status` shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from cli_run import Running, running
from process_kit import PATIENCE_SECONDS, get, until


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("guard"), "--workers", "0") as run:
        yield run


def test_a_sender_that_is_about_to_stop_is_told_of(run: Running) -> None:
    """Eight forged deliveries of Shopify's, which gives up after eight: critical, with its deadline."""
    url, forged = f"{run.started['url']}/shop", {"x-shopify-hmac-sha256": "AAAA"}
    for _ in range(8):
        refused = httpx.post(url, json={}, headers=forged, timeout=PATIENCE_SECONDS)
        assert refused.status_code == 401

    def critical() -> dict[str, object] | None:
        found = run.call("status", "-o", "json").json["warnings"]
        return next((one for one in found if one["severity"] == "critical"), None)

    warned = until(critical, "a critical warning stands")
    assert (warned["code"], warned["webhook"]) == ("provider_refused", "shop")
    shown = run.call("status").out
    assert "critical shop: 8 refused; Shopify stops sending after 8" in shown
    assert "is tried again until" in shown
    metrics = get(f"{run.started['ops_url']}/metrics").text
    assert (
        'holdfast_provider_warnings{severity="critical",warning="provider_refused",webhook="shop"} 1.0'
        in metrics
    )


def test_the_log_tells_and_the_rhythm_outlives_the_run(run: Running) -> None:
    """One line when it began, one when it grew worse; the file stays in the store."""
    run.end()

    assert 1 <= run.err.count('"event":"provider.refused"') <= 2
    assert (Path(run.store) / "guard.json").exists()
    assert run.call("status", "-o", "json").json["warnings"] == []
