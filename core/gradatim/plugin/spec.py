"""The hooks. Each is called at start or to validate, never in a hot path, and does no I/O.

In: what the hook's arguments say. Out: classes to register, or Problems.
`gradatim.registry` calls them, one plugin at a time, so that one that raises does not hide the others.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import pluggy

from .metric import Json, MetricProvider
from .problem import FieldPath, Problem
from .step import StepPlugin
from .traffic import TrafficRouter

#: Entry-point group, and pluggy's project name.
GROUP: Final = "gradatim"

#: major.minor of this API. A plugin says in `GRADATIM_API` which one it was written for: it loads when
#: the major is the same and its minor is not greater.
API_VERSION: Final = "1.1"

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@hookspec
def gradatim_metric_providers() -> Iterable[type[MetricProvider]]:
    """Metric provider classes that this plugin brings."""
    return ()


@hookspec
def gradatim_traffic_routers() -> Iterable[type[TrafficRouter]]:
    """Traffic router classes that this plugin brings."""
    return ()


@hookspec
def gradatim_step_plugins() -> Iterable[type[StepPlugin]]:
    """Step plugin classes that this plugin brings. Since 1.1."""
    return ()


@hookspec(firstresult=True)
def gradatim_validate_metric(key: str, config: Json, path: FieldPath) -> list[Problem] | None:
    """What is wrong with a metric's provider block, as far as the manifest alone can tell.

    `key` is the provider's key, `path` the path of the block. Values may still hold `{{args.…}}`.

    Returns None for a key that is not yours; [] for a block that is yours, and sound.
    """


@hookspec(firstresult=True)
def gradatim_validate_route(key: str, config: Json, path: FieldPath) -> list[Problem] | None:
    """What is wrong with a router's block under `trafficRouting`, as far as the manifest can tell.

    Returns None for a key that is not yours; [] for a block that is yours, and sound.
    """


@hookspec(firstresult=True)
def gradatim_validate_step(key: str, config: Json, path: FieldPath) -> list[Problem] | None:
    """What is wrong with the `config` of a step, as far as the manifest can tell. Since 1.1.

    `key` is the step's `plugin.name`, `path` the path of its config; `config` is {} where there is none.

    Returns None for a key that is not yours; [] for a config that is yours, and sound.
    """
