"""The rules of steps that a plugin carries out.

In: a canary and the installed plugins. Out: Problems: no name, nobody who serves it, what its owner says of its config.
Called by `canary.py`. The reference has no such rule: there an unknown plugin is found out in the middle of a rollout.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradatim.model.canary import Canary
from gradatim.model.reading import Json
from gradatim.model.steps import plugin_of
from gradatim.plugin import FieldPath, Problem

from .plugins import Plugins
from .wording import required


def plugin_step_problems(canary: Canary, plugins: Plugins, path: FieldPath) -> Iterator[Problem]:
    """What is wrong with the `plugin` blocks of the steps; `path` is that of their list."""
    for index, step in enumerate(canary.steps):
        block = step.raw.get("plugin")
        if block is not None:
            yield from _problems(block, plugins, path / index / "plugin")


def _problems(block: object, plugins: Plugins, path: FieldPath) -> Iterator[Problem]:
    found = plugin_of({"plugin": block})
    if not isinstance(block, dict):
        yield Problem(path, "must be an object")
    elif found is None:
        yield required(path / "name", "the name of a step plugin, such as org/name")
    elif not isinstance(block.get("config"), dict | None):
        yield Problem(path / "config", "must be an object")
    else:
        config: Json = found.config
        yield from plugins.validate_step(found.name, config, path)
