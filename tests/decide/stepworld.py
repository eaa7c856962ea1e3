"""A world whose Rollout runs Experiments: their own decision is carried out beside the Rollout's.

The proxies of `mesh.py` see the pods and Services of Experiments as well, so that no request of a step may get lost.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from world import World, istio, manifest, routed, with_template

from gradatim.decide import Decision
from gradatim.decide.effects import CreateExperiment, DeleteExperiment, Effect, Emit, PatchRoute
from gradatim.decide.experiment import ExperimentSnapshot, TellRollout, decide_experiment
from gradatim.decide.experiment.predict import after
from gradatim.decide.experiments import is_named
from gradatim.model.analysisrun import AnalysisRun
from gradatim.model.experiment import Experiment, parse_experiment
from gradatim.model.workload import ReplicaSet, Service

Json = dict[str, Any]


def tries(**given: Any) -> Json:
    """A step with an Experiment: the canary's pods, and stable's beside them."""
    templates = [
        {"name": "baseline", "specRef": "stable"},
        {"name": "canary", "specRef": "canary", "replicas": 2},
    ]
    return {"experiment": {"templates": templates, **given}}


def weighed(*weights: int, **given: Any) -> Json:
    """The same with weights, by template."""
    step = tries(**given)
    for template, weight in zip(step["experiment"]["templates"], weights, strict=False):
        template["weight"] = weight
    return step


def asking(**given: Any) -> list[Json]:
    return [{"name": "one", "templateName": "t", **given}]


@dataclass(repr=False)
class StepWorld(World):
    """The cluster of one Rollout and of its Experiments."""

    sets: dict[str, tuple[ReplicaSet, ...]] = field(default_factory=dict)  # type: ignore[assignment]
    made: dict[str, tuple[Service, ...]] = field(default_factory=dict)
    runs_of: dict[str, tuple[AnalysisRun, ...]] = field(default_factory=dict)
    numbers: int = 0

    @staticmethod
    def with_steps(*steps: Json, replicas: int = 4, lag: float = 2.0, **canary: Any) -> StepWorld:
        """Behind Istio, after its first deployment."""
        raw = manifest(replicas, **istio(steps=list(steps), **canary))
        ports = [{"containerPort": 80}]
        raw["spec"]["template"]["spec"]["containers"][0]["ports"] = ports
        return StepWorld.from_world(with_template(routed(raw, lag=lag, delay=lag)))

    @staticmethod
    def basic(*steps: Json, replicas: int = 2, **canary: Any) -> StepWorld:
        """Without routing."""
        raw = manifest(replicas, steps=list(steps), **canary)
        return StepWorld.from_world(with_template(World.of(raw)))

    @staticmethod
    def from_world(world: World) -> StepWorld:
        return StepWorld(snapshot=world.snapshot, mesh=world.mesh)

    @property
    def experiments(self) -> dict[str, Experiment]:
        return {e.name: e for e in self.snapshot.experiments}

    @property
    def current(self) -> Experiment:
        return self.experiments[self.rollout.status.current_experiment]

    @property
    def weights_by_host(self) -> dict[str, int]:
        """What the VirtualService says."""
        (raw,) = self.snapshot.routes[0].objects.values()
        route = raw["spec"]["http"][-1]["route"]
        return {d["destination"]["host"]: d["weight"] for d in route}

    def image(self, image: str) -> None:
        def change(spec: Json) -> Json:
            containers = [{"name": "app", "image": image, "ports": [{"containerPort": 80}]}]
            return {**spec, "template": {**spec["template"], "spec": {"containers": containers}}}

        self.edit(change)

    # what the controllers do

    def _effect(self, effect: Effect) -> None:
        super()._effect(effect)
        if isinstance(effect, CreateExperiment):
            self.numbers += 1
            meta = {**effect.body["metadata"], "uid": f"e-{self.numbers}"}
            self._replace(effect.name, parse_experiment({**effect.body, "metadata": meta}))
        elif isinstance(effect, DeleteExperiment):
            for kept in (self.sets, self.made, self.runs_of):
                kept.pop(effect.name, None)
        elif isinstance(effect, PatchRoute):
            self.snapshot = replace(self.snapshot, traffic_changed=self.now)
        self._know()

    def carry_out(self, decision: Decision, stop_after: int | None = None) -> None:
        super().carry_out(decision, stop_after)
        # what the server has has a uid
        sets = tuple(
            replace(r, meta=replace(r.meta, uid=r.meta.uid or f"r-{r.name}"))
            for r in self.snapshot.replica_sets
        )
        self.snapshot = replace(self.snapshot, replica_sets=sets)
        self._know()

    def _replace(self, name: str, experiment: Experiment) -> None:
        others = tuple(e for e in self.snapshot.experiments if e.name != name)
        self.snapshot = replace(self.snapshot, experiments=(*others, experiment))

    def _know(self) -> None:
        named = [e.name for e in self.snapshot.experiments if is_named(self.rollout, e)]
        sets = tuple(each for name in named for each in self.sets.get(name, ()))
        runs = self.runs_of.get(self.rollout.status.current_experiment, ())
        self.snapshot = replace(self.snapshot, experiment_sets=sets, experiment_runs=runs)

    def try_out(self) -> bool:
        """A pass for each Experiment; True if one did anything."""
        moved = [self._try_out(each) for each in self.snapshot.experiments]
        return any(moved)

    def snapshot_of(self, experiment: Experiment) -> ExperimentSnapshot:
        return ExperimentSnapshot(
            experiment=experiment,
            rollout=self.rollout,
            replica_sets=self.sets.get(experiment.name, ()),
            services=self.made.get(experiment.name, ()),
            runs=self.runs_of.get(experiment.name, ()),
            templates=self.snapshot.templates,
            traffic_changed=self.snapshot.traffic_changed,
            propagation_delay=self.snapshot.propagation_delay,
        )

    def _try_out(self, experiment: Experiment) -> bool:
        if experiment.terminate and not experiment.raw["spec"].get("terminate"):
            spec = {**experiment.raw["spec"], "terminate": True}
            experiment = parse_experiment({**experiment.raw, "spec": spec})
        seen = self.snapshot_of(experiment)
        decision = decide_experiment(seen, self.now)
        for effect in decision.effects:
            seen = after(seen, effect, self.now)
            if not isinstance(effect, Emit | TellRollout):
                self._keep(experiment.name, seen)
        self._keep(experiment.name, seen)
        told = parse_experiment({**experiment.raw, "status": decision.status})
        self._replace(experiment.name, told)
        self._know()
        return decision.status != experiment.status or bool(decision.effects)

    def _keep(self, name: str, seen: ExperimentSnapshot) -> None:
        self.sets[name], self.made[name] = seen.replica_sets, seen.services
        self.runs_of[name] = seen.runs
        self._watch()

    def _watch(self) -> None:
        """The proxies see everybody's pods and Services."""
        if self.mesh is None:
            return
        sets = [r for each in self.sets.values() for r in each]
        services = {s.meta.name: s for each in self.made.values() for s in each}
        seen = replace(
            self.snapshot,
            replica_sets=(*self.snapshot.replica_sets, *sets),
            services={**self.snapshot.services, **services},
        )
        self.mesh.note(seen, self.now)
        self.mesh.check(seen, self.now)

    # what the cluster does

    def kubelet(self, pods: int | None = None) -> bool:
        moved = super().kubelet(pods)
        for name, sets in self.sets.items():
            stepped = tuple(_stepped(each) for each in sets)
            moved = moved or stepped != sets
            self.sets[name] = stepped
        self._know()
        self._watch()
        return moved

    def measure(self) -> bool:
        moved = super().measure()
        for name, runs in self.runs_of.items():
            measured = tuple(self._measured(run) for run in runs)
            moved = moved or measured != runs
            self.runs_of[name] = measured
        return self.try_out() or moved

    def lose_experiment(self, template: str) -> None:
        """All pods of one set of the current Experiment die; the kubelet brings them back."""
        name = self.rollout.status.current_experiment
        self.sets[name] = tuple(
            replace(r, ready=0, available=0) if r.name.endswith(f"-{template}") else r
            for r in self.sets[name]
        )
        self._know()

    def run(self, seconds: float = 120, step: float = 1.0, pods: int | None = None) -> None:
        """As in any world; but an Experiment may wait for its own time while the Rollout waits for nothing."""
        end = self.now + timedelta(seconds=seconds)
        while self.now < end:
            super().run(0, step, pods)
            waits = [
                wait
                for each in self.snapshot.experiments
                if (wait := decide_experiment(self.snapshot_of(each), self.now).look_again_in)
            ]
            own = self.decide().look_again_in
            waits += [own] if own else []
            left = end - self.now
            self.pass_time(min([*waits, left]).total_seconds() or 0.001)
        super().run(0, step, pods)


def _stepped(replica_set: ReplicaSet) -> ReplicaSet:
    containers = replica_set.template["spec"]["containers"]
    bad = any("bad" in c["image"] for c in containers)
    made = min(replica_set.current, replica_set.replicas)
    available = 0 if bad else made
    return replace(replica_set, current=replica_set.replicas, ready=available, available=available)
