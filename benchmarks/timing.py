"""Measures functions and sums up what was measured.

In: a function without arguments, or durations. Out: numbers with their unit in the name. Used by all benchmarks.
"""

from __future__ import annotations

import gc
import resource
import statistics
import time
from collections.abc import Callable, Sequence


def microseconds(work: Callable[[], object], *, rounds: int, repeat: int = 5) -> float:
    """CPU time of one call in µs: the best of `repeat` series of `rounds` calls."""
    best = float("inf")
    gc.collect()
    for _ in range(repeat):
        began = time.process_time()
        for _ in range(rounds):
            work()
        best = min(best, time.process_time() - began)
    return round(best / rounds * 1e6, 2)


def quantiles(seconds: Sequence[float], name: str) -> dict[str, float]:
    """Median and 99th percentile in µs."""
    if len(seconds) < 2:
        return {}
    cuts = statistics.quantiles(seconds, n=100)
    return {f"{name} p50 µs": round(cuts[49] * 1e6, 1), f"{name} p99 µs": round(cuts[98] * 1e6, 1)}


def resident_mb() -> float:
    """The most memory that this process had so far, in MB."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
