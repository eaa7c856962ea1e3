"""Makes `vectors.json`: samples, and what SciPy says of them. `python tests/judge/make_vectors.py`, where SciPy is.

The tests read the file, so that they need neither SciPy nor NumPy.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy
from scipy.optimize import brentq
from scipy.stats import mannwhitneyu, norm

CONFIDENCES = (0.9, 0.95, 0.98, 0.99)


def score(canary, baseline, by):
    """SciPy's p-value of the samples, shifted, as a signed number of standard deviations."""
    test = mannwhitneyu(canary - by, baseline, use_continuity=True, method="asymptotic")
    side = numpy.sign(test.statistic - len(canary) * len(baseline) / 2)
    return float(side * norm.isf(min(test.pvalue, 1.0) / 2))


def bound(canary, baseline, quantile):
    least, most = canary.min() - baseline.max(), canary.max() - baseline.min()
    if score(canary, baseline, least) <= quantile:
        return float(least)
    if score(canary, baseline, most) >= quantile:
        return float(most)
    return float(brentq(lambda by: score(canary, baseline, by) - quantile, least, most, xtol=1e-12))


def samples(dice, kind, size, moved):
    match kind:
        case "normal":
            return dice.normal(10 + moved, 2, size)
        case "lognormal":
            return dice.lognormal(1 + moved / 5, 0.8, size)
        case "counts":
            return dice.poisson(3 + moved, size).astype(float)
        case "rates":
            return numpy.round(dice.beta(50, 2, size) - moved / 50, 3)
        case _:
            raise ValueError(kind)


def case(dice, number):
    kind = ("normal", "lognormal", "counts", "rates")[number % 4]
    sizes = dice.integers(3, 60, 2)
    baseline = samples(dice, kind, sizes[0], 0)
    canary = samples(dice, kind, sizes[1], float(dice.choice([-2, -0.5, 0, 0, 0.5, 2])))
    confidence = CONFIDENCES[number % 3]
    quantile = norm.ppf(0.5 + confidence / 2)
    test = mannwhitneyu(canary, baseline, use_continuity=True, method="asymptotic")
    return {
        "kind": kind,
        "baseline": baseline.tolist(),
        "canary": canary.tolist(),
        "confidence": confidence,
        "u": float(test.statistic),
        "estimate": float(numpy.median(canary[:, None] - baseline[None, :])),
        "low": bound(canary, baseline, quantile),
        "high": bound(canary, baseline, -quantile),
    }


if __name__ == "__main__":
    dice = numpy.random.default_rng(20260826)
    rows = [json.dumps(case(dice, number)) for number in range(120)]
    Path(__file__).with_name("vectors.json").write_text("[\n" + ",\n".join(rows) + "\n]\n")
