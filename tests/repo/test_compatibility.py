"""docs/compatibility.md is whole: every field of the CRDs and every trap of the reference has one row."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gradatim.crds import custom_resource_definitions

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "compatibility.md").read_text()
STATES = ("same", "better", "not yet")
QUIRKS = 27
#: Kubernetes' own types, of which a Rollout's author need not be told: all below them counts as one field.
OPAQUE = re.compile(r"\.template$|[sS]elector$|\.provider\.job\.(metadata|spec)$|\.metadata$")


def fields(schema: dict[str, Any], path: str) -> Iterator[str]:
    """Paths of all fields, with `[]` for the elements of a list."""
    for name, below in schema.get("properties", {}).items():
        here = f"{path}.{name}"
        yield here
        if not OPAQUE.search(here):
            yield from fields(below, here)
    if "items" in schema:
        yield from fields(schema["items"], f"{path}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from fields(schema["additionalProperties"], f"{path}{{}}")


def of_crds() -> dict[str, set[str]]:
    """Fields of spec and status of each kind."""
    found = {}
    for definition in custom_resource_definitions():
        schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
        kind = definition["spec"]["names"]["kind"]
        parts = [part for part in ("spec", "status") if part in schema]
        found[kind] = {each for part in parts for each in fields(schema[part], part)}
    return found


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under a heading."""
    start = DOCUMENT.index(f"\n{heading}\n")
    section = re.split(r"^##+ ", DOCUMENT[start + len(heading) + 1 :], maxsplit=1, flags=re.M)[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines[1:]]


def named(cell: str) -> Iterator[str]:
    """The paths of a cell: "`spec.a` · `spec.b`: `c`, `d[].e`" are four; one that ends with `.**` is all below it."""
    places, _, names = cell.partition(": ")
    for place in re.findall(r"`([^`]+)`", places):
        yield from (f"{place}.{name}" for name in re.findall(r"`([^`]+)`", names))


def of_document(kind: str) -> list[str]:
    return [path for cells in rows(f"### Fields of {kind}") for path in named(cells[0])]


KINDS = of_crds()


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_has_one_row(kind: str) -> None:
    told, there = of_document(kind), KINDS[kind]
    whole = {path.removesuffix(".**") for path in told if path.endswith(".**")}
    missing = {
        path
        for path in there
        if path not in told
        and not any(path == w or path.startswith((f"{w}.", f"{w}[")) for w in whole)
    }
    assert sorted(missing) == []
    assert sorted(whole | {path for path in told if not path.endswith(".**")} - whole) == sorted(
        path.removesuffix(".**") for path in told
    ), "a field that has two rows"
    assert sorted(path for path in told if path.removesuffix(".**") not in there) == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_row_says_how_it_is_here(kind: str) -> None:
    assert [
        cells for cells in rows(f"### Fields of {kind}") if not cells[1].startswith(STATES)
    ] == []


def test_every_trap_of_the_reference_has_a_row() -> None:
    table = rows("## Traps of the reference")
    assert [int(cells[0]) for cells in table] == list(range(1, QUIRKS + 1))
    assert [cells for cells in table if not cells[2].startswith(STATES)] == []
