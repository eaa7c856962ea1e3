"""The router contract: a sound router passes it, and each broken one is caught by the test that is named for it."""

import importlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from gradatim.plugin import Capability, Json, ObjectRef, Observed, Patch, TrafficRouter, Wanted
from gradatim.testing.router_contract import TrafficRouterContract

PLUGINS = str(Path(__file__).parent / "plugins")
sys.path.append(PLUGINS)
sample = importlib.import_module("sample_mesh")
REF = ObjectRef("example.com/v1", "Split", "shop", "web")


@pytest.fixture(autouse=True)
def _plugins_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", PLUGINS)


class Sample(TrafficRouterContract):
    module = "sample_mesh"
    router_class = sample.SampleMesh
    good_config: ClassVar = {"split": "web"}
    wrong_configs = (({}, "split"), ({"split": 7}, "split"))

    def objects(self) -> dict[ObjectRef, Json]:
        return {REF: {"kind": "Split", "metadata": {"name": "web"}, "spec": {"port": 80}}}

    def weights(self, objects: dict[ObjectRef, Json], wanted: Wanted) -> Mapping[str, int] | None:
        spec = objects[REF]["spec"]
        return {"canary": spec["canary"], "stable": spec["stable"]}


class TestASoundRouter(Sample):
    pass


def broken(test: str, **members: Any) -> Any:
    """A contract whose router has these members changed, and the test that must fail."""
    router = type("Broken", (sample.SampleMesh,), members)
    return pytest.param(
        type("Contract", (Sample,), {"router_class": router}), test, id=test.removeprefix("test_")
    )


def writes_always(self: Any, wanted: Wanted, objects: Any) -> Iterator[Patch]:
    body = {"canary": wanted.weight, "stable": wanted.total - (wanted.weight or 0)}
    yield Patch(REF, {"spec": body})


def writes_one_short(self: Any, wanted: Wanted, objects: Any) -> Iterator[Patch]:
    if objects[REF]["spec"].get("canary") != wanted.weight:
        yield Patch(REF, {"spec": {"canary": wanted.weight, "stable": 99 - (wanted.weight or 0)}})


def replaces_the_spec(self: Any, wanted: Wanted, objects: Any) -> Iterator[Patch]:
    operation = {"op": "replace", "path": "/spec", "value": {"canary": wanted.weight}}
    yield Patch(REF, [operation], kind="json")


def mutates(self: Any, wanted: Wanted, objects: Any) -> Iterable[Patch]:
    objects[REF]["spec"]["canary"] = wanted.weight
    return ()


def writes_elsewhere(self: Any, wanted: Wanted, objects: Any) -> Iterable[Patch]:
    return (Patch(ObjectRef("v1", "Service", "shop", "web"), {}),)


def writes_an_old_version(self: Any, wanted: Wanted, objects: Any) -> Iterable[Patch]:
    return (Patch(REF, {}, resource_version="40"),)


def trusts_objects(self: Any, wanted: Wanted, objects: Any) -> Iterable[Patch]:
    objects[REF]["spec"]["port"].bit_length()
    return ()


COUNTER = iter(range(1_000_000))


@pytest.mark.parametrize(
    ("contract", "test"),
    [
        broken("test_it_names_the_objects_that_it_reads", references=lambda *_: ()),
        broken("test_each_weight_of_a_walk_arrives_and_is_planned_once", plan=writes_always),
        broken(
            "test_each_weight_of_a_walk_arrives_and_is_planned_once",
            observed=lambda *_: Observed(weight=3),
        ),
        broken("test_the_weights_add_up", plan=writes_one_short),
        broken("test_what_others_wrote_stays", plan=replaces_the_spec),
        broken("test_nothing_that_it_is_given_is_changed", plan=mutates),
        broken(
            "test_a_patch_is_for_an_object_that_was_read_and_in_the_version_that_was_read",
            plan=writes_elsewhere,
        ),
        broken(
            "test_a_patch_is_for_an_object_that_was_read_and_in_the_version_that_was_read",
            plan=writes_an_old_version,
        ),
        broken("test_two_plans_of_one_state_are_equal", plan=lambda *_: (next(COUNTER),)),
        broken("test_missing_objects_are_a_router_error_and_a_problem", check=lambda *_: ()),
        broken("test_missing_objects_are_a_router_error_and_a_problem", plan=lambda *_: ()),
        broken("test_released_objects_are_released_once", released=lambda *_: [Patch(REF, {})]),
        broken(
            "test_claim_verify_and_the_method_go_together",
            capabilities=frozenset({Capability.VERIFY}),
        ),
        broken(
            "test_claim_mirror_sets_and_removes_a_route",
            capabilities=frozenset({Capability.MIRROR}),
        ),
        broken(
            "test_claim_subsets_binds_the_pod_hashes", capabilities=frozenset({Capability.SUBSETS})
        ),
        broken("test_the_class_is_sound_and_registered", key="Not A Key"),
        broken("test_a_sound_block_has_no_problems", key="example.com/other"),
    ],
)
def test_a_broken_router_is_caught(contract: type[Sample], test: str) -> None:
    with pytest.raises(pytest.fail.Exception):
        getattr(contract(), test)()


def test_a_router_that_trusts_its_objects_is_caught() -> None:
    router = type("Trusting", (sample.SampleMesh,), {"plan": trusts_objects})
    contract = type("Contract", (Sample,), {"router_class": router})
    with pytest.raises(LookupError):
        contract().test_broken_objects_raise_nothing_but_router_errors()


def test_what_is_not_claimed_is_skipped() -> None:
    with pytest.raises(pytest.skip.Exception):
        Sample().test_claim_mirror_sets_and_removes_a_route()


def test_the_sample_is_a_router() -> None:
    assert issubclass(sample.SampleMesh, TrafficRouter)
