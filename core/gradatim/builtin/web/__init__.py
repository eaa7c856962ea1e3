"""The built-in plugin `web`: a value from any URL that answers JSON.

In: pluggy's calls. Out: the provider's class, and the Problems of a `web` block.
Loaded by `gradatim.registry` through its entry point, as any other plugin is.
"""

from __future__ import annotations

from collections.abc import Iterable

from gradatim.plugin import FieldPath, Json, MetricProvider, Problem, hookimpl

from .config import problems
from .provider import WebProvider

GRADATIM_API = "1.0"


@hookimpl
def gradatim_metric_providers() -> Iterable[type[MetricProvider]]:
    """The one provider."""
    return [WebProvider]


@hookimpl
def gradatim_validate_metric(key: str, config: Json, path: FieldPath) -> list[Problem] | None:
    """What is wrong with a `web` block."""
    return list(problems(config, path)) if key == WebProvider.key else None
