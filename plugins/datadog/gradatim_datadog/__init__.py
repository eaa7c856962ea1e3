"""The Datadog metric provider of Gradatim.

In: nothing; the controller finds this module through its entry point. Out: the hooks below.
Cheap to import: httpx comes in with the first query.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from gradatim.plugin import FieldPath, Json, MetricProvider, Problem, hookimpl

from .config import problems
from .provider import DatadogProvider

GRADATIM_API: Final = "1.1"


@hookimpl
def gradatim_metric_providers() -> Iterable[type[MetricProvider]]:
    """The provider `datadog`."""
    return (DatadogProvider,)


@hookimpl
def gradatim_validate_metric(key: str, config: Json, path: FieldPath) -> list[Problem] | None:
    """Every fault of a `datadog:` block."""
    return list(problems(config, path)) if key == DatadogProvider.key else None
