"""A test that fails is reported as such, whatever it has printed."""

from __future__ import annotations

import execnet
import pytest


def test_half_a_surrogate_pair_hides_no_failure(request: pytest.FixtureRequest) -> None:
    report = pytest.TestReport(
        request.node.nodeid,
        request.node.location,
        keywords={},
        outcome="failed",
        longrepr="AssertionError: \ud800",
        when="call",
        sections=[("Captured log call", "half a pair: \ud800")],
    )
    config = request.config
    data = config.hook.pytest_report_to_serializable(config=config, report=report)
    assert execnet.dumps(data), "what a worker of pytest-xdist does with it"
    again = config.hook.pytest_report_from_serializable(config=config, data=data)
    assert again.failed
    assert r"half a pair: \ud800" in again.caplog
