"""Is the canary higher than its baseline, lower, or neither?

In: samples of both and the `Rules`. Out: a `Finding`. Called by the analysis engine. The order of the questions is
Kayenta's: is there data, are the samples the same, does the interval of the shift clear the tolerance, is the effect
large enough. What differs is named in `docs/analysis.md`.
"""

from __future__ import annotations

from collections.abc import Sequence

from .finding import Classification, Finding
from .mannwhitney import Shift, can_differ, shift
from .rules import Direction, Rules
from .samples import effect, prepared


def compare(
    baseline: Sequence[float], canary: Sequence[float], rules: Rules | None = None
) -> Finding:
    """Compare. Pure and total: any numbers, in any order, however few."""
    rules = rules or Rules()
    old, new = prepared(baseline, rules), prepared(canary, rules)
    missing = _missing(old, new, rules)
    if missing:
        kind = Classification.NODATA_FAILS if rules.must_have_data else Classification.NODATA
        return Finding(classification=kind, reason=missing, baseline=len(old), canary=len(new))
    if sorted(old) == sorted(new) or len({*old, *new}) == 1:
        reason = "the samples of canary and baseline are the same"
        return _found(Classification.PASSES, reason, old, new)
    found = shift(new, old, rules.confidence)
    size = effect(rules.effect_size, new, old)
    kind = _classification(found, size, rules)
    return Finding(
        classification=kind,
        reason=_reason(kind, found, size, rules),
        effect=size,
        estimate=found.estimate,
        low=found.low,
        high=found.high,
        baseline=len(old),
        canary=len(new),
    )


def _found(kind: Classification, reason: str, old: list[float], new: list[float]) -> Finding:
    return Finding(classification=kind, reason=reason, baseline=len(old), canary=len(new))


def _missing(old: list[float], new: list[float], rules: Rules) -> str:
    for side, samples in (("baseline", old), ("canary", new)):
        if not samples:
            return f"the {side} has no samples"
        if len(samples) < rules.min_samples:
            return (
                f"the {side} has {len(samples)} samples, and {rules.min_samples} at least are asked"
            )
    if not can_differ(len(new), len(old), rules.confidence):
        # as many as these would pass whatever they are, which nobody should take for a verdict
        return (
            f"{len(old)} samples of the baseline and {len(new)} of the canary"
            f" are too few to tell anything with a confidence of {rules.confidence:g}"
        )
    return ""


def _classification(found: Shift, size: float, rules: Rules) -> Classification:
    tolerated = rules.tolerance * abs(found.estimate)
    increase = rules.no_effect if rules.allowed_increase is None else rules.allowed_increase
    decrease = rules.no_effect if rules.allowed_decrease is None else rules.allowed_decrease
    if rules.direction is not Direction.DECREASE and found.low > tolerated and size >= increase:
        return Classification.HIGH
    if rules.direction is not Direction.INCREASE and found.high < -tolerated and size <= decrease:
        return Classification.LOW
    return Classification.PASSES


def _reason(kind: Classification, found: Shift, size: float, rules: Rules) -> str:
    where = f"by {found.estimate:.4g} ({found.low:.4g} to {found.high:.4g} with a confidence of {rules.confidence:g}"
    where += f", {rules.effect_size} {size:.4g})"
    match kind:
        case Classification.HIGH:
            return f"the canary is higher than the baseline {where}"
        case Classification.LOW:
            return f"the canary is lower than the baseline {where}"
        case _:
            return f"the canary is not {_bad(rules)} than the baseline: it is shifted {where}"


def _bad(rules: Rules) -> str:
    match rules.direction:
        case Direction.INCREASE:
            return "higher"
        case Direction.DECREASE:
            return "lower"
        case _:
            return "higher or lower"
