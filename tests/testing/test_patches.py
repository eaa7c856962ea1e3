"""Patches are carried out as the API server does, and never on the object that was given."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradatim.plugin import Json, ObjectRef, Patch
from gradatim.testing import PatchError, apply_patch, apply_patches

REF = ObjectRef("v1", "Service", "shop", "web")
OBJECT: Json = {"a": {"b": [1, 2, 3], "c/d~e": 4}, "n": None}


def operated(*operations: Json) -> Json:
    return apply_patch(OBJECT, Patch(REF, list(operations), kind="json"))


@pytest.mark.parametrize(
    ("body", "after"),
    [
        ({}, OBJECT),
        ({"a": None}, {"n": None}),
        ({"x": {"y": None, "z": 1}}, OBJECT | {"x": {"z": 1}}),
        ({"a": {"b": [9]}}, {"a": {"b": [9], "c/d~e": 4}, "n": None}),
        ({"a": 7}, {"a": 7, "n": None}),
        ({"n": {"m": 1}}, OBJECT | {"n": {"m": 1}}),
    ],
)
def test_a_merge_patch_follows_rfc_7386(body: Json, after: Json) -> None:
    assert apply_patch(OBJECT, Patch(REF, body)) == after


@pytest.mark.parametrize(
    ("operation", "where", "after"),
    [
        ({"op": "add", "path": "/a/b/1", "value": 9}, "b", [1, 9, 2, 3]),
        ({"op": "add", "path": "/a/b/-", "value": 9}, "b", [1, 2, 3, 9]),
        ({"op": "add", "path": "/a/b/3", "value": 9}, "b", [1, 2, 3, 9]),
        ({"op": "add", "path": "/a/new", "value": [1]}, "new", [1]),
        ({"op": "add", "path": "/a/b", "value": 0}, "b", 0),
        ({"op": "replace", "path": "/a/b/0", "value": 9}, "b", [9, 2, 3]),
        ({"op": "replace", "path": "/a/c~1d~0e", "value": 9}, "c/d~e", 9),
        ({"op": "remove", "path": "/a/b/2"}, "b", [1, 2]),
        ({"op": "copy", "from": "/a/b/0", "path": "/a/x"}, "x", 1),
        ({"op": "move", "from": "/a/b/0", "path": "/a/b/2"}, "b", [2, 3, 1]),
        ({"op": "test", "path": "/a/b/0", "value": 1}, "b", [1, 2, 3]),
    ],
)
def test_a_json_patch_follows_rfc_6902(operation: Json, where: str, after: Any) -> None:
    assert operated(operation)["a"][where] == after


def test_a_json_patch_may_replace_the_whole_and_runs_in_order() -> None:
    whole = {"op": "replace", "path": "", "value": {"a": {"b": 1}}}
    assert operated(whole, {"op": "remove", "path": "/a/b"}) == {"a": {}}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/a/b/3"},
        {"op": "remove", "path": "/a/x"},
        {"op": "remove", "path": ""},
        {"op": "replace", "path": "/a/x", "value": 1},
        {"op": "replace", "path": "/a"},
        {"op": "add", "path": "/x/y", "value": 1},
        {"op": "add", "path": "/n/y", "value": 1},
        {"op": "add", "path": "/a/b/4", "value": 1},
        {"op": "add", "path": "/a/b/01", "value": 1},
        {"op": "add", "path": "/a/b/x", "value": 1},
        {"op": "add", "path": "a", "value": 1},
        {"op": "add", "path": None, "value": 1},
        {"op": "add", "path": "", "value": 1},
        {"op": "copy", "from": "/x", "path": "/y"},
        {"op": "test", "path": "/a/b/0", "value": 2},
        {"op": "merge", "path": "/a", "value": 1},
        "remove",
    ],
    ids=str,
)
def test_a_patch_that_does_not_fit_is_refused(operation: Any) -> None:
    with pytest.raises(PatchError):
        operated(operation)


def test_a_merge_patch_is_an_object() -> None:
    with pytest.raises(PatchError, match="is an object"):
        apply_patch(OBJECT, Patch(REF, []))


def test_a_patch_for_another_version_is_refused() -> None:
    held = {"metadata": {"resourceVersion": "7"}}
    assert apply_patch(held, Patch(REF, {}, resource_version="7")) == held
    with pytest.raises(PatchError, match="planned against version 6, object has 7"):
        apply_patch(held, Patch(REF, {}, resource_version="6"))


def test_a_patch_for_an_object_that_is_not_there_is_refused() -> None:
    with pytest.raises(PatchError, match="Service shop/web is not there"):
        apply_patches({}, [Patch(REF, {})])


def test_patches_are_carried_out_in_their_order() -> None:
    patches = [Patch(REF, {"x": 1}), Patch(REF, {"x": 2})]
    assert apply_patches({REF: {}}, patches) == {REF: {"x": 2}}


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from("abc"), JSON, max_size=3)


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_changes_nothing_given_and_twice_is_once(obj: Json, body: Json) -> None:
    before = copy.deepcopy((obj, body))
    once = apply_patch(obj, Patch(REF, body))
    assert (obj, body) == before
    assert apply_patch(once, Patch(REF, body)) == once
