"""The example of a router is a third party's distribution: its own tests are in its folder, and run with all others."""

from __future__ import annotations

import importlib
import importlib.metadata
import tomllib
from pathlib import Path

import pytest

from gradatim.registry import load_registry

PLUGIN = Path(__file__).resolve().parents[2] / "examples" / "plugins" / "gateway-api"
KEY = "argoproj-labs/gatewayAPI"
ALLOWED = {
    "gradatim_gateway_api": ("gradatim.plugin",),
    "tests": ("gradatim.plugin", "gradatim.testing", "gradatim.testing.router_contract"),
}


def test_it_is_found_as_pip_would_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(PLUGIN)
    router = importlib.import_module("gradatim_gateway_api.router").GatewayApiRouter
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text())["project"]
    ((name, module),) = project["entry-points"]["gradatim"].items()
    entry = importlib.metadata.EntryPoint(name, module, "gradatim")
    registry = load_registry([entry], builtins={}, environment={})
    (info,) = registry.plugins()
    assert info.is_sound, info
    assert isinstance(registry.traffic_router(KEY), router)


@pytest.mark.parametrize("folder", ALLOWED)
def test_it_imports_nothing_but_what_is_public(folder: str) -> None:
    files = [*(PLUGIN / folder).rglob("*.py")]
    assert files
    for line in (line for file in files for line in file.read_text().splitlines()):
        if line.startswith(("from gradatim.", "import gradatim.", "from gradatim ")):
            assert line.split()[1] in ALLOWED[folder], line


def test_its_own_tests_are_run_with_ours() -> None:
    project = tomllib.loads((PLUGIN.parents[2] / "pyproject.toml").read_text())
    assert (
        "examples/plugins/gateway-api/tests"
        in project["tool"]["pytest"]["ini_options"]["testpaths"]
    )
