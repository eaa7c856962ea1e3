"""A Deployment's pods make room for those of the Rollout that took over its template, one for one.

In: a snapshot as the rest of the decision leaves it. Out: at most one write of the Deployment, and a note of the
generation that was seen. `decision.py` calls it last: the Deployment never gives up a pod before the Rollout
has an available one in its place (`spec/users.md` row 6; §2.19 of the reference).
"""

from __future__ import annotations

from typing import Final

from ..model import names
from ..model.reading import Json, whole_number
from ..model.workloadref import NEVER, ON_SUCCESS, Workload
from ..plugin import ObjectRef
from .effects import PatchRollout, PatchWorkload
from .snapshot import Snapshot

_OBSERVED: Final = "workloadObservedGeneration"


def generation_note(snapshot: Snapshot) -> list[PatchRollout]:
    """The annotation that tells tools which generation of the workload this Rollout is of."""
    workload, rollout = snapshot.workload, snapshot.rollout
    if workload is None:
        return []
    seen = str(workload.generation)
    if rollout.meta.annotations.get(names.WORKLOAD_GENERATION) == seen:
        return []
    return [PatchRollout({"metadata": {"annotations": {names.WORKLOAD_GENERATION: seen}}})]


def observed_status(snapshot: Snapshot) -> Json:
    """The status, with the generation of the workload that this decision is made for, if there is one."""
    raw = snapshot.rollout.status.raw
    if snapshot.workload is None:
        seen = _OBSERVED in raw
        return {key: value for key, value in raw.items() if key != _OBSERVED} if seen else raw
    return {**raw, _OBSERVED: str(snapshot.workload.generation)}


def handover(snapshot: Snapshot) -> list[PatchRollout | PatchWorkload]:
    """The Deployment with fewer pods, if it may have fewer.

    It begins with the first release, and a note on the Rollout says how many pods there were: so it goes on
    in later revisions and after a restart of ours. Once no pod is seen any more the note goes, and the
    Deployment is left alone: who scales it up again wants its pods back.
    """
    workload, noted = snapshot.workload, _noted(snapshot)
    if workload is None or workload.scale_down == NEVER or snapshot.rollout.paused:
        return []
    if workload.replicas == 0:
        return [] if noted is None else [_note(None)]
    if not is_under_way(snapshot):
        return []
    # somebody may have scaled it up meanwhile: those pods want a place, too
    before = max(noted or 0, workload.replicas)
    left = min(workload.replicas, max(0, before - _taken_over(snapshot, workload)))
    effects: list[PatchRollout | PatchWorkload] = [] if before == noted else [_note(before)]
    if left < workload.replicas:
        version = workload.resource_version
        effects.append(PatchWorkload(_ref(workload), workload.replicas, left, version))
    return effects


def is_under_way(snapshot: Snapshot) -> bool:
    """The Deployment has pods that are to make room for the Rollout's."""
    workload = snapshot.workload
    if workload is None or workload.scale_down == NEVER or workload.replicas == 0:
        return False
    return _noted(snapshot) is not None or _is_first(snapshot)


def _noted(snapshot: Snapshot) -> int | None:
    return whole_number(snapshot.rollout.meta.annotations.get(names.REPLICAS_BEFORE, ""))


def _note(replicas: int | None) -> PatchRollout:
    value = None if replicas is None else str(replicas)
    return PatchRollout({"metadata": {"annotations": {names.REPLICAS_BEFORE: value}}})


def _is_first(snapshot: Snapshot) -> bool:
    rollout = snapshot.rollout
    return not rollout.status.stable_hash or rollout.meta.annotations.get(names.REVISION) == "1"


def _taken_over(snapshot: Snapshot, workload: Workload) -> int:
    """Pods of the Rollout that answer and are to stay; on success only those of a whole release count.

    What there is beyond `spec.replicas` is there for a release, and goes with its end.
    """
    status = snapshot.rollout.status
    healthy = status.phase == "Healthy" and status.stable_hash == status.pod_hash
    if workload.scale_down == ON_SUCCESS and not healthy:
        return 0
    answering = sum(r.answering for r in snapshot.replica_sets)
    return min(answering, snapshot.rollout.replicas)


def _ref(workload: Workload) -> ObjectRef:
    ref = workload.ref
    return ObjectRef(ref.api_version, ref.kind, workload.namespace, ref.name)
