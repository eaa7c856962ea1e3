"""Steps with an Experiment: what is created, what its end means, and that no request is sent where nobody answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from stepworld import StepWorld, asking, tries, weighed

from gradatim.decide.effects import (
    CreateExperiment,
    DeleteExperiment,
    PatchRoute,
    TerminateExperiment,
)
from gradatim.decide.safety import violations
from gradatim.model.experiment import parse_experiment
from gradatim.model.reading import Json

PAUSE: Json = {"pause": {}}


def released(world: StepWorld, seconds: float = 6) -> StepWorld:
    """The second revision is on its way."""
    world.run(5)
    world.image("app:v2")
    world.run(seconds)
    return world


def test_the_step_creates_an_experiment_of_both_revisions() -> None:
    world = released(StepWorld.basic(tries(duration="1h", analyses=asking()), PAUSE))
    body = next(e.body for e in world.log if isinstance(e, CreateExperiment))
    stable, new = world.of_revision(1), world.of_revision(2)
    meta = body["metadata"]
    assert meta["name"] == f"web-{new.pod_hash}-2-0"
    assert meta["labels"] == {"rollouts-pod-template-hash": new.pod_hash}
    assert meta["annotations"] == {"rollout.argoproj.io/revision": "2"}
    assert meta["ownerReferences"][0]["kind"] == "Rollout"
    baseline, canary = body["spec"]["templates"]
    assert baseline["template"] == stable.template
    assert baseline["selector"]["matchLabels"]["rollouts-pod-template-hash"] == stable.pod_hash
    assert canary["template"] == new.template
    assert canary["replicas"] == 2
    assert "service" not in canary
    assert body["spec"]["duration"] == "1h"
    assert body["spec"]["analyses"] == [{"name": "one", "templateName": "t"}]
    assert "progressDeadlineSeconds" not in body["spec"]
    assert f"Normal ExperimentCreated: Created Experiment '{meta['name']}'" in world.events
    assert world.status["canary"]["currentExperiment"] == meta["name"]


def test_labels_annotations_and_a_selector_of_the_step_are_taken() -> None:
    step = tries(duration="1h")
    one, two = step["experiment"]["templates"]
    one["metadata"] = {"labels": {"role": "base"}, "annotations": {"x": "y"}}
    two["selector"] = {"matchLabels": {"app": "other"}}
    world = released(StepWorld.basic(step, PAUSE))
    body = next(e.body for e in world.log if isinstance(e, CreateExperiment))
    baseline, canary = body["spec"]["templates"]
    assert baseline["template"]["metadata"]["labels"]["role"] == "base"
    assert baseline["template"]["metadata"]["annotations"] == {"x": "y"}
    assert baseline["selector"]["matchLabels"]["role"] == "base"
    assert canary["selector"] == {"matchLabels": {"app": "other"}}


def test_arguments_of_the_rollout_are_resolved_and_those_of_the_experiment_left() -> None:
    args: list[Json] = [
        {"name": "a", "valueFrom": {"podTemplateHashValue": "Stable"}},
        {"name": "b", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "c", "value": "{{templates.canary.podTemplateHash}}"},
    ]
    world = released(StepWorld.basic(tries(duration="1h", analyses=asking(args=args)), PAUSE))
    body = next(e.body for e in world.log if isinstance(e, CreateExperiment))
    given = {arg["name"]: arg["value"] for arg in body["spec"]["analyses"][0]["args"]}
    assert given["a"] == world.of_revision(1).pod_hash
    assert given["b"] == "web"
    assert given["c"] == "{{templates.canary.podTemplateHash}}"


def test_its_good_end_completes_the_step() -> None:
    world = released(StepWorld.basic(tries(duration="10s"), PAUSE), seconds=4)
    assert world.phase == ("Progressing", "more replicas need to be updated")
    world.run(30)
    assert world.phase == ("Paused", "CanaryPauseStep")
    assert world.status["currentStepIndex"] == 1
    assert "currentExperiment" not in world.status.get("canary", {})
    assert "Normal RolloutStepCompleted: Rollout step 1/2 completed (experiment)" in world.events


@pytest.mark.parametrize("phase", ["Failed", "Error"])
def test_a_bad_end_takes_the_release_back(phase: str) -> None:
    world = StepWorld.basic(tries(analyses=asking()), PAUSE)
    world.verdict = lambda _: (phase, "so it is")
    released(world, 30)
    assert world.phase[0] == "Degraded"
    blame = "Experiment analysis phase is error/failed: so it is"
    assert world.phase[1].endswith(blame)
    assert world.status["abort"]
    assert "currentExperiment" not in world.status.get("canary", {})


def test_pods_that_do_not_come_up_take_it_back_as_well() -> None:
    world = StepWorld.basic(tries(), PAUSE)
    world.edit(lambda spec: {**spec, "progressDeadlineSeconds": 20})
    world.run(5)
    world.image("bad")
    world.run(40)
    assert world.phase[0] == "Degraded"
    assert "Template 'canary' exceeded its progressDeadlineSeconds (20)" in world.phase[1]
    assert world.of_revision(1).available == 2


def test_one_that_can_never_begin_takes_it_back_and_says_why() -> None:
    world = released(StepWorld.basic(tries(), PAUSE), 2)
    told = {"type": "InvalidSpec", "status": "True", "message": "no selector"}
    current = world.current
    raw = {**current.raw, "status": {"conditions": [told]}}
    world._replace(current.name, parse_experiment(raw))
    world.carry_out(world.decide())
    assert world.phase[0] == "Degraded"
    assert world.phase[1].endswith("error/failed: no selector")


def test_an_end_that_tells_nothing_waits_for_a_person_who_has_it_tried_again() -> None:
    world = StepWorld.basic(tries(analyses=asking()), PAUSE)
    world.verdict = lambda _: ("Inconclusive", "")
    released(world, 30)
    assert world.phase == ("Paused", "InconclusiveExperiment")
    assert len(world.experiments) == 1
    world.run(600)
    assert len(world.experiments) == 1, "nothing is tried while nobody has said so"
    world.verdict = lambda _: ("Running", "")
    world.promote()
    world.run(20)
    assert len(world.experiments) == 2
    first, second = sorted(world.experiments)
    assert second == f"{first}-1"
    assert world.current.name == second


def test_a_retry_tries_anew() -> None:
    world = StepWorld.basic(tries(analyses=asking(), duration="5s"), PAUSE)
    world.verdict = lambda _: ("Failed", "")
    released(world, 30)
    world.verdict = lambda _: ("Successful", "")
    world.retry()
    world.run(60)
    assert world.phase == ("Paused", "CanaryPauseStep")
    assert len(world.experiments) == 2


@pytest.mark.parametrize("how", ["abort", "promote_full", "promote"])
def test_a_person_who_leaves_the_step_ends_it(how: str) -> None:
    world = released(StepWorld.basic(tries(), PAUSE), 10)
    name = world.current.name
    getattr(world, how)()
    world.run(20)
    assert any(isinstance(e, TerminateExperiment) and e.name == name for e in world.log)
    assert world.experiments[name].phase.is_completed
    assert "currentExperiment" not in world.status.get("canary", {})


def test_another_template_ends_it_and_begins_its_own() -> None:
    world = released(StepWorld.basic(tries(), PAUSE), 10)
    first = world.current.name
    world.image("app:v3")
    world.run(20)
    assert world.experiments[first].terminate
    assert world.current.name != first
    assert "-3-0" in world.current.name


def test_paused_by_a_person_it_is_not_tried_twice() -> None:
    world = released(StepWorld.basic(tries(duration="5s"), PAUSE), 3)
    world.pause()
    world.run(60)
    assert world.status["currentStepIndex"] == 0
    assert len(world.experiments) == 1
    world.pause(False)
    world.run(10)
    assert world.status["currentStepIndex"] == 1
    assert len(world.experiments) == 1


def test_one_that_a_pass_made_and_could_not_note_is_taken() -> None:
    world = released(StepWorld.basic(tries(), PAUSE), 3)
    name = world.current.name
    canary = {k: v for k, v in world.status["canary"].items() if k != "currentExperiment"}
    world.patch_status(canary=canary)
    world.run(5)
    assert list(world.experiments) == [name]
    assert world.current.name == name


def test_a_name_that_somebody_else_has_gets_a_number() -> None:
    world = StepWorld.basic(tries(), PAUSE)
    world.run(5)
    world.image("app:v2")
    world.carry_out(world.decide())
    stranger = f"web-{world.of_revision(2).pod_hash}-2-0"
    theirs = parse_experiment({"metadata": {"name": stranger, "uid": "other"}})
    world.snapshot = replace(world.snapshot, experiments=(theirs,))
    world.carry_out(world.decide())
    assert world.current.name == f"{stranger}-1"


def test_a_name_that_the_api_server_says_is_taken_is_not_tried_again() -> None:
    world = StepWorld.basic(tries(), PAUSE)
    world.run(5)
    world.image("app:v2")
    world.carry_out(world.decide())
    taken = f"web-{world.of_revision(2).pod_hash}-2-0"
    world.snapshot = replace(world.snapshot, taken_names=frozenset({taken}))
    world.carry_out(world.decide())
    assert world.current.name == f"{taken}-1"


def test_a_background_analysis_that_nobody_understands_leaves_it_running() -> None:
    background = {"templates": [{"templateName": "t"}]}
    world = StepWorld.basic(tries(), PAUSE, analysis=background)
    world.run(5)
    world.verdict = lambda _: ("Running", "")
    world.image("app:v2")
    world.run(6)
    name = world.current.name
    world.verdict = lambda _: ("Inconclusive", "")
    world.run(60)
    assert world.phase == ("Paused", "InconclusiveAnalysisRun")
    assert world.current.name == name
    assert not world.current.terminate
    assert world.status["currentStepIndex"] == 0


def test_what_had_requests_is_deleted_when_no_proxy_can_send_it_any() -> None:
    step = weighed(20, 20, duration="2s", scaleDownDelaySeconds=0)
    world = StepWorld.with_steps(step, lag=4)
    world.edit(lambda spec: {**spec, "analysis": {"successfulRunHistoryLimit": 0}})
    released(world, 100)
    assert world.phase == ("Healthy", "")
    deletions = [each for each in world.log if isinstance(each, DeleteExperiment)]
    assert len(deletions) == 1
    assert not world.experiments


def test_old_experiments_go_by_the_limits_of_the_spec() -> None:
    world = StepWorld.basic(tries(duration="2s"))
    limits = {"successfulRunHistoryLimit": 2, "unsuccessfulRunHistoryLimit": 0}
    world.edit(lambda spec: {**spec, "analysis": limits})
    world.run(5)
    for number in range(2, 7):
        world.image(f"app:v{number}")
        world.run(60)
        assert world.phase == ("Healthy", "")
    assert sum(isinstance(e, DeleteExperiment) for e in world.log) == 3
    assert len(world.experiments) == 2


# requests


def test_its_pods_get_their_weight_while_it_runs_and_not_a_moment_longer() -> None:
    step = weighed(10, 20, duration="20s", scaleDownDelaySeconds=0)
    world = released(StepWorld.with_steps({"setWeight": 5}, step, PAUSE), 15)
    name = world.current.name
    hosts = {
        "web-stable": 65,
        "web-canary": 5,
        f"{name}-baseline": 10,
        f"{name}-canary": 20,
    }
    assert world.weights_by_host == hosts
    weights = world.status["canary"]["weights"]
    assert weights["stable"]["weight"] == 65
    assert [w["weight"] for w in weights["additional"]] == [10, 20]
    assert [w["serviceName"] for w in weights["additional"]] == list(hosts)[2:]
    world.run(60)
    assert world.weights_by_host == {"web-stable": 95, "web-canary": 5}
    assert "additional" not in world.status["canary"]["weights"]
    assert {r.replicas for r in world.sets[name]} == {0}
    assert not world.made[name]


def test_no_weight_before_there_are_pods_and_none_after_they_are_lost() -> None:
    world = released(StepWorld.with_steps(weighed(30, duration="1h"), PAUSE), 15)
    name = world.current.name
    assert world.weights_by_host == {"web-stable": 70, "web-canary": 0, f"{name}-baseline": 30}
    world.lose_experiment("baseline")
    world.carry_out(world.decide())
    assert world.weights_by_host == {"web-stable": 100, "web-canary": 0}
    world.run(10)
    assert world.weights_by_host[f"{name}-baseline"] == 30


def test_pods_that_are_lost_lose_their_requests_even_to_a_stable_that_is_short() -> None:
    world = released(StepWorld.with_steps(weighed(30, duration="1h"), PAUSE), 15)
    world.lose(1, 2)
    world.lose_experiment("baseline")
    world.carry_out(world.decide())
    assert world.weights_by_host == {"web-stable": 100, "web-canary": 0}


@pytest.mark.parametrize("how", ["abort", "promote_full", "promote", "image"])
@pytest.mark.parametrize("delay", [0, 30])
def test_requests_leave_before_the_pods_whatever_ends_it(how: str, delay: int) -> None:
    """Row 13, and rule 3: the proxies of the mesh fail this test if they ask where nobody is."""
    step = weighed(20, 20, scaleDownDelaySeconds=delay)
    world = released(StepWorld.with_steps(step, {"setWeight": 30}, PAUSE, lag=4), 20)
    name = world.current.name
    assert f"{name}-canary" in world.weights_by_host
    if how == "image":
        world.image("app:v3")
    else:
        getattr(world, how)()
    world.run(200)
    assert not [host for host in world.weights_by_host if host.startswith(name)]
    assert {r.replicas for r in world.sets[name]} == {0}


def test_a_controller_killed_at_any_write_loses_no_request() -> None:
    for position in range(12):
        step = weighed(20, 20, duration="10s", scaleDownDelaySeconds=0)
        world = StepWorld.with_steps(step, PAUSE, lag=3)
        world.run(5)
        world.image("app:v2")
        for number in range(60):
            world.carry_out(
                world.decide(), stop_after=position % 4 if number % 7 == position else None
            )
            world.kubelet()
            world.measure()
            world.pass_time(1)
        world.run(100)
        assert world.phase == ("Paused", "CanaryPauseStep")
        assert world.weights_by_host == {"web-stable": 100, "web-canary": 0}


def test_weights_that_are_more_than_there_is_are_cut() -> None:
    step = weighed(60, 20, duration="1h")
    world = released(StepWorld.with_steps({"setWeight": 50}, step, PAUSE), 20)
    name = world.current.name
    assert world.weights_by_host == {
        "web-stable": 0,
        "web-canary": 20,
        f"{name}-baseline": 60,
        f"{name}-canary": 20,
    }


def test_the_checker_sees_a_weight_that_goes_where_nobody_answers() -> None:
    world = released(StepWorld.with_steps(weighed(30, duration="1h"), PAUSE), 15)
    world.lose_experiment("baseline")
    world.carry_out(world.decide())
    patch = next(e for e in reversed(world.log) if isinstance(e, PatchRoute))
    body = [
        {
            "op": "add",
            "path": "/spec/http/0/route/-",
            "value": {"destination": {"host": f"{world.current.name}-baseline"}, "weight": 30},
        },
        {"op": "replace", "path": "/spec/http/0/route/0/weight", "value": 70},
    ]
    wrong = replace(patch, patch=replace(patch.patch, body=body, kind="json", resource_version=""))
    world.lose_experiment("baseline")
    found = violations(world.snapshot, [wrong], world.now + timedelta(hours=1))
    assert any(each.startswith("rule 2: web-") for each in found), found
