"""Releases whose steps run Experiments, on the embedded cluster, with the whole controller."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest
from faults import Fault, Faulty, Kind
from livecluster import Json, Live, answering, play, rollout, routed, template

from gradatim.kube.cache import Cache
from gradatim.kube.watch import Replaced
from gradatim.sim import SimSettings

QUICK = SimSettings(ready_after=0.5, gone_after=0.3)
STRIDE = 1 if "GRADATIM_EXAMPLES" in os.environ else 9
KINDS: tuple[Kind, ...] = ("conflict", "500", "lost", "refused")
PORTS = [{"name": "app", "image": "app:v1", "ports": [{"containerPort": 8080}]}]
PAUSE: Json = {"pause": {}}


def tries(*weights: int, **given: Any) -> Json:
    """A step with stable's pods beside two of the canary's, with their weights."""
    templates: list[Json] = [
        {"name": "baseline", "specRef": "stable"},
        {"name": "canary", "specRef": "canary", "replicas": 2},
    ]
    for each, weight in zip(templates, weights, strict=False):
        each["weight"] = weight
    return {"experiment": {"templates": templates, **given}}


def asks(name: str = "good", **given: Any) -> list[Json]:
    return [{"name": "one", "templateName": name, **given}]


def with_ports(objects: list[Json]) -> list[Json]:
    for each in objects:
        if each["kind"] == "Rollout":
            each["spec"]["template"]["spec"]["containers"] = [dict(PORTS[0])]
    return objects


def release(live: Live, image: str = "app:v2") -> None:
    containers = [{**PORTS[0], "image": image}]
    live.edit({"spec": {"template": {"spec": {"containers": containers}}}})


def weights(live: Live) -> dict[str, int]:
    """By host, those of the Experiment as `try-` and the name of the template."""
    found = live.sim.get("VirtualService", "web")["spec"]["http"][0]["route"]
    hosts = {each["destination"]["host"]: each["weight"] for each in found}
    own = {f"web-{name}": name for name in ("stable", "canary")}
    return {own.get(host, f"try-{host.rpartition('-')[2]}"): hosts[host] for host in hosts}


def experiments(live: Live) -> list[Json]:
    found: list[Json] = live.sim.list("Experiment")
    return found


async def running(live: Live) -> str:
    def is_running() -> bool:
        return any((e.get("status") or {}).get("phase") == "Running" for e in experiments(live))

    await live.sim.until(is_running)
    name: str = experiments(live)[0]["metadata"]["name"]
    return name


def test_a_release_tries_itself_out_beside_stable_and_goes_on() -> None:
    async def story(live: Live) -> None:
        args = [{"name": "h", "value": "{{templates.canary.podTemplateHash}}"}]
        asked = template("good")
        asked["spec"]["args"] = [{"name": "h"}]
        step = tries(duration="10s", analyses=asks(args=args))
        live.apply(asked, rollout(steps=[step, PAUSE]))
        await live.until("Healthy")
        live.image("app:v2")
        name = await running(live)
        status = live.status()
        assert status["canary"]["currentExperiment"] == name
        sets = {s["metadata"]["name"]: s for s in live.sim.list("ReplicaSet")}
        images = {
            key.rpartition("-")[2]: s["spec"]["template"]["spec"]["containers"][0]["image"]
            for key, s in sets.items()
            if key.startswith(f"{name}-")
        }
        assert images == {"baseline": "app:v1", "canary": "app:v2"}
        hashes = {s["metadata"]["labels"]["rollouts-pod-template-hash"] for s in sets.values()}
        assert len(hashes) == 4, "no set of an Experiment has the hash of a revision"
        await live.until("Paused")
        assert live.status()["currentStepIndex"] == 1
        await asyncio.sleep(40)
        assert not [p for p in live.sim.list("Pod") if name in p["metadata"]["name"]]
        live.promote()
        await live.until("Healthy")
        assert live.sets() == {"app:v1": 0, "app:v2": 2}

    play(story, answering(lambda _: 1), sim=QUICK)


def test_one_that_fails_takes_the_release_back() -> None:
    async def story(live: Live) -> None:
        live.apply(template("good"), rollout(steps=[tries(analyses=asks()), PAUSE]))
        await live.until("Healthy")
        live.image("app:v2")
        await live.until("Degraded")
        assert 'Experiment analysis phase is error/failed: Metric "value"' in live.message()
        assert live.sets() == {"app:v1": 2, "app:v2": 0}
        await live.sim.until(lambda: "RolloutAborted" in live.reasons(), 5)

    play(story, answering(lambda _: 9), sim=QUICK)


def test_its_weights_come_and_go_before_and_after_its_pods() -> None:
    async def story(live: Live) -> None:
        step = tries(10, 20, duration="20s", scaleDownDelaySeconds=0)
        live.apply(*with_ports(routed(replicas=4, steps=[{"setWeight": 25}, step, PAUSE])))
        await live.until("Healthy")
        release(live)
        name = await running(live)
        await live.sim.until(lambda: weights(live).get("try-baseline") == 10)
        tried = {"try-baseline": 10, "try-canary": 20}
        assert weights(live) == {"stable": 45, "canary": 25, **tried}
        await live.until("Paused")
        assert weights(live) == {"stable": 75, "canary": 25}
        # the pods stay until every proxy has followed, whatever their own delay is
        pods = [p for p in live.sim.list("Pod") if name in p["metadata"]["name"]]
        assert len(pods) == 3
        await asyncio.sleep(4)
        assert len([p for p in live.sim.list("Pod") if name in p["metadata"]["name"]]) == 3
        await asyncio.sleep(4)
        assert not [p for p in live.sim.list("Pod") if name in p["metadata"]["name"]]
        assert not [s for s in live.sim.list("Service") if name in s["metadata"]["name"]]

    play(story, sim=QUICK)


def test_what_its_step_refers_to_is_looked_for_before_the_release() -> None:
    async def story(live: Live) -> None:
        live.apply(rollout(steps=[tries(analyses=asks("gone")), PAUSE]))
        await live.until("Degraded")
        assert "steps[0].experiment.analyses[0].templateName" in live.message()
        live.apply(template("gone"))
        await live.until("Healthy", within=5)

    play(story, answering(lambda _: 1), sim=QUICK)


def test_a_rollout_that_goes_takes_its_experiments_along() -> None:
    async def story(live: Live) -> None:
        live.apply(rollout(steps=[tries(), PAUSE]))
        await live.until("Healthy")
        live.image("app:v2")
        await running(live)
        live.sim.delete("Rollout", "web")
        await live.sim.until(lambda: not live.sim.list("Pod"), 60)
        assert not experiments(live)

    play(story, sim=QUICK)


# what may go wrong on the way


def begin(live: Live) -> None:
    step = tries(10, 20, duration="4s", scaleDownDelaySeconds=1, analyses=asks())
    objects = routed(replicas=2, scaleDownDelaySeconds=1, steps=[step, {"setWeight": 50}])
    live.apply(template("good"), *with_ports(objects))


async def through_it(live: Live) -> None:
    await live.until("Healthy", within=900)
    release(live)
    await live.until("Healthy", within=1800)
    await live.sim.until(lambda: live.sets() == {"app:v1": 0, "app:v2": 2}, within=600)
    await asyncio.sleep(120)


def end_of(live: Live) -> Json:
    """What must be the same in the end, whatever happened on the way."""
    status = live.status()
    return {
        "sets": {s["metadata"]["name"]: s["spec"]["replicas"] for s in live.sim.list("ReplicaSet")},
        "services": sorted(s["metadata"]["name"] for s in live.sim.list("Service")),
        "weights": weights(live),
        "experiments": [(e["metadata"]["name"], e["status"]["phase"]) for e in experiments(live)],
        "runs": [
            (r["metadata"]["name"], r["status"]["phase"]) for r in live.sim.list("AnalysisRun")
        ],
        **{k: status.get(k) for k in ("phase", "message", "currentStepIndex", "abort", "canary")},
    }


EXPECTED: list[Json] = []


def through(faults: Json) -> Faulty:
    lines: list[Faulty] = []

    async def story(live: Live) -> None:
        lines.append(Faulty(live.sim.transport("gradatim"), **faults))
        live.start(lines[0])
        begin(live)
        await through_it(live)
        end = end_of(live)
        if not EXPECTED:
            assert end["phase"] == "Healthy"
            assert end["weights"] == {"stable": 100, "canary": 0}
            assert [phase for _, phase in end["experiments"]] == ["Successful"]
            assert sorted(end["sets"].values()) == [0, 0, 0, 2]
            assert len(end["services"]) == 2
            EXPECTED.append(end)
        assert end == EXPECTED[0], lines[0].seen

    play(story, answering(lambda _: 1), sim=QUICK, started=False)
    return lines[0]


@pytest.mark.parametrize("kind", KINDS)
def test_each_write_may_fail(kind: Kind) -> None:
    for position in range(KINDS.index(kind), through({}).writes, STRIDE):
        through({"faults": [Fault(kind, position)]})


@pytest.mark.parametrize("seconds", [0.05, 0.6])
def test_a_stale_cache_aborts_nothing_and_makes_nothing_twice(seconds: float) -> None:
    """`spec/users.md` row 36: an Experiment that was created a moment ago and no cache shows is not missing."""
    through({})
    line = through({"stale": seconds})
    made = [path.rpartition("/")[2] for path in line.seen if path.startswith("POST")]
    assert made.count("experiments") == 1
    assert made.count("analysisruns") == 1


def test_an_experiment_that_the_first_list_does_not_show_is_asked_for() -> None:
    """Row 36 after a start: its weights stay, and no second one is made."""

    async def story(live: Live) -> None:
        step = tries(10, 20, duration="1h")
        live.apply(*with_ports(routed(replicas=2, steps=[step, PAUSE])))
        await live.until("Healthy")
        release(live)
        await running(live)
        await live.sim.until(lambda: weights(live).get("try-baseline") == 10)
        await live.kill()
        controller = live.start()
        cache = controller.world.experiments
        cache.apply = lambda seen: (  # type: ignore[method-assign]
            Cache.apply(cache, Replaced((), "1")) if isinstance(seen, Replaced) else None
        )
        seen: list[Json] = []
        for _ in range(100):
            await asyncio.sleep(0.1)
            seen.append(weights(live))
        assert all(each.get("try-baseline") == 10 for each in seen)
        assert len(experiments(live)) == 1
        assert live.phase() == "Progressing"

    play(story, sim=QUICK)


def test_a_controller_may_be_killed_before_any_write() -> None:
    for position in range(2, through({}).writes, 1 + STRIDE // 2):
        killed_at(position)


def killed_at(position: int) -> None:
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
        going = asyncio.create_task(through_it(live))
        await asyncio.wait_for(reached.wait(), 120)
        await live.kill()
        live.start()
        await going
        assert end_of(live) == EXPECTED[0], f"killed before write {position}: {line.seen}"

    play(story, answering(lambda _: 1), sim=QUICK, started=False)


def test_two_leaders_at_once_make_nothing_twice() -> None:
    async def story(live: Live) -> None:
        live.start()
        live.start()
        begin(live)
        await through_it(live)
        assert len(experiments(live)) == 1
        assert weights(live) == {"stable": 100, "canary": 0}

    play(story, answering(lambda _: 1), sim=QUICK, started=False)
