"""What a controller may do: `deploy/rbac.yaml` is enough and no more than that is asked for; too little is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from manifests import analysis, mesh, pause, rollout, template, web_metric, weight
from rights import ACCOUNT, grant, grant_all
from telemetry import Verdict


def test_a_whole_life_needs_no_more_than_the_manifest_grants(scene, account):
    grant(scene)
    with Verdict() as source:
        metric = web_metric(source.url, count=2, interval="1s")
        steps = (weight(50), analysis(), pause())
        controller = scene.controllers.start(kubeconfig=account, leader_elect=True)
        limits = {"analysis": {"successfulRunHistoryLimit": 0}, "revisionHistoryLimit": 0}
        made = rollout(*steps, routed=True)
        made["spec"] |= limits
        scene.given_released(*mesh(), template(metric), made)

        for image in ("app:v2", "app:v3"):
            scene.when_image(image)
            scene.then(phase="Paused", step=2)
            scene.when_promoted()
            scene.then(phase="Healthy")
        before = scene.pods("app:v3")
        # a pod of the same second would count as a new one
        moment = datetime.now(UTC) + timedelta(seconds=2)
        scene.when_spec({"restartAt": moment.strftime("%Y-%m-%dT%H:%M:%SZ")})
        scene.eventually("pods are new", lambda: not before & scene.pods("app:v3"))
        scene.then(phase="Healthy")
        scene.when_image("app:v4")
        scene.then(phase="Paused", step=2)
        scene.when_status({"abort": True})
        scene.then(phase="Degraded", message="RolloutAborted")
        # what the limits of history remove is removed
        scene.eventually("old sets go", lambda: set(scene.sets()) <= {"app:v3", "app:v4"})
        scene.api.delete("rollouts", scene.namespace, "web")
        scene.eventually("all goes", lambda: not scene.api.list("replicasets", scene.namespace))
    assert controller.stop() == 0
    assert "orbidden" not in controller.log
    # and with it all events could be written
    assert [event for event in scene.events() if "RolloutCompleted" in event]


def test_without_rights_it_ends_at_once_with_one_line(scene, account):
    controller = scene.controllers.launch(kubeconfig=account)
    assert controller.ended() == 2
    told = [line for line in controller.log.splitlines() if " INFO " not in line]
    assert len(told) == 1
    assert told[0].startswith("gradatim: no right to list rollouts.argoproj.io")
    assert "deploy/rbac.yaml" in told[0]


def test_without_a_right_for_the_lease_too(scene, account):
    grant(scene, without="leases")
    controller = scene.controllers.launch(kubeconfig=account, leader_elect=True)
    assert controller.ended() == 2
    told = [line for line in controller.log.splitlines() if " INFO " not in line]
    assert len(told) == 1
    assert told[0].startswith("gradatim: leader election: ")


def test_without_a_right_for_routes_only_those_who_have_routes_wait(scene, account):
    grant(scene, without="virtualservices")
    scene.controllers.start(kubeconfig=account)
    scene.given(*mesh(), rollout(weight(50), pause(), routed=True))
    scene.given(rollout(weight(50), name="plain"))
    status = scene.then(phase="Degraded", message="InvalidSpec")
    for words in ("canary.trafficRouting.istio", "virtualservices", "forbidden", ACCOUNT):
        assert words in status["message"]
    scene.then(phase="Healthy", name="plain")
    scene.when_image("app:v2", name="plain")
    scene.then(phase="Healthy", name="plain", within=15)
    assert scene.sets() == {}
    assert scene.weight() == 0

    grant_all(scene)
    scene.then(phase="Healthy", within=90)
