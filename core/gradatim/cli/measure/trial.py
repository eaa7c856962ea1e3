"""Carries out a run that is in no cluster, with the controller's own loop.

In: the run, Secrets and a report. Out: measurements and a verdict, told to the report, and an exit code.
Called by the command. Providers are asked through the controller's measuring, so what comes out is what it would see.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal

from ...decide.analysis import Measured, Task
from ...errors import SetupError
from ...kube.resources import Address
from ...model.analysisrun import AnalysisRun, Phase, parse_analysis_run
from ...plugin import Json
from ...registry import Registry, load_registry
from ...run.analysis import AnalysisRuns, Ports
from ...run.fence import Fence
from ...run.inquiry import Surroundings
from ...run.jobs import JobAccess
from ...run.measuring import Measuring
from ...sim.patch import merge_patch
from ...validate import run_problems
from ..run import controller_namespace
from .jobs import by_a_name_of_its_own, clean_up, job_access, uses_jobs
from .report import Report
from .secrets import Secrets

FINE, NOT_FINE, NOT_ASKED = 0, 1, 2
_EXIT: Final = {
    Phase.SUCCESSFUL: FINE,
    Phase.FAILED: NOT_FINE,
    Phase.INCONCLUSIVE: NOT_FINE,
    Phase.ERROR: NOT_ASKED,
}
_INTERRUPTED: Final = 130


class _Held:
    """The one run, where the controller looks for runs and writes them."""

    def __init__(self, raw: Json) -> None:
        self._raw = raw
        self._versions = 0
        self.view: AnalysisRun = parse_analysis_run(raw)

    def get(self, namespace: str, name: str) -> _Held:
        del namespace, name
        return self

    async def patch(self, address: Address, body: object) -> Json:
        del address
        self._versions += 1
        self._keep(merge_patch(self._raw, body))
        return self._raw

    async def delete(self, address: Address, *, uid: str | None = None) -> Json:
        del address, uid
        return {}

    def wrote(self, written: Json) -> None:
        del written

    def deleted(self, namespace: str, name: str, uid: str) -> None:
        del namespace, name, uid

    async def wait_caught_up(self, namespace: str, name: str, within: float) -> bool:
        del namespace, name, within
        return True

    def terminate(self) -> None:
        self._versions += 1
        self._keep(merge_patch(self._raw, {"spec": {"terminate": True}}))

    def _keep(self, raw: Json) -> None:
        self._raw = merge_patch(raw, {"metadata": {"resourceVersion": str(self._versions)}})
        self.view = parse_analysis_run(self._raw)


class _NoEvents:
    """There is nobody to tell Kubernetes events to."""

    def emit(
        self, about: Json, kind: Literal["Normal", "Warning"], reason: str, message: str
    ) -> None:
        del about, kind, reason, message


class _Told(Measuring):
    """The controller's measuring, which tells each outcome to the report."""

    report: Report
    unread: list[OSError]

    async def measure(self, run: AnalysisRun, task: Task) -> Measured:
        measured = await super().measure(run, task)
        try:
            self.report.measured(measured, self._result_count(run, task))
        except OSError as error:  # nobody reads any more, as behind `| head -1`
            self.unread.append(error)
        return measured

    def _result_count(self, run: AnalysisRun, task: Task) -> int:
        result = run.result(task.metric)
        return (result.count + result.error if result else 0) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One run to carry out.

    Attributes:
        controller_namespace: where providers look for Secrets that are not the run's; "": as `gradatim run` has it.
    """

    run: Json
    secrets: Secrets
    report: Report
    controller_namespace: str = ""
    _interrupted: list[bool] = field(default_factory=list)
    _unread: list[OSError] = field(default_factory=list)

    def carried_out(self) -> int:
        """Measure, and give the exit code.

        Raises:
            SetupError: the run is not sound, or the cluster that was named is not there.
            OSError: what it prints cannot be written.
        """
        return asyncio.run(self._carried_out())

    async def _carried_out(self) -> int:
        registry, held = load_registry(), _Held(self.run)
        try:
            self._check(held.view, registry)
            metric = uses_jobs(held.view, registry)
            if metric:
                held = _Held(by_a_name_of_its_own(self.run))
                await self._with_jobs(registry, held, metric)
            else:
                await self._until_completed(registry, held)
        finally:
            await registry.aclose()
            await self.secrets.cluster.aclose()
        self.report.ended(held.view, self.secrets.cluster.absence)
        return _INTERRUPTED if self._interrupted else _EXIT.get(held.view.phase, NOT_ASKED)

    async def _with_jobs(self, registry: Registry, held: _Held, metric: str) -> None:
        access = await job_access(metric, self.secrets.cluster)
        try:
            await self._until_completed(registry, held, access)
        finally:
            await clean_up(access, held.view)

    def _check(self, run: AnalysisRun, registry: Registry) -> None:
        problems = [str(problem) for problem in run_problems(run, registry)]
        if problems:
            raise SetupError("; ".join(problems))

    async def _until_completed(
        self, registry: Registry, held: _Held, access: JobAccess | None = None
    ) -> None:
        changed = asyncio.Event()
        runs = self._controller(registry, held, changed, access)
        self._end_by_signal(held, changed)
        key = (held.view.meta.namespace, held.view.meta.name)
        try:
            while True:
                changed.clear()
                wait = await runs.reconcile(key)
                if held.view.phase.is_completed:
                    return
                await _changed(changed, wait)
                if self._unread:
                    raise self._unread[0]
        finally:
            await runs.aclose()

    def _controller(
        self, registry: Registry, held: _Held, changed: asyncio.Event, access: JobAccess | None
    ) -> AnalysisRuns:
        surroundings = Surroundings(
            namespace=controller_namespace(self.controller_namespace or None),
            environment=dict(os.environ),
            jobs=access,
        )
        measuring = _Told(registry, Fence(time.monotonic), self.secrets, surroundings, _now)
        measuring.report, measuring.unread = self.report, self._unread
        return AnalysisRuns(
            Ports(
                client=held,
                runs=held,
                measurer=measuring,
                recorder=_NoEvents(),
                requeue=lambda _key: changed.set(),
                clock=_now,
            )
        )

    def _end_by_signal(self, held: _Held, changed: asyncio.Event) -> None:
        """The first interrupt ends the run as `spec.terminate` does, so that it still says what it has found."""

        def interrupt() -> None:
            self._interrupted.append(True)
            held.terminate()
            changed.set()
            asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)

        with suppress(NotImplementedError, RuntimeError, ValueError):  # not the main thread
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, interrupt)


async def _changed(changed: asyncio.Event, wait: float | None) -> None:
    try:
        async with asyncio.timeout(wait):
            await changed.wait()
    except TimeoutError:
        return


def _now() -> datetime:
    return datetime.now(UTC)
