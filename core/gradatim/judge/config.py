"""What the annotation `gradatim.dev/judge` says, with the names that Kayenta gives these things.

In: its text: a JSON object from names of metrics to blocks. Out: a `Comparison` for each, and what is wrong with them.
Called by `validate/` beforehand and by `decide/analysis` when a measurement is judged.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from .fields import Fault, Fields
from .rules import Direction, EffectSize, NanStrategy, Rules

#: How the series of one side is found: by labels of the series, or by its name in the value.
Selector: TypeAlias = str | Mapping[str, str]

#: Characters of the annotation: more than any template needs.
_LONGEST: Final = 65_536
#: Metrics that one annotation speaks of.
_MOST_METRICS: Final = 200
_DEFAULT: Final = Rules()


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How one metric is judged, and which of its series are which.

    Attributes:
        baseline, canary: labels that a series of that side has, or the key under which the value has its samples.
    """

    rules: Rules = field(default_factory=Rules)
    baseline: Selector = "baseline"
    canary: Selector = "canary"


@dataclass(frozen=True, slots=True)
class Config:
    """What an annotation says: a comparison for each metric, and faults with their paths in the JSON."""

    comparisons: Mapping[str, Comparison] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()


def read_config(text: str, resolve: Callable[[Any], Any] = lambda blocks: blocks) -> Config:
    """Read the annotation. A metric whose block is wrong has no comparison.

    Args:
        text: the annotation; whatever it is, its faults are named and nothing is raised.
        resolve: puts arguments into the JSON, where they are known; what it raises is let through.
    """
    if len(text) > _LONGEST:
        return Config(faults=(((), f"is longer than {_LONGEST} characters"),))
    try:
        blocks = json.loads(text)
    except (ValueError, RecursionError) as error:
        return Config(faults=(((), f"must be JSON: {error}"),))
    if not isinstance(blocks, dict):
        return Config(faults=(((), "must be a JSON object from names of metrics to blocks"),))
    if len(blocks) > _MOST_METRICS:
        return Config(faults=(((), f"speaks of more than {_MOST_METRICS} metrics"),))
    comparisons, faults = {}, []
    for metric, block in resolve(blocks).items():
        fields = Fields(block, (metric,))
        comparison = _comparison(fields)
        wrong = fields.all_faults()
        faults += wrong
        if not wrong:
            comparisons[metric] = comparison
    return Config(comparisons, tuple(faults))


def _comparison(fields: Fields) -> Comparison:
    baseline, canary = _selector(fields, "baseline"), _selector(fields, "canary")
    if baseline == canary:
        fields.fault("selects the same series as baseline", "canary")
    return Comparison(rules=Rules(**dict(_rules(fields))), baseline=baseline, canary=canary)


def _rules(fields: Fields) -> Iterator[tuple[str, Any]]:
    yield "direction", fields.choice("direction", Direction, Direction.EITHER)
    yield "confidence", fields.number("confidence", _DEFAULT.confidence, above=0.5, below=1)
    yield "tolerance", fields.number("tolerance", _DEFAULT.tolerance, above=-1e-9, below=1)
    yield "nan_strategy", fields.choice("nanStrategy", NanStrategy, NanStrategy.REMOVE)
    yield "must_have_data", fields.flag("mustHaveData")
    yield "min_samples", fields.whole("minSamples", 1)
    outliers = fields.block("outliers")
    yield "remove_outliers", outliers.word("strategy", ("keep", "remove"), "keep") == "remove"
    yield "outlier_factor", outliers.number("outlierFactor", _DEFAULT.outlier_factor, above=0)
    effect = fields.block("effectSize")
    kind = effect.choice("measure", EffectSize, EffectSize.MEAN_RATIO)
    yield "effect_size", kind
    middle = Rules(effect_size=kind).no_effect
    yield "allowed_increase", effect.number("allowedIncrease", None, above=middle - 1e-9)
    yield "allowed_decrease", effect.number("allowedDecrease", None, above=-1e-9, below=middle)


def _selector(fields: Fields, side: str) -> Selector:
    value = fields.take(side)
    if value is None:
        return side
    if isinstance(value, str) and value:
        return value
    if isinstance(value, dict) and value and all(isinstance(v, str) for v in value.values()):
        return dict(value)
    fields.fault("must be labels of a series, or the name of a list in the value", side)
    return side
