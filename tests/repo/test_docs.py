"""What the documentation says to type can be typed: targets of make, commands of gradatim, files that are linked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gradatim.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("plugins/*/README.md"),
        *ROOT.glob("deploy/*.yaml"),
        *ROOT.glob("deploy/*/kustomization.yaml"),
        *ROOT.glob("examples/*.yaml"),
    ]
)
TARGETS = set(re.findall(r"^([a-z0-9]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
#: Fenced blocks, inline code, indented lines of prose, and the indented lines of a manifest's comments.
CODE = re.compile(r"(?s:^```.*?^```)|`[^`\n]+`|^ {4,}\S.*$|^#  +.*$", re.MULTILINE)


def commands(text: str, program: str) -> list[str]:
    """First arguments of a program in a text's code: of `gradatim validate x` it is `validate`."""
    code = "\n".join(CODE.findall(text))
    before = r"(?:^[#\s$`]*|[|;&(] *|\S/)(?:[A-Z_]+=\S+ )*"
    return re.findall(rf"{before}{program} ([a-z][\w-]*)", code, re.MULTILINE)


def test_commands_are_found_in_code_and_not_in_prose():
    text = "make the best of `make test`:\n\n    X=1 make lint | gradatim eval\n\n```\n$ gradatim crds\n```\n"
    assert commands(text, "make") == ["test", "lint"]
    assert commands(text, "gradatim") == ["eval", "crds"]


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_every_command_of_gradatim_that_is_named_exists(document):
    assert set(commands(document.read_text(), "gradatim")) <= set(COMMANDS)


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_every_target_of_make_that_is_named_exists(document):
    assert set(commands(document.read_text(), "make")) <= TARGETS


@pytest.mark.parametrize("document", [d for d in DOCUMENTS if d.suffix == ".md"], ids=relative)
def test_every_link_to_a_file_leads_to_one(document):
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_every_target_says_in_the_help_what_it_does():
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony is not None
    told = set(re.findall(r"^([a-z0-9]+):.*## \S", makefile, re.MULTILINE))
    assert set(phony[1].split()) == told


def test_decisions_are_numbered_without_gaps_and_short():
    records = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(path.name[:4]) for path in records] == list(range(1, len(records) + 1))
    for number, path in enumerate(records, 1):
        text = path.read_text()
        assert text.startswith(f"# {number}. ")
        assert [line for line in text.splitlines() if line.startswith("## ")][-1:] == [
            "## Consequences"
        ]
        assert len(text.splitlines()) <= 40


def test_the_changelog_has_a_place_for_what_comes():
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text()
