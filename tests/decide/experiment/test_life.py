"""From the first pod to the last: what an Experiment makes, what it says, and when it ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from trialworld import START, Json, Trial, analysis_template, asks, manifest, part

from gradatim.decide.effects import CreateReplicaSet, CreateRun, PatchReplicaSet, ScaleReplicaSet
from gradatim.decide.experiment import CreateService, DeleteService
from gradatim.decide.experiment.creation import set_hash
from gradatim.model.analysis import parse_template
from gradatim.model.hashing import pod_template_hash
from gradatim.model.reading import format_time
from gradatim.plugin import FieldPath, Problem


def test_the_sets_are_made_with_their_pods_and_the_names_of_the_reference() -> None:
    trial = Trial.of(manifest(part("a", replicas=3, minReadySeconds=4)))
    created = next(e for e in trial.decide().effects if isinstance(e, CreateReplicaSet))
    meta, spec = created.body["metadata"], created.body["spec"]
    pod_hash = meta["labels"]["rollouts-pod-template-hash"]
    assert pod_hash == pod_template_hash(part("a")["template"])
    assert meta["name"] == "trial-a"
    assert meta["labels"] == {"app": "a", "rollouts-pod-template-hash": pod_hash}
    assert meta["annotations"] == {
        "experiment.argoproj.io/name": "trial",
        "experiment.argoproj.io/template-name": "a",
    }
    assert meta["ownerReferences"][0]["kind"] == "Experiment"
    assert spec["replicas"] == 3
    assert spec["minReadySeconds"] == 4
    assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]


def test_the_hash_is_that_of_the_template_without_the_hash_of_a_revision() -> None:
    template = part("a")["template"]
    own = pod_template_hash(template)
    for revision in ("other", own):
        labels = {**template["metadata"]["labels"], "rollouts-pod-template-hash": revision}
        found = set_hash({**template, "metadata": {"labels": labels}})
        # never that of the revision: its Services would name the pods of the Experiment
        assert (found == own) is (revision != own)


def test_a_template_is_pending_then_running_then_successful() -> None:
    trial = Trial.of(manifest(duration="30s"))
    trial.run(seconds=0)
    assert trial.phase == ("Running", "")
    assert trial.states == {"a": "Running", "b": "Running"}
    trial.run()
    assert trial.phase == ("Successful", "")
    assert trial.states == {"a": "Successful", "b": "Successful"}
    assert trial.sizes == {"trial-a": 0, "trial-b": 0}
    told = [event for event in trial.events if "Template 'b'" in event or "Experiment t" in event]
    assert told == [
        "Normal TemplateProgressing: Template 'b' transitioned from  -> Progressing",
        "Normal ExperimentPending: Experiment transitioned from  -> Pending",
        "Normal TemplateRunning: Template 'b' transitioned from Progressing -> Running",
        "Normal ExperimentRunning: Experiment transitioned from Pending -> Running",
        "Normal TemplateSuccessful: Template 'b' transitioned from Running -> Successful",
        "Normal ExperimentSuccessful: Experiment transitioned from Running -> Successful",
    ]


def test_pods_that_were_lost_put_it_back_and_their_return_lets_it_go_on() -> None:
    trial = Trial.of()
    trial.run(seconds=0)
    trial.lose("a")
    trial.carry_out(trial.decide())
    assert trial.phase[0] == "Pending"
    assert trial.states == {"a": "Progressing", "b": "Running"}
    trial.run(seconds=0)
    assert trial.phase[0] == "Running"


def test_a_set_that_does_not_come_up_fails_after_the_deadline_and_not_before() -> None:
    raw = manifest(part("a"), part("b", image="bad"), progressDeadlineSeconds=20)
    trial = Trial.of(raw)
    trial.run(seconds=0)
    decision = trial.decide()
    assert decision.look_again_in is not None
    left = decision.look_again_in
    trial.now += left - timedelta(milliseconds=1)
    assert trial.decide().status["phase"] == "Pending"
    trial.now += timedelta(milliseconds=1)
    trial.carry_out(trial.decide())
    assert trial.phase == ("Failed", "Template 'b' exceeded its progressDeadlineSeconds (20)")
    assert trial.states == {"a": "Successful", "b": "Failed"}


@pytest.mark.parametrize("seconds", [None, 5, 0])
def test_pods_stay_for_the_delay_after_the_end(seconds: int | None) -> None:
    given: Json = {} if seconds is None else {"scaleDownDelaySeconds": seconds}
    trial = Trial.of(manifest(part("a"), terminate=False, **given))
    trial.run(seconds=0)
    trial.edit(terminate=True)
    trial.carry_out(trial.decide())
    delay = 30 if seconds is None else seconds
    assert any(isinstance(e, PatchReplicaSet) for e in trial.log) is (delay > 0)
    if delay:
        trial.now += timedelta(seconds=delay - 1)
        assert not trial.decide().effects
        trial.now += timedelta(seconds=1)
        trial.carry_out(trial.decide())
    assert trial.sizes == {"trial-a": 0}
    assert trial.phase == ("Successful", "")


def test_ended_before_it_began_it_makes_nothing() -> None:
    trial = Trial.of(manifest(terminate=True, analyses=asks("one")))
    trial.run()
    assert trial.phase == ("Successful", "")
    assert not trial.snapshot.replica_sets
    assert not trial.snapshot.runs


@pytest.mark.parametrize(
    ("pods", "analyses", "verdicts", "expected"),
    [
        pytest.param("", [], {}, ("Running", ""), id="it runs as long as nothing ends it"),
        pytest.param("", asks("x"), {"x": "Running"}, ("Running", ""), id="with an analysis, too"),
        pytest.param(
            "", asks("x"), {"x": "Successful"}, ("Running", ""), id="one that succeeds ends nothing"
        ),
        pytest.param(
            "", asks("x", "y"), {"x": "Failed"}, ("Failed", "x is Failed"), id="one that fails does"
        ),
        pytest.param("", asks("x"), {"x": "Error"}, ("Error", "x is Error"), id="an error"),
        pytest.param(
            "",
            asks("x"),
            {"x": "Inconclusive"},
            ("Inconclusive", "x is Inconclusive"),
            id="one that does not know",
        ),
        pytest.param(
            "",
            asks("x", "y"),
            {"x": "Inconclusive", "y": "Failed"},
            ("Failed", "y is Failed"),
            id="the worst counts",
        ),
        pytest.param(
            "",
            [*asks("x", requiredForCompletion=True), *asks("y")],
            {"x": "Successful", "y": "Running"},
            ("Successful", "Required AnalysisRuns completed"),
            id="what it requires ends it",
        ),
        pytest.param(
            "",
            asks("x", "y", requiredForCompletion=True),
            {"x": "Successful", "y": "Running"},
            ("Running", ""),
            id="all that it requires must have succeeded",
        ),
        pytest.param(
            "10s",
            asks("x"),
            {"x": "Running"},
            ("Successful", ""),
            id="after its time nobody waits for an analysis",
        ),
        pytest.param(
            "10s",
            asks("x", requiredForCompletion=True),
            {"x": "Running"},
            ("Running", ""),
            id="but for one that it requires",
        ),
        pytest.param(
            "10s", asks("x"), {"x": "Failed"}, ("Failed", "x is Failed"), id="time and fault"
        ),
    ],
)
def test_what_pods_and_analyses_come_to(
    pods: str, analyses: list[Json], verdicts: dict[str, str], expected: tuple[str, str]
) -> None:
    spec: Json = {"duration": pods} if pods else {}
    trial = Trial.of(manifest(analyses=analyses, **spec))

    def verdict(run: Any) -> tuple[str, str]:
        name = run.meta.name.removeprefix("trial-")
        phase = verdicts.get(name, "Running")
        return phase, f"{name} is {phase}" if phase not in ("Running", "Successful") else ""

    trial.verdict = verdict
    trial.run(seconds=20)
    assert trial.phase == expected


def test_what_is_no_longer_wanted_is_ended_and_followed_to_its_end() -> None:
    trial = Trial.of(manifest(analyses=asks("one")))
    trial.verdict = lambda _: ("Running", "")
    trial.run(seconds=0)
    trial.edit(terminate=True)
    trial.run()
    (run,) = trial.snapshot.runs
    assert run.terminate
    assert trial.status["analysisRuns"][0]["phase"] == "Successful"
    assert trial.phase == ("Successful", "")


def test_runs_are_made_once_all_pods_are_there_and_told_on_both_objects() -> None:
    labels = {"team": "a"}
    metadata = {"labels": labels, "annotations": {"x": "y"}}
    trial = Trial.of(manifest(analyses=asks("one"), analysisRunMetadata=metadata))
    trial.rollout_is(currentExperiment="trial")
    trial.carry_out(trial.decide())
    assert trial.status["analysisRuns"] == [{"name": "one", "analysisRun": "", "phase": ""}]
    trial.kubelet(), trial.kubelet()
    decision = trial.decide()
    (created,) = (e for e in decision.effects if isinstance(e, CreateRun))
    assert created.name == "trial-one"
    assert created.body["metadata"]["labels"] == labels
    assert created.body["metadata"]["annotations"] == {"x": "y"}
    assert created.body["metadata"]["ownerReferences"][0]["kind"] == "Experiment"
    trial.carry_out(decision)
    text = "AnalysisRun 'one' transitioned from  -> Pending"
    assert f"Normal AnalysisRunPending: {text}" in trial.events
    assert f"Rollout AnalysisRunPending: {text}" in trial.events


def test_a_name_that_another_has_gets_a_number() -> None:
    trial = Trial.of(manifest(analyses=asks("one")), taken=frozenset({"trial-one", "trial-one.1"}))
    trial.run(seconds=0)
    assert [run.meta.name for run in trial.snapshot.runs] == ["trial-one.2"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        pytest.param(
            [{"name": "x", "value": "{{templates.zzz.podTemplateHash}}"}],
            "failed to resolve {{templates.zzz.podTemplateHash}}",
            id="a template that is none",
        ),
        pytest.param(
            [{"name": "x", "valueFrom": {"fieldRef": {"fieldPath": "metadata.zzz"}}}],
            "unsupported fieldPath: metadata.zzz",
            id="a field that is none",
        ),
        pytest.param([], "args.x was not resolved", id="nothing"),
    ],
)
def test_an_argument_without_a_value_is_an_error(args: list[Json], message: str) -> None:
    raw = manifest(analyses=asks("one", args=args))
    trial = Trial.of(raw, analysis_template(args=[{"name": "x"}]))
    trial.run(seconds=0)
    text = f"Failed to create AnalysisRun for analysis 'one': {message}"
    assert trial.phase == ("Error", text)


def test_without_a_template_that_it_needs_no_pods_are_brought_up() -> None:
    trial = Trial.of(manifest(analyses=asks("one", clusterScope=True)))
    trial.run()
    assert not trial.snapshot.replica_sets
    assert trial.phase[0] == "Error"
    assert 'clusteranalysistemplate.argoproj.io "t" not found' in trial.phase[1]


def test_a_template_that_goes_while_pods_come_up_is_an_error() -> None:
    trial = Trial.of(manifest(analyses=asks("one")))
    trial.carry_out(trial.decide())
    assert trial.phase == ("Pending", "")
    trial.snapshot = replace(trial.snapshot, templates={})
    trial.run()
    assert trial.phase[0] == "Error"
    assert trial.sizes == {"trial-a": 0, "trial-b": 0}


def test_a_template_that_is_gone_when_the_pods_are_there_is_named_as_the_api_server_names_it() -> (
    None
):
    running = {"phase": "Running", "availableAt": "2026-01-01T00:00:00Z"}
    trial = Trial.of(manifest(analyses=asks("one"), status=running), analysis_template("other"))
    trial.carry_out(trial.decide())
    gone = 'analysistemplate.argoproj.io "t" not found'
    assert trial.phase == ("Error", f"Failed to create AnalysisRun for analysis 'one': {gone}")


@pytest.mark.parametrize("own", [True, False])
def test_metrics_of_nested_templates_are_measured_in_the_order_in_which_they_are_named(
    own: bool,
) -> None:
    def made(
        name: str, *nested: str, kind: str = "ClusterAnalysisTemplate", has: bool = True
    ) -> Json:
        web = {"web": {"url": "http://x", "jsonPath": "{$}"}}
        refs = [{"templateName": n, "clusterScope": n.startswith("c")} for n in nested]
        return {
            "kind": kind,
            "metadata": {"name": name},
            "spec": {
                "metrics": [{"name": f"of-{name}", "provider": web}] if has else [],
                "dryRun": [{"metricName": f"of-{name}"}] if has else [],
                "templates": refs,
            },
        }

    trial = Trial.of(
        manifest(analyses=[{"name": "one", "templateName": "top"}]),
        made("top", "middle", kind="AnalysisTemplate", has=own),
        made("middle", "c1", "c2", kind="AnalysisTemplate"),
        made("c1", "c2", "c3"),
        made("c2"),
        made("c3"),
    )
    trial.run(seconds=0)
    (created,) = (e for e in trial.log if isinstance(e, CreateRun))
    wanted = [*(["of-top"] if own else []), "of-middle", "of-c1", "of-c2", "of-c3"]
    assert [m["name"] for m in created.body["spec"]["metrics"]] == wanted
    assert [m["metricName"] for m in created.body["spec"]["dryRun"]] == wanted


def test_what_was_refused_is_told_where_people_look() -> None:
    trial = Trial.of(refused={"trial-a": "no more than 3"})
    trial.run()
    assert trial.phase == (
        "Error",
        "Failed to create ReplicaSet for template 'a': no more than 3",
    )
    assert any(e.startswith("Warning TemplateError: Template 'a' transi") for e in trial.events)


def test_services_are_made_for_ports_and_deleted_after_the_pods() -> None:
    trial = Trial.of(manifest(part("a", service={}), scaleDownDelaySeconds=0))
    trial.run(seconds=0)
    (made,) = (e for e in trial.log if isinstance(e, CreateService))
    assert made.body["spec"]["ports"] == [{"protocol": "TCP", "port": 80, "targetPort": 80}]
    state = trial.experiment.template_state("a")
    assert state.service == "trial-a"
    assert state.pod_hash == trial.snapshot.replica_sets[0].pod_hash
    trial.edit(terminate=True)
    trial.carry_out(trial.decide())
    assert isinstance(trial.log[-1], ScaleReplicaSet)
    assert len(trial.snapshot.services) == 1
    trial.run()
    assert isinstance(trial.log[-1], DeleteService)
    assert trial.experiment.template_state("a").service == ""


def test_several_ports_have_names_whether_their_author_gave_them_or_not() -> None:
    one = part("a", service={"name": "svc"})
    ports = [
        {"containerPort": 80, "name": "http"},
        {"containerPort": 81},
        {"containerPort": 53, "protocol": "UDP", "name": "http"},
        {"containerPort": 80},
    ]
    one["template"]["spec"]["containers"][0]["ports"] = ports
    trial = Trial.of(manifest(one))
    made = next(e for e in trial.decide().effects if isinstance(e, CreateService))
    assert made.name == "svc"
    assert [port["name"] for port in made.body["spec"]["ports"]] == ["http", "tcp-81", "udp-53"]


def test_without_ports_there_is_no_service() -> None:
    one = part("a", service={})
    del one["template"]["spec"]["containers"][0]["ports"]
    trial = Trial.of(manifest(one))
    trial.run(seconds=0)
    assert not trial.snapshot.services
    assert trial.phase[0] == "Running"


def test_a_service_that_its_author_wants_no_more_goes() -> None:
    trial = Trial.of(manifest(part("a", service={})))
    trial.run(seconds=0)
    trial.edit(templates=[part("a")])
    trial.run(seconds=0)
    assert not trial.snapshot.services


def test_a_changed_number_of_pods_is_followed_and_a_deadline_of_before_forgotten() -> None:
    trial = Trial.of(manifest(part("a")))
    trial.run(seconds=0)
    trial.edit(terminate=True)
    trial.carry_out(trial.decide())
    assert trial.snapshot.replica_sets[0].has_deadline
    trial.edit(terminate=False, templates=[part("a", replicas=2)])
    trial.begin_anew()
    trial.run(seconds=0)
    assert not trial.snapshot.replica_sets[0].has_deadline
    assert trial.sizes == {"trial-a": 2}
    assert trial.phase[0] == "Running"


def test_a_set_that_cannot_make_pods_says_why() -> None:
    trial = Trial.of()
    trial.carry_out(trial.decide())
    failure = {
        "type": "ReplicaFailure",
        "status": "True",
        "reason": "FailedCreate",
        "message": "quota",
    }
    sets = tuple(replace(r, failure=failure) for r in trial.snapshot.replica_sets)
    trial.snapshot = replace(trial.snapshot, replica_sets=sets)
    trial.carry_out(trial.decide())
    told = {c.type: (c.status, c.reason, c.message) for c in trial.experiment.conditions}
    assert told["ReplicaFailure"] == ("True", "FailedCreate", "quota")


def test_an_invalid_one_names_every_problem_and_touches_nothing() -> None:
    path = FieldPath("spec", "templates")
    problems = (Problem(path / 0, "is wrong"), Problem(path / 1, "too"))
    trial = Trial.of(problems=problems)
    trial.carry_out(trial.decide())
    (condition,) = trial.experiment.conditions
    assert condition.message == (
        'The Experiment "trial" is invalid: spec.templates[0]: is wrong; spec.templates[1]: too'
    )
    assert not trial.log
    trial.snapshot = replace(trial.snapshot, problems=problems[:1])
    trial.carry_out(trial.decide())
    assert trial.experiment.conditions[0].message.endswith("spec.templates[0]: is wrong")
    # one that is over goes on to take its pods away
    trial.snapshot = replace(trial.snapshot, problems=())
    trial.run(seconds=0)
    trial.edit(terminate=True)
    trial.carry_out(trial.decide())
    trial.snapshot = replace(trial.snapshot, problems=problems)
    trial.run()
    assert set(trial.sizes.values()) == {0}


def test_one_that_is_being_deleted_is_left_alone() -> None:
    raw = manifest()
    raw["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    decision = Trial.of(raw).decide()
    assert not decision.effects
    assert decision.status == {}


def test_fields_of_the_status_that_we_do_not_know_are_kept() -> None:
    trial = Trial.of(manifest(status={"of-others": 1}))
    trial.run()
    assert trial.status["of-others"] == 1


def born(raw: Json, seconds_ago: float = 0) -> Json:
    """The same Experiment, created so long ago."""
    created = format_time(START - timedelta(seconds=seconds_ago))
    return {**raw, "metadata": {**raw["metadata"], "creationTimestamp": created}}


def test_a_template_that_is_applied_a_moment_later_is_waited_for() -> None:
    trial = Trial.of(born(manifest(analyses=asks("one", clusterScope=True))))
    trial.run(seconds=5)
    assert trial.phase == ("Pending", "")
    assert not trial.snapshot.replica_sets
    template = parse_template(analysis_template() | {"kind": "ClusterAnalysisTemplate"})
    trial.snapshot = replace(trial.snapshot, templates={template.ref: template})
    trial.run(seconds=0)
    assert trial.phase == ("Running", "")
    assert [run.meta.name for run in trial.snapshot.runs] == ["trial-one"]


def test_a_run_that_the_api_server_refuses_is_an_error_and_not_made() -> None:
    trial = Trial.of(manifest(analyses=asks("one")), refused={"trial-one": "denied by a policy"})
    trial.run(seconds=0)
    text = "Failed to create AnalysisRun for analysis 'one': denied by a policy"
    assert trial.phase == ("Error", text)
    assert not trial.snapshot.runs


def test_a_service_that_the_api_server_refuses_is_an_error() -> None:
    ours = part("a", service={"name": "try"})
    trial = Trial.of(manifest(ours), refused={"try": "exceeded quota"})
    trial.run(seconds=0)
    text = "Failed to create Service try for template 'a': exceeded quota"
    assert trial.phase == ("Error", text)


def test_a_run_that_a_pass_made_and_could_not_note_is_taken() -> None:
    trial = Trial.of(manifest(analyses=asks("one")))
    trial.carry_out(trial.decide())
    trial.kubelet(), trial.kubelet()
    trial.carry_out(trial.decide(), stop_after=1)
    assert trial.status["analysisRuns"][0]["analysisRun"] == ""
    trial.run(seconds=0)
    assert [run.meta.name for run in trial.snapshot.runs] == ["trial-one"]
    assert trial.status["analysisRuns"][0]["analysisRun"] == "trial-one"


@pytest.mark.parametrize("is_ending", [False, True])
def test_a_run_that_somebody_deleted_is_an_error_while_it_was_wanted(is_ending: bool) -> None:
    trial = Trial.of(manifest(analyses=asks("one")))
    trial.verdict = lambda _: ("Running", "")
    trial.run(seconds=0)
    trial.snapshot = replace(trial.snapshot, runs=())
    if is_ending:
        trial.edit(terminate=True)
    trial.run()
    gone = 'analysisrun.argoproj.io "trial-one" not found'
    assert trial.phase == (("Successful", "") if is_ending else ("Error", gone))


def test_arguments_come_from_fields_secrets_and_the_experiment_itself() -> None:
    secret = {"secretKeyRef": {"name": "tokens", "key": "web"}}
    args = [
        {"name": "who", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "token", "valueFrom": secret},
        {"name": "until", "value": "{{experiment.finishedAt}}"},
        {"name": "set", "value": "{{templates.a.replicaset.name}}"},
    ]
    declared = [{"name": arg["name"]} for arg in args]
    raw = manifest(analyses=asks("one", args=args), duration="1h")
    trial = Trial.of(raw, analysis_template(args=declared))
    trial.run(seconds=0)
    (created,) = (e for e in trial.log if isinstance(e, CreateRun))
    assert trial.experiment.available_at is not None
    assert created.body["spec"]["args"] == [
        {"name": "who", "value": "trial"},
        {"name": "token", "valueFrom": secret},
        {"name": "until", "value": format_time(trial.experiment.available_at + timedelta(hours=1))},
        {"name": "set", "value": "trial-a"},
    ]
