"""Measurements begin at their times: the benchmark of `make bench`, made small."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[2]))

from benchmarks import bench_analysis

RUNS, SECONDS = 200, 20


def test_200_runs_are_on_time_on_one_core(record_property: Any) -> None:
    numbers = bench_analysis.run(RUNS, SECONDS)
    for name, number in numbers.items():
        record_property(name, number)
    assert numbers["runs that ended well"] == RUNS
    assert numbers["measurements"] == RUNS * (SECONDS // bench_analysis.INTERVAL - 1)
    assert numbers["within 500 ms %"] >= 99
