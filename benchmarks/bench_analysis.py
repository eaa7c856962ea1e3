"""AnalysisRuns that measure every 10 s against a service on loopback: are they on time, on one core?

In: RUNS and RUN_SECONDS of the environment (2,000 and 120). Out: how late measurements begin, CPU, and memory after a
third, before the first run ends, and at the end. Controller, embedded cluster and service share the core, and the clock
is its CPU time (`cpuclock.py`): what else the machine does plays no part.
"""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from livecluster import Live, definitions, registry_of

from gradatim.decide.analysis import Measured, Task
from gradatim.model.analysisrun import AnalysisRun
from gradatim.run.controller import Settings
from gradatim.run.measuring import Measuring
from gradatim.sim import Sim, SimSettings

from .cpuclock import run_on_a_core

Numbers = dict[str, float]

_BODY: Final = b'{"value": 1}'
_REPLY: Final = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
    % (
        len(_BODY),
        _BODY,
    )
)

INTERVAL: Final = 10
#: Runs are made over that many seconds, as releases are that begin one after the other.
SPREAD: Final = 10.0
#: The embedded server is in the same process: what it remembers for watches is none of the controller's memory.
_SETTINGS: Final = SimSettings(history=1_000)


def run(count: int | None = None, seconds: int | None = None) -> Numbers:
    """Numbers by name."""
    count = count or int(os.environ.get("RUNS", "2000"))
    seconds = seconds or int(os.environ.get("RUN_SECONDS", "120"))
    lateness: list[float] = []
    with _watched(lateness), _without_the_past():
        numbers = run_on_a_core(_measured(count, seconds))
    lateness.sort()
    numbers |= {
        "measurements": len(lateness),
        "late p50 ms": _ms(lateness, 0.5),
        "late p99 ms": _ms(lateness, 0.99),
        "late max ms": _ms(lateness, 1.0),
        "within 500 ms %": round(
            100 * sum(late <= 0.5 for late in lateness) / max(1, len(lateness)), 2
        ),
    }
    return numbers


async def _measured(count: int, seconds: int) -> Numbers:
    loop = asyncio.get_running_loop()
    async with _service() as address, Sim(_SETTINGS) as cluster:
        for definition in definitions():
            cluster.create_object(definition)
        await cluster.settle()
        live = Live(cluster, registry_of(), Settings(environment={}))
        live.start()
        await asyncio.sleep(0.1)
        began, cpu = loop.time(), time.process_time()
        for number in range(count):
            cluster.create_object(_a_run(number, address, seconds // INTERVAL))
            await asyncio.sleep(max(0.0, began + SPREAD * (number + 1) / count - loop.time()))
        await asyncio.sleep(max(0.0, began + seconds / 3 - loop.time()))
        early = _resident_mb()
        # before the first of them ends: then come its events, which the embedded server keeps in this process
        await asyncio.sleep(max(0.0, began + seconds - INTERVAL - 2 - loop.time()))
        before = _resident_mb()
        await asyncio.sleep(max(0.0, began + SPREAD + seconds - loop.time()))
        late = _resident_mb()
        phases = [r.get("status", {}).get("phase") for r in cluster.list("AnalysisRun")]
        taken = time.process_time() - cpu
        await live.stop()
        await live.registry.aclose()
    return {
        "runs": count,
        "runs that ended well": phases.count("Successful"),
        "CPU of a core %": round(100 * taken / (SPREAD + seconds), 1),
        "memory MB after a third": early,
        "memory MB before the first ends": before,
        "memory MB at the end, with the server's events": late,
    }


def _a_run(number: int, address: str, count: int) -> dict[str, Any]:
    metric = {
        "name": "value",
        "interval": f"{INTERVAL}s",
        "count": count,
        "successCondition": "result == 1",
        "provider": {"web": {"url": f"{address}/?run={number}", "jsonPath": "{$.value}"}},
    }
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisRun",
        "metadata": {"name": f"run-{number}"},
        # histories that are full after a third of the time, so that what grows then is no history
        "spec": {
            "metrics": [metric],
            "measurementRetention": [{"metricName": "value", "limit": 3}],
        },
    }


class _Service(asyncio.Protocol):
    """Every request gets one number."""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._seen = b""

    def data_received(self, data: bytes) -> None:
        *requests, self._seen = (self._seen + data).split(b"\r\n\r\n")
        self._transport.write(_REPLY * len(requests))


@asynccontextmanager
async def _service() -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Service, "127.0.0.1", 0, backlog=1024)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@contextmanager
def _without_the_past() -> Iterator[None]:
    """What the process had before, a whole suite of tests perhaps, is nothing that a collection has to go through."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def _watched(lateness: list[float]) -> Iterator[None]:
    """Note how long after its time each measurement begins."""
    original = Measuring.measure

    async def measure(measuring: Measuring, run: AnalysisRun, task: Task) -> Measured:
        measured = await original(measuring, run, task)
        # the first is due when the run is seen, so it is never late
        if task.due is not None and task.number:
            lateness.append((measured.started - task.due).total_seconds())
        return measured

    with patch.object(Measuring, "measure", measure):
        yield


def _ms(ordered: list[float], part: float) -> float:
    return round(1000 * ordered[min(len(ordered) - 1, int(part * len(ordered)))], 1)


def _resident_mb() -> float:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)
