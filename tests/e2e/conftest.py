"""What the tests on a real API server are given: the cluster, a namespace each, and controllers as processes.

Skipped, with the reason, where $KUBECONFIG names no cluster. Whatever is started is ended by its pid, also on failure.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

import rights
from apiserver import ApiServer
from controllers import Controllers
from controlplane import ControlPlane, kube_folder, kube_script
from manifests import CRDS, ISTIO_DEFINITIONS
from scene import Scene
from telemetry import Telemetry, prometheus_binary

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this folder needs a real API server."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell how much was written, whether the tests passed or not."""
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    for report in reports:
        for name, value in report.user_properties if report.when == "call" else ():
            terminalreporter.write_line(f"{name}: {value}")


@pytest.fixture(scope="session")
def kubeconfig() -> Path:
    """The cluster's kubeconfig, with an account that may do everything."""
    path = os.environ.get("KUBECONFIG", "")
    if not path or not Path(path).is_file():
        pytest.skip("KUBECONFIG names no cluster: `make e2e` starts one for these tests")
    return Path(path)


@pytest.fixture(scope="session")
def api(kubeconfig: Path) -> Iterator[ApiServer]:
    """The cluster with our CRDs, Istio's, and a node."""
    with ApiServer(kubeconfig) as server:
        prepare(server)
        if not server.list("nodes"):
            pytest.skip("the cluster has no node: pods would never be ready")
        yield server


@pytest.fixture(scope="session")
def own_plane(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane for those tests alone that stop it, kill it, or count what is written to it."""
    if not kube_script().is_file():
        pytest.skip(f"no control plane in {kube_folder()}: GRADATIM_KUBE names its folder")
    with ControlPlane(tmp_path_factory.mktemp("plane")) as plane:
        prepare(plane.api)
        yield plane


@pytest.fixture
def telemetry(tmp_path: Path) -> Iterator[Telemetry]:
    """A Prometheus server and what it scrapes."""
    if prometheus_binary() is None:
        pytest.skip("there is no prometheus binary")
    with Telemetry(tmp_path) as running:
        yield running


@pytest.fixture
def make_scene(
    tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[[ApiServer], Scene]]:
    """Scenes in namespaces of their own, cleaned up in the end."""
    with ExitStack() as stack:

        def make(server: ApiServer) -> Scene:
            namespace = f"e2e-{uuid.uuid4().hex[:8]}"
            folder = tmp_path / namespace
            folder.mkdir()
            server.create(
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
            )
            stack.callback(server.delete, "namespaces", "", namespace)
            controllers = stack.enter_context(Controllers(server.kubeconfig, namespace, folder))
            return Scene(server, namespace, controllers)

        yield make


@pytest.fixture
def scene(api: ApiServer, make_scene: Callable[[ApiServer], Scene]) -> Scene:
    """A namespace of the shared cluster, and no controller yet."""
    return make_scene(api)


@pytest.fixture
def at_work(scene: Scene) -> Scene:
    """A namespace with a controller that looks after it."""
    scene.controllers.start()
    return scene


@pytest.fixture
def account(scene: Scene, tmp_path: Path) -> Iterator[Path]:
    """A kubeconfig of an account without rights: `rights.grant` gives it some."""
    with rights.account(scene, tmp_path) as kubeconfig:
        yield kubeconfig


def prepare(server: ApiServer) -> None:
    """Install the definitions of ours and of Istio, and wait until they are served."""
    config = ["--kubeconfig", str(server.kubeconfig)]
    apply = ["kubectl", *config, "apply", "--server-side", "--force-conflicts", "-f"]
    subprocess.run([*apply, str(CRDS)], check=True, capture_output=True, timeout=60)
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": ISTIO_DEFINITIONS})
    subprocess.run([*apply, "-"], input=text.encode(), check=True, capture_output=True, timeout=60)
    wait = ["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"]
    subprocess.run(["kubectl", *config, *wait], check=True, capture_output=True, timeout=60)
