"""Two real API servers: the Rollouts' own, and the config cluster of a mesh that several clusters share.

The second is known by a labelled Secret, and the controller's account has there the rights for Istio's objects only.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml
from apiserver import ApiServer
from manifests import CHECKOUT, RBAC, destination_rule, mesh, pause, rollout, service, weight
from rights import ACCOUNT, grant
from scene import HASH, Scene

Json = dict[str, Any]

ISTIO = "networking.istio.io"
MULTICLUSTER = CHECKOUT / "deploy" / "multicluster.yaml"
RULE = {"name": "web", "canarySubsetName": "canary", "stableSubsetName": "stable"}
BY_SUBSET = {"istio": {"virtualService": {"name": "web"}, "destinationRule": RULE}}
STEPS = (weight(50), pause())
SUBSETS: list[Json] = [
    {
        "name": "primary",
        "route": [
            {"destination": {"host": "web", "subset": "stable"}, "weight": 100},
            {"destination": {"host": "web", "subset": "canary"}, "weight": 0},
        ],
    }
]


@pytest.fixture
def there(scene: Scene, own_plane, tmp_path: Path) -> ApiServer:
    """The config cluster, with the scene's namespace, and an account that may do as much as is needed."""
    server: ApiServer = own_plane.api
    namespace = scene.namespace
    server.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT}}
    server.create(account, namespace)
    rules = [
        rule
        for each in yaml.safe_load_all(RBAC.read_text())
        if "aggregate" not in each["metadata"]["name"]
        for rule in each.get("rules", ())
        if ISTIO in rule["apiGroups"]
    ]
    rbac = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": namespace}}
    server.create({**rbac, "kind": "ClusterRole", "rules": rules})
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": namespace}
    subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": namespace}
    server.create({**rbac, "kind": "ClusterRoleBinding", "roleRef": role, "subjects": [subject]})
    folder = tmp_path / "there"
    folder.mkdir()
    config = server.account(namespace, ACCOUNT, folder)
    scene.given(_secret(config), *_multicluster(namespace))
    return server


def _secret(config: Path) -> Json:
    """The kubeconfig as `istioctl create-remote-secret` makes one: everything is in it."""
    known = yaml.safe_load(config.read_text())
    for each in known["clusters"]:
        authority = Path(each["cluster"].pop("certificate-authority")).read_bytes()
        each["cluster"]["certificate-authority-data"] = base64.b64encode(authority).decode()
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "primary", "labels": {"istio.argoproj.io/primary-cluster": "true"}},
        "stringData": {"primary": yaml.safe_dump(known)},
    }


def _multicluster(namespace: str) -> list[Json]:
    found = []
    for each in yaml.safe_load_all(MULTICLUSTER.read_text()):
        for place in (each["metadata"], *each.get("subjects", [])):
            place["namespace"] = namespace
        found.append(each)
    return found


def weights(server: ApiServer, namespace: str) -> list[int]:
    found = server.get("virtualservices", namespace, "web")
    assert found is not None
    return [each["weight"] for each in found["spec"]["http"][0]["route"]]


def managers(server: ApiServer, namespace: str) -> set[str]:
    found = server.get("virtualservices", namespace, "web")
    assert found is not None
    return {each["manager"] for each in found["metadata"].get("managedFields", ())}


def hashes(server: ApiServer, namespace: str) -> list[str]:
    found = server.get("destinationrules", namespace, "web")
    assert found is not None
    return [each["labels"].get(HASH, "") for each in found["spec"]["subsets"]]


def test_a_release_is_routed_in_the_config_cluster_and_nothing_of_istio_is_touched_here(
    scene, account, there, own_plane
):
    namespace = scene.namespace
    grant(scene)
    services, virtual = mesh()[:-1], mesh()[-1]
    there.create(virtual, namespace)
    scene.given(virtual)  # a namesake here is nobody's business
    before = scene.api.get("virtualservices", namespace, "web")
    scene.controllers.start(kubeconfig=account)
    scene.given_released(*services, rollout(*STEPS, routed=True))
    scene.when_image("app:v2")
    scene.then(phase="Paused", step=1)
    scene.eventually("the weight", lambda: weights(there, namespace) == [50, 50])

    # what somebody puts back there is seen at once, told here, and put right
    there.patch("virtualservices", namespace, "web", {"spec": virtual["spec"]})
    scene.eventually("the weight again", lambda: weights(there, namespace) == [50, 50])
    scene.when_promoted()
    scene.then(phase="Healthy")
    scene.eventually("all to stable", lambda: weights(there, namespace) == [100, 0])

    assert scene.api.get("virtualservices", namespace, "web") == before
    told = [event for event in scene.events() if "Updated VirtualService" in event]
    assert told, scene.events()
    scene.eventually("no mark of ours", lambda: "gradatim" not in managers(there, namespace))
    # 50, 50 again, 100 and 0 are one write of one object each; with the last the fields are given back
    writes = [each for each in own_plane.writes(namespace) if "virtualservices" in each]
    assert writes == ["patch virtualservices 200"] * 5, writes


def test_subsets_of_the_config_cluster_follow_and_are_let_go_in_the_end(scene, account, there):
    namespace = scene.namespace
    grant(scene)
    virtual = mesh()[-1]
    virtual["spec"]["http"] = SUBSETS
    rule = destination_rule()
    rule["spec"]["subsets"] = [{"name": n, "labels": {"app": "web"}} for n in ("stable", "canary")]
    there.create(virtual, namespace)
    there.create(rule, namespace)
    scene.controllers.start(kubeconfig=account)
    made = rollout(*STEPS, trafficRouting=BY_SUBSET, scaleDownDelaySeconds=1)
    scene.given_released(service("web"), made)
    scene.when_image("app:v2")
    status = scene.then(phase="Paused", step=1)
    wanted = [status["stableRS"], status["currentPodHash"]]
    scene.eventually("the subsets", lambda: hashes(there, namespace) == wanted)
    assert weights(there, namespace) == [50, 50]
    scene.api.delete("rollouts", namespace, "web")
    scene.eventually("no hashes", lambda: hashes(there, namespace) == ["", ""])


def test_while_the_config_cluster_is_silent_no_pod_goes_and_then_the_release_goes_on(
    scene, account, there, own_plane
):
    namespace = scene.namespace
    grant(scene)
    services, virtual = mesh()[:-1], mesh()[-1]
    there.create(virtual, namespace)
    scene.controllers.start(kubeconfig=account)
    scene.given_released(*services, rollout(*STEPS, routed=True))
    scene.when_image("app:v2")
    scene.then(phase="Paused", step=1)
    own_plane.freeze()
    try:
        scene.when_promoted()
        scene.holds("all pods stay", lambda: scene.sets()["app:v1"] == 2, 4)
    finally:
        own_plane.thaw()
    scene.then(phase="Healthy", within=90)
    scene.eventually("all to stable", lambda: weights(there, namespace) == [100, 0])
    scene.eventually("the old pods go", lambda: scene.sets()["app:v1"] == 0)


def test_an_account_without_rights_in_the_config_cluster_is_told_of(scene, account, there):
    there.delete("clusterrolebindings", "", scene.namespace)
    grant(scene)
    there.create(mesh()[-1], scene.namespace)
    scene.controllers.start(kubeconfig=account)
    scene.given(*mesh()[:-1], rollout(*STEPS, routed=True))
    status = scene.then(phase="Degraded", message="InvalidSpec")
    assert "virtualservices" in status["message"]
    assert "forbidden" in status["message"]
