"""The manifests to install with: least rights, and nothing that a restricted namespace refuses."""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from gradatim.run.world import Scope, World

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
LEASE = "argo-rollouts-controller-lock"


def objects(name: str) -> dict[tuple[str, str], dict]:
    found = yaml.safe_load_all((DEPLOY / name).read_text())
    return {(one["kind"], one["metadata"]["name"]): one for one in found}


def rights(*roles: dict) -> set[tuple[str, str, str]]:
    """(group, resource, verb) that the roles give."""
    return {
        (group, resource, verb)
        for role in roles
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


RBAC = objects("rbac.yaml")
CONTROLLER = RBAC["ClusterRole", "gradatim"]
SECRETS = RBAC["ClusterRole", "gradatim-secrets"]
JOBS = RBAC["ClusterRole", "gradatim-jobs"]
NAMESPACED = objects("namespaced/rbac.yaml")
(CONTAINER,) = objects("install.yaml")["Deployment", "gradatim"]["spec"]["template"]["spec"][
    "containers"
]


def test_no_role_has_a_wildcard():
    for role in [*RBAC.values(), *NAMESPACED.values()]:
        for rule in role.get("rules", ()):
            assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]


def test_the_controller_may_follow_all_that_its_caches_hold():
    for scope, role in (
        (Scope(), CONTROLLER),
        (Scope("gradatim"), NAMESPACED["Role", "gradatim-namespaced"]),
    ):
        needed = {
            (selection.resource.group, selection.resource.plural, verb)
            for _, selection in World().selections(scope)
            for verb in ("list", "watch")
        }
        assert needed <= rights(role)


def test_analysis_alone_has_the_rights_of_its_caches_and_to_write_what_it_finds():
    patches = yaml.safe_load((DEPLOY / "analysis" / "kustomization.yaml").read_text())["patches"]
    (operation,) = yaml.safe_load(patches[0]["patch"])
    given = rights({"rules": operation["value"]})
    followed = {
        (selection.resource.group, selection.resource.plural)
        for _, selection in World().selections(Scope(is_analysis_only=True))
    }
    assert followed == {("argoproj.io", "analysisruns")}
    verbs = ("get", "list", "watch", "patch", "delete")
    assert given == {("argoproj.io", "analysisruns", verb) for verb in verbs} | {
        ("", "events", "create"),
        ("", "events", "patch"),
    }
    assert given < rights(CONTROLLER)


def test_secrets_may_be_read_by_name_and_nothing_else():
    assert rights(SECRETS) == {("", "secrets", "get")}
    assert not any(resource == "secrets" for _, resource, _ in rights(CONTROLLER))


def test_jobs_stand_apart():
    assert ("batch", "jobs", "create") in rights(JOBS)
    assert not any(group == "batch" for group, _, _ in rights(CONTROLLER))


def test_the_lease_has_the_name_that_argo_rollouts_uses():
    named = [
        rule for rule in RBAC["Role", "gradatim-lease"]["rules"] if "create" not in rule["verbs"]
    ]
    assert [rule["resourceNames"] for rule in named] == [[LEASE]]
    assert LEASE in (ROOT / "core/gradatim/cli/run.py").read_text()


def test_one_namespace_has_the_same_rights_as_the_whole_cluster():
    cluster_wide = {r for r in rights(CONTROLLER) if r[1] == "clusteranalysistemplates"}
    role = NAMESPACED["Role", "gradatim-namespaced"]
    whole = rights(CONTROLLER) | rights(SECRETS) | rights(JOBS)
    assert rights(role) == whole - cluster_wide
    assert not any(kind.startswith("Cluster") for kind, _ in NAMESPACED)


def test_every_binding_names_a_role_and_an_account_that_are_there():
    for folder in (RBAC, NAMESPACED):
        for (kind, _), binding in folder.items():
            if kind.endswith("Binding"):
                ref = binding["roleRef"]
                assert (ref["kind"], ref["name"]) in folder
                for subject in binding["subjects"]:
                    assert (subject["kind"], subject["name"]) in RBAC
                    assert subject["namespace"] == "gradatim"


def test_the_pod_is_what_a_restricted_namespace_admits():
    pod = objects("install.yaml")["Deployment", "gradatim"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    own = CONTAINER["securityContext"]
    assert own["allowPrivilegeEscalation"] is False
    assert own["capabilities"] == {"drop": ["ALL"]}
    assert own["readOnlyRootFilesystem"] is True


def test_the_probes_ask_where_the_controller_answers():
    ports = {port["name"]: port["containerPort"] for port in CONTAINER["ports"]}
    for probe in ("readinessProbe", "livenessProbe"):
        ask = CONTAINER[probe]["httpGet"]
        assert ask["path"] == "/healthz"
        assert f"--healthz-port={ports[ask['port']]}" in CONTAINER["args"]


def test_the_image_has_the_version_of_the_project_and_no_registry():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert CONTAINER["image"] == f"gradatim:{version}"


def test_the_kustomization_has_every_definition():
    kustomization = yaml.safe_load((DEPLOY / "kustomization.yaml").read_text())
    there = {f"crds/{path.name}" for path in (DEPLOY / "crds").glob("*.yaml")}
    assert {name for name in kustomization["resources"] if name.startswith("crds/")} == there


@pytest.mark.skipif(not shutil.which("kubectl"), reason="there is no kubectl")
@pytest.mark.parametrize(
    ("folder", "namespace", "left_out"),
    [
        (".", "gradatim", set()),
        ("changeover", "argo-rollouts", {"Namespace", "CustomResourceDefinition"}),
        ("namespaced", "gradatim", {"CustomResourceDefinition"}),
        ("analysis", "gradatim", {"CustomResourceDefinition"}),
    ],
)
def test_every_way_to_install_can_be_built(folder, namespace, left_out):
    command = ["kubectl", "kustomize", "--load-restrictor", "LoadRestrictionsNone"]
    done = subprocess.run([*command, str(DEPLOY / folder)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    built = list(yaml.safe_load_all(done.stdout))
    assert not left_out & {one["kind"] for one in built}
    assert {one["metadata"].get("namespace", namespace) for one in built} == {namespace}
    bindings = [one for one in built if one["kind"] == "ClusterRoleBinding"]
    assert {s["namespace"] for one in bindings for s in one["subjects"]} <= {namespace}
    assert bool(bindings) is (folder != "namespaced")
