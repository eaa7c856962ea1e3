"""What a step plugin may keep in a status: JSON that comes back from an API server as it was."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradatim.plugin import LARGEST_STATE
from gradatim.plugin.step import state_fault

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(st.characters(), max_size=20),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(st.characters()), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text(st.characters()), values, max_size=4))
def test_what_has_no_fault_comes_back_as_it_was(state: dict[str, Any]) -> None:
    if state_fault(state) is None:
        assert json.loads(json.dumps(state, allow_nan=False).encode()) == state


@pytest.mark.parametrize(
    "state",
    [None, {}, {"a": [1, 2.5, True, None, "ä", {"b": []}]}, {"n": -(2**63)}, {"n": 2**63 - 1}],
)
def test_json_objects_can_be_kept(state: Any) -> None:
    assert state_fault(state) is None


def nested(levels: int) -> Any:
    state: Any = {}
    for _ in range(levels):
        state = {"a": [state]}
    return state


@pytest.mark.parametrize(
    ("state", "fault"),
    [
        pytest.param([], "is a list and not a JSON object", id="a list"),
        pytest.param("x", "is a str and not a JSON object", id="a text"),
        pytest.param({"a": (1,)}, "a value of type tuple", id="a tuple comes back as a list"),
        pytest.param({"a": b"x"}, "a value of type bytes", id="bytes"),
        pytest.param({1: "a"}, "the key '1', which is no text", id="a number as key"),
        pytest.param({"a": {"\udc00": 1}}, "cannot be encoded", id="half a pair in a key"),
        pytest.param({"a": ["\ud800"]}, "cannot be encoded", id="half a pair"),
        pytest.param({"a": 2**63}, "does not fit into 64 bits", id="a great number"),
        pytest.param({"a": float("nan")}, "does not fit into 64 bits", id="no number"),
        pytest.param(nested(20), "nested more than 32 levels", id="deep"),
        pytest.param(nested(50_000), "nested more than 32 levels", id="so deep that json fails"),
        pytest.param({"a": "ä" * (LARGEST_STATE // 2)}, "bytes of JSON", id="too many bytes"),
    ],
)
def test_what_cannot_be_kept_is_said(state: Any, fault: str) -> None:
    assert fault in str(state_fault(state))


def test_the_largest_state_is_kept() -> None:
    state = {"a": "x" * (LARGEST_STATE - len('{"a": ""}'))}
    assert state_fault(state) is None
    assert state_fault({"a": state["a"] + "x"}) is not None
