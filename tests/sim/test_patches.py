"""Patches, without a cluster: merge, JSON, strategic."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradatim.sim.document import checked, planted, without_nulls
from gradatim.sim.failure import ApiError
from gradatim.sim.patch import MAX_OPERATIONS, json_patch, merge_patch
from gradatim.sim.strategic import strategic_merge

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=1), inner),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text("ab", max_size=1), VALUES, max_size=3)


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
        ({"a": "foo"}, "bar", "bar"),
    ],
)
def test_a_merge_patch_follows_the_examples_of_rfc_7396(target, patch, result):
    assert merge_patch(target, patch) == result


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_changes_neither_side_and_does_nothing_the_second_time(target, patch):
    before = copy.deepcopy((target, patch))
    once = merge_patch(target, patch)
    assert merge_patch(once, patch) == once
    assert (target, patch) == before


@pytest.mark.parametrize(
    ("target", "operation", "result"),
    [
        ({"a": 1}, {"op": "add", "path": "/b", "value": 2}, {"a": 1, "b": 2}),
        ({"a": [1, 3]}, {"op": "add", "path": "/a/1", "value": 2}, {"a": [1, 2, 3]}),
        ({"a": [1]}, {"op": "add", "path": "/a/-", "value": 2}, {"a": [1, 2]}),
        ({"a": 1, "b": 2}, {"op": "remove", "path": "/b"}, {"a": 1}),
        ({"a": [1, 2]}, {"op": "remove", "path": "/a/0"}, {"a": [2]}),
        ({"a": 1}, {"op": "replace", "path": "/a", "value": 2}, {"a": 2}),
        ({"a": [1, 2]}, {"op": "replace", "path": "/a/1", "value": 3}, {"a": [1, 3]}),
        ({"a": {"b": 1}}, {"op": "move", "from": "/a/b", "path": "/c"}, {"a": {}, "c": 1}),
        (
            {"a": {"b": 1}},
            {"op": "copy", "from": "/a", "path": "/c"},
            {"a": {"b": 1}, "c": {"b": 1}},
        ),
        ({"a/b": 1, "c~d": 2}, {"op": "remove", "path": "/a~1b"}, {"c~d": 2}),
        ({"c~d": 2}, {"op": "test", "path": "/c~0d", "value": 2}, {"c~d": 2}),
        ({"a": 1}, {"op": "test", "path": "/b", "value": None}, {"a": 1}),
        ({"a": 1}, {"op": "replace", "path": "", "value": {"b": 1}}, {"b": 1}),
        ({"a": [[1]]}, {"op": "replace", "path": "/a/0/0", "value": 2}, {"a": [[2]]}),
    ],
)
def test_a_json_patch_follows_rfc_6902(target, operation, result):
    assert json_patch(target, [operation]) == result


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/a", "value": 2},
        {"op": "test", "path": "/b/c", "value": None},
        {"op": "remove", "path": "/b"},
        {"op": "remove", "path": ""},
        {"op": "replace", "path": "/b", "value": 1},
        {"op": "add", "path": "/b/c", "value": 1},
        {"op": "add", "path": "/l/9", "value": 1},
        {"op": "add", "path": "/l/x", "value": 1},
        {"op": "remove", "path": "/l/-"},
        {"op": "remove", "path": "/l/5"},
        {"op": "add", "path": "/a/b", "value": 1},
        {"op": "add", "path": "a", "value": 1},
        {"op": "add", "value": 1},
        {"op": "move", "from": "/b", "path": "/c"},
    ],
)
def test_a_json_patch_that_does_not_fit_is_refused_whole(operation):
    target = {"a": 1, "l": [1]}
    with pytest.raises(ApiError) as refused:
        json_patch(target, [{"op": "replace", "path": "/a", "value": 1}, operation])
    assert refused.value.code == 422
    assert target == {"a": 1, "l": [1]}


@pytest.mark.parametrize(
    "patch", [{}, "x", [1], [{"op": "sing", "path": "/a"}], [{}] * (MAX_OPERATIONS + 1)]
)
def test_what_is_no_json_patch_is_a_bad_request(patch):
    with pytest.raises(ApiError) as refused:
        json_patch({"a": 1}, patch)
    assert refused.value.code == 400


@given(OBJECTS, st.text("ab", min_size=1, max_size=1), VALUES)
def test_a_json_patch_shares_what_it_does_not_touch(target, key, value):
    target = {**target, "other": {"x": 1}}
    before = copy.deepcopy(target)
    result = json_patch(target, [{"op": "add", "path": f"/{key}", "value": value}])
    assert result[key] == value
    assert result["other"] is target["other"]
    assert target == before


CONTAINERS = [
    {"name": "a", "image": "1"},
    {"name": "b", "image": "2", "env": [{"name": "X", "value": "1"}]},
]


@pytest.mark.parametrize(
    ("field", "before", "patch", "after"),
    [
        ("containers", CONTAINERS, [{"name": "a", "image": "9"}], [{"name": "a", "image": "9"}, CONTAINERS[1]]),
        ("containers", CONTAINERS, [{"name": "b", "$patch": "delete"}], [CONTAINERS[0]]),
        ("containers", CONTAINERS, [{"$patch": "replace"}, {"name": "c"}], [{"name": "c"}]),
        (
            "containers",
            CONTAINERS,
            [{"name": "b", "env": [{"name": "Y", "value": "2"}]}],
            [
                CONTAINERS[0],
                {
                    "name": "b",
                    "image": "2",
                    "env": [{"name": "Y", "value": "2"}, {"name": "X", "value": "1"}],
                },
            ],
        ),
        ("conditions", [{"type": "A", "status": "x"}], [{"type": "A", "status": "y"}], [{"type": "A", "status": "y"}]),
        ("finalizers", ["a"], ["a", "b"], ["a", "b"]),
        ("args", ["a"], ["b"], ["b"]),
        ("ports", [{"port": 1, "name": "x"}], [{"port": 1, "targetPort": 2}], [{"port": 1, "name": "x", "targetPort": 2}]),
        ("containers", [], [{"name": "gone", "$patch": "delete"}], []),
    ],
)  # fmt: skip
def test_a_strategic_patch_knows_the_items_of_lists(field, before, patch, after):
    assert strategic_merge({field: before, "other": 1}, {field: patch}) == {
        field: after,
        "other": 1,
    }


@pytest.mark.parametrize(
    ("before", "patch", "after"),
    [
        ({"a": {"b": 1, "c": 2}}, {"a": {"$patch": "replace", "d": 3}}, {"a": {"d": 3}}),
        ({"a": {"b": 1}}, {"a": {"$patch": "delete"}}, {"a": {}}),
        ({"a": {"b": 1}, "c": 2}, {"a": None}, {"c": 2}),
        ({"s": {"type": "A", "rolling": 1}}, {"s": {"$retainKeys": ["type"], "type": "B"}}, {"s": {"type": "B"}}),
        ({"finalizers": ["a", "b"]}, {"$deleteFromPrimitiveList/finalizers": ["a"]}, {"finalizers": ["b"]}),
        (
            {"containers": [{"name": "a"}, {"name": "b"}, {"name": "s"}]},
            {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]},
            {"containers": [{"name": "b"}, {"name": "a"}, {"name": "s"}]},
        ),
    ],
)  # fmt: skip
def test_a_strategic_patch_obeys_its_directives(before, patch, after):
    assert strategic_merge(before, patch) == after


@pytest.mark.parametrize(
    "patch", [{"$patch": "sing"}, {"containers": [{"name": "a"}, {"image": "x"}]}]
)
def test_a_strategic_patch_that_means_nothing_is_a_bad_request(patch):
    with pytest.raises(ApiError) as refused:
        strategic_merge({"containers": [{"name": "a"}]}, patch)
    assert refused.value.code == 400


@given(OBJECTS)
def test_a_checked_copy_is_equal_and_shares_nothing_that_can_change(value):
    copied = checked(value)
    assert copied == value
    assert copied is not value


def test_a_checked_copy_refuses_what_json_cannot_hold():
    deep: list[object] = []
    for _ in range(300):
        deep = [deep]
    with pytest.raises(ValueError, match="too deeply"):
        checked(deep)
    with pytest.raises(TypeError, match="key"):
        checked({1: 2})


@given(OBJECTS)
def test_nulls_go_at_any_depth_and_the_rest_is_shared(value):
    kept = without_nulls(value)
    assert without_nulls(kept) is kept
    if "None" not in repr(value):
        assert kept is value


def test_planting_copies_only_the_way():
    before = {"a": {"b": 1}, "c": {"d": 2}}
    after = planted(before, ("a", "x", "y"), 3)
    assert after == {"a": {"b": 1, "x": {"y": 3}}, "c": {"d": 2}}
    assert after["c"] is before["c"]
    assert before == {"a": {"b": 1}, "c": {"d": 2}}
