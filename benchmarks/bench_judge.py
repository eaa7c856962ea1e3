"""The judge: how often it fails a canary that is as good as its baseline, how often it finds one that is not.

In: nothing. Out: shares over many pairs of random samples, and the time of one comparison. Called by `make bench`.
`JUDGE_PAIRS` sets the number of A/A pairs; the tables of `docs/analysis.md` are 10,000 of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from random import Random
from typing import Final

from gradatim.judge import Classification, Direction, Rules, compare

from .timing import microseconds

PAIRS: Final = int(os.environ.get("JUDGE_PAIRS", "300"))
SEED: Final = 20260826

Draw = Callable[[Random, float], float]

#: What metrics look like: latencies in ms, errors in a minute, the share of good requests.
KINDS: Final[Mapping[str, Draw]] = {
    "latency": lambda dice, more: dice.lognormvariate(4, 0.5) * (1 + more),
    "errors": lambda dice, more: float(_poisson(dice, 6 * (1 + more))),
    "success": lambda dice, more: round(1 - dice.betavariate(2, 98) * (1 + more), 4),
}
SIZES: Final = (12, 30, 60)
SHIFTS: Final = (0.1, 0.25, 0.5, 1.0)


def _poisson(dice: Random, rate: float) -> int:
    """Arrivals within one unit of time."""
    count, at = 0, dice.expovariate(rate)
    while at < 1:
        count, at = count + 1, at + dice.expovariate(rate)
    return count


def _share_failed(draw: Draw, size: int, more: float, rules: Rules) -> float:
    pairs = PAIRS if more == 0 else max(100, PAIRS // 5)
    dice = Random(SEED)
    failed = 0
    for _ in range(pairs):
        baseline = [draw(dice, 0) for _ in range(size)]
        canary = [draw(dice, more) for _ in range(size)]
        failed += compare(baseline, canary, rules).classification is not Classification.PASSES
    return round(100 * failed / pairs, 2)


def run() -> dict[str, float]:
    """Percentages of pairs that fail, and microseconds for a comparison of 60 with 60 samples."""
    found: dict[str, float] = {}
    for name, draw in KINDS.items():
        bad = Direction.DECREASE if name == "success" else Direction.INCREASE
        for size in SIZES:
            either = _share_failed(draw, size, 0, Rules())
            found[f"{name}, {size} samples, A/A, either way, % failed"] = either
            one_way = _share_failed(draw, size, 0, Rules(direction=bad))
            found[f"{name}, {size} samples, A/A, {bad}, % failed"] = one_way
            for more in SHIFTS:
                caught = _share_failed(draw, size, more, Rules(direction=bad))
                found[f"{name}, {size} samples, {more:+.0%}, % caught"] = caught
    dice = Random(SEED)
    one, other = ([KINDS["latency"](dice, 0) for _ in range(60)] for _ in range(2))
    found["a comparison of 60 with 60 samples, µs"] = microseconds(
        lambda: compare(one, other), rounds=20
    )
    return found
