"""The injected anti-affinity: pods of a canary keep clear of the nodes of stable's."""

from __future__ import annotations

from typing import Any

import pytest
from podworld import PodWorld
from world import manifest

from gradatim.decide.affinity import is_outdated, wanted_affinity
from gradatim.decide.effects import PatchTemplate
from gradatim.model import names
from gradatim.model.hashing import pod_template_hash
from gradatim.model.rollout import parse_rollout

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
STEPS = [{"setWeight": 50}, {"pause": {}}]


def term(stable_hash: str) -> dict[str, Any]:
    expression = {"key": names.POD_HASH, "operator": "In", "values": [stable_hash]}
    return {
        "labelSelector": {"matchExpressions": [expression]},
        "namespaces": ["default"],
        "topologyKey": "kubernetes.io/hostname",
    }


def released(**canary: Any) -> PodWorld:
    world = PodWorld.of(manifest(replicas=2, steps=STEPS, **canary))
    world.run(8)
    return world


def affinity(world: PodWorld, revision: int) -> Any:
    return world.world.of_revision(revision).template["spec"].get("affinity")


def test_the_first_revision_has_nobody_to_keep_clear_of() -> None:
    assert affinity(released(antiAffinity={REQUIRED: {}}), 1) is None


@pytest.mark.parametrize(
    ("block", "kind"),
    [
        pytest.param({REQUIRED: {}}, REQUIRED, id="required"),
        pytest.param({PREFERRED: {"weight": 7}}, PREFERRED, id="preferred, with a weight"),
    ],
)
def test_a_canary_keeps_clear_of_stable(block: dict[str, Any], kind: str) -> None:
    world = released(antiAffinity=block)
    stable = world.world.rollout.status.stable_hash
    world.world.image("app:v2")
    world.run(8)
    wanted = term(stable)
    if kind == PREFERRED:
        wanted = {"weight": 7, "podAffinityTerm": wanted}
    assert affinity(world, 2) == {"podAntiAffinity": {kind: [wanted]}}
    assert affinity(world, 1) is None


def test_the_hash_is_that_of_the_authors_template() -> None:
    world = released(antiAffinity={REQUIRED: {}})
    world.world.image("app:v2")
    world.run(8)
    own = pod_template_hash(world.world.rollout.template)
    assert world.world.of_revision(2).pod_hash == own
    assert world.world.rollout.status.pod_hash == own


def test_the_term_stays_after_the_release_and_makes_no_new_pods() -> None:
    world = released(antiAffinity={REQUIRED: {}})
    old = world.world.rollout.status.stable_hash
    world.world.image("app:v2")
    world.run(8)
    world.world.promote()
    world.run(8)
    assert affinity(world, 2) == {"podAntiAffinity": {REQUIRED: [term(old)]}}
    assert not [e for e in world.world.log if isinstance(e, PatchTemplate)]


def test_a_set_that_is_used_again_keeps_clear_of_who_is_stable_now() -> None:
    world = released(antiAffinity={REQUIRED: {}})
    for image in ("app:v2", "app:v3"):
        world.world.image(image)
        world.run(8)
        world.world.promote()
        world.run(8)
    third = world.world.rollout.status.stable_hash
    world.world.image("app:v2")
    effects = world.run(8)
    assert affinity(world, 4) == {"podAntiAffinity": {REQUIRED: [term(third)]}}
    assert len([e for e in effects if isinstance(e, PatchTemplate)]) == 1


def rollout(affinity: Any, block: Any, stable: str = "s") -> Any:
    raw = manifest(antiAffinity=block) if block is not None else manifest()
    raw["spec"]["template"]["spec"]["affinity"] = affinity
    return parse_rollout({**raw, "status": {"stableRS": stable}})


OWN = {"labelSelector": {"matchLabels": {"app": "other"}}, "topologyKey": "zone"}


@pytest.mark.parametrize(
    ("own", "wanted"),
    [
        pytest.param(None, {"podAntiAffinity": {REQUIRED: [term("s")]}}, id="no affinity before"),
        pytest.param(
            {"nodeAffinity": {}, "podAntiAffinity": {REQUIRED: [OWN], PREFERRED: [{}]}},
            {
                "nodeAffinity": {},
                "podAntiAffinity": {REQUIRED: [OWN, term("s")], PREFERRED: [{}]},
            },
            id="after the author's own terms",
        ),
    ],
)
def test_the_term_joins_what_the_author_has_written(own: Any, wanted: Any) -> None:
    view = rollout(own, {REQUIRED: {}})
    assert wanted_affinity(view, "n") == wanted
    assert view.template["spec"]["affinity"] == own


@pytest.mark.parametrize(
    ("block", "stable", "pod_hash"),
    [
        pytest.param(None, "s", "n", id="nothing is asked for"),
        pytest.param({REQUIRED: {}}, "", "n", id="there is no stable revision"),
        pytest.param({REQUIRED: {}}, "n", "n", id="the revision is the stable one"),
    ],
)
def test_otherwise_the_affinity_is_the_authors(block: Any, stable: str, pod_hash: str) -> None:
    own = {"nodeAffinity": {"x": 1}}
    assert wanted_affinity(rollout(own, block, stable), pod_hash) == own
    assert wanted_affinity(rollout(None, block, stable), pod_hash) is None


def test_a_set_without_a_term_is_not_outdated() -> None:
    world = released(antiAffinity={REQUIRED: {}})
    assert not is_outdated(world.world.rollout, world.world.of_revision(1))


def test_blue_green_can_ask_for_it_too() -> None:
    raw = manifest()
    raw["spec"]["strategy"] = {"blueGreen": {"antiAffinity": {REQUIRED: {}}}}
    view = parse_rollout({**raw, "status": {"stableRS": "s"}})
    assert wanted_affinity(view, "n") == {"podAntiAffinity": {REQUIRED: [term("s")]}}
