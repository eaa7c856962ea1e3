"""`gradatim measure` against a real Prometheus."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from gradatim.cli import cli

pytestmark = pytest.mark.prometheus


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that knows of no cluster."""
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "POD_NAMESPACE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def _measure(folder: Path, prometheus: dict[str, Any], condition: str, *args: str) -> Result:
    metric = {
        "name": "success-rate",
        "successCondition": condition,
        "provider": {"prometheus": prometheus},
    }
    secret = {"secretKeyRef": {"name": "prometheus", "key": "password"}}
    spec = {
        "args": [{"name": "password", "valueFrom": secret}, {"name": "ago", "value": "5m"}],
        "metrics": [metric],
    }
    template = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ClusterAnalysisTemplate",
        "metadata": {"name": "success-rate"},
        "spec": spec,
    }
    (folder / "template.yaml").write_text(yaml.safe_dump(template))
    (folder / "password").write_text("open-sesame\n")
    secrets = ("--secret", f"prometheus.password=@{folder / 'password'}")
    return CliRunner().invoke(cli, ["measure", str(folder / "template.yaml"), *secrets, *args])


def _guarded(server: Any) -> dict[str, Any]:
    return {
        "address": server.address,
        "caCert": Path(server.certificate).read_text(),
        "authentication": {"basicAuth": {"username": "gradatim", "password": "{{args.password}}"}},
    }


def test_a_real_server_behind_tls_and_a_password(guarded_prometheus_server, tmp_path) -> None:
    block = {**_guarded(guarded_prometheus_server), "query": "vector(0.97)"}
    result = _measure(tmp_path, block, "result[0] >= 0.95")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[:5] == [
        "metric    success-rate (prometheus)",
        "query     vector(0.97)",
        "value     [0.97]",
        "verdict   Successful",
        'why       successCondition "result[0] >= 0.95" holds',
    ]
    assert "sesame" not in result.output


def test_a_range_that_ends_now(guarded_prometheus_server, tmp_path) -> None:
    ranged = {"start": 'now() - duration("{{args.ago}}")', "end": "now()", "step": "1m"}
    block = {**_guarded(guarded_prometheus_server), "query": "vector(2)", "rangeQuery": ranged}
    result = _measure(tmp_path, block, "len(result) > 6", "--arg", "ago=3m", "--json")
    assert result.exit_code == 1, result.output
    told = json.loads(result.stdout)
    assert (told["value"], told["phase"]) == ("[2,2,2,2]", "Failed")
    assert told["query"].startswith("vector(2)")


def test_a_wrong_password_could_not_be_asked(guarded_prometheus_server, tmp_path) -> None:
    block = {**_guarded(guarded_prometheus_server), "query": "up"}
    block["authentication"] = {"basicAuth": {"username": "me", "password": "{{args.password}}"}}
    result = _measure(tmp_path, block, "true")
    assert result.exit_code == 2
    assert "refused the credentials (401)" in result.stdout
    assert "sesame" not in result.output
