"""Finds the installed plugins, once, and hands them out behind typed methods: the only room that uses pluggy.

In: entry points of the group `gradatim`, and which plugins are disabled. Out: a `Registry`.
Called once at the start of the controller and of each command that needs plugins.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..plugin.spec import GROUP
from .plugin import EntryPoint, Plugin, PluginInfo, load
from .registry import Registry

__all__ = [
    "BUILTINS",
    "DISABLE_VARIABLE",
    "SKIP_STEPS_VARIABLE",
    "PluginInfo",
    "Registry",
    "load_registry",
]

#: Names plugins that shall not be loaded, separated by commas: `name`, or `distribution:name`.
DISABLE_VARIABLE: Final = "GRADATIM_DISABLE_PLUGINS"

#: Keys of step plugins whose steps are passed over in every Rollout, separated by commas: what `disabled: true` is in
#: Argo Rollouts' configuration. For a plugin that breaks everybody's releases.
SKIP_STEPS_VARIABLE: Final = "GRADATIM_SKIP_STEP_PLUGINS"

#: Entry points of the controller's own distribution, for a source tree that is not installed.
BUILTINS: Final[Mapping[str, str]] = {
    "job": "gradatim.builtin.job",
    "web": "gradatim.builtin.web",
}


def load_registry(
    entry_points: Iterable[EntryPoint] | None = None,
    *,
    disabled: Iterable[str] = (),
    builtins: Mapping[str, str] = BUILTINS,
    environment: Mapping[str, str] | None = None,
) -> Registry:
    """Load every plugin, each by itself. Never raises: what is wrong with one is in `Registry.plugins`.

    Args:
        entry_points: those to load; None: all installed ones.
        disabled: plugins not to load, besides those of `GRADATIM_DISABLE_PLUGINS`.
        builtins: names and modules to add where no entry point has both.
        environment: where the variables are read; None: the process's own.
    """
    found = list(_installed() if entry_points is None else entry_points)
    there = {(point.name, point.value) for point in found}
    found += [_Builtin(*named) for named in builtins.items() if named not in there]
    variables = os.environ if environment is None else environment
    off = {*_listed(variables.get(DISABLE_VARIABLE, "")), *disabled}
    plugins = [_loaded(point, off) for point in found]
    return Registry(
        sorted(plugins, key=lambda plugin: (plugin.info.name, plugin.info.distribution)),
        skipped_steps=_listed(variables.get(SKIP_STEPS_VARIABLE, "")),
    )


def _listed(text: str) -> set[str]:
    """The names in a list with commas."""
    return {name.strip() for name in text.split(",") if name.strip()}


def _loaded(point: EntryPoint, off: set[str]) -> Plugin:
    distribution = getattr(point.dist, "name", "") if point.dist else ""
    return load(point, disabled=bool(off & {point.name, f"{distribution}:{point.name}"}))


def _installed() -> Iterable[EntryPoint]:
    import importlib_metadata

    return importlib_metadata.entry_points(group=GROUP)


@dataclass(frozen=True, slots=True)
class _Builtin:
    """An entry point of the controller's own distribution."""

    name: str
    value: str

    @property
    def dist(self) -> Any:
        import importlib_metadata

        try:
            return importlib_metadata.distribution("gradatim")
        except importlib_metadata.PackageNotFoundError:
            return None

    def load(self) -> Any:
        return importlib.import_module(self.value)
