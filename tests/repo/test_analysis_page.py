"""The page about analysis says what is so: its manifests are valid, and its annotations are those that are read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from gradatim.cli import cli
from gradatim.decide.analysis import policy
from gradatim.decide.analysis.record import RECORD
from gradatim.model import names

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "analysis.md").read_text()
MANIFESTS = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
SETTINGS = {
    names.ON_NO_DATA,
    names.NO_DATA_BUDGET,
    names.ON_PROVIDER_ERROR,
    names.PROVIDER_ERROR_BUDGET,
    names.BY_METRIC,
    names.BROKER,
    *RECORD,
}


@pytest.mark.parametrize("number", range(len(MANIFESTS)))
def test_a_manifest_of_the_page_is_valid(number: int, tmp_path: Path) -> None:
    (tmp_path / "page.yaml").write_text(MANIFESTS[number])
    result = CliRunner().invoke(cli, ["validate", "--strict", str(tmp_path)])
    assert result.exit_code == 0, result.output


def test_a_broken_one_would_be_noticed(tmp_path: Path) -> None:
    (tmp_path / "page.yaml").write_text(MANIFESTS[0].replace("error: retry", "error: wait"))
    result = CliRunner().invoke(cli, ["validate", str(tmp_path)])
    assert result.exit_code == 1
    assert "must be one of retry, pause, fail" in result.output


def test_every_setting_is_on_the_page() -> None:
    assert {setting for setting in SETTINGS if f"`{setting}`" not in PAGE} == set()


@pytest.mark.parametrize(
    ("key", "choices"),
    [(names.ON_NO_DATA, policy.OnNoData), (names.ON_PROVIDER_ERROR, policy.OnProviderError)],
)
def test_every_value_is_on_the_page(key: str, choices: type[policy.OnNoData]) -> None:
    (row,) = re.findall(rf"^\| `{key}` \|(.*?)\|", PAGE, re.MULTILINE)
    assert {choice for choice in choices if f"`{choice}`" not in row} == set()
