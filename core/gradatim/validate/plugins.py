"""What this room asks of the installed plugins.

In: keys and blocks of manifests. Out: Problems and capabilities. `gradatim.registry.Registry` is one of these;
it is handed in, because this room must not know where plugins come from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from gradatim.plugin import Capability, FieldPath, Json, Problem


class Plugins(Protocol):
    """The installed plugins. None of the methods raises."""

    def router_keys(self) -> tuple[str, ...]:
        """Keys that a router serves."""
        ...

    def capabilities(self, key: str) -> frozenset[Capability]:
        """What the router can do; nothing, when nobody serves the key."""
        ...

    def validate_step(self, key: str, config: Json, path: FieldPath) -> list[Problem]:
        """What is wrong with a step's config, also that nobody serves its key; `path`: of its `plugin` block."""
        ...

    def validate_metric(self, key: str, config: Json, path: FieldPath) -> list[Problem]:
        """What is wrong with a provider's block, also that nobody serves its key."""
        ...

    def times(self, key: str, config: Json) -> Mapping[FieldPath, str]:
        """Fields of a provider's block that hold the expression of a point of time, by their path below it."""
        ...

    def validate_route(self, key: str, config: Json, path: FieldPath) -> list[Problem]:
        """What is wrong with a router's block, also that nobody serves its key."""
        ...
