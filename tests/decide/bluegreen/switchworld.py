"""A world with a blue-green Rollout, its two Services, and what random histories can do to it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from world import World, manifest, service, with_template

from gradatim.model.rollout import parse_rollout
from gradatim.model.workload import parse_service

ACTIVE, PREVIEW = "web-active", "web-preview"
ANALYSIS = {"templates": [{"templateName": "t"}]}


@dataclass(repr=False)
class SwitchWorld(World):
    """A world that also watches that the active Service always reaches somebody.

    Proxies follow a selector within `lag`: every hash of that time must be answered for.
    """

    selectors_seen: list[tuple[datetime, str]] = field(default_factory=list)
    lag: timedelta = timedelta()
    served: set[str] = field(default_factory=set)
    excused: set[str] = field(default_factory=set)

    def __repr__(self) -> str:
        spec = self.rollout.raw["spec"]
        rest = {k: v for k, v in spec.items() if k not in ("selector", "template", "strategy")}
        return f"SwitchWorld({rest}, {spec['strategy']['blueGreen']}, {self.lag})"

    def block(self, **changes: Any) -> None:
        """Change fields of the strategy; None takes one away."""

        def change(spec: dict[str, Any]) -> dict[str, Any]:
            block = {**spec["strategy"]["blueGreen"], **changes}
            block = {key: value for key, value in block.items() if value is not None}
            return {**spec, "strategy": {"blueGreen": block}}

        self.edit(change)

    def promote(self) -> None:
        """As the CLI does it for this strategy."""
        if self.rollout.paused:
            self.pause(False)
        if self.rollout.status.pause_conditions:
            self.patch_status(pauseConditions=None)

    def strip(self, name: str) -> None:
        """Somebody writes the Service anew, without the hash."""
        services = {**self.snapshot.services, name: parse_service(service(name))}
        self.snapshot = replace(self.snapshot, services=services, traffic_changed=self.now)

    def _watch(self) -> None:
        active = self.snapshot.services.get(ACTIVE)
        if active is None:
            return
        if not self.selectors_seen or self.selectors_seen[-1][1] != active.pod_hash:
            self.selectors_seen.append((self.now, active.pod_hash))
        sets = {r.pod_hash: r for r in self.snapshot.replica_sets}
        alive = {h for h, r in sets.items() if min(r.available, r.replicas)}
        self.served |= alive
        self.excused -= alive
        if not self.rollout.replicas:
            # nobody is to answer, and after that not until pods had the time to come
            self.excused |= sets.keys() - alive
        first = max(
            (i for i, (at, _) in enumerate(self.selectors_seen) if at <= self.now - self.lag),
            default=0,
        )
        for _, pod_hash in self.selectors_seen[first:]:
            if not pod_hash or not self.rollout.replicas or pod_hash in self.excused:
                continue
            # pods that die by themselves are nobody's fault; pods that were asked to go are ours
            asked = sets[pod_hash].replicas if pod_hash in sets else 0
            assert pod_hash in self.served, f"requests go to {pod_hash}, which never answered"
            assert asked, f"requests go to {pod_hash}, whose pods were taken away"


def blue_green(
    replicas: int = 2, *, preview: bool = True, lag: float = 0, spec: Any = None, **block: Any
) -> SwitchWorld:
    """A world before its first deployment."""
    raw = manifest(replicas=replicas)
    both = {"activeService": ACTIVE, **({"previewService": PREVIEW} if preview else {})}
    raw["spec"]["strategy"] = {"blueGreen": {**both, **block}}
    raw["spec"] |= spec or {}
    world = SwitchWorld(World.of(raw).snapshot, lag=timedelta(seconds=lag))
    services = {name: parse_service(service(name)) for name in both.values()}
    world.snapshot = replace(
        world.snapshot, services=services, propagation_delay=timedelta(seconds=lag)
    )
    with_template(world)
    return world


def deployed(replicas: int = 2, **block: Any) -> SwitchWorld:
    """A world whose first revision is healthy."""
    world = blue_green(replicas, **block)
    world.run()
    assert world.phase == ("Healthy", "")
    return world


@st.composite
def worlds(draw: st.DrawFn, *, waits: bool = True) -> SwitchWorld:
    """Random strategies. `waits`: with pauses that only a person ends."""
    block: dict[str, Any] = {}
    values: dict[str, list[Any]] = {
        "autoPromotionEnabled": [None, True, False] if waits else [None, True],
        "autoPromotionSeconds": [None, 0, 3],
        "previewReplicaCount": [None, None, 0, 1, 2],
        "prePromotionAnalysis": [None, ANALYSIS],
        "postPromotionAnalysis": [None, ANALYSIS],
        "scaleDownDelaySeconds": [None, 0, 8],
        "scaleDownDelayRevisionLimit": [None, 0, 1],
        "abortScaleDownDelaySeconds": [None, 0, 2],
    }
    for name, choices in values.items():
        value = draw(st.sampled_from(choices))
        if value is not None:
            block[name] = value
    spec: dict[str, Any] = {}
    if draw(st.booleans()):
        spec |= {"progressDeadlineSeconds": 60, "progressDeadlineAbort": draw(st.booleans())}
    if draw(st.booleans()):
        spec |= {"rollbackWindow": {"revisions": 2}}
    return blue_green(
        draw(st.integers(0 if waits else 1, 5)),
        preview=draw(st.sampled_from([True, True, False])),
        lag=draw(st.sampled_from([0, 2, 30])),
        spec=spec,
        **block,
    )


def parsed_again(world: SwitchWorld) -> None:
    """The controller starts anew: all it knows is what is written."""
    world.snapshot = replace(world.snapshot, rollout=parse_rollout(world.rollout.raw))
