"""What the tests on a real API server are given: the cluster, a namespace each, and controllers as processes.

One controller looks after most of the namespaces; who stops, kills or configures one starts it alone. Skipped, with
the reason, where $KUBECONFIG names no cluster. Whatever is started is ended by its pid, also on failure.
"""

from __future__ import annotations

import os
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

sys.path.append(str(Path(__file__).parent))

import rights
from apiserver import ApiServer
from controllers import Controllers, Shared
from controlplane import ControlPlane, kube_folder, kube_script
from journal import Journal
from manifests import CRDS, ISTIO_DEFINITIONS
from scene import Scene
from telemetry import Telemetry, prometheus_binary

HERE = Path(__file__).parent
#: Fixtures that cost much: the tests of one run on one worker.
LONG = ("own_plane", "undisturbed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this folder needs a real API server; those that take longest begin first.

    Those that share a control plane or a release to compare with stay together, so that there is one of each.
    """
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            for fixture in LONG:
                if fixture in getattr(item, "fixturenames", ()):
                    item.add_marker(pytest.mark.xdist_group(fixture))
    items.sort(key=lambda item: item.get_closest_marker("xdist_group") is None)


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


@pytest.fixture(scope="session")
def shared(api: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Controllers]:
    """The controller of all tests that leave theirs alone: it looks after what has its instance id."""
    instance = f"e2e-{uuid.uuid4().hex[:8]}"
    with Controllers(api.kubeconfig, instance, tmp_path_factory.mktemp("shared")) as controllers:
        more = ("--instance-id", instance, "--qps", "0")
        controllers.start(*more, namespaced=False)
        yield controllers


@pytest.fixture
def make_scene(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Scene]]:
    """Scenes in namespaces of their own, cleaned up in the end."""
    with ExitStack() as stack:

        def make(server: ApiServer, of: Controllers | None = None) -> Scene:
            namespace = f"e2e-{uuid.uuid4().hex[:8]}"
            folder = tmp_path / namespace
            folder.mkdir()
            server.create(
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
            )
            stack.callback(clean, server, namespace)
            own = Shared(of, namespace) if of else Controllers(server.kubeconfig, namespace, folder)
            controllers = stack.enter_context(own)
            journal = stack.enter_context(Journal(server, namespace))
            return Scene(server, namespace, controllers, journal, of.name if of else "")

        yield make


@pytest.fixture
def scene(api: ApiServer, make_scene: Callable[..., Scene]) -> Scene:
    """A namespace of the shared cluster, and no controller yet."""
    return make_scene(api)


@pytest.fixture
def alone(scene: Scene) -> Scene:
    """A namespace with a controller that looks after nothing else."""
    scene.controllers.start()
    return scene


@pytest.fixture
def at_work(api: ApiServer, shared: Controllers, make_scene: Callable[..., Scene]) -> Scene:
    """A namespace that the shared controller looks after."""
    return make_scene(api, of=shared)


@pytest.fixture
def account(scene: Scene, tmp_path: Path) -> Iterator[Path]:
    """A kubeconfig of an account without rights: `rights.grant` gives it some."""
    with rights.account(scene, tmp_path) as kubeconfig:
        yield kubeconfig


def prepare(server: ApiServer) -> None:
    """Install the definitions of ours and of Istio, and wait until they are served."""
    ours = [yaml.safe_load(file.read_text()) for file in sorted(CRDS.glob("*.yaml"))]
    definitions = [*ours, *ISTIO_DEFINITIONS]
    for definition in definitions:
        server.apply(definition)
    limit = time.monotonic() + 30
    while not all(served(server, each["metadata"]["name"]) for each in definitions):
        assert time.monotonic() < limit, "the definitions are not served"
        time.sleep(0.1)


def served(server: ApiServer, definition: str) -> bool:
    """Whether objects of a definition can be had."""
    found = server.get("customresourcedefinitions", "", definition) or {}
    conditions = found.get("status", {}).get("conditions") or []
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)


def clean(server: ApiServer, namespace: str) -> None:
    """Delete a namespace, and what would be made again in it first."""
    server.delete_all("rollouts", namespace)
    server.delete("namespaces", "", namespace)
