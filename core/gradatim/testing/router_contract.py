"""The contract of a traffic router that is pure: its plans are exact and minimal, and leave what is not theirs.

In: a subclass that names the plugin's module, class and blocks, and gives the objects that the block names.
Out: test methods that pytest collects in it. Called by pytest in the plugin author's tests; needs no cluster.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Final

import pytest

from gradatim.plugin import (
    Capability,
    Destination,
    FieldPath,
    HeaderRoute,
    Json,
    MirrorRoute,
    ObjectRef,
    Patch,
    Problem,
    RouterError,
    TrafficRouter,
    Wanted,
)
from gradatim.plugin.patches import PatchError, apply_patches

from .corpus import at, places, replaced, without
from .fakes import a_wanted
from .plugin_contract import BLOCK, PluginContract

Objects = dict[ObjectRef, Json]

#: A walk up, back and up again: routers that remember a state, or write only differences, fall here.
WALK: Final = (0, 1, 50, 100, 99, 0, 20)

#: Stands in every object where nobody of ours has written it.
FOREIGN: Final = "gradatim.test/foreign"

#: What a broken or half-written part of an object looks like.
_BROKEN: Final[tuple[Any, ...]] = (None, 7, "text", [], [None], [7], {}, {"": None})


class TrafficRouterContract(PluginContract):
    """Subclass it as `Test…`, with `module`, `router_class`, `good_config`, `wrong_configs` and `objects`.

    Attributes:
        router_class: the class under test.
        header_match: the `match` of a setHeaderRoute step that the router understands.
        mirror_match: the `match` of a setMirrorRoute step that it understands.
    """

    router_class: ClassVar[type[TrafficRouter]]
    header_match: ClassVar[tuple[Json, ...]] = (
        {"headerName": "x-team", "headerValue": {"exact": "blue"}},
    )
    mirror_match: ClassVar[tuple[Json, ...]] = ({"method": {"exact": "GET"}},)

    registering = "gradatim_traffic_routers"
    validating = "gradatim_validate_route"

    @classmethod
    def plugin_class(cls) -> type[TrafficRouter]:
        """The class under test."""
        return cls.router_class

    def objects(self) -> Objects:
        """New objects, as a user wrote them, that `good_config` names for the Rollout of `wanted()`."""
        raise NotImplementedError

    def weights(self, objects: Objects, wanted: Wanted) -> Mapping[str, int] | None:
        """The weight of each destination in the objects; None where they do not show it."""
        del objects, wanted
        return None

    def wanted(self, **changes: Any) -> Wanted:
        """A wanted state for `good_config`."""
        return a_wanted(self.good_config, **changes)

    def test_it_names_the_objects_that_it_reads(self) -> None:
        named = self._references()
        for ref in self.objects():
            if ref not in named:
                pytest.fail(f"{ref} is not among the references: it would not be watched")

    def test_each_weight_of_a_walk_arrives_and_is_planned_once(self) -> None:
        objects = self.objects()
        for weight in WALK:
            objects = self._arrived(objects, self.wanted(weight=weight))

    def test_the_weights_add_up(self) -> None:
        objects = self.objects()
        for weight in WALK:
            wanted = self.wanted(weight=weight)
            objects = self._arrived(objects, wanted)
            self._check_weights(objects, wanted)

    def test_a_weight_of_none_leaves_the_weights(self) -> None:
        objects = self._arrived(self.objects(), self.wanted(weight=37))
        after = self._applied(objects, self.wanted(weight=None))
        if self._weight(after, self.wanted()) != self._weight(objects, self.wanted()):
            pytest.fail("a state without a weight changed the weight")

    def test_two_plans_of_one_state_are_equal(self) -> None:
        first, second = (self._plan(self.objects(), self.wanted()) for _ in range(2))
        if first != second:
            pytest.fail(f"{first!r:.500} and then {second!r:.500}")

    def test_nothing_that_it_is_given_is_changed(self) -> None:
        objects, wanted = self.objects(), self.wanted()
        before = copy.deepcopy((objects, wanted))
        router = self._router()
        self._plan(objects, wanted)
        router.observed(wanted, objects)
        list(router.check(wanted, objects, BLOCK))
        list(router.released(wanted.rollout, wanted.config, wanted.namespace, objects))
        if (objects, wanted) != before:
            pytest.fail("the objects are the controller's own cache: never change them")

    def test_a_patch_is_for_an_object_that_was_read_and_in_the_version_that_was_read(self) -> None:
        objects = self._versioned(self.objects())
        for patch in self._plan(objects, self.wanted(weight=50)):
            if patch.ref not in objects:
                pytest.fail(f"{patch.ref} is none of the objects")
            if patch.resource_version not in ("", "41"):
                pytest.fail(f"resource version {patch.resource_version}, but it was read in 41")

    def test_what_others_wrote_stays(self) -> None:
        objects = {ref: _marked(obj) for ref, obj in self.objects().items()}
        marks = {ref: _marks(obj) for ref, obj in objects.items()}
        for weight in WALK:
            objects = self._applied(objects, self.wanted(weight=weight))
        for ref, obj in objects.items():
            if _marks(obj) < marks[ref]:
                pytest.fail(f"{marks[ref] - _marks(obj)} fields of others were lost in {ref}")

    def test_missing_objects_are_a_router_error_and_a_problem(self) -> None:
        router, wanted = self._router(), self.wanted()
        with pytest.raises(RouterError):
            list(router.plan(wanted, {}))
        problems = list(router.check(wanted, {}, BLOCK))
        if not problems:
            pytest.fail("check has nothing to say about objects that are not there")
        _check_problems(problems)
        router.observed(wanted, {})
        router.bound_hashes(wanted.config, wanted.namespace, {})
        list(router.released(wanted.rollout, wanted.config, wanted.namespace, {}))

    def test_sound_objects_have_no_problems(self) -> None:
        problems = list(self._router().check(self.wanted(), self.objects(), BLOCK))
        if problems:
            pytest.fail(f"check found {problems[0]} in sound objects")

    def test_broken_objects_raise_nothing_but_router_errors(self) -> None:
        for ref, obj in self.objects().items():
            for place in places(obj):
                if place[0] in ("apiVersion", "kind", "metadata"):
                    continue  # the API server never leaves these broken
                self._survives(self.objects() | {ref: without(obj, place)})
                for value in _BROKEN:
                    self._survives(self.objects() | {ref: replaced(obj, place, value)})

    def test_released_objects_are_released_once(self) -> None:
        objects = self._applied(self.objects(), self.wanted())
        router, wanted = self._router(), self.wanted()
        name = (wanted.rollout, wanted.config, wanted.namespace)
        released = apply_patches(objects, router.released(*name, objects))
        again = list(router.released(*name, released))
        if again:
            pytest.fail(f"released objects are patched again: {again[0]!r:.500}")

    def test_claim_subsets_binds_the_pod_hashes(self) -> None:
        self._needs(Capability.SUBSETS)
        wanted = self.wanted()
        objects = self._arrived(self.objects(), wanted)
        bound = self._router().bound_hashes(wanted.config, wanted.namespace, objects)
        missing = {wanted.stable.pod_hash, wanted.canary.pod_hash} - bound
        if missing:
            pytest.fail(f"{missing} get traffic, and bound_hashes does not say so")

    def test_claim_header_sets_and_removes_a_route(self) -> None:
        self._needs(Capability.HEADER)
        route = HeaderRoute("by-header", self.header_match)
        self._comes_and_goes(self.wanted(managed_routes=(route.name,), header_routes=(route,)))

    def test_claim_mirror_sets_and_removes_a_route(self) -> None:
        self._needs(Capability.MIRROR)
        route = MirrorRoute("mirror", self.mirror_match, 30)
        self._comes_and_goes(self.wanted(managed_routes=(route.name,), mirror_routes=(route,)))

    def test_claim_experiments_weighs_further_destinations(self) -> None:
        self._needs(Capability.EXPERIMENTS)
        more = (Destination("web-a", "aaaa", 5), Destination("web-b", "bbbb", 10))
        self._comes_and_goes(self.wanted(additional=more))
        wanted = self.wanted(additional=more)
        self._check_weights(self._arrived(self.objects(), wanted), wanted)

    def test_claim_max_weight_divides_another_total(self) -> None:
        self._needs(Capability.MAX_WEIGHT)
        wanted = self.wanted(weight=250, total=1_000)
        self._check_weights(self._arrived(self.objects(), wanted), wanted)

    def test_claim_ping_pong_routes_with_the_services_swapped(self) -> None:
        self._needs(Capability.PING_PONG)
        wanted = self.wanted()
        objects = self._arrived(self.objects(), wanted)
        swapped = replace(wanted, stable=wanted.canary, canary=wanted.stable, weight=20)
        self._check_weights(self._arrived(objects, swapped), swapped)

    def test_claim_verify_and_the_method_go_together(self) -> None:
        claimed = Capability.VERIFY in self.router_class.capabilities
        if claimed != (self.router_class.verify is not TrafficRouter.verify):
            pytest.fail("a router claims VERIFY exactly when it defines verify")

    def test_closing_is_allowed_before_use_and_twice(self) -> None:
        async def scenario() -> None:
            router = self._router()
            await router.aclose()
            await router.aclose()

        asyncio.run(scenario())

    def _router(self) -> TrafficRouter:
        return self.router_class()

    def _references(self) -> set[ObjectRef]:
        wanted = self.wanted()
        named: set[ObjectRef] = set(self._router().references(wanted.config, wanted.namespace))
        return named

    def _plan(self, objects: Objects, wanted: Wanted) -> list[Patch]:
        return list(self._router().plan(wanted, objects))

    def _applied(self, objects: Objects, wanted: Wanted) -> Objects:
        try:
            return apply_patches(objects, self._plan(objects, wanted))
        except PatchError as error:
            pytest.fail(f"the API server would refuse a patch: {error}")

    def _arrived(self, objects: Objects, wanted: Wanted) -> Objects:
        """The objects after a plan; a second plan must find nothing to do, and the weight be seen."""
        after = self._applied(objects, wanted)
        again = self._plan(after, wanted)
        if again:
            pytest.fail(f"weight {wanted.weight}: planned twice, and again {again[0]!r:.500}")
        seen = self._weight(after, wanted)
        if seen is not None and seen != wanted.weight:
            pytest.fail(f"weight {wanted.weight} was wanted, the objects say {seen}")
        return after

    def _weight(self, objects: Objects, wanted: Wanted) -> int | None:
        return self._router().observed(wanted, objects).weight

    def _check_weights(self, objects: Objects, wanted: Wanted) -> None:
        weights = self.weights(objects, wanted)
        if weights is None:
            return
        if sum(weights.values()) != wanted.total or min(weights.values()) < 0:
            pytest.fail(f"the weights {dict(weights)} do not add up to {wanted.total}")

    def _comes_and_goes(self, wanted: Wanted) -> None:
        plain = self._arrived(self.objects(), self.wanted(managed_routes=wanted.managed_routes))
        there = self._arrived(plain, wanted)
        if there == plain:
            pytest.fail("what the capability claims changes nothing in the objects")
        gone = self._arrived(there, self.wanted(managed_routes=wanted.managed_routes))
        if gone != plain:
            pytest.fail(f"after its removal something is left: {gone!r:.800}")

    def _needs(self, capability: Capability) -> None:
        if capability not in self.router_class.capabilities:
            pytest.skip(f"the router does not claim {capability}")

    def _survives(self, objects: Objects) -> None:
        router, wanted = self._router(), self.wanted()
        try:
            list(router.plan(wanted, objects))
        except RouterError as error:
            if "\n" in str(error) or not str(error):
                pytest.fail(f"not a message of one line: {error!s:.300}")
        _check_problems(list(router.check(wanted, objects, BLOCK)))
        router.observed(wanted, objects)
        router.bound_hashes(wanted.config, wanted.namespace, objects)
        list(router.released(wanted.rollout, wanted.config, wanted.namespace, objects))

    @staticmethod
    def _versioned(objects: Objects) -> Objects:
        return {
            ref: obj | {"metadata": obj.get("metadata", {}) | {"resourceVersion": "41"}}
            for ref, obj in objects.items()
        }


def _check_problems(problems: list[Problem]) -> None:
    for problem in problems:
        path: FieldPath = problem.path
        if path.parts[: len(BLOCK.parts)] != BLOCK.parts:
            pytest.fail(f"the path {path} is not below the one that was given")


def _marked(value: Any) -> Any:
    """The object with a foreign field in each of its maps."""
    if isinstance(value, dict):
        return {key: _marked(item) for key, item in value.items()} | {FOREIGN: "keep"}
    return [_marked(item) for item in value] if isinstance(value, list) else value


def _marks(obj: Json) -> int:
    return sum(1 for place in places(obj) if place[-1] == FOREIGN and at(obj, place) == "keep")
