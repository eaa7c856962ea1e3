"""Whose fields the API server keeps: what comes in of that, and how ours are given back."""

from __future__ import annotations

import pytest

from gradatim.kube.ownership import (
    without_managed_fields,
    without_others_fields,
    without_ours,
)

GIT = {"manager": "argocd-controller", "operation": "Apply", "fieldsV1": {"f:spec": {}}}
OURS = {"manager": "gradatim", "operation": "Update", "fieldsV1": {"f:spec": {"f:http": {}}}}
THEIRS = {"manager": "rollouts-controller", "operation": "Update", "fieldsV1": {"f:spec": {}}}
VERSION = {"op": "test", "path": "/metadata/resourceVersion", "value": "7"}


def obj(*entries: object) -> dict:
    return {"metadata": {"name": "a", "resourceVersion": "7", "managedFields": list(entries)}}


@pytest.mark.parametrize(
    ("entries", "kept"),
    [
        ([GIT], None),
        ([GIT, OURS, OURS], [{"manager": "gradatim"}]),
        ([THEIRS, OURS], [{"manager": "gradatim"}, {"manager": "rollouts-controller"}]),
        ([1, {}, {"manager": []}], None),
    ],
)
def test_of_managed_fields_nothing_but_our_names_comes_in(entries, kept):
    before = obj(*entries)
    found = without_others_fields(before)
    assert found["metadata"].get("managedFields") == kept
    assert before["metadata"]["managedFields"] == entries


@pytest.mark.parametrize("body", [{}, {"metadata": 1}, {"metadata": {"name": "a"}}])
def test_an_object_without_them_is_the_same_object(body):
    assert without_others_fields(body) is body


@pytest.mark.parametrize(
    ("entries", "left"), [([GIT, OURS], [GIT]), ([OURS, THEIRS], [{}]), ([THEIRS, GIT], [GIT])]
)
def test_our_entries_are_taken_off_and_those_of_others_stay(entries, left):
    assert without_ours(obj(*entries)) == [
        VERSION,
        {"op": "replace", "path": "/metadata/managedFields", "value": left},
    ]


@pytest.mark.parametrize("entries", [[], [GIT]])
def test_where_nothing_is_ours_nothing_is_written(entries):
    assert without_ours(obj(*entries)) is None


def test_what_is_sent_has_none_of_it():
    before = obj(OURS)
    assert without_managed_fields(before) == {"metadata": {"name": "a", "resourceVersion": "7"}}
    assert "managedFields" in before["metadata"]
