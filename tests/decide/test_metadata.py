"""Metadata of a revision's part: injected with it, taken away after it, and nothing else touched."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from podworld import PodWorld
from world import manifest

from gradatim.decide.effects import PatchPod, PatchReplicaSet, PatchTemplate
from gradatim.decide.metadata import Metadata, metadata_blocks, noted, recorded_metadata
from gradatim.model import names
from gradatim.model.meta import Meta
from gradatim.model.rollout import parse_rollout
from gradatim.model.workload import ReplicaSet

STEPS = [{"setWeight": 50}, {"pause": {}}]
CANARY = {"labels": {"role": "canary"}, "annotations": {"team": "a"}}
STABLE = {"labels": {"role": "stable"}}


def released(**canary: Any) -> PodWorld:
    blocks = {"canaryMetadata": CANARY, "stableMetadata": STABLE, **canary}
    world = PodWorld.of(manifest(replicas=2, steps=STEPS, **blocks))
    world.run(8)
    assert world.world.phase == ("Healthy", "")
    return world


def carried(world: PodWorld, revision: int) -> list[tuple[str | None, str | None]]:
    """Role and team of each pod of a revision."""
    pods = world.of_revision(revision)
    return [(p.meta.labels.get("role"), p.meta.annotations.get("team")) for p in pods]


def template(world: PodWorld, revision: int) -> dict[str, Any]:
    meta: dict[str, Any] = world.world.of_revision(revision).template["metadata"]
    return meta


def note(world: PodWorld, revision: int) -> str | None:
    return world.world.of_revision(revision).meta.annotations.get(names.EPHEMERAL_METADATA)


def test_the_first_revision_is_stable_from_its_creation() -> None:
    world = released()
    assert carried(world, 1) == [("stable", None)] * 2
    assert note(world, 1) == '{"labels":{"role":"stable"}}'
    assert not [e for e in world.world.log if isinstance(e, PatchPod | PatchTemplate)]


def test_a_canary_carries_its_own_and_becomes_stable_without_new_pods() -> None:
    world = released()
    world.world.image("app:v2")
    world.run(8)
    assert carried(world, 2) == [("canary", "a")]
    assert note(world, 2) == '{"labels":{"role":"canary"},"annotations":{"team":"a"}}'
    canary = {p.meta.name for p in world.of_revision(2)}
    assert carried(world, 1) == [("stable", None)]
    world.world.promote()
    world.run(8)
    assert carried(world, 2) == [("stable", None)] * 2
    assert canary < {p.meta.name for p in world.of_revision(2)}
    assert note(world, 2) == '{"labels":{"role":"stable"}}'
    assert "role" not in template(world, 1)["labels"]
    assert note(world, 1) is None


def test_the_hash_and_the_labels_of_a_set_are_those_of_the_authors_template() -> None:
    world, plain = released(), released(canaryMetadata=None, stableMetadata=None)
    labels = world.world.of_revision(1).meta.labels
    assert labels == plain.world.of_revision(1).meta.labels
    assert "role" not in labels


def test_an_aborted_canary_is_still_one() -> None:
    world = released()
    world.world.image("app:v2")
    world.run(8)
    world.world.abort()
    world.run(8)
    assert note(world, 2) == '{"labels":{"role":"canary"},"annotations":{"team":"a"}}'
    assert carried(world, 1) == [("stable", None)] * 2


def test_a_superseded_canary_is_stripped() -> None:
    world = released()
    world.world.image("app:v2")
    world.run(8)
    world.world.image("app:v3")
    world.run(8)
    assert note(world, 2) is None
    assert "team" not in template(world, 2).get("annotations", {})
    assert carried(world, 3) == [("canary", "a")]


def test_a_rollback_to_stable_makes_the_pods_stable_again() -> None:
    world = released()
    world.world.image("app:v2")
    world.run(8)
    world.world.image("app:v1")
    world.run(8)
    assert world.world.phase == ("Healthy", "")
    assert carried(world, 3) == [("stable", None)] * 2


def test_what_others_put_on_pods_stays() -> None:
    world = released()
    snapshot = world.world.snapshot
    marked = tuple(
        replace(
            p, meta=replace(p.meta, labels={**p.meta.labels, "mesh": "on"}, annotations={"x": "y"})
        )
        for p in world.pods
    )
    world.world.snapshot = replace(snapshot, pods=marked)
    world.world.canary(stableMetadata={"annotations": {"team": "b"}})
    world.run(4)
    assert carried(world, 1) == [(None, "b")] * 2
    assert [p.meta.labels["mesh"] for p in world.pods] == ["on", "on"]
    assert [p.meta.annotations["x"] for p in world.pods] == ["y", "y"]


def test_a_label_of_the_author_comes_back_when_it_is_no_longer_overlaid() -> None:
    raw = manifest(replicas=1, stableMetadata={"labels": {"tier": "gold"}}, canaryMetadata={})
    raw["spec"]["template"]["metadata"]["labels"]["tier"] = "plain"
    world = PodWorld.of(raw)
    world.run(8)
    assert [p.meta.labels["tier"] for p in world.pods] == ["gold"]
    world.world.canary(stableMetadata={})
    world.run(4)
    assert [p.meta.labels["tier"] for p in world.pods] == ["plain"]
    assert template(world, 1)["labels"]["tier"] == "plain"


def test_nothing_is_touched_once_nothing_is_configured() -> None:
    world = released()
    world.world.canary(stableMetadata=None, canaryMetadata=None)
    before = len(world.world.log)
    world.run(6)
    assert carried(world, 1) == [("stable", None)] * 2
    assert not [e for e in world.world.log[before:] if isinstance(e, PatchPod | PatchTemplate)]


def test_while_pods_are_not_known_the_note_goes_on_naming_what_they_may_have() -> None:
    world = released()
    world.world.canary(stableMetadata={"labels": {"part": "stable"}})
    pods = world.pods
    world.world.snapshot = replace(world.world.snapshot, pods=None)
    world.world.carry_out(world.world.decide())
    assert template(world, 1)["labels"]["part"] == "stable"
    assert note(world, 1) == '{"labels":{"part":"stable","role":"stable"}}'
    assert world.world.decide().effects == ()
    assert world.world.decide().look_again_in is not None
    world.world.snapshot = replace(world.world.snapshot, pods=pods)
    world.run(3)
    assert carried(world, 1) == [(None, None)] * 2
    assert note(world, 1) == '{"labels":{"part":"stable"}}'


@pytest.mark.parametrize("crash", range(6))
def test_a_controller_that_is_killed_in_between_is_gone_on_from(crash: int) -> None:
    world = released()
    world.world.image("app:v2")
    world.run(8)
    world.world.promote()
    world.turn()
    world.world.carry_out(world.world.decide(), stop_after=crash)
    # and meanwhile its author wants something else
    world.world.canary(stableMetadata={"labels": {"part": "stable"}})
    world.run(8)
    assert [p.meta.labels for p in world.of_revision(2)] == [
        {**template(world, 2)["labels"], "part": "stable"}
    ] * 2
    assert carried(world, 2) == [(None, None)] * 2
    assert note(world, 2) == '{"labels":{"part":"stable"}}'


@pytest.mark.parametrize(
    ("metadata", "text"),
    [
        pytest.param(Metadata(), None, id="nothing has no note"),
        pytest.param(
            Metadata({"b": "2", "a": "1"}, {"c": "3"}),
            '{"labels":{"a":"1","b":"2"},"annotations":{"c":"3"}}',
            id="labels first, keys in their order, as Go writes it",
        ),
        pytest.param(
            Metadata({}, {"q": "<&>"}),
            '{"annotations":{"q":"\\u003c\\u0026\\u003e"}}',
            id="signs are escaped as Go escapes them",
        ),
    ],
)
def test_the_note(metadata: Metadata, text: str | None) -> None:
    assert noted(metadata) == text
    annotations = {} if text is None else {names.EPHEMERAL_METADATA: text}
    assert recorded_metadata(ReplicaSet(meta=Meta(annotations=annotations))) == metadata


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', '{"labels":[1]}', "[" * 100_000])
def test_a_note_that_cannot_be_read_says_nothing(text: str) -> None:
    meta = Meta(annotations={names.EPHEMERAL_METADATA: text})
    assert recorded_metadata(ReplicaSet(meta=meta)) == Metadata()


def test_blue_green_has_blocks_of_its_own_names() -> None:
    raw = manifest()
    raw["spec"]["strategy"] = {
        "blueGreen": {"activeService": "a", "previewMetadata": CANARY, "activeMetadata": STABLE}
    }
    blocks = metadata_blocks(parse_rollout(raw))
    assert blocks is not None
    assert blocks.new == Metadata({"role": "canary"}, {"team": "a"})
    assert blocks.stable == Metadata({"role": "stable"})


metadata = st.fixed_dictionaries(
    {},
    optional={
        "labels": st.dictionaries(st.sampled_from("abc"), st.sampled_from("12"), max_size=2),
        "annotations": st.dictionaries(st.sampled_from("xyz"), st.sampled_from("12"), max_size=2),
    },
)
events = st.one_of(
    st.tuples(st.just("image"), st.sampled_from(["app:v1", "app:v2", "app:v3"])),
    st.tuples(st.just("canary"), st.tuples(metadata, metadata)),
    st.tuples(st.sampled_from(["promote", "abort", "retry", "turn"]), st.none()),
    st.tuples(st.just("crash"), st.integers(0, 5)),
)


@settings(settings.get_profile("decide"))
@given(history=st.lists(events, max_size=12), last=st.tuples(metadata, metadata))
def test_after_any_history_pods_carry_what_is_wanted_and_nothing_more(
    history: list[tuple[str, Any]], last: tuple[Any, Any]
) -> None:
    world = released()
    for name, value in [*history, ("canary", last)]:
        if name == "canary":
            world.world.canary(canaryMetadata=value[0], stableMetadata=value[1])
        elif name == "crash":
            world.world.carry_out(world.world.decide(), stop_after=value)
        elif name != "turn":
            getattr(world.world, name)(*([] if value is None else [value]))
        world.carry_out()
        assert world.world.decide().effects == ()
        world.cluster()
        world.world.pass_time(1)
    world.world.retry()
    world.world.promote_full()
    world.run(30)
    wanted = {key: last[1].get(key) or {} for key in ("labels", "annotations")}
    for pod in world.pods:
        own = {"app", names.POD_HASH}
        assert {k: v for k, v in pod.meta.labels.items() if k not in own} == wanted["labels"]
        assert pod.meta.annotations == wanted["annotations"]
    assert not [e for e in world.run(2) if isinstance(e, PatchPod | PatchReplicaSet)]
