"""The built-in plugin `job`: a measurement is a Kubernetes Job; what it comes to is the verdict.

In: pluggy's calls. Out: the provider's class, and the Problems of a `job` block.
Loaded by `gradatim.registry` through its entry point, as any other plugin is.
"""

from __future__ import annotations

from collections.abc import Iterable

from gradatim.plugin import FieldPath, Json, MetricProvider, Problem, hookimpl

from .manifest import problems
from .provider import JobProvider

GRADATIM_API = "1.0"


@hookimpl
def gradatim_metric_providers() -> Iterable[type[MetricProvider]]:
    """The one provider."""
    return [JobProvider]


@hookimpl
def gradatim_validate_metric(key: str, config: Json, path: FieldPath) -> list[Problem] | None:
    """What is wrong with a `job` block."""
    return list(problems(config, path)) if key == JobProvider.key else None
