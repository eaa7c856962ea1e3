"""The controller of AnalysisRuns: read, decide, patch, measure.

In: keys of AnalysisRuns from the queue. Out: patched statuses, events, and when to look again.
The queue's workers call `reconcile`; what a measurement brings comes back to them through `requeue`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal, Protocol

from gradatim.decide.analysis import Measured, RunDecision, Task, decide_run
from gradatim.decide.analysis.plan import Plan, plan_of
from gradatim.decide.analysis.schedule import is_terminating
from gradatim.kube.errors import Conflict, NotFound
from gradatim.kube.resources import ANALYSIS_RUNS, Address
from gradatim.model.analysisrun import AnalysisRun, Phase
from gradatim.plugin import Json

log = logging.getLogger(__name__)

Key = tuple[str, str]

#: Seconds to wait for the cache to show our last write, and until the next try after a conflict.
_CATCH_UP: Final = 5.0
_RETRY: Final = 1.0
#: Over that much of a second measurements are spread that are due in it.
_SPREAD: Final = timedelta(seconds=0.5)


class Writer(Protocol):
    """What is needed of the API client."""

    async def patch(self, address: Address, body: object) -> Json:
        """Change the object by a merge patch."""
        ...

    async def delete(self, address: Address, *, uid: str | None = None) -> Json:
        """Delete the object, if it still has that uid."""
        ...


class Stored(Protocol):
    """A run in the cache."""

    @property
    def view(self) -> AnalysisRun | None:
        """The run's view; None where parsing it failed."""
        ...


class Runs(Protocol):
    """What is needed of the cache of AnalysisRuns."""

    def get(self, namespace: str, name: str) -> Stored | None:
        """The run of that name."""
        ...

    def wrote(self, written: Json) -> None:
        """Remember a write of ours."""
        ...

    def deleted(self, namespace: str, name: str, uid: str) -> None:
        """Remember that we deleted it."""
        ...

    async def wait_caught_up(self, namespace: str, name: str, within: float) -> bool:
        """Wait until the cache shows our last write."""
        ...


class Measurer(Protocol):
    """Carries out tasks: `run/measuring.py`."""

    async def measure(self, run: AnalysisRun, task: Task) -> Measured:
        """Carry out one task; never raises."""
        ...

    async def collect(self, run: AnalysisRun, metric: str, keep: int) -> None:
        """Remove what older measurements left behind; never raises."""
        ...

    def has_not_asked(self, task: asyncio.Task[None]) -> bool:
        """That task waits for its turn to ask a provider."""
        ...


class Recorder(Protocol):
    """Records Kubernetes events."""

    def emit(
        self, about: Json, kind: Literal["Normal", "Warning"], reason: str, message: str
    ) -> None:
        """Queue an event about an object."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Whom the controller talks to.

    Attributes:
        requeue: has a key reconciled soon; called when a measurement ends.
        clock: the time, aware and UTC.
    """

    client: Writer
    runs: Runs
    measurer: Measurer
    recorder: Recorder
    requeue: Callable[[Key], None]
    clock: Callable[[], datetime]


@dataclass(slots=True)
class _Flight:
    """What is known of a run beside its status: the tasks under way, and outcomes not yet written.

    Attributes:
        plan: made for `planned`, the specification and the annotations.
        settled: the version that our last write made, and when it is to be looked at again.
    """

    uid: str
    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    outcomes: list[Measured] = field(default_factory=list)
    plan: Plan | str | None = None
    planned: tuple[object, object] | None = None
    settled: tuple[str, datetime] | None = None

    def plan_of(self, run: AnalysisRun) -> Plan | str:
        """The run's plan, made anew only where what it is made of has changed."""
        made_of = (run.raw.get("spec"), run.meta.annotations)
        if self.plan is None or self.planned != made_of:
            self.plan, self.planned = plan_of(run, _SPREAD), made_of
        return self.plan

    def rests(self, run: AnalysisRun, now: datetime) -> float | None:
        """Seconds until there is something to do, where the run is just as our last pass left it; else None."""
        if self.settled is None or self.outcomes or self.settled[0] != run.meta.resource_version:
            return None
        left = (self.settled[1] - now).total_seconds()
        return left if left > 0 else None


class AnalysisRuns:
    """Reconciles AnalysisRuns, whether a Rollout made them or a person.

    A measurement is a task of its own, and no worker waits for it: `reconcile` begins it and returns, and its end
    queues the run again. A provider that takes half a minute so delays neither other runs nor the other metrics of
    its own run, however few workers there are; and no number of workers would do, since enough hanging providers
    fill any. What is under way is known in memory alone: a controller that is killed measures again what no status
    holds, and resumes what one does.
    """

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._flights: dict[Key, _Flight] = {}
        self._collecting: set[asyncio.Task[None]] = set()

    async def reconcile(self, key: Key) -> float | None:
        """One pass: decide, write, begin what is due.

        Returns:
            Seconds until the run wants to be looked at again; None: not until it or a measurement changes.

        Raises:
            KubeError: the status could not be written. Nothing is lost: the outcomes are kept for the next pass.
        """
        runs = self._ports.runs
        if not await runs.wait_caught_up(*key, within=_CATCH_UP):
            return _RETRY
        stored = runs.get(*key)
        if stored is None or stored.view is None:
            self._forget(key)
            return None
        run, flight = stored.view, self._flight(key, stored.view.meta.uid)
        now = self._ports.clock()
        if (rest := flight.rests(run, now)) is not None:
            return rest
        self._give_up(run, flight)
        outcomes, in_flight = tuple(flight.outcomes), frozenset(flight.tasks)
        plan = None if run.phase.is_completed else flight.plan_of(run)
        decision = decide_run(run, now, outcomes, in_flight, plan)
        flight.settled = None
        try:
            version = await self._write(key, run, decision)
        except (Conflict, NotFound) as error:
            # Somebody changed or deleted it since. The cache will tell; the outcomes wait for the next pass.
            log.debug("analysis run %s/%s: %s", *key, error)
            return _RETRY
        del flight.outcomes[: len(outcomes)]
        self._begin(key, run, flight, decision)
        again = decision.look_again_in
        flight.settled = None if again is None else (version, now + timedelta(seconds=again))
        if run.phase.is_completed and not flight.tasks and not flight.outcomes:
            self._flights.pop(key, None)
        return again

    async def aclose(self) -> None:
        """Stop all measurements. Those that their statuses know are resumed by whoever comes next."""
        tasks = [task for flight in self._flights.values() for task in flight.tasks.values()]
        tasks += self._collecting
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._flights.clear()

    def _flight(self, key: Key, uid: str) -> _Flight:
        flight = self._flights.get(key)
        if flight is None or flight.uid != uid:
            # A new run of the same name has nothing to do with the measurements of the old one.
            self._forget(key)
            flight = self._flights[key] = _Flight(uid)
        return flight

    def _give_up(self, run: AnalysisRun, flight: _Flight) -> None:
        """A run that ends does not wait until a service has room for its questions."""
        if not is_terminating(run):
            return
        for metric, task in list(flight.tasks.items()):
            if self._ports.measurer.has_not_asked(task):
                task.cancel()
                del flight.tasks[metric]

    def _forget(self, key: Key) -> None:
        if flight := self._flights.pop(key, None):
            for task in flight.tasks.values():
                task.cancel()

    async def _write(self, key: Key, run: AnalysisRun, decision: RunDecision) -> str:
        """Write what was decided; gives the version of the run that there is then."""
        ports, address = self._ports, ANALYSIS_RUNS.at(*key)
        version = run.meta.resource_version
        if decision.delete:
            await ports.client.delete(address, uid=run.meta.uid)
            ports.runs.deleted(*key, run.meta.uid)
        if decision.patch:
            # There is no status subresource. With its version the patch fails where the run has changed since
            # we looked: two controllers that both think they lead would else count a measurement twice.
            metadata = {"uid": run.meta.uid, "resourceVersion": run.meta.resource_version}
            body = {"metadata": metadata, **decision.patch}
            written = await ports.client.patch(address, body)
            ports.runs.wrote(written)
            version = str((written.get("metadata") or {}).get("resourceVersion", ""))
        for event in decision.events:
            ports.recorder.emit(run.raw, event.type, event.reason, event.message)
        return version

    def _begin(self, key: Key, run: AnalysisRun, flight: _Flight, decision: RunDecision) -> None:
        for task in decision.tasks:
            measuring = self._measure(key, run, flight, task)
            flight.tasks[task.metric] = asyncio.create_task(measuring)
        self._collect(run, decision.trimmed)

    def _collect(self, run: AnalysisRun, trimmed: Mapping[str, int]) -> None:
        for metric, keep in trimmed.items():
            task = asyncio.create_task(self._ports.measurer.collect(run, metric, keep))
            self._collecting.add(task)
            task.add_done_callback(self._collecting.discard)

    async def _measure(self, key: Key, run: AnalysisRun, flight: _Flight, task: Task) -> None:
        began = self._ports.clock()
        try:
            outcome = await self._ports.measurer.measure(run, task)
        except Exception as error:
            # A fault of ours. Without an outcome the run would be measuring for ever.
            log.exception("analysis run %s/%s: metric %s", *key, task.metric)
            told = f"the controller failed at it: {type(error).__name__}"
            outcome = Measured(task=task, phase=Phase.ERROR, started=began, message=told)
        flight.tasks.pop(task.metric, None)
        flight.outcomes.append(outcome)
        if self._flights.get(key) is flight:
            self._ports.requeue(key)
