"""Pod template and step hashes: equal to Argo Rollouts' to the last byte."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradatim.model.gojson import go_json, go_number
from gradatim.model.hashing import normalized_template, pod_template_hash, step_hash

#: What Argo Rollouts computed: `steps` with their hash, `templates` with theirs, plain and after one collision.
VECTORS: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parent / "hash_vectors.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("vector", VECTORS["templates"], ids=lambda vector: vector["hash"])
def test_a_template_has_the_hash_that_argo_rollouts_gives_it(vector: dict[str, Any]) -> None:
    assert pod_template_hash(vector["template"]) == vector["hash"]
    assert pod_template_hash(vector["template"], 1) == vector["hashCollision1"]


@pytest.mark.parametrize("vector", VECTORS["steps"], ids=lambda vector: vector["hash"])
def test_steps_have_the_hash_that_argo_rollouts_gives_them(vector: dict[str, Any]) -> None:
    assert step_hash(vector["steps"]) == vector["hash"]


def template(**container: Any) -> dict[str, Any]:
    app = {"name": "app", "image": "app:v1"} | container
    return {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [app]}}


@pytest.mark.parametrize(
    "same",
    [
        pytest.param(template(resources={}), id="an empty struct that Go always writes"),
        pytest.param(template(args=[], env=None), id="empty lists and nulls"),
        pytest.param(template(stdin=False, workingDir=""), id="zero values that Go drops"),
        pytest.param(template(colour="green"), id="fields that Kubernetes does not know"),
        pytest.param(
            {**template(), "metadata": {"labels": {"app": "web"}, "creationTimestamp": None}},
            id="a creation timestamp of null",
        ),
    ],
)
def test_these_do_not_count(same: dict[str, Any]) -> None:
    assert pod_template_hash(same) == pod_template_hash(template())
    assert normalized_template(same) == normalized_template(template())


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(template(image="app:v2"), id="another image"),
        pytest.param(template(securityContext={}), id="an empty struct behind a pointer"),
        pytest.param(template(livenessProbe={"periodSeconds": 3}), id="a probe"),
        pytest.param(template(args=["a"]), id="arguments"),
        pytest.param(template(command="not a list"), id="text where a list belongs"),
        pytest.param(template(resources=["cpu"]), id="a list where an object belongs"),
        pytest.param(template(resources={"limits": "few"}), id="text where a map belongs"),
        pytest.param(template(resources={"limits": {"cpu": "few"}}), id="no quantity"),
        pytest.param(
            template(volumeMounts=[{"name": "v", "mountPath": "/v", "bindMountOptions": ["x"]}]),
            id="a field of a newer Kubernetes",
        ),
    ],
)
def test_these_count(other: dict[str, Any]) -> None:
    assert pod_template_hash(other) != pod_template_hash(template())
    assert normalized_template(other) != normalized_template(template())


def test_quantities_of_the_same_text_in_go_hash_alike() -> None:
    one = template(resources={"limits": {"cpu": "1000m", "memory": "1024Mi"}})
    other = template(resources={"limits": {"cpu": 1, "memory": "1Gi"}})
    assert pod_template_hash(one) == pod_template_hash(other)
    assert normalized_template(one)["spec"]["containers"][0]["resources"] == {
        "limits": {"cpu": "1", "memory": "1Gi"}
    }


def test_the_normal_form_has_what_go_always_writes() -> None:
    assert normalized_template({}) == {"metadata": {}, "spec": {"containers": None}}
    assert normalized_template({"spec": {"containers": [{"name": "a"}, None]}})["spec"] == {
        "containers": [{"name": "a", "resources": {}}, {"name": "", "resources": {}}]
    }


def test_the_normal_form_is_a_fixed_point_and_leaves_its_input_alone() -> None:
    for vector in VECTORS["templates"]:
        before = json.dumps(vector["template"])
        form = normalized_template(vector["template"])
        assert normalized_template(form) == form
        assert pod_template_hash(form) == vector["hash"]
        assert json.dumps(vector["template"]) == before


def test_no_steps_and_an_empty_list_differ_and_a_null_step_is_empty() -> None:
    assert step_hash(None) != step_hash([])
    assert step_hash([None]) == step_hash([{}])


def test_a_step_of_the_wrong_type_still_counts() -> None:
    assert len({step_hash([{}]), step_hash(["pause"]), step_hash([{"setWeight": "5"}])}) == 3


def test_a_plugin_config_of_absurd_depth_does_not_raise() -> None:
    config: dict[str, Any] = {}
    for _ in range(900):
        config = {"a": config}
    assert step_hash([{"plugin": {"name": "org/step", "config": config}}])


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
_FIELDS = st.sampled_from(
    ["name", "image", "ports", "env", "resources", "livenessProbe", "stdin", "securityContext"]
)


@given(st.dictionaries(_FIELDS, _JSON), _JSON)
def test_no_template_raises(container: dict[str, Any], metadata: object) -> None:
    hashed = pod_template_hash({"metadata": metadata, "spec": {"containers": [container]}}, 2**40)
    assert 1 <= len(hashed) <= 10


@given(st.randoms(use_true_random=False), st.sampled_from(VECTORS["templates"]))
def test_the_order_of_keys_does_not_count(shuffle: random.Random, vector: dict[str, Any]) -> None:
    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            keys = list(value)
            shuffle.shuffle(keys)
            return {key: shuffled(value[key]) for key in keys}
        return [shuffled(item) for item in value] if isinstance(value, list) else value

    assert pod_template_hash(shuffled(vector["template"])) == vector["hash"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(
            "<a>&\u2028\u2029", r'"\u003ca\u003e\u0026\u2028\u2029"', id="what browsers mind"
        ),
        pytest.param('\b\f\n\r\t\x01"\\/', r'"\b\f\n\r\t\u0001\"\\/"', id="control characters"),
        pytest.param("é😀\x7f", '"é😀\x7f"', id="anything else as it is"),
        pytest.param("a\ud800b", '"a\ufffdb"', id="half a pair of surrogates"),
        pytest.param([None, True, False, [], {}], "[null,true,false,[],{}]", id="constants"),
        pytest.param(
            {"b": 1, "a": [2.0, "x"]}, '{"b":1,"a":[2,"x"]}', id="no spaces, keys as they stand"
        ),
        pytest.param(object(), "null", id="no JSON at all"),
    ],
)
def test_json_is_written_as_in_go(value: object, text: str) -> None:
    assert go_json(value) == text.encode()


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1, "1"),
        (1.0, "1"),
        (0.0, "0"),
        (-0.0, "-0"),
        (12.5, "12.5"),
        (-0.001, "-0.001"),
        (1e16, "10000000000000000"),
        (1.5e20, "150000000000000000000"),
        (1e21, "1e+21"),
        (1.25e22, "1.25e+22"),
        (0.000001, "0.000001"),
        (1e-7, "1e-7"),
        (-1.5e-9, "-1.5e-9"),
        (float("inf"), "null"),
    ],
)
def test_numbers_are_written_as_in_go(number: float, text: str) -> None:
    assert go_number(number) == text


@pytest.mark.parametrize("other", [True, "1", 2], ids=["a boolean", "a text", "another number"])
def test_a_hash_that_is_remembered_is_not_given_to_what_only_looks_equal(other: Any) -> None:
    remembered = step_hash([{"setWeight": 1}])
    assert step_hash([{"setWeight": other}]) != remembered
    assert step_hash([{"setWeight": 1}]) == remembered


def test_what_is_no_json_is_hashed_without_being_remembered() -> None:
    assert pod_template_hash({"spec": {"containers": [{"name": {1, 2}}]}})
