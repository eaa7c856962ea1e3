"""The CRDs of `deploy/` on a real API server, and what kubectl makes of them."""

from __future__ import annotations

from manifests import CRDS, rollout

FOLLOWED = (
    "rollouts",
    "analysisruns",
    "analysistemplates",
    "clusteranalysistemplates",
    "experiments",
)


def test_they_are_taken_and_established(api):
    applied = api.kubectl(
        "apply", "--server-side", "--force-conflicts", "-f", str(CRDS)
    ).splitlines()
    assert len(applied) == len(FOLLOWED)
    condition = '{range .items[*]}{.metadata.name}={.status.conditions[?(@.type=="Established")].status} {end}'
    states = dict(
        each.split("=") for each in api.kubectl("get", "crd", "-o", f"jsonpath={condition}").split()
    )
    assert {
        f"{plural}.argoproj.io": states.get(f"{plural}.argoproj.io") for plural in FOLLOWED
    } == {f"{plural}.argoproj.io": "True" for plural in FOLLOWED}


def test_kubectl_prints_the_columns_that_people_know(at_work):
    at_work.given_released(rollout(replicas=2))
    header, row = at_work.api.kubectl("-n", at_work.namespace, "get", "ro").splitlines()
    assert header.split() == ["NAME", "DESIRED", "CURRENT", "UP-TO-DATE", "AVAILABLE", "AGE"]
    assert row.split()[:5] == ["web", "2", "2", "2", "2"]


def test_kubectl_scale_is_followed(at_work):
    at_work.given_released(rollout(replicas=1))
    at_work.api.kubectl("-n", at_work.namespace, "scale", "rollout/web", "--replicas=3")
    status = at_work.then(phase="Healthy")
    at_work.eventually("three pods", lambda: len(at_work.pods("app:v1")) == 3)
    # an autoscaler finds the pods by the selector in the status
    assert status["selector"] == "app=web"
    at_work.eventually("the status says so", lambda: at_work.status().get("availableReplicas") == 3)
