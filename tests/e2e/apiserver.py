"""The API server, asked directly: a few verbs on plain objects, for the hands of a person and the eyes of a test.

In: a kubeconfig with a token or a client certificate. Out: objects as dicts. Used by `scene.py` and the tests.
"""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Self

import httpx
import yaml

Json = dict[str, Any]

#: Where each kind is served, by its plural.
GROUPS = {
    "namespaces": "/api/v1",
    "nodes": "/api/v1",
    "pods": "/api/v1",
    "services": "/api/v1",
    "secrets": "/api/v1",
    "events": "/api/v1",
    "serviceaccounts": "/api/v1",
    "podtemplates": "/api/v1",
    "replicasets": "/apis/apps/v1",
    "deployments": "/apis/apps/v1",
    "poddisruptionbudgets": "/apis/policy/v1",
    "customresourcedefinitions": "/apis/apiextensions.k8s.io/v1",
    "validatingwebhookconfigurations": "/apis/admissionregistration.k8s.io/v1",
    "leases": "/apis/coordination.k8s.io/v1",
    "rollouts": "/apis/argoproj.io/v1alpha1",
    "analysisruns": "/apis/argoproj.io/v1alpha1",
    "experiments": "/apis/argoproj.io/v1alpha1",
    "analysistemplates": "/apis/argoproj.io/v1alpha1",
    "virtualservices": "/apis/networking.istio.io/v1",
    "destinationrules": "/apis/networking.istio.io/v1",
    "roles": "/apis/rbac.authorization.k8s.io/v1",
    "rolebindings": "/apis/rbac.authorization.k8s.io/v1",
    "clusterroles": "/apis/rbac.authorization.k8s.io/v1",
    "clusterrolebindings": "/apis/rbac.authorization.k8s.io/v1",
}
CLUSTER_WIDE = {
    "namespaces",
    "nodes",
    "clusterroles",
    "clusterrolebindings",
    "customresourcedefinitions",
    "validatingwebhookconfigurations",
}


class ApiServer:
    """One API server, as the account of one kubeconfig."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig
        config = yaml.safe_load(kubeconfig.read_text())
        context = next(c for c in config["contexts"] if c["name"] == config["current-context"])
        cluster = _named(config["clusters"], context["context"]["cluster"], "cluster")
        user = _named(config["users"], context["context"]["user"], "user")
        self.url: str = cluster["server"]
        self.tls = _tls(cluster, user)
        self.headers = {"Authorization": f"Bearer {user['token']}"} if "token" in user else {}
        self._http = httpx.Client(
            base_url=self.url,
            verify=self.tls,
            headers=self.headers,
            timeout=30,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, kind: str, namespace: str, name: str) -> Json | None:
        """The object, None where there is none."""
        reply = self._http.get(path(kind, namespace, name))
        return None if reply.status_code == 404 else _body(reply)

    def subresource(self, kind: str, namespace: str, name: str, which: str) -> Json:
        """A subresource of an object."""
        return _body(self._http.get(f"{path(kind, namespace, name)}/{which}"))

    def list(self, kind: str, namespace: str = "", labels: str = "") -> list[Json]:
        """All objects of a kind."""
        query = {"labelSelector": labels} if labels else {}
        items: list[Json] = _body(self._http.get(path(kind, namespace), params=query))["items"]
        return items

    def create(self, obj: Json, namespace: str = "") -> Json:
        """Create an object as its manifest says."""
        kind = f"{obj['kind'].lower()}s"
        return _body(self._http.post(path(kind, namespace), json=obj))

    def patch(
        self, kind: str, namespace: str, name: str, body: Json, subresource: str = ""
    ) -> Json:
        """Change an object by a merge patch."""
        where = path(kind, namespace, name) + (f"/{subresource}" if subresource else "")
        merge = {"Content-Type": "application/merge-patch+json"}
        return _body(self._http.patch(where, content=json.dumps(body), headers=merge))

    def apply(self, obj: Json) -> None:
        """Apply an object of the whole cluster on the server's side, as `kubectl apply --server-side` does."""
        where = path(f"{obj['kind'].lower()}s", "", obj["metadata"]["name"])
        _body(
            self._http.patch(
                where,
                params={"fieldManager": "e2e", "force": "true"},
                content=json.dumps(obj),
                headers={"Content-Type": "application/apply-patch+yaml"},
            )
        )

    def delete_all(self, kind: str, namespace: str) -> None:
        """Delete all objects of a kind."""
        _body(self._http.request("DELETE", path(kind, namespace)))

    def delete(self, kind: str, namespace: str, name: str, children: str = "Background") -> None:
        """Delete an object; one that is gone already is fine. `children` may be `Orphan`: they stay."""
        how = {"propagationPolicy": children}
        reply = self._http.request("DELETE", path(kind, namespace, name), params=how)
        if reply.status_code != 404:
            _body(reply)

    def is_ready(self) -> bool:
        """Whether the server answers and calls itself ready."""
        try:
            return self._http.get("/readyz", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        """What kubectl printed; an AssertionError with its complaint when it failed."""
        done = subprocess.run(
            ["kubectl", "--kubeconfig", str(self.kubeconfig), *words],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, f"kubectl {' '.join(words)}: {done.stderr.strip()}"
        return done.stdout

    def account(self, namespace: str, name: str, folder: Path) -> Path:
        """A kubeconfig with the rights of a ServiceAccount and no others."""
        token = self.kubectl("-n", namespace, "create", "token", name, "--duration=1h").strip()
        config = yaml.safe_load(self.kubeconfig.read_text())
        for user in config["users"]:
            user["user"] = {"token": token}
        made = folder / f"{namespace}-{name}.kubeconfig"
        made.write_text(yaml.safe_dump(config))
        return made


def path(kind: str, namespace: str = "", name: str = "") -> str:
    """The URL's path of a kind or of an object."""
    within = f"/namespaces/{namespace}" if namespace and kind not in CLUSTER_WIDE else ""
    return f"{GROUPS[kind]}{within}/{kind}" + (f"/{name}" if name else "")


def _body(reply: httpx.Response) -> Json:
    body: Json = reply.json()
    assert reply.is_success, f"{reply.request.method} {reply.request.url}: {body.get('message')}"
    return body


def _named(entries: list[Json], name: str, what: str) -> Json:
    return next(dict(entry[what]) for entry in entries if entry["name"] == name)


def _tls(cluster: Json, user: Json) -> ssl.SSLContext:
    data = cluster.get("certificate-authority-data")
    context = ssl.create_default_context(
        cafile=cluster.get("certificate-authority"),
        cadata=base64.b64decode(data).decode() if data else None,
    )
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if "client-certificate-data" in user:
        with tempfile.NamedTemporaryFile() as pair:
            for part in ("client-certificate-data", "client-key-data"):
                pair.write(base64.b64decode(user[part]))
            pair.flush()
            context.load_cert_chain(pair.name)
    elif "client-certificate" in user:
        context.load_cert_chain(user["client-certificate"], user["client-key"])
    return context
