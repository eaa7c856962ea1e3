"""What was so at every moment of a story: the claims about order and capacity that a look now and then would miss.

In: a scene whose story has been played. Out: the world after each write to its namespace, and the sequences that
tests compare. Used by the tests.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import TypeVar

from apiserver import Json
from scene import HASH, Scene, image_of

T = TypeVar("T")


@dataclass
class World:
    """All objects of a namespace after one write."""

    objects: dict[tuple[str, str], Json] = field(default_factory=dict)

    def of(self, kind: str) -> list[Json]:
        """All objects of a kind."""
        return [each for (its, _), each in self.objects.items() if its == kind]

    def get(self, kind: str, name: str) -> Json | None:
        """One object."""
        return self.objects.get((kind, name))

    def available(self, image: str = "", app: str = "web") -> int:
        """Pods of an app that are ready and stay, of one image or of all."""
        return sum(
            is_ready(pod)
            for pod in self.of("pods")
            if pod["metadata"].get("labels", {}).get("app") == app
            and image in ("", image_of(pod["spec"]))
        )

    def pods(self, app: str = "web") -> int:
        """Pods of an app that are not being deleted."""
        return sum(
            pod["metadata"].get("labels", {}).get("app") == app
            and not pod["metadata"].get("deletionTimestamp")
            for pod in self.of("pods")
        )

    def behind(self, service: str) -> int:
        """Ready pods that a Service selects."""
        found = self.get("services", service)
        wanted = (found or {"spec": {}})["spec"].get("selector") or {}
        return sum(
            is_ready(pod) and wanted.items() <= pod["metadata"].get("labels", {}).items()
            for pod in self.of("pods")
        )


def is_ready(pod: Json) -> bool:
    """Whether a pod answers requests, and will."""
    conditions = pod.get("status", {}).get("conditions") or []
    return not pod["metadata"].get("deletionTimestamp") and any(
        each["type"] == "Ready" and each["status"] == "True" for each in conditions
    )


def moments(scene: Scene, since: int = 0) -> Iterator[World]:
    """The world after each write, from a version on."""
    world = World()
    for change in scene.journal.changes():
        key = change.kind, change.object["metadata"]["name"]
        if change.what == "DELETED":
            world.objects.pop(key, None)
        else:
            world.objects[key] = change.object
        if change.version > since:
            yield world


def now(scene: Scene) -> int:
    """The version of the last write: what comes from here on is newer."""
    changes = scene.journal.changes()
    return changes[-1].version if changes else 0


def without_repeats(values: Iterable[T]) -> list[T]:
    """Each value once for as long as it lasts."""
    return [value for value, _ in groupby(values)]


def versions(scene: Scene, kind: str, name: str, since: int = 0) -> list[Json]:
    """All that one object has been."""
    return [
        change.object
        for change in scene.journal.changes()
        if change.kind == kind
        and change.object["metadata"]["name"] == name
        and change.what != "DELETED"
        and change.version > since
    ]


def phases(scene: Scene, name: str = "web", since: int = 0) -> list[str]:
    """The phases of a Rollout, in order."""
    found = (
        each.get("status", {}).get("phase") for each in versions(scene, "rollouts", name, since)
    )
    return without_repeats(phase for phase in found if phase)


def sizes(scene: Scene, image: str, since: int = 0) -> list[int]:
    """How many pods the ReplicaSet of an image was to have, in order."""
    return without_repeats(
        change.object["spec"]["replicas"]
        for change in scene.journal.changes()
        if change.kind == "replicasets"
        and change.what != "DELETED"
        and change.version > since
        and image_of(change.object["spec"]["template"]["spec"]) == image
    )


def pointed(scene: Scene, service: str, since: int = 0) -> list[str]:
    """The images that a Service selected, in order; `all` where it selected every pod."""
    images = scene.images()
    return without_repeats(
        images.get(each["spec"]["selector"].get(HASH, ""), "all")
        for each in versions(scene, "services", service, since)
    )
