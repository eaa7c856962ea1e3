"""The order of writes of Argo Rollouts, as a small controller: for tests that show where it loses requests.

In: an embedded cluster with one Rollout `web`, and the row of the report whose order is played. Out: writes, at once
and without waiting for the data plane. Steps, weights and pods are as §2.6 and §5.0 of the reference have them; what
was mended after a report is as it was before, where its row is named.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from livecluster import Json, Live

LABEL = "rollouts-pod-template-hash"
#: Seconds between two looks.
LOOK = 0.1


@dataclass
class Reference:
    """A controller of one Rollout. `row` is the report whose order it has."""

    live: Live
    row: int
    stable: str = ""
    step: int = 0
    weight: int = 0
    paused_at: float | None = None
    until: dict[str, float] = field(default_factory=dict)
    flips: int = 0
    aborts: int = 0
    has_deleted: bool = False

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            rollout = self.live.sim.find("Rollout", "web")
            if rollout is not None:
                self._reconcile(rollout)
            # what flips in each pass need not do so ten times a second
            await asyncio.sleep(1.0 if self.row == 12 else LOOK)

    # one pass

    def _reconcile(self, rollout: Json) -> None:
        new = self._template_hash(rollout)
        self._ensure_set(rollout, new)
        if new != self._status(rollout).get("currentPodHash"):
            self.step, self.paused_at = 0, None
            if not self.stable:
                self.step = len(self._steps(rollout))
            self.live.sim.patch("Rollout", "web", {"status": {"abort": None, "promoteFull": None}})
            self._say(rollout, new, "Progressing")
            return
        if "blueGreen" in rollout["spec"]["strategy"]:
            self._blue_green(rollout, new)
        else:
            self._canary(rollout, new)
        self._hand_over(rollout)

    def _canary(self, rollout: Json, new: str) -> None:
        if self.row == 7 and self._aborted(rollout) and self._replicas(new):
            # traffic follows when the pods are gone
            self._scale(rollout, new)
        else:
            self._services(rollout, new)
            if self._route(rollout, new):
                self._scale(rollout, new)
        self._advance(rollout, new)

    def _services(self, rollout: Json, new: str) -> None:
        canary = rollout["spec"]["strategy"]["canary"]
        if self.stable:
            self._point(canary.get("stableService"), self.stable)
        if self._aborted(rollout) and self.row == 12:
            # to stable as the weight is 0, and back as the pass for the Services finds its pods
            self.flips += 1
            self.aborts += self.flips == 1
            target = self.stable if self.flips % 2 else new
            self._point(canary.get("canaryService"), target)
        elif self._aborted(rollout):
            self._point(canary.get("canaryService"), self.stable)
        elif self._pods(new):
            self.flips = 0
            self._point(canary.get("canaryService"), new)

    def _route(self, rollout: Json, new: str) -> bool:
        """Subsets and weights; whether pods are scaled after it."""
        canary = rollout["spec"]["strategy"]["canary"]
        if not canary.get("trafficRouting"):
            return True
        weight = self._wanted_weight(rollout, new)
        replicas = rollout["spec"]["replicas"]
        lacks = self._pods(self.stable) < (100 - weight) * replicas // 100
        if self.stable and lacks and self.row != 15:
            return self.row == 4
        if self.row in (3, 16):
            # the weight before the subset, which is written once and at the end
            self._set_weight(weight)
            self._update_hash(rollout, new)
        else:
            self._update_hash(rollout, new)
            self._set_weight(weight)
        # a weight below 0 is refused from then on, and every pass ends with that
        return 0 <= weight <= 100

    def _wanted_weight(self, rollout: Json, new: str) -> int:
        replicas = rollout["spec"]["replicas"]
        if new == self.stable:
            return 0
        if self._aborted(rollout):
            return 0
        if not self._pods(new) and self.row != 4:
            return 0
        if self._status(rollout).get("promoteFull"):
            return 100 * self._pods(new) // replicas if self.row == 8 else self.weight
        wanted = self._weight_of(rollout)
        arrived = self._pods(new) >= self._canary_count(rollout, wanted)
        return wanted if arrived else self.weight

    def _update_hash(self, rollout: Json, new: str) -> None:
        rule = self.live.sim.find("DestinationRule", "web")
        if rule is None:
            return
        sets = [name for name in {new, self.stable} - {""} if self._replicas(name)]
        whole = all(self._pods(name) >= self._replicas(name) for name in sets)
        if self.row not in (5, 16) and not whole:
            # "delaying destination rule switch": a set without replicas is no reason to
            return
        if self._aborted(rollout) and self.row == 16:
            return
        canary = self.stable if self._aborted(rollout) else new
        hashes = {"stable": self.stable or new, "canary": canary}
        subsets = [
            {**subset, "labels": {**subset["labels"], LABEL: hashes[subset["name"]]}}
            for subset in rule["spec"]["subsets"]
        ]
        self.live.sim.patch("DestinationRule", "web", {"spec": {"subsets": subsets}})

    def _set_weight(self, weight: int) -> None:
        if not 0 <= self.weight <= 100:
            return
        self.weight = weight
        found = self.live.sim.get("VirtualService", "web")
        http = found["spec"]["http"][0]
        shares = (100 - weight, weight)
        own = [{**d, "weight": w} for d, w in zip(http["route"][:2], shares, strict=True)]
        route = [*own, *self._foreign(http["route"][2:])]
        if route != http["route"]:
            patch = {"spec": {"http": [{**http, "route": route}]}}
            self.live.sim.patch("VirtualService", "web", patch)

    def _foreign(self, foreign: list[Json]) -> list[Json]:
        """Row 13: destinations are deleted by rising index from a list that shrinks, and that once."""
        if self.row == 13 and self.has_deleted:
            return foreign
        self.has_deleted = bool(foreign)
        left = list(foreign)
        for index in range(len(foreign)):
            if index < len(left):
                del left[index]
        return left if self.row == 13 else []

    def _scale(self, rollout: Json, new: str) -> None:
        wanted = self._weight_of(rollout)
        canary = rollout["spec"]["strategy"]["canary"]
        now = self.live.sim.clock.elapsed()
        if self.stable and self.stable != new:
            self._resize(self.stable, self._stable_count(rollout, new))
        if self._aborted(rollout):
            default = canary.get("abortScaleDownDelaySeconds", 30)
            delay = 0 if self.row == 12 and self.aborts > 1 else default
            if now >= self.until.setdefault(f"abort {new}", now + delay):
                self._resize(new, 0)
        else:
            self.until.pop(f"abort {new}", None)
            self._resize(new, self._canary_count(rollout, wanted))
        for name in self._others(new):
            # between two releases at once; after one when its delay is over
            delay = canary.get("scaleDownDelaySeconds", 30) if new == self.stable else 0
            if not canary.get("trafficRouting"):
                delay = 0
            if now >= self.until.setdefault(name, now + delay):
                self._resize(name, 0)

    def _stable_count(self, rollout: Json, new: str) -> int:
        canary = rollout["spec"]["strategy"]["canary"]
        replicas = int(rollout["spec"]["replicas"])
        if canary.get("dynamicStableScale"):
            # as soon as the weight is written
            return -(-replicas * (100 - self.weight) // 100)
        if canary.get("trafficRouting"):
            return replicas
        # row 10: by what is asked of the canary, and not by what it has
        return max(0, replicas - self._replicas(new))

    def _canary_count(self, rollout: Json, wanted: int) -> int:
        replicas = int(rollout["spec"]["replicas"])
        is_whole = self.stable in ("", self._template_hash(rollout))
        if is_whole or self._status(rollout).get("promoteFull"):
            return replicas
        for step in reversed(self._steps(rollout)[: self.step + 1]):
            if "replicas" in step.get("setCanaryScale", {}) and self.step < len(
                self._steps(rollout)
            ):
                return int(step["setCanaryScale"]["replicas"])
        return -(-replicas * wanted // 100)

    def _advance(self, rollout: Json, new: str) -> None:
        steps, replicas = self._steps(rollout), rollout["spec"]["replicas"]
        phase = "Progressing"
        if self._aborted(rollout):
            phase, self.step = "Degraded", 0
        elif self.stable == new or not self.stable or self._is_over(rollout):
            if self._pods(new) >= replicas:
                if self.stable != new:
                    self.until.clear()
                self.stable, phase, self.step = new, "Healthy", len(steps)
        elif "pause" in steps[self.step]:
            phase = "Paused"
            if self._pause_is_over(steps[self.step]["pause"]):
                self.step, self.paused_at, phase = self.step + 1, None, "Progressing"
        elif self._pods(new) >= self._canary_count(rollout, self._weight_of(rollout)):
            self.step += 1
        self._say(rollout, new, phase)

    def _is_over(self, rollout: Json) -> bool:
        full = self._status(rollout).get("promoteFull")
        return bool(full) or self.step >= len(self._steps(rollout))

    def _pause_is_over(self, pause: Json) -> bool:
        now = self.live.sim.clock.elapsed()
        if self.paused_at is None:
            self.paused_at = now
        seconds = float(str(pause.get("duration", "inf")).removesuffix("s"))
        promoted = self.live.status().get("promoted") or self.live.sim.get("Rollout", "web")[
            "metadata"
        ].get("annotations", {}).get("promoted")
        return bool(promoted == str(self.step)) or now >= self.paused_at + seconds

    # blue-green

    def _blue_green(self, rollout: Json, new: str) -> None:
        block, replicas = rollout["spec"]["strategy"]["blueGreen"], rollout["spec"]["replicas"]
        # before its pods are there: row 14
        self._point(block.get("previewService"), new)
        self._resize(new, replicas)
        now = self.live.sim.clock.elapsed()
        phase = "Progressing"
        if self._pods(new) >= replicas:
            self._point(block["activeService"], new)
            if self.stable != new:
                self.until.clear()
            self.stable, phase = new, "Healthy"
        for name in self._others(new):
            delay = block.get("scaleDownDelaySeconds", 30)
            if self.stable == new and now >= self.until.setdefault(name, now + delay):
                self._resize(name, 0)
        self._say(rollout, new, phase)

    def _hand_over(self, rollout: Json) -> None:
        """Row 6: the Deployment of a workloadRef goes without a question for capacity."""
        if "workloadRef" in rollout["spec"]:
            self.live.sim.patch("Deployment", "old", {"spec": {"replicas": 0}})

    # the objects

    def _template(self, rollout: Json) -> Json:
        if "workloadRef" in rollout["spec"]:
            found: Json = self.live.sim.get("Deployment", "old")["spec"]["template"]
            return found
        return dict(rollout["spec"]["template"])

    def _template_hash(self, rollout: Json) -> str:
        image = self._template(rollout)["spec"]["containers"][0]["image"]
        return str(image).replace(":", "-")

    def _ensure_set(self, rollout: Json, new: str) -> None:
        if self.live.sim.find("ReplicaSet", f"web-{new}") is not None:
            return
        template = self._template(rollout)
        labels = {**template["metadata"]["labels"], LABEL: new}
        owner = {k: rollout[k] for k in ("apiVersion", "kind")}
        owner |= {"name": "web", "uid": rollout["metadata"]["uid"], "controller": True}
        made = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {"name": f"web-{new}", "labels": labels, "ownerReferences": [owner]},
            "spec": {
                "replicas": 0,
                "selector": {"matchLabels": labels},
                "template": {**template, "metadata": {"labels": labels}},
            },
        }
        self.live.sim.create_object(made)

    def _others(self, new: str) -> list[str]:
        names = (r["metadata"]["labels"].get(LABEL, "") for r in self.live.sim.list("ReplicaSet"))
        return [name for name in names if name and name not in (new, self.stable)]

    def _replicas(self, pod_hash: str) -> int:
        found = self.live.sim.find("ReplicaSet", f"web-{pod_hash}")
        return int(found["spec"]["replicas"]) if found else 0

    def _pods(self, pod_hash: str) -> int:
        found: Any = self.live.sim.find("ReplicaSet", f"web-{pod_hash}") or {}
        return int((found.get("status") or {}).get("availableReplicas") or 0)

    def _resize(self, pod_hash: str, replicas: int) -> None:
        if self._replicas(pod_hash) != replicas:
            patch = {"spec": {"replicas": replicas}}
            self.live.sim.patch("ReplicaSet", f"web-{pod_hash}", patch)

    def _point(self, service: str | None, pod_hash: str) -> None:
        if service and pod_hash:
            found = self.live.sim.get("Service", service)
            if found["spec"]["selector"].get(LABEL) != pod_hash:
                patch = {"spec": {"selector": {LABEL: pod_hash}}}
                self.live.sim.patch("Service", service, patch)

    def _steps(self, rollout: Json) -> list[Json]:
        return list((rollout["spec"]["strategy"].get("canary") or {}).get("steps") or ())

    def _weight_of(self, rollout: Json) -> int:
        steps = self._steps(rollout)
        if self.step >= len(steps) or not self.stable:
            return 100
        weights = [s["setWeight"] for s in steps[: self.step + 1] if "setWeight" in s]
        return int(weights[-1]) if weights else 0

    def _status(self, rollout: Json) -> Json:
        return dict(rollout.get("status") or {})

    def _aborted(self, rollout: Json) -> bool:
        return bool(self._status(rollout).get("abort")) and self.stable != ""

    def _say(self, rollout: Json, new: str, phase: str) -> None:
        said = {
            "phase": phase,
            "currentPodHash": new,
            "stableRS": self.stable,
            "observedGeneration": str(rollout["metadata"]["generation"]),
            "selector": f"app=web,{LABEL}={self.stable}" if self.row == 9 else "app=web",
        }
        if not said.items() <= self._status(rollout).items():
            self.live.sim.patch("Rollout", "web", {"status": said})
