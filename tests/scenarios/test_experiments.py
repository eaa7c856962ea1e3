"""Experiments that stand alone, on the embedded cluster: from their manifest to their end."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest
from faults import Fault, Faulty, Kind
from livecluster import Json, Live, answering, play, template

from gradatim.kube.cache import Cache
from gradatim.kube.watch import Replaced
from gradatim.sim import SimSettings

#: Of the writes that a fault may hit, each of so many is tried; with GRADATIM_EXAMPLES all of them.
STRIDE = 1 if "GRADATIM_EXAMPLES" in os.environ else 7
KINDS: tuple[Kind, ...] = ("conflict", "500", "lost", "lost-500", "refused")

QUICK = SimSettings(ready_after=0.5, gone_after=0.3)


def part(name: str, *, image: str = "", **given: Any) -> Json:
    """One set of pods."""
    labels = {"app": name}
    container = {"name": "app", "image": image or f"app:{name}", "ports": [{"containerPort": 80}]}
    return {
        "name": name,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        **given,
    }


def experiment(*parts: Json, name: str = "trial", **spec: Any) -> Json:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Experiment",
        "metadata": {"name": name},
        "spec": {"templates": list(parts or (part("a"), part("b"))), **spec},
    }


def asks(*names: str, **given: Any) -> list[Json]:
    return [{"name": name, "templateName": name, **given} for name in names]


def found(live: Live, name: str = "trial") -> Json:
    status: Json = live.sim.get("Experiment", name).get("status") or {}
    return status


async def until(live: Live, phase: str, name: str = "trial", within: float = 120) -> Json:
    try:
        await live.sim.until(lambda: found(live, name).get("phase") == phase, within)
    except TimeoutError:
        raise AssertionError(f"{name} is not {phase} but {found(live, name)}") from None
    return found(live, name)


def sizes(live: Live) -> dict[str, int]:
    return {s["metadata"]["name"]: s["spec"]["replicas"] for s in live.sim.list("ReplicaSet")}


def test_it_runs_for_its_duration_and_its_pods_go_after_the_delay() -> None:
    async def story(live: Live) -> None:
        live.apply(template("good"))
        live.apply(
            experiment(part("a"), part("b", replicas=2), duration="20s", analyses=asks("good"))
        )
        await until(live, "Running")
        assert sizes(live) == {"trial-a": 1, "trial-b": 2}
        status = await until(live, "Successful")
        assert [s["status"] for s in status["templateStatuses"]] == ["Successful", "Successful"]
        assert status["analysisRuns"] == [
            {"name": "good", "analysisRun": "trial-good", "phase": "Successful"}
        ]
        await asyncio.sleep(25)
        assert sizes(live) == {"trial-a": 1, "trial-b": 2}
        await asyncio.sleep(10)
        assert sizes(live) == {"trial-a": 0, "trial-b": 0}

    play(story, answering(lambda _: 1), sim=QUICK)


def test_an_analysis_that_fails_ends_it_and_the_other_analyses() -> None:
    async def story(live: Live) -> None:
        live.apply(template("bad"), template("good", interval="5s"))
        live.apply(experiment(analyses=asks("bad", "good"), scaleDownDelaySeconds=0))
        status = await until(live, "Failed")
        assert status["message"].startswith('Metric "value" assessed Failed')
        await asyncio.sleep(5)
        assert live.sim.get("AnalysisRun", "trial-good")["spec"]["terminate"] is True
        phases = {s["name"]: s["phase"] for s in found(live)["analysisRuns"]}
        assert phases == {"bad": "Failed", "good": "Successful"}
        assert sizes(live) == {"trial-a": 0, "trial-b": 0}
        assert "ExperimentFailed" in live.reasons()
        assert "AnalysisRunTerminating" in live.reasons()

    play(story, answering(lambda series: 9 if series == "bad" else 1), sim=QUICK)


def test_pods_that_never_come_up_fail_it_after_the_deadline() -> None:
    async def story(live: Live) -> None:
        live.apply(
            template("good"),
            experiment(
                part("a"),
                part("b", image="app:nonexistent"),
                analyses=asks("good"),
                progressDeadlineSeconds=10,
            ),
        )
        status = await until(live, "Failed")
        assert status["message"] == "Template 'b' exceeded its progressDeadlineSeconds (10)"
        assert [s["status"] for s in status["templateStatuses"]] == ["Successful", "Failed"]
        # what needs all pods was never begun
        assert not live.sim.list("AnalysisRun")

    play(story, answering(lambda _: 1), sim=QUICK)


def test_a_person_may_terminate_it() -> None:
    async def story(live: Live) -> None:
        live.apply(template("good", interval="5s"), experiment(analyses=asks("good")))
        await until(live, "Running")
        await live.sim.until(lambda: bool(live.sim.list("AnalysisRun")))
        live.sim.patch("Experiment", "trial", {"spec": {"terminate": True}})
        await until(live, "Successful")
        await asyncio.sleep(40)
        assert sizes(live) == {"trial-a": 0, "trial-b": 0}
        assert found(live)["analysisRuns"][0]["phase"] == "Successful"

    play(story, answering(lambda _: 1), sim=QUICK)


def test_it_ends_when_what_it_requires_has_succeeded() -> None:
    async def story(live: Live) -> None:
        live.apply(template("good"), template("endless", interval="5s"))
        required = asks("good", requiredForCompletion=True)
        live.apply(experiment(analyses=[*required, *asks("endless")]))
        status = await until(live, "Successful", within=20)
        assert status["message"] == "Required AnalysisRuns completed"
        await asyncio.sleep(5)
        assert live.sim.get("AnalysisRun", "trial-endless")["spec"]["terminate"] is True

    play(story, answering(lambda _: 1), sim=QUICK)


def test_services_come_with_the_pods_and_go_after_them() -> None:
    async def story(live: Live) -> None:
        parts = (part("a", service={}), part("b", service={"name": "beta"}))
        live.apply(experiment(*parts, duration="10s", scaleDownDelaySeconds=5))
        status = await until(live, "Running")
        names = [s["serviceName"] for s in status["templateStatuses"]]
        assert names == ["trial-a", "beta"]
        made = live.sim.get("Service", "beta")
        assert made["spec"]["selector"] == {
            "app": "b",
            "rollouts-pod-template-hash": status["templateStatuses"][1]["podTemplateHash"],
        }
        assert [port["port"] for port in made["spec"]["ports"]] == [80]
        await until(live, "Successful")
        while live.sim.list("Service"):
            assert live.sim.list("Pod"), "a Service outlives its pods by moments only"
            await asyncio.sleep(0.2)
            if not live.sim.list("Pod"):
                await asyncio.sleep(1)
                assert not live.sim.list("Service")
        assert "serviceName" not in found(live)["templateStatuses"][0]

    play(story, sim=QUICK)


def test_a_template_that_is_missing_is_told_before_pods_are_waited_for() -> None:
    async def story(live: Live) -> None:
        live.apply(experiment(part("b", image="app:nonexistent"), analyses=asks("gone")))
        status = await until(live, "Error", within=11)
        assert not sizes(live)
        assert status["message"] == (
            "AnalysisTemplate verification failed for analysis 'gone': "
            'analysistemplate.argoproj.io "gone" not found'
        )

    play(story, sim=QUICK)


def test_a_template_that_is_applied_after_it_is_in_time() -> None:
    async def story(live: Live) -> None:
        live.apply(experiment(analyses=asks("good")))
        await asyncio.sleep(3)
        assert not sizes(live)
        live.apply(template("good"))
        await until(live, "Running", within=2)

    play(story, answering(lambda _: 1), sim=QUICK)


def test_one_that_is_invalid_says_so_and_is_left_alone_until_it_is_mended() -> None:
    async def story(live: Live) -> None:
        wrong = part("a")
        wrong["selector"] = {"matchLabels": {"app": "other"}}
        live.apply(experiment(wrong, duration="5s"))
        await asyncio.sleep(2)
        (condition,) = found(live)["conditions"]
        assert condition["type"] == "InvalidSpec"
        assert "spec.templates[0]" in condition["message"]
        assert not sizes(live)
        live.sim.patch("Experiment", "trial", {"spec": {"templates": [part("a")]}})
        status = await until(live, "Successful")
        assert [c["type"] for c in status["conditions"]] == ["Progressing"]

    play(story, sim=QUICK)


def test_a_name_that_somebody_else_has_ends_it_in_an_error() -> None:
    async def story(live: Live) -> None:
        live.apply(experiment(part("a", service={"name": "mine"}), name="other", duration="1h"))
        await until(live, "Running", "other")
        live.apply(experiment(part("a", service={"name": "mine"})))
        status = await until(live, "Error")
        assert status["message"] == (
            "Failed to create Service mine for template 'a': "
            "service mine already exists and is not owned by experiment template a"
        )
        assert live.sim.get("Service", "mine")["metadata"]["ownerReferences"][0]["name"] == "other"

    play(story, sim=QUICK)


def test_a_set_that_the_server_refuses_ends_it_in_an_error() -> None:
    async def story(live: Live) -> None:
        live.apply(experiment(part("a"), name="trial"))
        await until(live, "Running")
        stranger = live.sim.get("ReplicaSet", "trial-a")
        live.sim.delete("Experiment", "trial")
        await live.sim.until(lambda: not live.sim.list("ReplicaSet"))
        del stranger["metadata"]["ownerReferences"], stranger["metadata"]["uid"]
        del stranger["metadata"]["resourceVersion"]
        live.apply(stranger)
        live.apply(experiment(part("a"), name="trial"))
        status = await until(live, "Error")
        assert status["message"].startswith("Failed to create ReplicaSet for template 'a': ")
        assert "already exists" in status["message"]

    play(story, sim=QUICK)


def test_begun_anew_by_a_person_it_measures_anew() -> None:
    values = {"good": 9}

    async def story(live: Live) -> None:
        live.apply(template("good"), experiment(part("a"), duration="5s", analyses=asks("good")))
        await until(live, "Failed")
        await asyncio.sleep(60)
        assert sizes(live) == {"trial-a": 0}
        values["good"] = 1
        live.sim.patch("Experiment", "trial", {"status": None})
        status = await until(live, "Successful")
        assert status["analysisRuns"][0]["analysisRun"] == "trial-good.1"
        assert sizes(live) == {"trial-a": 1}
        await asyncio.sleep(40)
        assert sizes(live) == {"trial-a": 0}

    play(story, answering(lambda series: values[series]), sim=QUICK)


def test_arguments_know_the_pods_and_the_times() -> None:
    async def story(live: Live) -> None:
        asked = template("good")
        names = ("hash", "set", "from", "to", "own")
        asked["spec"]["args"] = [{"name": name} for name in names]
        values = {
            "hash": "{{templates.a.podTemplateHash}}",
            "set": "{{ templates.a.replicaset.name }}!",
            "from": "{{experiment.availableAt}}",
            "to": "{{experiment.finishedAt}}",
        }
        args: list[Json] = [{"name": name, "value": value} for name, value in values.items()]
        field = {"fieldRef": {"fieldPath": "metadata.name"}}
        args.append({"name": "own", "valueFrom": field})
        live.apply(asked, experiment(part("a"), duration="1h", analyses=asks("good", args=args)))
        await until(live, "Running")
        (run,) = live.sim.list("AnalysisRun")
        given = {arg["name"]: arg["value"] for arg in run["spec"]["args"]}
        labels = live.sim.get("ReplicaSet", "trial-a")["metadata"]["labels"]
        assert given["hash"] == labels["rollouts-pod-template-hash"]
        assert given["set"] == "trial-a!"
        assert given["own"] == "trial"
        assert given["from"] == found(live)["availableAt"]
        assert given["from"][:11] == given["to"][:11]
        assert int(given["to"][11:13]) == int(given["from"][11:13]) + 1

    play(story, answering(lambda _: 1), sim=QUICK)


# what may go wrong on the way

STEADY = {"duration": "4s", "scaleDownDelaySeconds": 3, "analyses": asks("good")}


def end_of(live: Live) -> Json:
    """What must be the same in the end, whatever happened on the way."""
    status = found(live)
    states = [
        {k: v for k, v in s.items() if k != "lastTransitionTime"}
        for s in status["templateStatuses"]
    ]
    return {
        "sets": sizes(live),
        "services": [s["metadata"]["name"] for s in live.sim.list("Service")],
        "runs": [
            (r["metadata"]["name"], r["status"]["phase"]) for r in live.sim.list("AnalysisRun")
        ],
        "templates": states,
        "conditions": [(c["type"], c["status"]) for c in status["conditions"]],
        **{key: status.get(key) for key in ("phase", "message", "analysisRuns")},
    }


EXPECTED = {
    "sets": {"trial-a": 0, "trial-b": 0},
    "services": [],
    "runs": [("trial-good", "Successful")],
    "templates": [
        {
            "name": name,
            "replicas": 0,
            "updatedReplicas": 0,
            "readyReplicas": 0,
            "availableReplicas": 0,
            "status": "Successful",
        }
        for name in ("a", "b")
    ],
    "conditions": [("Progressing", "False")],
    "phase": "Successful",
    "message": None,
    "analysisRuns": [{"name": "good", "analysisRun": "trial-good", "phase": "Successful"}],
}


async def steady(live: Live) -> None:
    """A small Experiment from its beginning until nothing is left of it."""
    live.apply(template("good"), experiment(part("a", service={}), part("b"), **STEADY))
    await until(live, "Successful", within=900)
    await live.sim.until(lambda: not any(sizes(live).values()), within=600)
    await asyncio.sleep(60)


def through(faults: Json) -> Faulty:
    lines: list[Faulty] = []

    async def story(live: Live) -> None:
        lines.append(Faulty(live.sim.transport("gradatim"), **faults))
        live.start(lines[0])
        await steady(live)
        assert end_of(live) == EXPECTED, lines[0].seen

    play(story, answering(lambda _: 1), sim=QUICK, started=False)
    return lines[0]


@pytest.mark.parametrize("kind", KINDS)
def test_each_write_may_fail(kind: Kind) -> None:
    for position in range(KINDS.index(kind), through({}).writes, STRIDE):
        through({"faults": [Fault(kind, position)]})


@pytest.mark.parametrize("seconds", [0.05, 0.4, 3.0])
def test_a_stale_cache_makes_nothing_twice_and_ends_nothing(seconds: float) -> None:
    """`spec/users.md` row 36: what was created a moment ago and no cache shows is not missing."""
    line = through({"stale": seconds})
    creations = [path for path in line.seen if path.startswith("POST")]
    assert len(creations) == 4, "two sets, a Service and a run, none of them twice"


def test_a_stale_cache_and_lost_answers_together_make_nothing_twice() -> None:
    for position in range(0, through({}).writes, STRIDE):
        through({"stale": 0.8, "faults": [Fault("lost", position)]})


def test_a_run_that_the_first_list_does_not_show_is_asked_for() -> None:
    """Row 36 after a start: the list of runs may be older than the status that names one."""

    async def story(live: Live) -> None:
        live.apply(template("slow", interval="5s", count=100), experiment(analyses=asks("slow")))
        await live.sim.until(
            lambda: bool(found(live).get("analysisRuns", [{}])[0].get("analysisRun"))
        )
        await live.kill()
        controller = live.start()
        # the watch of runs shows nothing
        controller.world.runs.apply = lambda seen: (  # type: ignore[method-assign]
            Cache.apply(controller.world.runs, Replaced((), "1"))
            if isinstance(seen, Replaced)
            else None
        )
        await asyncio.sleep(30)
        assert found(live)["phase"] == "Running"
        assert len(live.sim.list("AnalysisRun")) == 1
        # a run that is really gone is another matter
        live.sim.delete("AnalysisRun", "trial-slow")
        live.sim.patch("Experiment", "trial", {"metadata": {"labels": {"touched": "yes"}}})
        status = await until(live, "Error")
        assert status["message"] == 'analysisrun.argoproj.io "trial-slow" not found'

    play(story, answering(lambda _: 1), sim=QUICK)


def test_a_controller_may_be_killed_before_any_write() -> None:
    for position in range(0, through({}).writes, 1 + STRIDE // 4):
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
        running = asyncio.create_task(steady(live))
        await asyncio.wait_for(reached.wait(), 120)
        await live.kill()
        live.start()
        await running
        assert end_of(live) == EXPECTED, f"killed before write {position}: {line.seen}"

    play(story, answering(lambda _: 1), sim=QUICK, started=False)


def test_two_leaders_at_once_make_nothing_twice() -> None:
    async def story(live: Live) -> None:
        live.start()
        live.start()
        await steady(live)
        assert end_of(live) == EXPECTED

    play(story, answering(lambda _: 1), sim=QUICK, started=False)


def test_an_experiment_costs_few_writes_and_none_at_rest() -> None:
    async def story(live: Live) -> None:
        await steady(live)
        spent = live.writes()
        # without those of the AnalysisRun's own status
        assert sum(spent.values()) - spent["patch analysisruns"] <= 18, spent
        live.sim.writes.clear()
        await live.stop()
        live.start()
        await asyncio.sleep(86400)
        assert not live.writes()

    play(story, answering(lambda _: 1), sim=QUICK)
