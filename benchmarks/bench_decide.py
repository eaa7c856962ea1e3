"""One decision on a Rollout with three ReplicaSets: at rest, in a pause, while pods come, and at a change of step.

In: nothing. Out: µs for each of them by strategy, and the median of all beside its limit.
The worlds are those of the tests of `decide/`, with a pod template of the size that people have.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import Any, Final

from switchworld import blue_green
from world import World, istio, manifest, routed

from gradatim.decide import decide
from gradatim.model.reading import Json

from .timing import microseconds

#: What a decision may take at the median.
LIMIT: Final = 300
_STEPS: Final[list[Json]] = [
    {"setWeight": 20},
    {"pause": {"duration": "5m"}},
    {"setWeight": 50},
    {"pause": {}},
    {"setWeight": 80},
    {"pause": {"duration": "5m"}},
]


def run() -> dict[str, float]:
    """Numbers by name."""
    numbers = {
        f"{strategy}, {moment} µs": microseconds(
            lambda world=world: decide(world.snapshot, world.now), rounds=30, repeat=20
        )
        for strategy in ("basic", "blue-green", "istio")
        for moment, world in _moments(strategy)
    }
    numbers["median µs"] = round(statistics.median(numbers.values()), 1)
    return {**numbers, "limit of the median µs": LIMIT}


def _moments(strategy: str) -> Iterator[tuple[str, World]]:
    yield "settled", _settled(strategy)
    world = _settled(strategy)
    _image(world, "app:v4")
    _until_some_pods(world)
    yield "pods come", world
    world = _paused(strategy)
    world.pass_time(60)
    yield "in a pause", world
    world = _paused(strategy)
    world.pass_time(60)
    world.promote()
    yield "change of step", world


def _settled(strategy: str) -> World:
    """Two releases lie behind it: three ReplicaSets are there, one has pods."""
    world = _world(strategy)
    world.run()
    for image in ("app:v2", "app:v3"):
        _image(world, image)
        for _ in range(4):
            world.run(700)
            world.promote()
        world.run(700)
    world.pass_time(600)
    return _checked(world, "Healthy")


def _paused(strategy: str) -> World:
    """A release stands in a pause without an end; the oldest set is gone."""
    world = _settled(strategy)
    world.edit(lambda spec: {**spec, "revisionHistoryLimit": 1})
    _image(world, "app:v4")
    world.run(700)
    return _checked(world, "Paused")


def _checked(world: World, phase: str) -> World:
    """The world, if it is the one that is to be measured."""
    if world.phase[0] != phase or len(world.snapshot.replica_sets) != 3:
        raise AssertionError(f"{world.phase}, {world.sets()}")
    return world


def _until_some_pods(world: World) -> None:
    """To the moment when some pods of the new revision answer, and the status does not say so yet."""
    for _ in range(20):
        world.carry_out(world.decide())
        world.kubelet(1)
        newest = max(world.snapshot.replica_sets, key=lambda r: r.revision)
        if 0 < newest.available < newest.replicas:
            return
        world.pass_time(1)
    raise AssertionError("no pods come")


def _world(strategy: str) -> World:
    if strategy == "blue-green":
        world: World = blue_green(10, autoPromotionEnabled=False)
    elif strategy == "basic":
        world = World.of(manifest(10, steps=_STEPS))
    else:
        world = routed(manifest(10, **istio(steps=_STEPS)))
    return world


def _image(world: World, image: str) -> None:
    """Another image in a template with environment, probes and resources."""
    probe = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 5}
    container: dict[str, Any] = {
        "name": "app",
        "image": image,
        "ports": [{"name": "http", "containerPort": 8080}],
        "env": [{"name": f"SETTING_{n}", "value": "x" * 40} for n in range(20)],
        "readinessProbe": probe,
        "livenessProbe": probe,
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
    }

    def change(spec: Json) -> Json:
        return {**spec, "template": {**spec["template"], "spec": {"containers": [container]}}}

    world.edit(change)
