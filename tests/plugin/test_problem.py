"""Paths and Problems: how they print."""

from __future__ import annotations

import pytest

from gradatim.plugin import FieldPath, Problem


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (FieldPath(), ""),
        (FieldPath("spec") / "steps" / 2 / "setWeight", "spec.steps[2].setWeight"),
        (FieldPath("metadata") / "annotations" / "a.b/c", "metadata.annotations[a.b/c]"),
        (FieldPath("spec") / "line\nbreak", r"spec[line\nbreak]"),
        (FieldPath("spec") / "", "spec[]"),
    ],
    ids=["the-root", "keys-and-indexes", "odd-key-in-brackets", "never-two-lines", "empty-key"],
)
def test_a_path_prints_as_people_write_it(path: FieldPath, text: str) -> None:
    assert str(path) == text


def test_a_problem_prints_with_its_path_and_without_one() -> None:
    assert str(Problem(FieldPath("spec"), "is wrong")) == "spec: is wrong"
    assert str(Problem(FieldPath(), "is wrong")) == "is wrong"


def test_paths_with_the_same_parts_are_equal() -> None:
    assert FieldPath("a") / 1 == FieldPath("a", 1)
    assert len({FieldPath("a") / 1, FieldPath("a", 1)}) == 1
