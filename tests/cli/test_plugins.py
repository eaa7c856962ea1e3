"""`gradatim plugins`: what is installed, and what is wrong with it, for people and for scripts."""

import asyncio
import base64
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gradatim import registry as registry_room
from gradatim.cli.plugins import plugins
from gradatim.crds import custom_resource_definitions
from gradatim.plugin import Capability, MetricProvider, StepPlugin, TrafficRouter
from gradatim.registry import PluginInfo, Registry
from gradatim.registry.plugin import Plugin
from gradatim.sim import Sim
from gradatim.sim.kubeconfig import kubeconfig


class Constant(MetricProvider):
    key = "constant"

    async def measure(self, query: Any) -> Any:
        raise NotImplementedError

    def environment(self) -> list[str]:
        return ["CONSTANT_VALUE"]


class Unmakeable(Constant):
    key = "unmakeable"

    def __init__(self) -> None:
        raise OSError("no disk")


class Mesh(TrafficRouter):
    key = "mesh"
    capabilities = frozenset({Capability.WEIGHT, Capability.VERIFY})

    def plan(self, wanted: Any, objects: Any) -> Any:
        raise NotImplementedError


class Gate(StepPlugin):
    key = "gate"

    async def run(self, call: Any) -> Any:
        raise NotImplementedError

    def environment(self) -> list[str]:
        return ["GATE_TOKEN"]


class UnmakeableGate(Gate):
    key = "unmakeable"

    def __init__(self) -> None:
        raise OSError("no gate")


class UnmakeableMesh(Mesh):
    key = "unmakeable"

    def __init__(self) -> None:
        raise OSError("no mesh")


def plugin(name: str, *classes: type, **fields: Any) -> Plugin:
    metrics = tuple(cls for cls in classes if issubclass(cls, MetricProvider))
    routers = tuple(cls for cls in classes if issubclass(cls, TrafficRouter))
    steps = tuple(cls for cls in classes if issubclass(cls, StepPlugin))
    info = PluginInfo(
        name=name,
        distribution=f"gradatim-{name}",
        version="1.2",
        module=f"gradatim_{name}",
        metric_keys=tuple(cls.key for cls in metrics),
        router_keys=tuple(cls.key for cls in routers),
        step_keys=tuple(cls.key for cls in steps),
        **fields,
    )
    return Plugin(info, None, metrics, routers, steps)


SOUND = plugin("sound", Constant, Mesh, Gate, api="1.0")
BROKEN = plugin(
    "broken", state="failed", cause="ImportError: no x", traceback="Traceback: far down"
)
OFF = plugin("off", state="disabled")
RIVAL = plugin("rival", Constant, api="1.0")
UNMAKEABLE = plugin("unmakeable", Unmakeable, UnmakeableMesh, UnmakeableGate, api="1.0")

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    def run(*arguments: str, installed: tuple[Plugin, ...]) -> Result:
        monkeypatch.setattr(registry_room, "load_registry", lambda: Registry(installed))
        return CliRunner().invoke(plugins, arguments, env={"COLUMNS": "200"})

    return run


def test_list_shows_each_plugin_with_its_keys_and_state(run: Run) -> None:
    result = run("list", installed=(SOUND, BROKEN, OFF))
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines == [
        ["PLUGIN", "DISTRIBUTION", "VERSION", "API", "METRICS", "ROUTERS", "STEPS", "STATE"],
        ["sound", "gradatim-sound", "1.2", "1.0", "constant", "mesh", "gate", "loaded"],
        ["broken", "gradatim-broken", "1.2", "-", "-", "-", "-", "failed"],
        ["off", "gradatim-off", "1.2", "-", "-", "-", "-", "disabled"],
    ]
    assert "gradatim plugins doctor" in result.stderr


def test_list_shows_a_conflict(run: Run) -> None:
    result = run("list", installed=(SOUND, RIVAL))
    assert [line.split()[-1] for line in result.stdout.splitlines()[1:]] == ["conflict"] * 2


def test_list_json_has_what_a_script_asks_for(run: Run) -> None:
    result = run("list", "--json", installed=(SOUND, BROKEN))
    sound, broken = json.loads(result.stdout)
    assert sound["metric_keys"] == ["constant"]
    assert sound["capabilities"] == {"mesh": ["verify", "weight"]}
    assert sound["step_keys"] == ["gate"]
    assert sound["variables"] == {"constant": ["CONSTANT_VALUE"], "gate": ["GATE_TOKEN"]}
    assert (broken["state"], broken["cause"]) == ("failed", "ImportError: no x")


def test_doctor_is_content_with_sound_and_disabled_plugins(run: Run) -> None:
    result = run("doctor", installed=(SOUND, OFF))
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "plugin sound (gradatim-sound 1.2): ok",
        "plugin off (gradatim-off 1.2): disabled",
    ]


def test_doctor_names_plugin_distribution_version_and_cause(run: Run) -> None:
    result = run("doctor", installed=(SOUND, BROKEN))
    assert result.exit_code == 1
    assert result.stderr == "plugin broken (gradatim-broken 1.2): ImportError: no x\n"


def test_doctor_shows_the_traceback_when_asked(run: Run) -> None:
    result = run("doctor", "--traceback", installed=(BROKEN,))
    assert result.stderr.splitlines()[-1] == "Traceback: far down"


def test_doctor_names_both_owners_of_a_key(run: Run) -> None:
    result = run("doctor", installed=(SOUND, RIVAL))
    assert result.exit_code == 1
    assert (
        "plugin sound (gradatim-sound 1.2) and plugin rival (gradatim-rival 1.2)" in result.stderr
    )


def test_doctor_makes_each_provider_and_router(run: Run) -> None:
    result = run("doctor", installed=(UNMAKEABLE,))
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "plugin unmakeable (gradatim-unmakeable 1.2) cannot make Unmakeable: OSError: no disk",
        "plugin unmakeable (gradatim-unmakeable 1.2) cannot make UnmakeableMesh: OSError: no mesh",
        "plugin unmakeable (gradatim-unmakeable 1.2) cannot make UnmakeableGate: OSError: no gate",
    ]


def test_doctor_json_has_the_faults_and_the_same_exit_code(run: Run) -> None:
    result = run("doctor", "--json", installed=(SOUND, BROKEN))
    assert result.exit_code == 1
    assert [row["faults"] for row in json.loads(result.stdout)] == [[], ["ImportError: no x"]]


def test_the_installed_plugins_are_listed_for_real() -> None:
    result = CliRunner().invoke(plugins, ["list", "--json"])
    assert "web" in [row["name"] for row in json.loads(result.stdout)]


def test_help_imports_neither_plugins_nor_rich() -> None:
    script = (
        "import sys, gradatim.cli.plugins\n"
        "print([m for m in ('rich', 'pluggy', 'httpx', 'importlib_metadata') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


def _cluster_with(sim: Sim, token: str) -> None:
    secret = {"secretKeyRef": {"name": "tokens", "key": "token"}}
    block = {"url": "http://127.0.0.1:1/{{args.token}}", "jsonPath": "{$}"}
    metric = {"name": "m", "provider": {"web": block}}
    for kind in ("AnalysisTemplate", "ClusterAnalysisTemplate"):
        sim.create_object(
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": kind,
                "metadata": {"name": "t"},
                "spec": {
                    "args": [{"name": "token", "valueFrom": secret}],
                    "metrics": [metric, {"name": "d", "provider": {"datadog": {"query": "x{*}"}}}],
                },
            }
        )
    data = {"token": base64.b64encode(token.encode()).decode()}
    metadata = {"name": "tokens", "namespace": "default"}
    sim.create_object({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})


async def test_doctor_asks_for_the_templates_of_a_cluster(tmp_path: Path, monkeypatch: Any) -> None:
    for name in ("DD_API_KEY", "DD_APP_KEY", "DD_ADDRESS", "POD_NAMESPACE"):
        monkeypatch.delenv(name, raising=False)
    async with Sim() as sim:
        for definition in custom_resource_definitions():
            sim.create_object(definition)
        await sim.settle()
        _cluster_with(sim, "hunter22-of-the-test")
        (tmp_path / "kubeconfig").write_text(kubeconfig(await sim.serve()))
        args = ["doctor", "--templates", "--kubeconfig", str(tmp_path / "kubeconfig")]
        result = await asyncio.to_thread(CliRunner().invoke, plugins, args)
    assert result.exit_code == 1, result.output
    assert (
        'AnalysisTemplate default/t: spec.metrics[1].provider.datadog: there is no Secret "datadog"'
        in (result.stderr)
    )
    assert "ClusterAnalysisTemplate t: spec.metrics[1].provider.datadog: " in result.stderr
    assert "AnalysisTemplate default/t: spec.metrics[0].provider.web.url: " in result.stderr
    assert "hunter22" not in result.output
