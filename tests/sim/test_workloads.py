"""The cluster's own controllers: ReplicaSets, Deployments, Jobs, pods, endpoints, budgets."""

import asyncio
import time

import pytest

from gradatim.sim import Sim, SimSettings, run_virtual
from gradatim.sim.failure import ApiError


def in_cluster(story, **settings):
    """Play `story(sim)` in virtual time."""

    async def main():
        async with Sim(SimSettings(**settings)) as sim:
            return await story(sim)

    return run_virtual(main())


def workload(kind, name="web", *, replicas=2, image="app:v1", pod=None, **spec):
    container = {"name": "app", "image": image, **(pod or {}).pop("container", {})}
    annotations = (pod or {}).pop("annotations", {})
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}, "annotations": annotations},
                "spec": {"containers": [container], **(pod or {})},
            },
            **spec,
        },
    }


def job(name="j", command=("true",), **spec):
    container = {"name": "main", "image": "tool", "command": list(command)}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name},
        "spec": {"template": template, **spec},
    }


def service(name="web", **selector):
    spec = {"selector": selector or {"app": name}, "ports": [{"port": 80}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def status(sim, kind="ReplicaSet", name="web"):
    found = dict(sim.get(kind, name)["status"])
    found.pop("observedGeneration", None)
    return found


def pods(sim):
    return sim.list("Pod")


def condition(obj, kind):
    return next(c for c in obj["status"]["conditions"] if c["type"] == kind)


def test_a_replica_set_has_its_pods_and_says_so():
    async def story(sim):
        sim.create_object(workload("ReplicaSet", replicas=3))
        await sim.settle()
        assert status(sim) == {
            "replicas": 3,
            "fullyLabeledReplicas": 3,
            "readyReplicas": 3,
            "availableReplicas": 3,
        }
        assert sim.clock.elapsed() == pytest.approx(0.2)
        pod = pods(sim)[0]
        assert pod["metadata"]["generateName"] == "web-"
        assert pod["metadata"]["ownerReferences"][0]["name"] == "web"
        assert pod["spec"]["nodeName"] == "node-1"
        sim.patch("ReplicaSet", "web", "spec: {replicas: 0}")
        await sim.settle()
        assert (status(sim), pods(sim)) == ({"replicas": 0}, [])

    in_cluster(story)


def test_min_ready_seconds_come_between_ready_and_available():
    async def story(sim):
        sim.create_object(workload("ReplicaSet", replicas=1, minReadySeconds=10))
        await sim.until(lambda: status(sim).get("readyReplicas"))
        assert "availableReplicas" not in status(sim)
        await sim.settle()
        assert status(sim)["availableReplicas"] == 1
        assert 9 <= sim.clock.elapsed() <= 11

    in_cluster(story)


def test_what_is_not_ready_goes_first_then_what_is_cheap():
    async def story(sim):
        sim.create_object(workload("ReplicaSet", replicas=4))
        await sim.settle()
        unready, cheap, *others = [pod["metadata"]["name"] for pod in pods(sim)]
        sim.kubelet.break_pod(sim.get("Pod", unready))
        await sim.settle()
        assert status(sim)["readyReplicas"] == 3
        cost = {"metadata": {"annotations": {"controller.kubernetes.io/pod-deletion-cost": "-5"}}}
        sim.patch("Pod", cheap, cost)
        for left in ([cheap, *others], others):
            sim.patch("ReplicaSet", "web", {"spec": {"replicas": len(left)}})
            await sim.settle()
            assert [pod["metadata"]["name"] for pod in pods(sim)] == left

    in_cluster(story)


def test_a_replica_set_adopts_orphans_and_lets_go_what_it_does_not_select():
    async def story(sim):
        pod = workload("ReplicaSet")["spec"]["template"]
        sim.create_object({"apiVersion": "v1", "kind": "Pod", **pod, "metadata": {
            "name": "orphan", "labels": {"app": "web"}}})  # fmt: skip
        await sim.settle()
        sim.create_object(workload("ReplicaSet", replicas=2))
        await sim.settle()
        assert len(pods(sim)) == 2
        assert sim.get("Pod", "orphan")["metadata"]["ownerReferences"][0]["kind"] == "ReplicaSet"
        sim.patch("Pod", "orphan", "metadata: {labels: {app: quarantine}}")
        await sim.settle()
        assert len(pods(sim)) == 3
        assert "ownerReferences" not in sim.get("Pod", "orphan")["metadata"]

    in_cluster(story)


def test_killed_pods_are_replaced():
    async def story(sim):
        sim.create_object(workload("ReplicaSet"))
        await sim.settle()
        before = {pod["metadata"]["name"] for pod in pods(sim)}
        sim.kill_pods([*before, "no-such-pod"])
        assert pods(sim) == []
        await sim.settle()
        assert len(pods(sim)) == 2
        assert before.isdisjoint({pod["metadata"]["name"] for pod in pods(sim)})

    in_cluster(story)


@pytest.mark.parametrize(
    ("image", "command", "reason", "phase"),
    [
        ("app:bad", [], "ErrImagePull", "Pending"),
        ("nonexistent/app", [], "ErrImagePull", "Pending"),
        ("app:does-not-exist", [], "ErrImagePull", "Pending"),
        ("app:v1", ["run-bad"], "CrashLoopBackOff", "Running"),
    ],
)
def test_some_pods_never_become_ready(image, command, reason, phase):
    async def story(sim):
        pod = {"container": {"command": command}}
        sim.create_object(workload("ReplicaSet", replicas=1, image=image, pod=pod))
        await sim.settle()
        found = pods(sim)[0]["status"]
        assert found["phase"] == phase
        assert found["containerStatuses"][0]["state"] == {"waiting": {"reason": reason}}
        assert "readyReplicas" not in status(sim)

    in_cluster(story)


@pytest.mark.parametrize(
    ("pod", "seconds"),
    [
        ({}, 0.5),
        ({"annotations": {"example.org/ready-after": "7"}}, 7),
        ({"container": {"readinessProbe": {"initialDelaySeconds": 4}}}, 4),
        ({"container": {"lifecycle": {"postStart": {"exec": {"command": ["sleep", "3"]}}}}}, 3),
    ],
)
def test_a_pod_takes_its_time_to_be_ready(pod, seconds):
    async def story(sim):
        sim.create_object(workload("ReplicaSet", replicas=1, pod=dict(pod)))
        await sim.until(lambda: status(sim).get("readyReplicas"))
        assert sim.clock.elapsed() == pytest.approx(seconds, abs=0.06)

    in_cluster(story, ready_after=0.5)


@pytest.mark.parametrize(
    ("pod", "seconds"),
    [
        ({}, 0.3),
        ({"container": {"lifecycle": {"preStop": {"exec": {"command": ["sleep", "9"]}}}}}, 9),
        ({"container": {"lifecycle": {"preStop": {"sleep": {"seconds": 8}}}}}, 8),
        ({"container": {"lifecycle": {"preStop": {"exec": {"command": ["sleep", "99"]}}}}}, 30),
    ],
)
def test_a_deleted_pod_takes_its_time_to_go(pod, seconds):
    async def story(sim):
        sim.create_object(workload("ReplicaSet", replicas=1, pod=dict(pod)))
        await sim.settle()
        begun = sim.clock.elapsed()
        sim.patch("ReplicaSet", "web", "spec: {replicas: 0}")
        await sim.settle()
        assert pods(sim) == []
        assert sim.clock.elapsed() - begun == pytest.approx(seconds)

    in_cluster(story, gone_after=0.3)


def test_a_readiness_gate_keeps_a_pod_unready_until_it_opens():
    async def story(sim):
        sim.create_object(
            workload(
                "ReplicaSet", replicas=1, pod={"readinessGates": [{"conditionType": "x/gate"}]}
            )
        )
        await sim.settle()
        pod = pods(sim)[0]
        assert condition(pod, "ContainersReady")["status"] == "True"
        assert condition(pod, "Ready")["status"] == "False"
        gate = {"type": "x/gate", "status": "True"}
        conditions = [*pod["status"]["conditions"], gate]
        sim.patch("Pod", pod["metadata"]["name"], {"status": {"conditions": conditions}})
        await sim.settle()
        assert condition(pods(sim)[0], "Ready")["status"] == "True"

    in_cluster(story)


def test_a_lost_node_makes_pods_unready_and_starts_none():
    async def story(sim):
        sim.create_object(workload("ReplicaSet"))
        sim.create_object(service())
        await sim.settle()
        sim.kubelet.lose_node()
        await sim.settle()
        assert "readyReplicas" not in status(sim)
        sim.patch("ReplicaSet", "web", "spec: {replicas: 3}")
        await sim.settle()
        assert sorted(pod["status"]["phase"] for pod in pods(sim)) == [
            "Pending",
            "Running",
            "Running",
        ]
        sim.kubelet.recover_node()
        await sim.settle()
        assert status(sim)["readyReplicas"] == 3

    in_cluster(story)


def test_a_broken_pod_is_mended():
    async def story(sim):
        sim.create_object(workload("ReplicaSet", replicas=1))
        await sim.settle()
        sim.kubelet.break_pod(pods(sim)[0])
        await sim.settle()
        assert "readyReplicas" not in status(sim)
        sim.kubelet.mend_pod(pods(sim)[0])
        await sim.settle()
        assert status(sim)["readyReplicas"] == 1

    in_cluster(story)


def test_endpoints_follow_pods():
    async def story(sim):
        sim.create_object(service())
        sim.create_object(workload("ReplicaSet"))
        await sim.settle()

        def ready():
            slices = sim.list("EndpointSlice", **{"kubernetes.io/service-name": "web"})
            return [endpoint["conditions"]["ready"] for endpoint in slices[0]["endpoints"]]

        assert ready() == [True, True]
        sim.kubelet.break_pod(pods(sim)[0])
        await sim.settle()
        assert sorted(ready()) == [False, True]
        sim.patch("Service", "web", "spec: {selector: {other: x}}")
        await sim.settle()
        assert ready() == []
        sim.delete("Service", "web")
        await sim.settle()
        assert sim.list("EndpointSlice") == []

    in_cluster(story)


def test_a_terminating_pod_is_no_ready_endpoint_but_still_serves():
    async def story(sim):
        sim.create_object(service())
        sim.create_object(workload("ReplicaSet", replicas=1))
        await sim.settle()
        sim.patch("ReplicaSet", "web", "spec: {replicas: 0}")
        await sim.until(lambda: pods(sim)[0]["metadata"].get("deletionTimestamp"))
        await asyncio.sleep(1)
        endpoint = sim.list("EndpointSlice")[0]["endpoints"][0]
        assert endpoint["conditions"] == {"ready": False, "serving": True, "terminating": True}

    in_cluster(story, gone_after=5)


def test_a_deployment_moves_from_template_to_template():
    async def story(sim):
        sim.create_object(workload("Deployment", replicas=3))
        await sim.settle()
        assert status(sim, "Deployment")["availableReplicas"] == 3
        sim.patch(
            "Deployment",
            "web",
            {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "app:v2"}]}}}},
        )
        await sim.settle()
        images = {pod["spec"]["containers"][0]["image"] for pod in pods(sim)}
        assert (images, len(pods(sim))) == ({"app:v2"}, 3)
        assert sorted(s["spec"]["replicas"] for s in sim.list("ReplicaSet")) == [0, 3]
        annotations = sim.get("Deployment", "web")["metadata"]["annotations"]
        assert annotations == {"deployment.kubernetes.io/revision": "2"}
        assert (
            condition(sim.get("Deployment", "web"), "Progressing")["reason"]
            == "NewReplicaSetAvailable"
        )
        sim.patch("Deployment", "web", "spec: {replicas: 1}")
        await sim.settle()
        assert len(pods(sim)) == 1

    in_cluster(story)


def test_a_deployment_whose_new_pods_fail_keeps_the_old_ones():
    async def story(sim):
        sim.create_object(workload("Deployment", replicas=2))
        await sim.settle()
        sim.patch(
            "Deployment",
            "web",
            {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "app:bad"}]}}}},
        )
        await sim.settle()
        assert status(sim, "Deployment")["availableReplicas"] == 2

    in_cluster(story)


def test_a_recreating_deployment_ends_before_it_begins():
    async def story(sim):
        sim.create_object(workload("Deployment", strategy={"type": "Recreate"}))
        await sim.settle()
        sim.patch(
            "Deployment",
            "web",
            {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "app:v2"}]}}}},
        )
        most = 0

        def done():
            nonlocal most
            most = max(most, len(pods(sim)))
            found = status(sim, "Deployment")
            return found.get("updatedReplicas") == found.get("availableReplicas") == 2

        await sim.until(done)
        assert most == 2

    in_cluster(story)


def test_a_paused_deployment_is_scaled_and_nothing_more():
    async def story(sim):
        sim.create_object(workload("Deployment"))
        await sim.settle()
        sim.patch("Deployment", "web", {"spec": {"paused": True, "replicas": 3, "template": {
            "spec": {"containers": [{"name": "app", "image": "app:v2"}]}}}})  # fmt: skip
        await sim.settle()
        assert {pod["spec"]["containers"][0]["image"] for pod in pods(sim)} == {"app:v1"}
        assert len(pods(sim)) == 3

    in_cluster(story)


@pytest.mark.parametrize(
    ("command", "ends"),
    [
        (["true"], "Complete"),
        (["sh", "-c", "sleep 3; exit 0"], "Complete"),
        (["sh", "-c", "exit 1"], "Failed"),
        (["false"], "Failed"),
        (["run", "bad"], "Failed"),
    ],
)
def test_a_job_ends_as_its_command_says(command, ends):
    async def story(sim):
        sim.create_object(job(command=command, backoffLimit=0))
        await sim.settle()
        found = sim.get("Job", "j")
        assert condition(found, ends)["status"] == "True"
        assert found["status"].get("succeeded" if ends == "Complete" else "failed") == 1
        assert sim.clock.elapsed() == pytest.approx(3.1 if "sleep 3" in command[-1] else 0.1)

    in_cluster(story)


def test_a_failing_job_is_tried_again_at_growing_intervals():
    async def story(sim):
        sim.create_object(job(command=["false"], backoffLimit=2))
        await sim.settle()
        assert condition(sim.get("Job", "j"), "Failed")["reason"] == "BackoffLimitExceeded"
        assert len(pods(sim)) == 3
        assert 29 <= sim.clock.elapsed() <= 33

    in_cluster(story)


def test_a_job_has_a_deadline_and_a_time_to_live():
    async def story(sim):
        sim.create_object(
            job(command=["sleep", "100"], activeDeadlineSeconds=5, ttlSecondsAfterFinished=7)
        )
        await sim.until(lambda: sim.get("Job", "j")["status"].get("conditions"))
        assert condition(sim.get("Job", "j"), "Failed")["reason"] == "DeadlineExceeded"
        assert sim.clock.elapsed() == pytest.approx(5, abs=0.1)
        await sim.until(lambda: sim.find("Job", "j") is None)
        assert sim.clock.elapsed() == pytest.approx(12, abs=1.2)
        await sim.settle()
        assert pods(sim) == []

    in_cluster(story)


def test_a_suspended_job_has_no_pods_and_a_parallel_one_several():
    async def story(sim):
        sim.create_object(job(command=["sleep", "5"], suspend=True))
        sim.create_object(job("many", command=["sleep", "5"], parallelism=2, completions=3))
        await sim.until(lambda: sim.get("Job", "many")["status"].get("active") == 2)
        assert len(pods(sim)) == 2
        sim.patch("Job", "j", "spec: {suspend: false}")
        await sim.settle()
        assert sim.get("Job", "many")["status"]["succeeded"] == 3
        assert sim.get("Job", "j")["status"]["succeeded"] == 1

    in_cluster(story)


@pytest.mark.parametrize(
    ("budget", "allowed"),
    [({"minAvailable": 2}, 1), ({"maxUnavailable": 1}, 1), ({"maxUnavailable": "34%"}, 2), ({"minAvailable": "100%"}, 0)],
)  # fmt: skip
def test_a_budget_forbids_evictions(budget, allowed):
    async def story(sim):
        sim.create_object(workload("ReplicaSet", replicas=3))
        spec = {**budget, "selector": {"matchLabels": {"app": "web"}}}
        sim.create_object(
            {
                "apiVersion": "policy/v1",
                "kind": "PodDisruptionBudget",
                "metadata": {"name": "b"},
                "spec": spec,
            }
        )
        await sim.settle()
        assert sim.get("pdb", "b")["status"]["disruptionsAllowed"] == allowed
        codes = []
        for pod in pods(sim)[: allowed + 1]:
            path = f"/api/v1/namespaces/default/pods/{pod['metadata']['name']}/eviction"
            code, _, answer = await sim.transport().send(
                "POST", path, query={}, body={}, content_type="application/json", timeout=5
            )
            codes.append(code)
        assert codes == [201] * allowed + [429]
        assert answer["details"]["causes"][0]["reason"] == "DisruptionBudget"

    in_cluster(story)


def test_controllers_may_be_late():
    async def story(sim):
        sim.create_object(workload("ReplicaSet"))
        await asyncio.sleep(1.5)
        assert pods(sim) == []
        await sim.settle()
        assert status(sim)["readyReplicas"] == 2

    in_cluster(story, controllers_lag=2)


def test_what_the_api_refuses_is_an_error_of_its_own():
    async def story(sim):
        with pytest.raises(ApiError, match="404 NotFound"):
            sim.get("Pod", "none")
        with pytest.raises(ApiError, match="could not find the requested resource"):
            sim.get("Unicorn", "none")
        with pytest.raises(ApiError, match="could not find the requested resource"):
            sim.create("{apiVersion: v1, kind: Unicorn}")
        made = sim.create(
            "apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: new}\n---\n"
        )
        assert [obj["type"] for obj in made] == ["Opaque"]

    in_cluster(story)


def test_two_hundred_replica_sets_are_ready_in_little_time():
    async def story(sim):
        for number in range(200):
            sim.create_object(workload("ReplicaSet", f"web-{number}"))
        await sim.settle()
        return sum(found["status"]["readyReplicas"] for found in sim.list("ReplicaSet"))

    begun = time.process_time()
    assert in_cluster(story) == 400
    assert time.process_time() - begun < 3
