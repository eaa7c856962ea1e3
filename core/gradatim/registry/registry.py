"""The plugins of this process, behind typed methods.

In: keys and blocks of manifests. Out: providers, routers, step plugins, Problems, and what to say about each plugin.
Called by validation, by the measuring, routing and stepping loops of `run/`, and by `gradatim plugins`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, Generic, TypeVar

from ..errors import PluginError
from ..plugin import (
    Capability,
    FieldPath,
    Json,
    MetricProvider,
    Problem,
    StepPlugin,
    TrafficRouter,
)
from .advice import contested, unserved
from .plugin import Fence, Plugin, PluginInfo, described

_LOG: Final = logging.getLogger(__name__)

#: Seconds that all plugins together have to close their connections.
_CLOSING: Final = 5.0

T = TypeVar("T", MetricProvider, TrafficRouter, StepPlugin)


class _Served(Generic[T]):
    """The keys of one kind, their owners, and the instances made so far."""

    def __init__(self, brought: Iterable[tuple[Plugin, tuple[type[T], ...]]]) -> None:
        claims: dict[str, list[tuple[Plugin, type[T]]]] = {}
        for plugin, classes in brought:
            for cls in classes:
                claims.setdefault(cls.key, []).append((plugin, cls))
        self.owners: dict[str, tuple[Plugin, type[T]]] = {
            key: owners[0] for key, owners in claims.items() if len(owners) == 1
        }
        self.contested = {
            key: [plugin.info for plugin, _ in owners]
            for key, owners in sorted(claims.items())
            if len(owners) > 1
        }
        self.instances: dict[str, T] = {}

    def keys(self) -> tuple[str, ...]:
        return tuple(sorted(self.owners))


class Registry:
    """Who serves which key. Made once by `load_registry`, and never changed.

    A key that more than one plugin claims is served by nobody: which of them a measurement asks must
    not depend on the order of installation.

    Attributes:
        skipped_steps: keys of step plugins whose steps an operator wants passed over, installed or not.
    """

    def __init__(self, plugins: Iterable[Plugin], skipped_steps: Iterable[str] = ()) -> None:
        found = tuple(plugins)
        self._metrics = _Served[MetricProvider]((plugin, plugin.providers) for plugin in found)
        self._routers = _Served[TrafficRouter]((plugin, plugin.routers) for plugin in found)
        self._steps = _Served[StepPlugin]((plugin, plugin.steps) for plugin in found)
        self.skipped_steps = frozenset(skipped_steps)
        self._plugins = tuple(self._with_conflicts(plugin.info) for plugin in found)

    def plugins(self) -> tuple[PluginInfo, ...]:
        """Every plugin that was found, with those that failed or are disabled."""
        return self._plugins

    def metric_keys(self) -> tuple[str, ...]:
        """Keys that a provider serves, sorted."""
        return self._metrics.keys()

    def router_keys(self) -> tuple[str, ...]:
        """Keys that a router serves, sorted."""
        return self._routers.keys()

    def cluster_secrets(self) -> dict[str, str]:
        """For API groups of routers' objects: the label of the Secret that tells in which cluster they are."""
        found: dict[str, str] = {}
        for _, router in self._routers.owners.values():
            secrets = router.cluster_secrets
            if isinstance(secrets, Mapping):
                found |= {str(group): str(label) for group, label in secrets.items()}
        return found

    def step_keys(self) -> tuple[str, ...]:
        """Keys that a step plugin serves, sorted."""
        return self._steps.keys()

    def metric_provider(self, key: str) -> MetricProvider:
        """The one instance of the provider; it is made at the first call.

        Raises:
            PluginError: nobody serves the key, or the provider cannot be made.
        """
        return self._instance(self._metrics, key)

    def source_of(self, key: str) -> str:
        """Distribution and version of the plugin that serves the provider's key; "" where nobody does."""
        owner = self._metrics.owners.get(key)
        if owner is None:
            return ""
        info = owner[0].info
        return " ".join(filter(None, (info.distribution or info.name, info.version)))

    def traffic_router(self, key: str) -> TrafficRouter:
        """The one instance of the router; it is made at the first call.

        Raises:
            PluginError: nobody serves the key, or the router cannot be made.
        """
        return self._instance(self._routers, key)

    def step_plugin(self, key: str) -> StepPlugin:
        """The one instance of the step plugin; it is made at the first call.

        Raises:
            PluginError: nobody serves the key, or the plugin cannot be made.
        """
        return self._instance(self._steps, key)

    def capabilities(self, key: str) -> frozenset[Capability]:
        """What the router can do; nothing, when nobody serves the key."""
        owner = self._routers.owners.get(key)
        return owner[1].capabilities if owner else frozenset()

    def validate_metric(self, key: str, config: Json, path: FieldPath) -> list[Problem]:
        """What is wrong with a metric's block at `path`; also that nobody serves its key. Never raises."""
        return self._validated(self._metrics, "gradatim_validate_metric", (key, config, path))

    def validate_route(self, key: str, config: Json, path: FieldPath) -> list[Problem]:
        """What is wrong with a router's block at `path`; also that nobody serves its key. Never raises."""
        return self._validated(self._routers, "gradatim_validate_route", (key, config, path))

    def times(self, key: str, config: Json) -> dict[FieldPath, str]:
        """Fields of a metric's block that hold the expression of a point of time; none when the provider cannot say."""
        if key not in self._metrics.owners:
            return {}
        with Fence():
            told: dict[Any, Any] = dict(self.metric_provider(key).times(config))
            return {
                path: source
                for path, source in told.items()
                if isinstance(path, FieldPath) and isinstance(source, str)
            }
        return {}

    def validate_step(self, key: str, config: Json, path: FieldPath) -> list[Problem]:
        """What is wrong with a step's config; `path` is that of its `plugin` block. Never raises.

        That nobody serves its key is a Problem, too, unless its steps are passed over anyway.
        """
        if key in self.skipped_steps:
            return []
        if key not in self._steps.owners:
            return [Problem(path / "name", self._absence(self._steps, key))]
        asked = (key, config, path / "config")
        return self._validated(self._steps, "gradatim_validate_step", asked)

    def variables(self, key: str) -> tuple[str, ...]:
        """Environment variables that the provider or step plugin reads; none when it cannot say."""
        with Fence():
            known = key in self._metrics.owners
            reader = self.metric_provider(key) if known else self.step_plugin(key)
            return tuple(str(name) for name in reader.environment())
        return ()

    async def aclose(self) -> None:
        """Let every instance release its connections. What one raises is logged, and stops no other."""
        instances: list[MetricProvider | TrafficRouter | StepPlugin] = [
            *self._metrics.instances.values(),
            *self._routers.instances.values(),
            *self._steps.instances.values(),
        ]
        tasks = {asyncio.create_task(_closed(instance)): instance for instance in instances}
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=_CLOSING)
        for task in late:
            task.cancel()
            _LOG.warning("plugin for %s did not close in %s s", tasks[task].key, _CLOSING)

    def _instance(self, served: _Served[T], key: str) -> T:
        if key in served.instances:
            return served.instances[key]
        owner = served.owners.get(key)
        if owner is None:
            raise PluginError(self._absence(served, key), plugin=key)
        plugin, cls = owner
        with Fence() as fence:
            served.instances[key] = cls()
            return served.instances[key]
        raise PluginError(
            f"{plugin.info} cannot make {cls.__name__}: {_reason(fence)}",
            plugin=plugin.info.name,
            distribution=plugin.info.distribution,
            version=plugin.info.version,
        ) from fence.error

    def _validated(
        self, served: _Served[T], hook: str, asked: tuple[str, Json, FieldPath]
    ) -> list[Problem]:
        """Ask the owner alone: no other plugin can slow down or spoil the validation of this key."""
        key, _, path = asked
        owner = served.owners.get(key)
        if owner is None or owner[0].hooks is None:
            return [Problem(path, self._absence(served, key))]
        info, call = owner[0].info, getattr(owner[0].hooks, hook)
        with Fence() as fence:
            return _checked(call, info, asked)
        return [Problem(path, f"{info} failed in {hook}: {_reason(fence)}")]

    def _absence(self, served: _Served[T], key: str) -> str:
        if key in served.contested:
            return contested(key, served.contested[key])
        return unserved(key, served.keys(), self._plugins)

    def _with_conflicts(self, info: PluginInfo) -> PluginInfo:
        served: tuple[_Served[Any], ...] = (self._metrics, self._routers, self._steps)
        claims = [claim for kind in served for claim in kind.contested.items()]
        conflicts = tuple(contested(key, owners) for key, owners in claims if info in owners)
        return replace(info, conflicts=conflicts) if conflicts else info


def _checked(
    call: Callable[..., Any], info: PluginInfo, asked: tuple[str, Json, FieldPath]
) -> list[Problem]:
    """What the owner's hook answers. None: it has no rules for its own key."""
    key, config, path = asked
    answer = call(key=key, config=config, path=path)
    if answer is None:
        return []
    if isinstance(answer, list) and all(isinstance(item, Problem) for item in answer):
        return list(answer)
    if asyncio.iscoroutine(answer):
        answer.close()
    kind = type(answer).__name__
    return [Problem(path, f"{info} validated with a {kind}, and not with a list of Problems")]


async def _closed(instance: MetricProvider | TrafficRouter | StepPlugin) -> None:
    with Fence() as fence:
        await instance.aclose()
    if isinstance(fence.error, asyncio.CancelledError):
        raise fence.error
    if fence.error is not None:
        _LOG.warning("plugin for %s failed to close: %s", instance.key, described(fence.error))


def _reason(fence: Fence) -> str:
    return described(fence.error) if fence.error is not None else "unknown"
