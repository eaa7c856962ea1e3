"""A controller that is killed after any write of a release: the next one takes nothing back that was done."""

from __future__ import annotations

from copy import copy
from typing import Any

import pytest
from world import World, istio, istio_subsets, manifest, ping_pong, routed

from gradatim.decide.effects import PatchRoute, ScaleReplicaSet

STEPS: list[Any] = [
    {"setWeight": 25},
    {"setWeight": 50},
    {"pause": {"duration": 1}},
    {"setWeight": 75},
]


def released(block: Any, lag: float, **fields: Any) -> World:
    world = routed(manifest(4, **block(steps=STEPS, **fields)), lag=lag, delay=lag)
    world.run()
    world.image("app:v2")
    return world


def killed_everywhere(world: World) -> list[World]:
    """The same release, once for each write after which its controller is killed."""
    found = []
    for _ in range(400):
        decision = world.decide()
        for stop in range(1, len(decision.effects) + 1):
            twin = copy(world)
            twin.events, twin.log = [], list(world.log)
            twin.carry_out(decision, stop_after=stop)
            found.append(twin)
        world.carry_out(decision)
        world.kubelet(1)
        world.pass_time(1)
        if world.phase[0] == "Healthy" and decision.is_quiet:
            return found
    raise AssertionError("it does not end")


@pytest.mark.parametrize("lag", [0, 2])
@pytest.mark.parametrize("block", [istio, istio_subsets, ping_pong], ids=lambda b: b.__name__)
@pytest.mark.parametrize("dynamic", [False, True], ids=["", "dynamic stable"])
def test_neither_a_pod_nor_a_weight_is_taken_back(block: Any, lag: float, dynamic: bool) -> None:
    fields = {"dynamicStableScale": True} if dynamic else {}
    calm = released(block, lag, **fields)
    for world in killed_everywhere(calm):
        world.mesh = None
        world.run(300, pods=1)
        assert world.phase == ("Healthy", "")
        name = world.of_revision(2).name
        scalings = [e for e in world.log if isinstance(e, ScaleReplicaSet) and e.name == name]
        assert all(e.replicas >= e.before for e in scalings), scalings
        moves = [e.patch.message for e in world.log if isinstance(e, PatchRoute)]
        weights = [int(m.split("'")[1]) for m in moves if "desiredWeight" in m]
        ups = [w for w in weights if w > 0]
        assert ups == sorted(ups), weights
