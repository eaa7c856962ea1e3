"""An AnalysisRun, played: decide, write, answer, decide again."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from gradatim.decide.analysis import Measured, RunDecision, Task, decide_run
from gradatim.model.analysisrun import Phase, parse_analysis_run

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
STAMP = "2026-01-02T03:04:05Z"
Json = dict[str, Any]
Answer = Callable[[Task, datetime], Measured]


def merged(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


@dataclass
class World:
    """One AnalysisRun, its clock, and a provider that answers at once."""

    spec: Json
    status: Json = field(default_factory=dict)
    now: datetime = START
    events: list[str] = field(default_factory=list)
    asked: list[Task] = field(default_factory=list)
    writes: int = 0
    deleted: bool = False

    def object(self) -> Json:
        metadata = {"name": "run", "namespace": "shop", "creationTimestamp": STAMP}
        return {"metadata": metadata, "spec": self.spec, "status": self.status}

    def decide(
        self, outcomes: Iterable[Measured] = (), in_flight: Iterable[str] = ()
    ) -> RunDecision:
        raw = copy.deepcopy(self.object())
        decision = decide_run(
            parse_analysis_run(raw), self.now, tuple(outcomes), frozenset(in_flight)
        )
        assert raw == self.object(), "the stored object was changed"
        self.status = merged(self.object(), decision.patch)["status"]
        self.writes += bool(decision.patch)
        self.events += [f"{e.type} {e.reason}: {e.message}" for e in decision.events]
        self.asked += decision.tasks
        self.deleted = self.deleted or decision.delete
        return decision

    def turn(self, answer: Answer) -> RunDecision:
        """Decide, and take in the answers to whatever was asked."""
        decision = self.decide()
        if decision.tasks:
            decision = self.decide([answer(task, self.now) for task in decision.tasks])
        return decision

    def play(self, answer: Answer, seconds: float = 3600) -> None:
        """Turn until the run has ended, or that much time has passed."""
        end = self.now + timedelta(seconds=seconds)
        while self.now <= end:
            decision = self.turn(answer)
            if self.phase.is_completed:
                return
            if decision.look_again_in is None:
                assert decision.tasks, "nothing will ever happen again"
                continue
            self.now += timedelta(seconds=decision.look_again_in)

    @property
    def phase(self) -> Phase:
        return Phase(self.status.get("phase", ""))

    def result(self, name: str) -> Json:
        return next(r for r in self.status["metricResults"] if r["name"] == name)


def metric(name: str = "m", **fields: Any) -> Json:
    return {"name": name, "provider": {"web": {"url": "http://x"}}, **fields}


def always(phase: Phase, **fields: Any) -> Answer:
    return lambda task, now: Measured(task=task, phase=phase, started=now, **fields)


def by_metric(**phases: Phase) -> Answer:
    return lambda task, now: Measured(task=task, phase=phases[task.metric], started=now, value="1")
