"""The rules of the house that a machine can hold: what is tracked, how modules are named, how long they are."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECTS = [ROOT, *sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))]
FORBIDDEN_NAMES = {"base", "common", "helpers", "manager", "misc", "utils"}
SUPPRESSION = re.compile(r"#\s*(?:type:\s*ignore|noqa|pragma:\s*no (?:cover|branch))")
#: What belongs to one machine, or says where packages and images come from.
MACHINE = re.compile(
    r"/(?:work|root|Users)/|/home/[a-z]"
    r"|--(?:extra-)?index-url|files\.pythonhosted|\b(?:docker|ghcr|quay|gcr)\.io\b|registry\.k8s\.io"
)


@cache
def files(*pattern: str, tracked: bool = False) -> list[Path]:
    """Files of the project, but for what .gitignore names; with `tracked` only those that git has."""
    which = ["--cached"] if tracked else ["--cached", "--others", "--exclude-standard"]
    command = ["git", "-C", str(ROOT), "ls-files", "-z", *which, "--", *pattern]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("this is no checkout of git")
    found = (ROOT / name for name in done.stdout.split("\0") if name)
    return sorted(path for path in found if path.exists())


def product_modules() -> list[Path]:
    return [p for p in files("*.py") if p.relative_to(ROOT).parts[0] in ("core", "plugins")]


def shown(paths) -> str:
    return "\n".join(str(path.relative_to(ROOT)) for path in paths)


def test_nothing_that_a_command_makes_is_tracked():
    made = re.compile(
        r"(^|/)(\.venv|dist|build|__pycache__|\.hypothesis|\.cache|[^/]*\.egg-info|\.\w+_cache)/"
        r"|\.(pyc|whl|log)$|(^|/)\.coverage"
    )
    names = [str(path.relative_to(ROOT)) for path in files(tracked=True)]
    assert [name for name in names if made.search(name)] == []


def test_every_module_says_what_it_is_for():
    silent = [p for p in product_modules() if not ast.get_docstring(ast.parse(p.read_text()))]
    assert silent == [], shown(silent)


def test_every_module_says_what_goes_in_what_comes_out_and_who_calls_it():
    short = []
    for path in product_modules():
        text = ast.get_docstring(ast.parse(path.read_text())) or ""
        if path.name != "__init__.py" and (len(text.splitlines()) < 2 or len(text.split()) < 12):
            short.append(path)
    assert short == [], shown(short)


def test_no_module_is_longer_than_500_lines():
    long = [path for path in product_modules() if len(path.read_text().splitlines()) > 500]
    assert long == [], shown(long)


def test_no_module_has_a_name_that_says_nothing():
    vague = [p for p in files("*.py") if FORBIDDEN_NAMES & {p.stem, *p.relative_to(ROOT).parts}]
    assert vague == [], shown(vague)


def test_there_are_fewer_than_20_suppressions():
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in files("*.py")
        if path != Path(__file__).resolve()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if SUPPRESSION.search(line)
    ]
    assert len(found) < 20, "\n".join(found)


def test_no_file_knows_one_machine_or_one_registry():
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for path in files(tracked=True)
        if path != Path(__file__).resolve() and path.suffix not in {".json", ".jsonl"}
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if MACHINE.search(line)
    ]
    assert found == [], "\n".join(found)


@pytest.mark.parametrize("project", PROJECTS, ids=lambda path: path.name)
def test_every_distribution_has_a_license_a_readme_and_types(project):
    assert (project / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert (project / "README.md").read_text().strip()
    build = tomllib.loads((project / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    (package,) = build["targets"]["wheel"]["packages"]
    assert (project / package / "py.typed").exists()


def test_the_four_distributions_have_one_version():
    metadata = [tomllib.loads((p / "pyproject.toml").read_text())["project"] for p in PROJECTS]
    assert len(metadata) == 4
    assert len({one["version"] for one in metadata}) == 1
    assert len({one["requires-python"] for one in metadata}) == 1
    assert len({one["license"] for one in metadata}) == 1


def test_no_plugin_depends_on_the_controller():
    """docs/decisions/0001."""
    for project in PROJECTS[1:]:
        metadata = tomllib.loads((project / "pyproject.toml").read_text())["project"]
        names = [re.split(r"[^\w-]", one)[0] for one in metadata["dependencies"]]
        assert "gradatim" not in names, project
