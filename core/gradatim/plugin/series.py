"""Samples over time, with the labels that tell one series from another.

In: what a provider read. Out: a `Series`, in a `Measurement`. The judge finds baseline and canary among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Series:
    """One series of an answer.

    Attributes:
        labels: what distinguishes it: Prometheus' labels, Datadog's tags, …
        samples: its values, oldest first; NaN where a point has none.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    samples: tuple[float, ...] = ()
