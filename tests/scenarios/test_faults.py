"""An API server that refuses, loses answers, tells late or goes away: the end is the same as without any of it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
from typing import Any

import pytest
from faults import Fault, Faulty, Kind
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from livecluster import Json, Live, analysis, answering, play, rollout, routed, template

from gradatim.sim import SimSettings

QUICK = SimSettings(ready_after=0.3, gone_after=0.1)
STEPS: list[Json] = [
    {"setWeight": 50},
    analysis("good"),
    {"setWeight": 80},
    {"pause": {"duration": "1s"}},
]


def begin(live: Live) -> None:
    live.apply(template("good"), *routed(replicas=2, scaleDownDelaySeconds=1, steps=STEPS))


async def release(live: Live, line: Faulty | None = None) -> None:
    """The story that faults are put into: a first deployment, and a release with traffic and analysis."""
    await live.until("Healthy", within=900)
    live.image("app:v2")
    await at_rest(live, line)


async def at_rest(live: Live, line: Faulty | None = None) -> None:
    await live.until("Healthy", within=1800)
    await live.sim.until(lambda: live.sets() == {"app:v1": 0, "app:v2": 2}, within=600)
    for _ in range(10):
        writes = line.writes if line else 0
        # as long as a request may hang, and a watch may pause: one that hung is tried again, and may hang again
        await asyncio.sleep(120)
        if line is None or line.writes == writes:
            break


def end_of(live: Live) -> Json:
    """What must be the same in the end, whatever happened on the way."""
    status = live.status()
    runs = live.sim.list("AnalysisRun")
    return {
        "sets": live.sets(),
        "names": sorted(s["metadata"]["name"] for s in live.sim.list("ReplicaSet")),
        "weights": live.weights(),
        "selectors": [s["spec"]["selector"] for s in live.sim.list("Service")],
        "runs": [(r["metadata"]["name"], r["status"]["phase"]) for r in runs],
        "measurements": [
            len(result.get("measurements", []))
            for r in runs
            for result in r["status"]["metricResults"]
        ],
        "conditions": sorted((c["type"], c["status"]) for c in status["conditions"]),
        **{k: status.get(k) for k in ("phase", "message", "currentStepIndex", "stableRS")},
        **{k: status.get(k) for k in ("replicas", "availableReplicas", "abort", "collisionCount")},
        "annotations": live.sim.get("Rollout", "web")["metadata"]["annotations"],
    }


def through(faulty: dict[str, Any]) -> tuple[Json, Faulty]:
    """Play the release over a faulty line: how it ended, and the line."""
    result: list[Any] = []

    async def story(live: Live) -> None:
        line = Faulty(live.sim.transport("gradatim"), **faulty)
        live.start(line)
        begin(live)
        await release(live, line)
        result.extend((end_of(live), line))

    play(story, answering(lambda _: 1), sim=QUICK, started=False)
    return result[0], result[1]


@functools.cache
def undisturbed() -> tuple[Json, int]:
    end, line = through({})
    return end, line.writes


def test_the_undisturbed_release_is_what_it_should_be() -> None:
    end, writes = undisturbed()
    assert end["phase"] == "Healthy"
    assert len(end["names"]) == 2
    assert [phase for _, phase in end["runs"]] == ["Successful"]
    assert end["measurements"] == [1]
    assert 15 < writes < 40


@pytest.mark.parametrize("kind", ["conflict", "500", "lost", "lost-500", "timeout", "refused"])
def test_each_write_may_fail(kind: Kind) -> None:
    expected, writes = undisturbed()
    # every write where somebody else wrote, or where nobody knows what came of it; of the rest some
    for position in range(0, writes, 1 if kind in {"conflict", "lost"} else 3):
        end, line = through({"faults": [Fault(kind, position)]})
        assert end == expected, f"{kind} at write {position}: {line.seen[position]}"


def test_the_last_write_may_hang_four_times() -> None:
    """Half a minute each: the end is the same, but it comes later than two minutes after the last pods went."""
    expected, writes = undisturbed()
    end, _ = through({"faults": [Fault("timeout", writes - 1, 4)]})
    assert end == expected


def test_watches_may_break_at_any_time_and_their_versions_expire() -> None:
    async def story(live: Live) -> None:
        line = Faulty(live.sim.transport("gradatim"))
        live.start(line)

        async def breaking() -> None:
            while True:
                await asyncio.sleep(0.37)
                line.reset_watches(gone=1)

        task = asyncio.create_task(breaking())
        begin(live)
        await live.until("Healthy", within=900)
        live.image("app:v2")
        await live.until("Healthy", within=900)
        task.cancel()
        await at_rest(live)
        assert end_of(live) == undisturbed()[0]

    play(story, answering(lambda _: 1), sim=QUICK, started=False)


@pytest.mark.parametrize("begins", [0.0, 0.2, 0.5, 1.1, 1.7, 2.6])
def test_an_api_server_may_be_away_for_twenty_seconds(begins: float) -> None:
    end, _ = through({"away": (begins, begins + 20.0)})
    assert end == undisturbed()[0]


@pytest.mark.parametrize("seconds", [0.05, 0.4, 3.0])
def test_caches_may_be_stale(seconds: float) -> None:
    end, line = through({"stale": seconds})
    assert end == undisturbed()[0]
    creations = [path for path in line.seen if path.startswith("POST")]
    assert len(creations) == 3, "two ReplicaSets and a run, none of them twice"


def test_a_stale_cache_and_lost_answers_together_make_nothing_twice() -> None:
    expected, writes = undisturbed()
    for position in range(1, writes, 2):
        end, _ = through({"stale": 0.8, "faults": [Fault("lost", position)]})
        assert end == expected, f"lost at write {position}"


KINDS = st.sampled_from(["conflict", "500", "503", "timeout", "refused", "lost", "lost-500"])
FAULTS = st.lists(st.builds(Fault, KINDS, st.integers(0, 40), st.integers(1, 4)), max_size=6)


@settings(
    max_examples=int(os.environ.get("GRADATIM_EXAMPLES", "12")),
    deadline=None,
    derandomize="GRADATIM_EXAMPLES" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    faults=FAULTS,
    stale=st.sampled_from([0.0, 0.0, 0.1, 1.0]),
    away=st.sampled_from([0.0, 0.0, 0.7, 1.5]),
)
def test_any_schedule_of_faults_ends_the_same(
    faults: list[Fault], stale: float, away: float
) -> None:
    end, _ = through(
        {"faults": faults, "stale": stale, "away": (away, away + 8.0) if away else (0.0, 0.0)}
    )
    assert end == undisturbed()[0]


class KilledError(BaseException):
    """The process is gone."""


def test_a_controller_may_be_killed_before_any_write() -> None:
    expected, writes = undisturbed()
    for position in range(writes):
        assert killed_at(position) == expected, f"killed before write {position}"


def killed_at(position: int) -> Json:
    result: list[Json] = []

    async def story(live: Live) -> None:
        line = Faulty(live.sim.transport("gradatim"))
        reached = asyncio.Event()

        def die(number: int) -> None:
            if number == position:
                reached.set()
                live.running[-1][0].cancel()
                raise ConnectionResetError("the process is gone")

        line.before_write = die
        live.start(line)
        begin(live)
        releasing = asyncio.create_task(release(live))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(60):
                await reached.wait()
        await live.kill()
        live.start()
        await releasing
        result.append(end_of(live))

    play(story, answering(lambda _: 1), sim=QUICK, started=False)
    return result[0]


def test_a_controller_may_be_killed_at_any_moment_and_again() -> None:
    async def story(live: Live) -> None:
        begin(live)
        releasing = asyncio.create_task(release(live))
        for number in range(40):
            live.start()
            # later each time, by something that is no multiple of anything
            await asyncio.sleep(0.011 + 0.0173 * number)
            await live.kill()
        live.start()
        await releasing
        end, expected = end_of(live), dict(undisturbed()[0])
        # a measurement that nobody heard of is made again, and its run is still one
        end["measurements"] = expected["measurements"] = None
        assert end == expected

    play(story, answering(lambda _: 1), sim=QUICK, started=False)


def test_two_leaders_at_once_make_nothing_twice() -> None:
    async def story(live: Live) -> None:
        live.start()
        live.start()
        begin(live)
        await release(live)
        end, expected = end_of(live), undisturbed()[0]
        assert end == expected

    play(story, answering(lambda _: 1), sim=QUICK, started=False)


def test_a_controller_that_starts_while_a_status_is_behind_waits_for_it() -> None:
    """Its predecessor took the pods of a set away and asked for them again: the status still counts them all."""

    async def story(live: Live) -> None:
        live.apply(rollout(replicas=4, steps=[{"setWeight": 50}, {"pause": {}}]))
        await live.until("Healthy")
        await live.stop()
        await asyncio.sleep(3)
        (made,) = live.sim.list("ReplicaSet")
        for replicas in (0, 4):
            live.sim.patch("ReplicaSet", made["metadata"]["name"], {"spec": {"replicas": replicas}})
        live.image("app:v2")
        live.start()
        await asyncio.sleep(0.7)
        assert "app:v2" not in live.sets(), "the cluster's own controller has not looked yet"
        await live.until("Paused")
        assert live.sets() == {"app:v1": 2, "app:v2": 2}

    play(story, sim=SimSettings(controllers_lag=1))


def test_a_route_that_somebody_puts_before_ours_in_that_very_moment_is_not_written_over() -> None:
    """Weights are written by index: what was planned for another version is refused (409), and planned anew."""

    async def story(live: Live) -> None:
        line = Faulty(live.sim.transport())
        foreign = {"name": "theirs", "route": [{"destination": {"host": "other"}, "weight": 100}]}
        refused = []

        def intervene(_: int) -> None:
            if "PATCH" in line.seen[-1] and line.seen[-1].endswith("/virtualservices/web"):
                spec = live.sim.get("VirtualService", "web")["spec"]
                if len(spec["http"]) == 1 and live.sets().get("app:v2"):
                    refused.append(len(line.seen))
                    live.sim.patch(
                        "VirtualService", "web", {"spec": {"http": [foreign, *spec["http"]]}}
                    )

        line.before_write = intervene
        live.start(line)
        *others, made = routed(replicas=2, steps=[{"setWeight": 50}, {"pause": {}}])
        named = {"name": "web", "routes": ["primary"]}
        canary = made["spec"]["strategy"]["canary"]
        canary["trafficRouting"] = {"istio": {"virtualService": named}}
        live.apply(*others, made)
        await live.until("Healthy")
        live.image("app:v2")
        await live.until("Paused")
        theirs, ours = live.sim.get("VirtualService", "web")["spec"]["http"]
        assert theirs == foreign
        assert [d["weight"] for d in ours["route"]] == [50, 50]
        patches = [each for each in line.seen if each.endswith("/virtualservices/web")]
        assert len(refused) == 1
        assert len(patches) == 2, "the one that was refused, and the one that was planned anew"

    play(story, sim=QUICK, started=False)
