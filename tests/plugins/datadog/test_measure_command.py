"""`gradatim measure` against a loopback server in Datadog's shapes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from gradatim.cli import cli

TEMPLATE = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "AnalysisTemplate",
    "metadata": {"name": "errors"},
    "spec": {
        "args": [{"name": "service"}],
        "metrics": [
            {
                "name": "errors",
                "successCondition": "default(result, 0) < 0.01",
                "provider": {
                    "datadog": {
                        "apiVersion": "v2",
                        "queries": {
                            "a": "sum:errors{service:{{args.service}}}",
                            "b": "sum:requests{service:{{args.service}}}",
                        },
                        "formula": "a / b",
                    }
                },
            }
        ],
    },
}


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that knows of no cluster and has no keys."""
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "POD_NAMESPACE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("DD_API_KEY", "DD_APP_KEY", "DD_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def _measure(folder: Path, *args: str) -> Result:
    (folder / "template.yaml").write_text(yaml.safe_dump(TEMPLATE))
    file = str(folder / "template.yaml")
    return CliRunner().invoke(cli, ["measure", file, "--arg", "service=shop", *args])


def _keys(folder: Path, **texts: str) -> list[str]:
    args = []
    for name, text in texts.items():
        key = name.replace("_", "-")
        (folder / key).write_text(text)
        args += ["--secret", f"datadog.{key}=@{folder / key}"]
    return args


def _secret_free(result: Result, site: Any) -> bool:
    return all(one not in result.output for one in (site.api_key, site.app_key, site.address))


def test_keys_from_files(site, tmp_path) -> None:
    site.columns = [{"name": "a / b", "type": "number", "values": [0.004]}]
    keys = _keys(tmp_path, api_key=site.api_key, app_key=site.app_key, address=site.address)
    result = _measure(tmp_path, *keys)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "metric    errors (datadog)"
    assert "a / b" in lines[1]
    assert "sum:errors{service:shop}" in lines[1]
    assert lines[2:5] == [
        "value     0.004",
        "verdict   Successful",
        'why       successCondition "default(result, 0) < 0.01" holds',
    ]
    assert _secret_free(result, site)


def test_keys_from_the_environment(site, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DD_API_KEY", site.api_key)
    monkeypatch.setenv("DD_APP_KEY", site.app_key)
    monkeypatch.setenv("DD_ADDRESS", site.address)
    result = _measure(tmp_path)
    assert (result.exit_code, "Failed" in result.stdout) == (1, True), result.output
    assert _secret_free(result, site)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({}, 'there is no Secret "datadog" in namespace "argo-rollouts"'),
        ({"api_key": "x"}, 'lacks the key "app-key"'),
        ({"api_key": "x", "app_key": "\n"}, 'holds nothing under "app-key"'),
    ],
)
def test_each_case_of_a_wrong_secret_is_named(tmp_path, keys: dict[str, str], said: str) -> None:
    result = _measure(tmp_path, *_keys(tmp_path, **keys))
    assert result.exit_code == 2
    assert said in result.stdout


def test_keys_that_datadog_refuses_are_not_printed(site, tmp_path) -> None:
    site.app_key, sent = "c" * 40, site.app_key
    keys = _keys(tmp_path, api_key=site.api_key, app_key=sent, address=site.address)
    result = _measure(tmp_path, *keys)
    assert result.exit_code == 2
    assert 'refused the keys of Secret "datadog" in namespace "argo-rollouts" (403' in result.stdout
    assert sent not in result.output
    assert _secret_free(result, site)
