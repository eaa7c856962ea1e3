"""The HTTP face, as other clients see it, and kubectl where there is one."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import asynccontextmanager

import httpx
import pytest
import yaml

from gradatim.sim import Sim, SimSettings
from gradatim.sim.columns import duration
from gradatim.sim.http import MAX_BODY
from gradatim.sim.kubeconfig import kubeconfig, write_kubeconfig
from gradatim.sim.table import json_path, wanted_form

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
PODS = "/api/v1/namespaces/default/pods"
MAPS = "/api/v1/namespaces/default/configmaps"

MANIFESTS = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: "app:v1", ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: batch/v1
kind: Job
metadata: {name: once}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: x, command: ["true"]}]}}}
---
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: shop}
spec: {replicas: 1, selector: {matchLabels: {app: shop}}}
"""


@asynccontextmanager
async def served():
    """A cluster that is served, and an HTTP client for it."""
    async with Sim(SimSettings(ready_after=0.05, gone_after=0.05, job_lasts=0.05)) as sim:
        url = await sim.serve()
        async with httpx.AsyncClient(base_url=url) as client:
            yield sim, client


async def test_objects_are_made_read_changed_and_deleted():
    async with served() as (sim, client):
        answer = await client.post(MAPS, json={"metadata": {"name": "a"}, "data": {"x": "1"}})
        assert (answer.status_code, answer.json()["kind"]) == (201, "ConfigMap")
        patch = {"data": {"x": "2"}}
        answer = await client.patch(
            f"{MAPS}/a",
            content=json.dumps(patch),
            headers={"Content-Type": "application/merge-patch+json"},
        )
        assert answer.json()["data"] == {"x": "2"}
        assert sim.get("ConfigMap", "a")["data"] == {"x": "2"}
        assert (await client.delete(f"{MAPS}/a")).json()["status"] == "Success"
        assert (await client.get(f"{MAPS}/a")).status_code == 404


async def test_an_applied_configuration_may_be_yaml():
    async with served() as (_, client):
        text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {when: 2026-01-01T00:00:00Z}\n"
        headers = {"Content-Type": "application/apply-patch+yaml"}
        place = f"{MAPS}/a?fieldManager=me"
        answer = await client.patch(place, content=text, headers=headers)
        assert answer.status_code == 201
        assert answer.json()["data"] == {"when": "2026-01-01T00:00:00Z"}
        assert (await client.patch(place, content=text, headers=headers)).status_code == 200


@pytest.mark.parametrize(
    ("content", "content_type", "code"),
    [
        (b"{not json", "application/json", 400),
        (b"{a: [", "application/apply-patch+yaml", 400),
        (b"[]", "application/json", 400),
        (b"\x0a", "application/vnd.kubernetes.protobuf", 415),
        (b"[" * 100_000, "application/json", 400),
        (b'"' + b"x" * (MAX_BODY + 10) + b'"', "application/json", 413),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused(content, content_type, code):
    async with served() as (_, client):
        answer = await client.post(MAPS, content=content, headers={"Content-Type": content_type})
        assert answer.status_code == code
        assert answer.json()["kind"] == "Status"


async def test_a_watch_streams_line_by_line_and_ends_in_time():
    async with served() as (sim, client):
        query = {"watch": "true", "timeoutSeconds": "1"}
        async with client.stream("GET", MAPS, params=query) as answer:
            sim.create("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}")
            lines = [json.loads(line) async for line in answer.aiter_lines()]
        assert [(e["type"], e["object"]["metadata"]["name"]) for e in lines] == [("ADDED", "a")]


async def test_closing_the_cluster_ends_its_streams():
    async with Sim() as sim:
        url = await sim.serve()
        query = {"watch": "1"}
        async with (
            httpx.AsyncClient(base_url=url) as client,
            client.stream("GET", MAPS, params=query) as answer,
        ):
            closing = asyncio.create_task(sim.aclose())
            with pytest.raises(httpx.HTTPError):
                async for _ in answer.aiter_lines():
                    pass
            await closing


async def test_tables_have_the_usual_columns():
    async with served() as (sim, client):
        sim.create(MANIFESTS)
        await sim.settle()

        async def rows(path):
            table = (await client.get(path, headers={"Accept": TABLE})).json()
            assert table["kind"] == "Table"
            heads = [
                column["name"] for column in table["columnDefinitions"] if not column["priority"]
            ]
            return heads, [row["cells"][: len(heads)] for row in table["rows"]]

        heads, found = await rows(PODS)
        assert heads == ["Name", "Ready", "Status", "Restarts", "Age"]
        assert {tuple(cells[1:4]) for cells in found} == {
            ("1/1", "Running", "0"),
            ("0/1", "Completed", "0"),
        }
        heads, found = await rows("/apis/apps/v1/namespaces/default/deployments")
        assert found[0][:4] == ["web", "2/2", 2, 2]
        heads, found = await rows("/apis/apps/v1/namespaces/default/replicasets")
        assert found[0][1:4] == [2, 2, 2]
        heads, found = await rows("/api/v1/namespaces/default/services")
        assert (found[0][0], found[0][1], found[0][4]) == ("web", "ClusterIP", "80/TCP")
        heads, found = await rows("/apis/batch/v1/namespaces/default/jobs")
        assert found[0][:3] == ["once", "Complete", "1/1"]
        heads, found = await rows("/apis/discovery.k8s.io/v1/endpointslices")
        assert found[0][2] == "80"
        heads, found = await rows("/apis/argoproj.io/v1alpha1/rollouts")
        assert heads == ["Name", "Age"]
        for path in ("/api/v1/namespaces", "/api/v1/nodes", "/api/v1/events"):
            await rows(path)


async def test_a_watch_and_one_object_come_as_tables_too():
    async with served() as (sim, client):
        sim.create("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}")
        one = (await client.get(f"{MAPS}/a", headers={"Accept": TABLE})).json()
        assert one["rows"][0]["cells"][0] == "a"
        query = {"watch": "true", "timeoutSeconds": "1"}
        async with client.stream("GET", MAPS, params=query, headers={"Accept": TABLE}) as answer:
            events = [json.loads(line) async for line in answer.aiter_lines()]
        assert events[0]["object"]["rows"][0]["cells"][0] == "a"
        listed = (await client.get(MAPS, headers={"Accept": METADATA})).json()
        assert listed["kind"] == "PartialObjectMetadataList"
        assert set(listed["items"][0]) == {"kind", "apiVersion", "metadata"}
        missing = await client.get(f"{MAPS}/b", headers={"Accept": TABLE})
        assert missing.json()["kind"] == "Status"


async def test_a_definitions_columns_are_printed():
    definition = """
    apiVersion: apiextensions.k8s.io/v1
    kind: CustomResourceDefinition
    metadata: {name: widgets.example.org}
    spec:
      group: example.org
      scope: Cluster
      names: {kind: Widget, plural: widgets}
      versions:
      - name: v1
        served: true
        storage: true
        schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
        additionalPrinterColumns:
        - {name: Size, type: integer, jsonPath: .spec.size}
        - {name: Ready, type: string, jsonPath: '.status.conditions[?(@.type=="Ready")].status'}
        - {name: Since, type: date, jsonPath: .metadata.creationTimestamp}
    """
    async with served() as (sim, client):
        sim.create(definition)
        sim.create_object(
            {
                "apiVersion": "example.org/v1",
                "kind": "Widget",
                "metadata": {"name": "w"},
                "spec": {"size": 3},
                "status": {
                    "conditions": [
                        {"type": "Other", "status": "x"},
                        {"type": "Ready", "status": "True"},
                    ]
                },
            }
        )
        table = (await client.get("/apis/example.org/v1/widgets", headers={"Accept": TABLE})).json()
        assert table["rows"][0]["cells"][:3] == ["w", 3, "True"]
        assert table["rows"][0]["cells"][3].endswith("s")


async def test_discovery_names_everything():
    async with served() as (_, client):
        groups = (await client.get("/apis")).json()["groups"]
        assert {"apps", "argoproj.io", "batch", "policy", "networking.istio.io"} <= {
            g["name"] for g in groups
        }
        for group in groups:
            assert (await client.get(f"/apis/{group['name']}")).json()["kind"] == "APIGroup"
            for version in group["versions"]:
                listed = (await client.get(f"/apis/{version['groupVersion']}")).json()
                assert listed["resources"]
        core = (await client.get("/api/v1")).json()["resources"]
        assert {"pods", "pods/status", "pods/eviction", "namespaces"} <= {r["name"] for r in core}
        assert (await client.get("/api")).json()["versions"] == ["v1"]
        assert (await client.get("/readyz")).text == "ok"
        for path in ("/apis/none/v1", "/apis/apps/v9", "/nowhere", "/openapi/v3/apis/none/v1"):
            assert (await client.get(path)).status_code == 404


async def test_openapi_lets_kubectl_leave_validation_to_the_server():
    async with served() as (_, client):
        index = (await client.get("/openapi/v3")).json()["paths"]
        document = (await client.get(index["apis/apps/v1"]["serverRelativeURL"])).json()
        operation = document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"][
            "patch"
        ]
        assert "fieldValidation" in {parameter["name"] for parameter in operation["parameters"]}
        assert (await client.get("/openapi/v2")).json()["swagger"] == "2.0"
        accept = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
        answer = await client.get("/openapi/v2", headers={"Accept": accept})
        assert answer.content.startswith(b"\x0a\x032.0")


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("DELETE", f"{PODS}/none/status", 405),
        ("POST", "/api/v1/pods", 405),
        ("PUT", PODS, 405),
        ("GET", "/api/v1/namespaces/default/namespaces/x", 404),
        ("GET", f"{PODS}/none/log", 404),
        ("GET", "/api/v1/pods/none", 404),
        ("GET", f"{PODS}/a/b/c/d", 404),
    ],
)
async def test_paths_and_verbs_that_are_not_are_refused(method, path, code):
    async with served() as (_, client):
        assert (
            await client.request(method, path, json={"metadata": {"name": "x"}})
        ).status_code == code


async def test_an_access_review_is_always_allowed():
    async with served() as (_, client):
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        answer = await client.post(path, json={"spec": {"resourceAttributes": {"verb": "get"}}})
        assert (answer.status_code, answer.json()["status"]) == (201, {"allowed": True})


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", ""),
        ("application/json", ""),
        (TABLE, "Table"),
        ("application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json", "Table"),
        ("application/json, application/json;as=Table", ""),
        ("application/vnd.kubernetes.protobuf,application/json", ""),
        (METADATA, "PartialObjectMetadata"),
    ],
)
def test_the_first_known_form_is_taken(accept, form):
    assert wanted_form(accept) == form


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (".a.b", 1),
        (".list[1].n", "y"),
        (".list[9].n", None),
        ('.list[?(@.n=="y")].v', 2),
        (".none.at.all", None),
        ("['a'].b", 1),
    ],
)
def test_json_paths_find_what_columns_show(path, value):
    obj = {"a": {"b": 1}, "list": [{"n": "x", "v": 1}, {"n": "y", "v": 2}]}
    assert json_path(obj, path) == value


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (119, "119s"), (120, "2m"), (150, "2m30s"), (3600, "60m"), (10_800, "3h"), (12_000, "3h20m"),
     (90_000, "25h"), (180_000, "2d2h"), (1_000_000, "11d")],
)  # fmt: skip
def test_ages_are_short(seconds, text):
    assert duration(seconds) == text


def test_a_kubeconfig_is_written(tmp_path):
    path = tmp_path / "deep" / "config"
    write_kubeconfig(path, "http://127.0.0.1:1")
    config = yaml.safe_load(path.read_text())
    assert path.read_text() == kubeconfig("http://127.0.0.1:1")
    assert config["clusters"][0]["cluster"] == {"server": "http://127.0.0.1:1"}


KUBECTL = shutil.which("kubectl")


@pytest.mark.skipif(KUBECTL is None, reason="no kubectl here")
async def test_kubectl_works(tmp_path):
    config = tmp_path / "config"
    manifests = tmp_path / "all.yaml"
    manifests.write_text(MANIFESTS)
    environment = {**os.environ, "KUBECONFIG": str(config), "HOME": str(tmp_path)}

    async def kubectl(*words):
        process = await asyncio.create_subprocess_exec(
            KUBECTL, *words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        out, err = await process.communicate()
        assert process.returncode == 0, err.decode()
        return out.decode()

    async with served() as (sim, _):
        write_kubeconfig(config, str(await sim.serve()))
        assert "deployment.apps/web created" in await kubectl("apply", "-f", str(manifests))
        await sim.settle()
        assert "2/2" in await kubectl("get", "deployments")
        assert "unchanged" in await kubectl("apply", "-f", str(manifests))
        assert "serverside-applied" in await kubectl(
            "apply", "--server-side", "--force-conflicts", "-f", str(manifests)
        )
        await kubectl("scale", "rollouts.argoproj.io/shop", "--replicas=4")
        assert sim.get("Rollout", "shop")["spec"]["replicas"] == 4
        await kubectl("patch", "deployment/web", "-p", '{"spec":{"replicas":1}}')
        await kubectl("wait", "--for=condition=complete", "job/once", "--timeout=5s")
        assert "Selector:" in await kubectl("describe", "service", "web")
        await kubectl("label", "rollouts.argoproj.io/shop", "a=b")
        await kubectl("create", "namespace", "team")
        await kubectl("delete", "namespace", "team")
        await kubectl("delete", "-f", str(manifests))
        await sim.settle()
        assert sim.list("Pod") == sim.list("Rollout") == []


def test_the_command_serves_until_it_is_told_to_stop(tmp_path):
    config = tmp_path / "sim.kubeconfig"
    program = "from gradatim.cli.sim import sim_command; sim_command()"
    words = [sys.executable, "-c", program, "--port", "0", "--kubeconfig", str(config)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert "http://127.0.0.1:" in first
        while "Ctrl-C" not in process.stdout.readline():
            pass
        server = yaml.safe_load(config.read_text())["clusters"][0]["cluster"]["server"]
        assert httpx.get(f"{server}/version").json()["major"] == "1"
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
