"""Manifests as compact YAML."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gradatim.crds import custom_resource_definitions, yaml_text

_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(st.characters(codec="utf-8"), max_size=8),
    st.sampled_from(["no", "yes", "NULL", "True", "1.5", "- a", "a: b", "", "0x1", "~", "a #b", "1e3", "{"]),
)  # fmt: skip
_KEYS = st.text("abcy/-.1", min_size=1, max_size=6)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_KEYS, inner, max_size=4)),
    max_leaves=40,
)


@given(st.dictionaries(_KEYS, _VALUES, min_size=1, max_size=5))
def test_what_is_written_is_read_back(manifest: dict[str, Any]) -> None:
    assert yaml.safe_load(yaml_text(manifest)) == manifest


@pytest.mark.parametrize(
    "manifest", custom_resource_definitions(), ids=lambda crd: str(crd["metadata"]["name"])
)
def test_a_definition_is_read_back(manifest: dict[str, Any]) -> None:
    text = yaml_text(manifest)
    assert yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)) == manifest
    assert text == yaml_text(manifest)


def test_small_things_stand_on_one_line_and_large_ones_below() -> None:
    long = "word " * 30
    manifest = {"a": {"type": "string", "no": True}, "b": [{"c": {"d": long}}, 1], "e": [], "f": {}}
    assert yaml_text(manifest) == (
        f'a: {{type: string, "no": true}}\nb:\n- c:\n    d: "{long}"\n- 1\ne: []\nf: {{}}\n'
    )
