"""Rollouts with the template and the selector of the workload that they refer to.

In: a Rollout. Out: the same with what its `workloadRef` brings, in memory only, and what is wrong with the reference.
`gather.py` begins with it. The workload is watched from the first Rollout that names one of its kind.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from ..kube.errors import Forbidden
from ..model.rollout import Rollout
from ..model.workloadref import Workload, WorkloadRef, parse_workload, read_workload_ref
from ..plugin import FieldPath, ObjectRef, Problem
from ..validate.wording import invalid
from .routeobjects import RouteObjects

_PATH: Final = FieldPath("spec", "workloadRef")


@dataclass(frozen=True, slots=True)
class Resolved:
    """A Rollout as it is decided on, with the workload behind it, if it has one that is there."""

    rollout: Rollout
    workload: Workload | None = None
    problems: tuple[Problem, ...] = ()


def workload_object(rollout: Rollout) -> ObjectRef | None:
    """The object that the Rollout refers to; None without a reference that can be followed."""
    if rollout.workload_ref is None:
        return None
    ref = read_workload_ref(rollout.workload_ref)
    if not ref.api_version or not ref.name:
        return None
    return ObjectRef(ref.api_version, ref.kind, rollout.namespace, ref.name)


async def resolved(rollout: Rollout, objects: RouteObjects) -> Resolved:
    """The Rollout with its workload's template.

    Raises:
        KubeError: the workload could not be read for now.
    """
    if rollout.workload_ref is None:
        return Resolved(rollout)
    ref, where = read_workload_ref(rollout.workload_ref), workload_object(rollout)
    if where is None:
        return _wrong(
            rollout, ref, f"workload of type {ref.written_version}/{ref.kind} is not supported"
        )
    try:
        found = await objects.get(where)
    except Forbidden as error:
        return _wrong(rollout, ref, str(error))
    if found is None:
        return _wrong(rollout, ref, f'{ref.kind} "{ref.name}" not found')
    workload = parse_workload(ref, found)
    if not workload.template:
        return _wrong(rollout, ref, f'{ref.kind} "{ref.name}" has no template')
    selector = rollout.selector or workload.selector
    if not selector:
        return _wrong(
            rollout, ref, f"a {ref.kind} has no selector: spec.selector must name the pods"
        )
    return Resolved(replace(rollout, template=workload.template, selector=selector), workload)


def _wrong(rollout: Rollout, ref: WorkloadRef, detail: str) -> Resolved:
    return Resolved(rollout, problems=(invalid(_PATH / "name", ref.name, detail),))
