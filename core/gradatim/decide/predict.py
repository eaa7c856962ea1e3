"""What the world looks like after effects, before anything has reacted to them.

In: a snapshot and the effects and status of a pass. Out: the snapshot that the next pass of the same decision sees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from ..model import names
from ..model.analysisrun import parse_analysis_run
from ..model.experiment import parse_experiment
from ..model.meta import Meta
from ..model.reading import Json, Reader
from ..model.status import read_status
from ..model.workload import Pod, ReplicaSet, Service
from ..plugin import ObjectRef, Patch
from ..plugin.patches import apply_patch
from .creation import as_created
from .effects import (
    AdoptReplicaSet,
    ApplyRoute,
    CreateExperiment,
    CreateReplicaSet,
    CreateRun,
    DeleteExperiment,
    DeleteReplicaSet,
    DeleteRun,
    Effect,
    Emit,
    EvictPods,
    GiveBack,
    PatchPod,
    PatchReplicaSet,
    PatchRollout,
    PatchRoute,
    PatchTemplate,
    PatchWorkload,
    ReleaseReplicaSet,
    ScaleReplicaSet,
    SwitchService,
    TerminateExperiment,
    TerminateRun,
)
from .snapshot import Route, Snapshot


def predicted(
    snapshot: Snapshot, effects: Iterable[Effect], status: Json, now: datetime
) -> Snapshot:
    """The snapshot after the effects and with the status. No pod has come or gone yet."""
    for effect in effects:
        if not isinstance(effect, Emit):
            snapshot = after(snapshot, effect, now)
    rollout = snapshot.rollout
    if status == rollout.status.raw:
        return snapshot
    raw = {**rollout.raw, "status": status}
    return replace(snapshot, rollout=replace(rollout, raw=raw, status=read_status(Reader(status))))


def after(snapshot: Snapshot, effect: Effect, now: datetime) -> Snapshot:
    """The snapshot after one effect."""
    match effect:
        case CreateReplicaSet(body):
            created = as_created(body, now)
            return replace(snapshot, replica_sets=(*snapshot.replica_sets, created))
        case ScaleReplicaSet(name, _, replicas, annotations):
            return _with_sets(snapshot, name, lambda r: _scaled(r, replicas, annotations))
        case PatchReplicaSet(name, annotations, ready):
            return _with_sets(
                snapshot,
                name,
                lambda r: replace(
                    r,
                    meta=_annotated(r.meta, annotations),
                    min_ready_seconds=r.min_ready_seconds if ready is None else ready,
                ),
            )
        case AdoptReplicaSet(name):
            adopted = tuple(r for r in snapshot.orphans if r.name == name)
            left = tuple(r for r in snapshot.orphans if r.name != name)
            everyone = (*snapshot.replica_sets, *adopted)
            return replace(snapshot, replica_sets=everyone, orphans=left)
        case DeleteReplicaSet(name) | ReleaseReplicaSet(name):
            kept = tuple(r for r in snapshot.replica_sets if r.name != name)
            return replace(snapshot, replica_sets=kept)
        case PatchTemplate(name, template, annotations):
            return _with_sets(snapshot, name, lambda r: _retemplated(r, template, annotations))
        case PatchPod(name, labels, annotations):
            pods = tuple(
                _relabelled(p, labels, annotations) if p.meta.name == name else p
                for p in snapshot.pods or ()
            )
            return replace(snapshot, pods=pods)
        case EvictPods(asked):
            # they are there until they are gone: disruption budgets may keep them
            return replace(snapshot, evicted=snapshot.evicted | {name for name, _ in asked})
        case SwitchService(name, pod_hash, owner):
            service = _switched(snapshot.services[name], pod_hash, owner)
            services = {**snapshot.services, name: service}
            return replace(snapshot, services=services, traffic_changed=now)
        case PatchWorkload(_, _, replicas):
            workload = snapshot.workload and replace(snapshot.workload, replicas=replicas)
            return replace(snapshot, workload=workload)
        case PatchRoute():
            routes = tuple(_routed(route, effect) for route in snapshot.routes)
            return replace(snapshot, routes=routes, traffic_changed=now)
        case ApplyRoute(router):
            # nothing of it can be read
            routes = tuple(
                replace(r, verified=_unverified(r)) if r.key == router else r
                for r in snapshot.routes
            )
            return replace(snapshot, routes=routes, traffic_changed=now)
        case GiveBack(ref):
            return replace(
                snapshot, routes=tuple(_given_back(route, ref) for route in snapshot.routes)
            )
        case PatchRollout(body):
            return _patched(snapshot, body)
        case CreateRun() | TerminateRun() | DeleteRun():
            return _with_runs(snapshot, effect, now)
        case CreateExperiment() | TerminateExperiment() | DeleteExperiment():
            return _with_experiments(snapshot, effect, now)
        case _:
            return snapshot


def _with_sets(
    snapshot: Snapshot, name: str, change: Callable[[ReplicaSet], ReplicaSet]
) -> Snapshot:
    sets = tuple(change(r) if r.name == name else r for r in snapshot.replica_sets)
    return replace(snapshot, replica_sets=sets)


def _scaled(
    replica_set: ReplicaSet, replicas: int, annotations: Mapping[str, str | None]
) -> ReplicaSet:
    """The set with another size. Pods that it counts beyond its size of before are on their way out all the same."""
    meta = _annotated(replica_set.meta, annotations)
    kept = replica_set.available
    if replicas > replica_set.replicas and replica_set.available > replica_set.replicas:
        meta = replace(meta, generation=max(meta.generation, replica_set.observed_generation) + 1)
        kept = replica_set.replicas
    return replace(replica_set, replicas=replicas, available=kept, meta=meta)


def _annotated(meta: Meta, changes: Mapping[str, str | None]) -> Meta:
    merged = {**meta.annotations, **changes}
    return replace(meta, annotations={k: v for k, v in merged.items() if v is not None})


def _retemplated(
    replica_set: ReplicaSet, patch: Json, annotations: Mapping[str, str | None]
) -> ReplicaSet:
    ref = ObjectRef("apps/v1", "ReplicaSet", replica_set.meta.namespace, replica_set.name)
    spec = {"template": replica_set.template}
    template = apply_patch(spec, Patch(ref, {"template": patch}))["template"]
    meta = _annotated(replica_set.meta, annotations)
    return replace(replica_set, template=template, meta=meta)


def _relabelled(
    pod: Pod, labels: Mapping[str, str | None], annotations: Mapping[str, str | None]
) -> Pod:
    merged = {**pod.meta.labels, **labels}
    meta = replace(pod.meta, labels={k: v for k, v in merged.items() if v is not None})
    return replace(pod, meta=_annotated(meta, annotations))


def _switched(service: Service, pod_hash: str, owner: str | None) -> Service:
    selector = {**service.selector, names.POD_HASH: pod_hash}
    marks = {} if owner is None else {names.MANAGED_BY: owner}
    return replace(service, selector=selector, meta=_annotated(service.meta, marks))


def _routed(route: Route, effect: PatchRoute) -> Route:
    if route.key != effect.router or effect.patch.ref not in route.objects:
        return route
    ref = effect.patch.ref
    objects = {**route.objects, ref: apply_patch(route.objects[ref], effect.patch)}
    return replace(route, objects=objects, verified=_unverified(route))


def _unverified(route: Route) -> bool | None:
    """What it said was about the weights before. One that could say something then will, so it is waited for."""
    return None if route.verified is None else False


def _given_back(route: Route, ref: ObjectRef) -> Route:
    if ref not in route.objects:
        return route
    obj = route.objects[ref]
    metadata = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
    return replace(route, objects={**route.objects, ref: {**obj, "metadata": metadata}})


def _patched(snapshot: Snapshot, body: Json) -> Snapshot:
    rollout = snapshot.rollout
    annotations = (body.get("metadata") or {}).get("annotations") or {}
    replicas = (body.get("spec") or {}).get("replicas")
    changed = replace(rollout, meta=_annotated(rollout.meta, annotations))
    if replicas is not None:
        changed = replace(changed, replicas=replicas, replicas_given=True)
    return replace(snapshot, rollout=changed)


def _with_runs(
    snapshot: Snapshot, effect: CreateRun | TerminateRun | DeleteRun, now: datetime
) -> Snapshot:
    match effect:
        case CreateRun(_, body):
            run = parse_analysis_run(body)
            created = replace(run, meta=replace(run.meta, created=now))
            return replace(snapshot, runs=(*snapshot.runs, created))
        case TerminateRun(name):
            return replace(
                snapshot,
                runs=tuple(
                    replace(r, terminate=True) if r.meta.name == name else r for r in snapshot.runs
                ),
            )
        case DeleteRun(name):
            return replace(snapshot, runs=tuple(r for r in snapshot.runs if r.meta.name != name))


def _with_experiments(
    snapshot: Snapshot,
    effect: CreateExperiment | TerminateExperiment | DeleteExperiment,
    now: datetime,
) -> Snapshot:
    known = snapshot.experiments
    match effect:
        case CreateExperiment(_, body):
            made = parse_experiment(body)
            known = (*known, replace(made, meta=replace(made.meta, created=now)))
        case TerminateExperiment(name):
            known = tuple(replace(e, terminate=True) if e.name == name else e for e in known)
        case DeleteExperiment(name):
            known = tuple(e for e in known if e.name != name)
    return replace(snapshot, experiments=known)
