"""`gradatim` and `gradatim run`, from the outside: what an operator sees who has something to mend."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from gradatim.cli import COMMANDS, cli
from gradatim.cli.logs import JsonLines, TextLines
from gradatim.cli.run import Flags, controller_namespace, run_command
from gradatim.crds import custom_resource_definitions
from gradatim.errors import SetupError
from gradatim.sim import Sim
from gradatim.sim.kubeconfig import kubeconfig

#: The flags of Argo Rollouts' controller, each in a form that Go's flag parser takes.
REFERENCE_FLAGS = [
    "--namespaced",
    "--namespaced=false",
    "--namespace=ours",
    "--instance-id=blue",
    "--rollout-resync=900",
    "--loglevel=info",
    "--loglevel=trace",
    "--loglevel=fatal",
    "--logformat=json",
    "--kloglevel=0",
    "--metricsPort=8090",
    "--metricsport=8090",
    "--healthzPort=8080",
    "--qps=40",
    "--burst=80",
    "--rollout-threads=10",
    "--experiment-threads=10",
    "--analysis-threads=30",
    "--service-threads=10",
    "--ingress-threads=10",
    "--ephemeral-metadata-threads=10",
    "--ephemeral-metadata-update-pod-retries=3",
    "--istio-api-version=v1alpha3",
    "--ambassador-api-version=getambassador.io/v2",
    "--traffic-split-api-version=v1alpha1",
    "--traefik-api-group=traefik.io",
    "--traefik-api-version=traefik.io/v1alpha1",
    "--ingress-api-version=networking.k8s.io/v1",
    "--appmesh-crd-version=v1beta2",
    "--aws-target-group-binding-api-version=elbv2.k8s.aws/v1beta1",
    "--alb-tag-key-resource-id=ingress.k8s.aws/resource",
    "--alb-ingress-classes=alb",
    "--nginx-ingress-classes=nginx",
    "--aws-verify-target-group=false",
    "--aws-verify-target-group",
    "--alb-verify-weight",
    "--leader-elect=false",
    "--leader-elect",
    "--self-service-notification-enabled",
    "--controllers=analysis",
    "--enable-pprof-address=:6060",
]


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that knows of no cluster."""
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "POD_NAMESPACE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def outside(*args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("KUBECONFIG", "POD_NAMESPACE")}
    return subprocess.run(
        [sys.executable, "-m", "gradatim.cli", *args],
        env={**kept, "HOME": "/nonexistent", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def run(*args: str) -> Result:
    return CliRunner().invoke(cli, ["run", *args])


def test_help_names_every_command_and_imports_none_of_what_they_need() -> None:
    asked = (
        "import sys\n"
        "from gradatim.cli import cli\n"
        "try: cli(['--help'], prog_name='gradatim')\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'kubernetes', 'httpx', 'aiohttp', 'pluggy', 'yaml', 'gradatim.run', 'asyncio'}\n"
        "found = sorted(heavy & set(sys.modules))\n"
        "assert not found, found\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    for name in COMMANDS:
        assert f"  {name} " in done.stdout


def test_a_misspelt_command_is_answered_with_the_one_that_was_meant() -> None:
    result = CliRunner().invoke(cli, ["vaildate"])
    assert result.exit_code == 2
    assert "there is no command 'vaildate'. Did you mean 'validate'?" in result.output
    assert "Did you mean" not in CliRunner().invoke(cli, ["xyz"]).output


@pytest.mark.parametrize(
    ("args", "environment", "said"),
    [
        pytest.param([], {}, "no cluster: give --kubeconfig", id="no cluster"),
        pytest.param(["--kubeconfig", "/no/such"], {}, "/no/such", id="a file that is not there"),
        pytest.param([], {"KUBECONFIG": "/no/such"}, "/no/such", id="KUBECONFIG of nothing"),
        pytest.param(
            ["--kubeconfig", __file__], {}, "kubeconfig", id="a file that is no kubeconfig"
        ),
    ],
)
def test_without_a_cluster_it_ends_with_one_line_and_2(
    args: list[str], environment: dict[str, str], said: str
) -> None:
    done = outside("run", *args, **environment)
    lines = [line for line in done.stderr.splitlines() if " INFO " not in line]
    assert done.returncode == 2
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("gradatim: ")
    assert said in lines[0]
    assert done.stdout == ""


def test_a_server_that_does_not_answer_is_named(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(kubeconfig("http://127.0.0.1:9"))
    done = outside("run", "--kubeconfig", str(path))
    assert done.returncode == 2
    assert "gradatim: http://127.0.0.1:9: cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize("flag", REFERENCE_FLAGS)
def test_each_flag_of_the_reference_is_taken(flag: str) -> None:
    result = run(flag)
    # it got as far as looking for a cluster
    assert isinstance(result.exception, SetupError), result.output


@pytest.mark.usefixtures("nowhere")
def test_all_flags_of_the_reference_are_taken_together() -> None:
    assert isinstance(run(*REFERENCE_FLAGS).exception, SetupError)


def test_flags_that_mean_nothing_here_are_named_as_they_were_written() -> None:
    done = outside("run", "--metricsPort=1", "--ingress-threads", "7", "--logformat", "json")
    said = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    assert said[0]["msg"] == "flags without effect here: --ingress-threads, --metricsPort"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--leader-elect=maybe"], "--leader-elect"),
        (["--healthzPort", "99999"], "healthz"),
        (["--rollout-threads", "0"], "--rollout-threads"),
        (["--traffic-propagation-delay", "soon"], "--traffic-propagation-delay"),
        (["--traffic-propagation-delay=-1s"], "must not be negative"),
        (["--istio-api-version=latest"], "no version such as v1 or v1alpha3"),
        (["--no-such-flag"], "--no-such-flag"),
    ],
)
def test_a_wrong_value_is_named_with_its_flag(args: list[str], said: str) -> None:
    result = run(*args)
    assert result.exit_code == 2
    assert said in result.output


def parsed(monkeypatch: pytest.MonkeyPatch, *args: str) -> Flags:
    found: list[Flags] = []

    async def note(flags: Flags) -> None:
        found.append(flags)

    monkeypatch.setattr("gradatim.cli.run._run", note)
    run_command.main(list(args), standalone_mode=False)
    return found[0]


def test_flags_come_to_the_controller_as_they_were_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    flags = parsed(monkeypatch)
    assert (flags.leader_elect, flags.namespaced, flags.rollout_threads) == (True, False, 10)
    assert (flags.qps, flags.burst, flags.healthz_port) == (40.0, 80, 8080)
    assert flags.propagation_delay.total_seconds() == 5
    args = ["--leader-elect=false", "--namespaced", "-n", "ours", "--instance-id", "blue"]
    flags = parsed(monkeypatch, *args, "--traffic-propagation-delay=1m30s")
    assert (flags.leader_elect, flags.namespaced, flags.namespace) == (False, True, "ours")
    assert flags.instance_id == "blue"
    assert flags.propagation_delay.total_seconds() == 90


def test_the_controllers_namespace_is_given_or_the_pods_or_the_usual_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("POD_NAMESPACE", raising=False)
    assert controller_namespace("given") == "given"
    assert controller_namespace(None) == "argo-rollouts"
    monkeypatch.setenv("POD_NAMESPACE", "pods")
    assert controller_namespace(None) == "pods"
    assert controller_namespace("given") == "given"


def record(message: str, **extra: Any) -> logging.LogRecord:
    made = logging.LogRecord("gradatim.x", logging.WARNING, "", 0, message, None, None)
    vars(made).update(extra)
    return made


def test_a_json_line_is_one_object_whatever_it_tells_of() -> None:
    line = JsonLines().format(record("a\nb \ud800 é", rollout="web", what={1, 2}, when=object()))
    assert "\n" not in line
    found = json.loads(line)
    assert found["msg"].startswith("a\nb")
    assert (found["level"], found["rollout"]) == ("warning", "web")
    assert found["time"].endswith("Z")


def test_a_traceback_goes_with_the_line() -> None:
    made = record("failed")
    made.exc_info = (ValueError, ValueError("inside"), None)
    assert "ValueError: inside" in json.loads(JsonLines().format(made))["traceback"]
    assert "ValueError: inside" in TextLines().format(made)


async def test_it_runs_on_a_cluster_until_it_is_told_to_stop(tmp_path: Path) -> None:
    async with Sim() as sim:
        for definition in custom_resource_definitions():
            sim.create_object(definition)
        await sim.settle()
        path = tmp_path / "config"
        path.write_text(kubeconfig(await sim.serve()))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "gradatim.cli", "run", "--kubeconfig", str(path), "--healthzPort=0"),
            *("--logformat=json", "--namespace=gradatim"),
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stderr is not None
        lines = []
        async with asyncio.timeout(60):
            while not any(line["msg"].startswith("watching") for line in lines):
                lines.append(json.loads(await process.stderr.readline()))
            said = next(line["msg"] for line in lines if "/healthz" in line["msg"])
            port = said.split("port ")[1].split(",")[0]
            async with httpx.AsyncClient(trust_env=False) as client:
                answer = await client.get(f"http://127.0.0.1:{port}/healthz")
            assert (answer.status_code, answer.text) == (200, "ok\n")
            lease = sim.list("Lease", "gradatim")[0]
            assert lease["metadata"]["name"] == "argo-rollouts-controller-lock"
            process.send_signal(signal.SIGTERM)
            left = await process.stderr.read()
            assert await process.wait() == 0, left
        assert json.loads(left.splitlines()[-1])["msg"] == "stopped"
        # the next one need not wait for the lease to run out
        assert not sim.list("Lease", "gradatim")[0]["spec"]["holderIdentity"]
