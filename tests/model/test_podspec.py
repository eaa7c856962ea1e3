"""The tables of Go structs, and how they are read."""

from __future__ import annotations

import pytest

from gradatim.model.podspec import POD_TEMPLATE, STEP, Kind, read_table
from gradatim.model.podspec.canonical import Canonical
from gradatim.model.podspec.table import Field, Shape, TableError


def names(struct: str) -> list[str]:
    return [field.name for field in STEP[struct].fields]


def test_fields_stand_in_the_order_of_the_go_structs() -> None:
    assert names("PodTemplateSpec") == ["metadata", "spec"]
    assert names("ContainerPort") == ["name", "hostPort", "containerPort", "protocol", "hostIP"]
    assert names("PodSpec")[:4] == [
        "volumes",
        "initContainers",
        "containers",
        "ephemeralContainers",
    ]
    assert names("EphemeralContainer") == [*names("Container"), "targetContainerName"]
    assert names("CanaryStep")[:3] == ["setWeight", "pause", "experiment"]


def test_no_field_of_a_newer_kubernetes_is_written_when_absent() -> None:
    newer = [field for struct in POD_TEMPLATE.values() for field in struct.fields if field.since]
    assert {field.since for field in newer} <= {"1.35", "1.36", "1.37"}
    assert [field.name for field in newer if not field.omit_empty] == ["name", "priority"]
    assert all(field.omit_empty for field in POD_TEMPLATE["PodSpec"].fields if field.since)


def test_no_struct_has_a_field_twice() -> None:
    for struct in STEP.values():
        assert len({field.name for field in struct.fields}) == len(struct.fields), struct.name


def test_list_keys_are_fields_of_the_items() -> None:
    for struct in STEP.values():
        for field in struct.fields:
            item = field.shape.item
            if field.list_keys and item:
                assert set(field.list_keys) <= set(names(item.struct)), (struct.name, field.name)


TEXT = """
Outer atomic  # The outer one.
  name  string required           # Its name.
  size  *int32 needed default=3
  mode  string enum=a|b since=1.35
  inner []Inner keys=id
  bare  Inner always
  more  {}quantity atomic

Inner
  id string required

Wider
  ...Inner
  any any
"""


def test_a_table_is_read_line_by_line() -> None:
    table = read_table(TEXT)
    outer = table["Outer"]
    name, size, mode, inner, bare, more = outer.fields
    assert (outer.atomic, outer.doc) == (True, "The outer one.")
    assert name == Field(
        "name", Shape(Kind.STRING), omit_empty=False, required=True, doc="Its name."
    )
    assert size == Field("size", Shape(Kind.INT32, pointer=True), required=True, default=3)
    assert (mode.enum, mode.since) == (("a", "b"), "1.35")
    assert inner.shape == Shape(Kind.LIST, item=Shape(Kind.STRUCT, struct="Inner"))
    assert (inner.list_type, inner.list_keys) == ("map", ("id",))
    assert (bare.omit_empty, bare.required) == (False, False)
    assert (more.shape.kind, more.list_type) == (Kind.MAP, "atomic")
    assert [field.name for field in table["Wider"].fields] == ["id", "any"]


def test_a_table_may_build_on_another() -> None:
    table = read_table("Next\n  inner Inner", known=read_table(TEXT))
    assert set(table) == {"Outer", "Inner", "Wider", "Next"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("A\n  b string requierd", "unknown word 'requierd'", id="a misspelt word"),
        pytest.param("A\n  b []B", "A.b: no struct B", id="a struct that is nowhere"),
    ],
)
def test_a_mistake_in_a_table_is_found_at_once(text: str, said: str) -> None:
    with pytest.raises(TableError, match=said):
        read_table(text)


def test_a_struct_may_hold_itself() -> None:
    tree = Canonical(read_table("Tree\n  name string\n  child *Tree\n  more []Tree")).of("Tree")
    assert tree({"more": [{"child": {}, "name": ""}], "name": "a"}) == {
        "name": "a",
        "more": [{"child": {}}],
    }


def test_empty_and_absent_values_are_told_apart_as_in_go() -> None:
    text = """
All
  pointer *int32
  zero    int32
  kept    int32 always
  list    []string always
  map     {}quantity
  port    int-or-string
  size    quantity
  flag    bool required
"""
    convert = Canonical(read_table(text)).of("All")
    empty = {"kept": 0, "list": None, "port": 0, "size": "0", "flag": False}
    assert convert({}) == empty
    assert convert({"zero": 0, "map": {}, "pointer": None}) == empty
    assert convert({"pointer": 0, "list": [], "map": {"b": None, "a": "0.5"}}) == {
        "pointer": 0, "kept": 0, "list": [], "map": {"a": "500m", "b": "0"},
        "port": 0, "size": "0", "flag": False,
    }  # fmt: skip
