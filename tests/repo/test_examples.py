"""The examples are what the README tells people to start from: they are valid, and the plugin works as it is."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from gradatim.cli import cli
from gradatim.plugin import Query
from gradatim.registry import load_registry

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
MANIFESTS = sorted(EXAMPLES.glob("*.yaml"))
PLUGIN = EXAMPLES / "plugins" / "constant"


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: path.stem)
def test_an_example_is_complete_and_valid_by_itself(manifest):
    result = CliRunner().invoke(cli, ["validate", "--strict", str(manifest)])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: path.stem)
def test_an_example_says_which_objects_it_needs_and_brings_them(manifest):
    objects = list(yaml.safe_load_all(manifest.read_text()))
    names = [(one["kind"], one["metadata"]["name"]) for one in objects]
    assert len(set(names)) == len(names)
    assert [kind for kind, _ in names].count("Rollout") == 1
    assert all("namespace" not in one["metadata"] for one in objects)
    assert manifest.read_text().startswith("#")


def test_a_broken_example_would_be_noticed(tmp_path):
    broken = tmp_path / "broken.yaml"
    text = (EXAMPLES / "canary-istio-prometheus.yaml").read_text()
    broken.write_text(text.replace("result[0] >= 0.95", "result[0] >="))
    result = CliRunner().invoke(cli, ["validate", "--strict", str(broken)])
    assert result.exit_code == 1
    assert "successCondition" in result.output


def entry_point(monkeypatch):
    """The example's entry point, as pip would register it."""
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text())["project"]
    ((name, module),) = project["entry-points"]["gradatim"].items()
    monkeypatch.syspath_prepend(str(PLUGIN))
    return importlib.metadata.EntryPoint(name, module, "gradatim")


async def test_the_plugin_of_the_example_is_found_and_measures(monkeypatch):
    registry = load_registry([entry_point(monkeypatch)], builtins={}, environment={})
    (info,) = registry.plugins()
    assert info.is_sound, info
    provider = registry.metric_provider("example.com/constant")
    query = Query(
        config={"value": 0.97}, metric="m", namespace="n", now=datetime(2026, 1, 1, tzinfo=UTC)
    )
    measurement = await provider.measure(query)
    assert (measurement.value, measurement.text) == (0.97, "0.97")


def test_the_plugin_of_the_example_is_as_short_as_it_is_said_to_be():
    lines = (PLUGIN / "gradatim_constant.py").read_text().splitlines()
    assert len([line for line in lines if line.strip()]) <= 15
