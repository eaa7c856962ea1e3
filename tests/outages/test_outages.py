"""The sixteen outages that users of Argo Rollouts reported: no request is lost here, and with its order of writes some.

Every row is played with a mesh that lags 0, 2 and 30 seconds, under steady load over proxies of every age.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from guard import unguarded
from livecluster import Live, play
from load import Load
from referenceorder import Reference
from rows import ALL, ROWS, Row

from gradatim.sim import SimSettings


def lost(row: Row, lag: int, begin: Callable[[Live], None]) -> Load:
    """Play the row with whatever controller `begin` starts, and give the count."""
    counted: list[Load] = []

    ready, gone = (3.0 + lag, 1.0 + lag) if row.drains else (2.0, 0.3)

    async def story(live: Live) -> None:
        *around, rollout = replace(row.setup, lag=lag).objects()
        live.apply(*row.before(), *around)
        await asyncio.sleep(5 + ready + lag)
        load = Load(live, row.hosts, row.capacity, row.late_endpoints)
        counted.append(load)
        begin(live)
        live.apply(rollout)
        sending = asyncio.create_task(_once_it_answers(load))
        try:
            await row.story(live)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    settings = SimSettings(ready_after=ready, gone_after=gone, mesh_lag=lag)
    play(story, sim=settings, started=False)
    return counted[0]


async def _once_it_answers(load: Load) -> None:
    """What never answered has no users yet."""
    await load.live.sim.until(load.answers)
    await load.run()


CASES = [pytest.param(row, lag, id=f"{row.name}, lag {lag}") for row in ROWS for lag in ALL]
FAILING = [
    pytest.param(row, lag, id=f"{row.name}, lag {lag}") for row in ROWS for lag in row.fails_at
]


@pytest.mark.parametrize(("row", "lag"), CASES)
def test_no_request_is_lost(row: Row, lag: int) -> None:
    load = lost(row, lag, lambda live: live.start() and None)
    assert load.sent > 2000
    assert not load.failed, f"{load.failed} of {load.sent} failed, first at {load.first}"


@pytest.mark.parametrize(("row", "lag"), FAILING)
def test_the_order_of_the_reference_loses_requests(
    row: Row, lag: int, record_property: Callable[[str, object], None]
) -> None:
    async def work(live: Live) -> None:
        await Reference(live, row.number).run()

    working: list[asyncio.Task[None]] = []
    with unguarded():
        load = lost(row, lag, lambda live: working.append(asyncio.create_task(work(live))))
    record_property("lost", f"{load.failed} of {load.sent}, first at {load.first}")
    assert load.failed
