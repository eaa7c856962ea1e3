"""`gradatim crds`."""

from __future__ import annotations

from pathlib import Path

import yaml
from click.testing import CliRunner

from gradatim.cli.crds import crds_command
from gradatim.crds import KINDS, custom_resource_definitions

#: The same safe loader in C, where PyYAML has it: the manifests are long.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def test_it_prints_every_definition() -> None:
    result = CliRunner().invoke(crds_command)
    assert result.exit_code == 0
    assert list(yaml.load_all(result.stdout, LOADER)) == custom_resource_definitions()


def test_it_prints_only_the_kinds_asked_for() -> None:
    result = CliRunner().invoke(crds_command, ["--kind", "experiment", "--kind", "Rollout"])
    kinds = [crd["spec"]["names"]["kind"] for crd in yaml.load_all(result.stdout, LOADER)]
    assert kinds == ["Rollout", "Experiment"]


def test_it_writes_one_file_a_kind(tmp_path: Path) -> None:
    result = CliRunner().invoke(crds_command, ["--out", str(tmp_path / "crds")])
    assert result.exit_code == 0
    written = sorted(path.name for path in (tmp_path / "crds").iterdir())
    assert written == sorted(f"{kind.lower()}s.yaml" for kind in KINDS)


def test_an_unknown_kind_is_named_beside_those_there_are() -> None:
    result = CliRunner().invoke(crds_command, ["--kind", "Rolout"])
    assert result.exit_code == 2
    assert "rolout" in result.stderr
    assert "AnalysisRun" in result.stderr
