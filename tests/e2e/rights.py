"""The rights of `deploy/rbac.yaml`, for an account of a test's own namespace.

In: a scene. Out: the manifests, applied as they are but for names and namespaces, and taken back in the end.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from apiserver import Json
from manifests import RBAC
from scene import Scene

ACCOUNT = "gradatim"
#: Kinds of `deploy/rbac.yaml` that belong to no namespace: each scene's have a name of their own.
CLUSTER_WIDE = ("ClusterRole", "ClusterRoleBinding")


def granted(scene: Scene) -> list[Json]:
    """The manifests of `deploy/rbac.yaml` that concern the controller, for an account of the scene's namespace."""
    found = []
    for each in yaml.safe_load_all(RBAC.read_text()):
        made = copy.deepcopy(each)
        if "aggregate" in made["metadata"]["name"]:
            continue
        if made["kind"] in CLUSTER_WIDE:
            made["metadata"]["name"] += f"-{scene.namespace}"
        if made.get("roleRef", {}).get("kind") == "ClusterRole":
            made["roleRef"]["name"] += f"-{scene.namespace}"
        for place in (made["metadata"], *made.get("subjects", [])):
            if "namespace" in place:
                place["namespace"] = scene.namespace
        found.append(made)
    return found


@contextmanager
def account(scene: Scene, folder: Path) -> Iterator[Path]:
    """A kubeconfig of an account without rights; what is granted to it is taken back in the end."""
    scene.given(next(each for each in granted(scene) if each["kind"] == "ServiceAccount"))
    try:
        yield scene.api.account(scene.namespace, ACCOUNT, folder)
    finally:
        for each in granted(scene):
            if each["kind"] in CLUSTER_WIDE:
                kind = f"{each['kind'].lower()}s"
                scene.api.delete(kind, "", each["metadata"]["name"])


def grant(scene: Scene, without: str = "") -> None:
    """Give the account its rights, all but those for one resource."""
    for each in granted(scene):
        if each["kind"] == "ServiceAccount":
            continue
        if "rules" in each:
            each["rules"] = [r for r in each["rules"] if without not in r["resources"]]
        scene.given(each)


def grant_all(scene: Scene) -> None:
    """Give back what was left out."""
    for each in granted(scene):
        if each["kind"] == "ClusterRole":
            rules = {"rules": each["rules"]}
            scene.api.patch("clusterroles", "", each["metadata"]["name"], rules)
