"""The world of one Experiment, small enough to think about: sets whose pods come when they are told to.

It carries out decisions on plain views. `tests/scenarios/test_experiments.py` has the whole API.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from gradatim.decide.effects import Emit
from gradatim.decide.experiment import (
    ExperimentDecision,
    ExperimentEffect,
    ExperimentSnapshot,
    TellRollout,
    decide_experiment,
)
from gradatim.decide.experiment.predict import after
from gradatim.model.analysis import parse_template
from gradatim.model.analysisrun import AnalysisRun, Phase
from gradatim.model.experiment import Experiment, parse_experiment
from gradatim.model.rollout import parse_rollout
from gradatim.model.workload import ReplicaSet

Json = dict[str, Any]

START = datetime(2026, 1, 1, tzinfo=UTC)

#: What a metric source says of a run: phase and message.
Verdict = Callable[[AnalysisRun], tuple[str, str]]


def part(name: str, *, image: str = "app:v1", **given: Any) -> Json:
    """One element of `templates`."""
    labels = {"app": name}
    container = {"name": "app", "image": image, "ports": [{"containerPort": 80}]}
    return {
        "name": name,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        **given,
    }


def manifest(*parts: Json, status: Json | None = None, **spec: Any) -> Json:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Experiment",
        "metadata": {"name": "trial", "namespace": "default", "uid": "u-1", "generation": 1},
        "spec": {"templates": list(parts or (part("a"), part("b"))), **spec},
        "status": status or {},
    }


def asks(*names: str, **given: Any) -> list[Json]:
    return [{"name": name, "templateName": "t", **given} for name in names]


def analysis_template(name: str = "t", **spec: Any) -> Json:
    metric = {"name": "m", "provider": {"web": {"url": "http://x", "jsonPath": "{$}"}}}
    return {
        "kind": "AnalysisTemplate",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"metrics": [metric], **spec},
    }


def step_of(**status: Any) -> Json:
    """The Rollout whose step the Experiment is, with Istio and this canary status."""
    canary = {"trafficRouting": {"istio": {"virtualService": {"name": "web"}}}, "steps": []}
    return {
        "metadata": {"name": "web", "namespace": "default", "uid": "r-1"},
        "spec": {"strategy": {"canary": canary}},
        "status": {"canary": status},
    }


@dataclass
class Trial:
    """The cluster of one Experiment."""

    snapshot: ExperimentSnapshot
    now: datetime = START
    events: list[str] = field(default_factory=list)
    log: list[ExperimentEffect] = field(default_factory=list)
    verdict: Verdict = lambda run: ("Successful", "")

    @staticmethod
    def of(raw: Json | None = None, *templates: Json, **around: Any) -> Trial:
        views = [parse_template(t) for t in templates or (analysis_template(),)]
        experiment = parse_experiment(manifest() if raw is None else raw)
        known = {view.ref: view for view in views}
        return Trial(ExperimentSnapshot(experiment=experiment, templates=known, **around))

    @property
    def experiment(self) -> Experiment:
        return self.snapshot.experiment

    @property
    def status(self) -> Json:
        return self.experiment.status

    @property
    def phase(self) -> tuple[str, str]:
        return self.status.get("phase", ""), self.status.get("message", "")

    @property
    def sizes(self) -> dict[str, int]:
        return {r.name: r.replicas for r in self.snapshot.replica_sets}

    @property
    def states(self) -> dict[str, str]:
        return {s.name: str(s.status) for s in self.experiment.template_states}

    # what people do

    def edit(self, **spec: Any) -> None:
        raw = self.experiment.raw
        self._is({**raw, "spec": {**raw["spec"], **spec}})

    def begin_anew(self) -> None:
        self._is({**self.experiment.raw, "status": {}})

    def rollout_is(self, **status: Any) -> None:
        rollout = parse_rollout(step_of(**status))
        self.snapshot = replace(self.snapshot, rollout=rollout)

    def _is(self, raw: Json) -> None:
        self.snapshot = replace(self.snapshot, experiment=parse_experiment(raw))

    # what the controller does

    def decide(self) -> ExperimentDecision:
        return decide_experiment(self.snapshot, self.now)

    def carry_out(self, decision: ExperimentDecision, stop_after: int | None = None) -> None:
        """Effects in order, then the status; a crash leaves the rest undone."""
        writes = [e for e in decision.effects if not isinstance(e, Emit | TellRollout)]
        for effect in writes[:stop_after]:
            self.log.append(effect)
            self.snapshot = after(self.snapshot, effect, self.now)
        if stop_after is not None and stop_after <= len(writes):
            return
        self._is({**self.experiment.raw, "status": decision.status})
        for effect in decision.effects:
            if isinstance(effect, Emit):
                self.events.append(f"{effect.type} {effect.reason}: {effect.message}")
            elif isinstance(effect, TellRollout):
                self.events.append(f"Rollout {effect.reason}: {effect.message}")

    # what the cluster does

    def kubelet(self, pods: int | None = None) -> bool:
        """Let pods come and go, `pods` of each set at most; True if any did."""
        sets = tuple(_stepped(r, pods) for r in self.snapshot.replica_sets)
        changed = sets != self.snapshot.replica_sets
        self.snapshot = replace(self.snapshot, replica_sets=sets)
        return changed

    def lose(self, name: str, pods: int = 1) -> None:
        sets = tuple(
            replace(r, ready=max(0, r.ready - pods), available=max(0, r.available - pods))
            if r.name == f"trial-{name}"
            else r
            for r in self.snapshot.replica_sets
        )
        self.snapshot = replace(self.snapshot, replica_sets=sets)

    def measure(self) -> bool:
        runs = tuple(self._measured(run) for run in self.snapshot.runs)
        changed = runs != self.snapshot.runs
        self.snapshot = replace(self.snapshot, runs=runs)
        return changed

    def _measured(self, run: AnalysisRun) -> AnalysisRun:
        if run.phase.is_completed:
            return run
        if run.terminate:
            return replace(run, phase=Phase.SUCCESSFUL, message="Run Terminated")
        phase, message = self.verdict(run)
        return replace(run, phase=Phase(phase), message=message)

    def run(self, seconds: float = 3600, pods: int | None = None) -> None:
        """Let everybody work until nothing is left to do, or `seconds` have gone by."""
        end = self.now + timedelta(seconds=seconds)
        for _ in range(2_000):
            decision = self.decide()
            quiet = not decision.effects and decision.status == self.status
            self.carry_out(decision)
            moved = self.kubelet(pods)
            moved = self.measure() or moved
            if not quiet or moved:
                self.now += timedelta(seconds=1)
                continue
            wait = decision.look_again_in
            if wait is None or self.now + wait > end:
                return
            self.now += max(wait, timedelta(milliseconds=1))
        raise AssertionError("the world does not come to rest")


def _stepped(replica_set: ReplicaSet, pods: int | None) -> ReplicaSet:
    def toward(value: int, goal: int) -> int:
        if pods is None:
            return goal
        return min(goal, value + pods) if value < goal else max(goal, value - pods)

    containers = (replica_set.template.get("spec") or {}).get("containers", [])
    bad = any("bad" in c.get("image", "") for c in containers)
    made = min(replica_set.current, replica_set.replicas)
    available = 0 if bad else toward(min(replica_set.available, made), made)
    current = toward(replica_set.current, replica_set.replicas)
    return replace(replica_set, current=current, ready=available, available=available)
