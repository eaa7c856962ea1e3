"""Labels and annotations that the pods of a revision carry only as long as it has its part: canary or stable.

In: the Rollout, its revisions and pods. Out: effects that inject and take away `canaryMetadata`, `stableMetadata`
and their blue-green counterparts. Called once a pass by both strategies. §2.4, §2.18 of the reference.

The ReplicaSet's template comes first, so that pods made in between are right; then its pods; last the note of what was
injected. The note names a key until no pod has it any more, so that a controller that is killed in between goes on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from ..model import names
from ..model.gojson import go_json
from ..model.reading import Json, Reader
from ..model.rollout import Rollout
from ..model.workload import Pod, ReplicaSet
from .effects import PatchPod, PatchReplicaSet
from .revisions import Revisions

Texts: TypeAlias = Mapping[str, str]
#: Changes of labels or annotations; None takes a key away.
Changes: TypeAlias = dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Metadata:
    """Labels and annotations of pods."""

    labels: Texts = field(default_factory=dict)
    annotations: Texts = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """There are none."""
        return not self.labels and not self.annotations


@dataclass(frozen=True, slots=True)
class Blocks:
    """What a strategy wants its revisions to carry.

    Attributes:
        new: `canaryMetadata` or `previewMetadata`.
        stable: `stableMetadata` or `activeMetadata`.
    """

    new: Metadata
    stable: Metadata


@dataclass(frozen=True, slots=True)
class Injection:
    """One ReplicaSet, what its pods are to carry, and which keys they may still have from before.

    Attributes:
        gone: with the values that the Rollout's own template has for them, as far as that is known.
    """

    replica_set: ReplicaSet
    wanted: Metadata
    recorded: Metadata
    gone: tuple[Changes, Changes]

    def changes(self, labels: Texts, annotations: Texts) -> tuple[Changes, Changes]:
        """What is to change in these labels and annotations, of the template or of a pod."""
        wanted = (self.wanted.labels, self.wanted.annotations)
        first, second = (
            {k: v for k, v in {**gone, **want}.items() if given.get(k) != v}
            for given, want, gone in zip((labels, annotations), wanted, self.gone, strict=True)
        )
        return first, second

    def note(self, *, keeps_gone: bool) -> str | None:
        """The annotation of the ReplicaSet; None for no annotation."""
        if not keeps_gone:
            return noted(self.wanted)
        recorded, wanted = self.recorded, self.wanted
        both = Metadata(
            {**recorded.labels, **wanted.labels}, {**recorded.annotations, **wanted.annotations}
        )
        return noted(both)


def metadata_blocks(rollout: Rollout) -> Blocks | None:
    """What the Rollout's strategy asks for; None where it asks for nothing, and nothing is touched."""
    strategy = Reader(rollout.raw).object("spec").object("strategy")
    for name, new, stable in (
        ("canary", "canaryMetadata", "stableMetadata"),
        ("blueGreen", "previewMetadata", "activeMetadata"),
    ):
        if not strategy.has(name):
            continue
        block = strategy.object(name)
        if block.has(new) or block.has(stable):
            return Blocks(_metadata(block.object(new)), _metadata(block.object(stable)))
    return None


def _metadata(reader: Reader) -> Metadata:
    return Metadata(reader.texts("labels"), reader.texts("annotations"))


def wanted_at_creation(rollout: Rollout, revisions: Revisions) -> Metadata:
    """What the template of a new ReplicaSet gets: it is a canary only beside a stable one."""
    blocks = metadata_blocks(rollout)
    if blocks is None:
        return Metadata()
    return blocks.new if revisions.stable is not None else blocks.stable


def injections(rollout: Rollout, revisions: Revisions) -> Iterator[Injection]:
    """Every ReplicaSet with what it is to carry; nothing where nothing is configured."""
    blocks = metadata_blocks(rollout)
    if blocks is None:
        return
    new, stable = revisions.new, revisions.stable
    for each in revisions.all:
        if each is stable or (each is new and not rollout.status.stable_hash):
            wanted = blocks.stable
        else:
            wanted = blocks.new if each is new else Metadata()
        own = Reader(rollout.template if each is new else None).object("metadata")
        yield _injection(each, wanted, _metadata(own))


def _injection(replica_set: ReplicaSet, wanted: Metadata, own: Metadata) -> Injection:
    recorded = recorded_metadata(replica_set)
    gone = (
        {k: own.labels.get(k) for k in recorded.labels if k not in wanted.labels},
        {k: own.annotations.get(k) for k in recorded.annotations if k not in wanted.annotations},
    )
    return Injection(replica_set, wanted, recorded, gone)


def recorded_metadata(replica_set: ReplicaSet) -> Metadata:
    """What was injected into it, by its annotation; a note that cannot be read says nothing."""
    text = replica_set.meta.annotations.get(names.EPHEMERAL_METADATA, "")
    try:
        note = json.loads(text) if text else None
    except (ValueError, RecursionError):
        note = None
    return _metadata(Reader(note if isinstance(note, dict) else None))


def noted(metadata: Metadata) -> str | None:
    """The annotation, as the reference writes it; None for nothing."""
    if metadata.is_empty:
        return None
    parts = {"labels": metadata.labels, "annotations": metadata.annotations}
    return go_json({k: dict(sorted(v.items())) for k, v in parts.items() if v}).decode()


def sync_pods(
    rollout: Rollout, revisions: Revisions, pods: Iterable[Pod]
) -> Iterator[PatchPod | PatchReplicaSet]:
    """Bring the pods in line with their templates; the notes of sets whose pods are so already, too."""
    of: dict[str, list[Pod]] = {}
    for pod in pods:
        if not pod.meta.deleting:
            of.setdefault(pod.meta.owner_uid, []).append(pod)
    for each in injections(rollout, revisions):
        # pods of a set that is to have none are about to go anyway
        own = of.get(each.replica_set.meta.uid, ()) if each.replica_set.replicas else ()
        wrong = list(_wrong_pods(each, own))
        yield from wrong
        note = each.note(keeps_gone=False)
        if not wrong and note != each.replica_set.meta.annotations.get(names.EPHEMERAL_METADATA):
            yield PatchReplicaSet(each.replica_set.name, {names.EPHEMERAL_METADATA: note})


def _wrong_pods(injection: Injection, pods: Iterable[Pod]) -> Iterator[PatchPod]:
    for pod in sorted(pods, key=lambda p: p.meta.name):
        labels, annotations = injection.changes(pod.meta.labels, pod.meta.annotations)
        if labels or annotations:
            yield PatchPod(pod.meta.name, labels, annotations)


def with_metadata(template: Json, metadata: Metadata) -> Json:
    """A pod template with labels and annotations in it; the one given stays as it is."""
    if metadata.is_empty:
        return template
    meta = {**Reader(template).json("metadata")}
    for kind, texts in (("labels", metadata.labels), ("annotations", metadata.annotations)):
        if texts:
            meta[kind] = {**(meta.get(kind) or {}), **texts}
    return {**template, "metadata": meta}
