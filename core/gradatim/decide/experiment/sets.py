"""The sets of pods of an Experiment: made, kept at their size, and taken away after the end.

In: the draft of a pass. Out: effects on ReplicaSets, and the next state of each template. §3.8 of the reference.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

from ...model import names
from ...model.experiment import ExperimentTemplate, TemplatePhase, TemplateState
from ...model.reading import format_time
from ...model.workload import ReplicaSet
from ..effects import CreateReplicaSet, PatchReplicaSet, ScaleReplicaSet
from .creation import new_replica_set
from .draft import Draft, later
from .services import reconcile_service
from .traffic import is_drained

#: Seconds after the end of a time at which it is over.
_AFTER: Final = 0.001


def reconcile_template(draft: Draft, template: ExperimentTemplate) -> None:
    """Bring one set of pods in line with where the Experiment stands."""
    before = draft.experiment.template_state(template.name)
    found = draft.replica_set(template.name)
    scaled, fault = False, ""
    if found is not None:
        scaled = _take_away(draft, found) if draft.is_ending else _keep(draft, template, found)
    elif not draft.is_ending and not draft.awaits_templates:
        scaled, fault = _create(draft, template)
    service, pod_hash, service_fault = reconcile_service(draft, template, found)
    state = replace(
        before,
        replicas=found.current if found else 0,
        updated=found.current if found else 0,
        ready=found.ready if found else 0,
        available=found.available if found else 0,
        service=service,
        pod_hash=pod_hash,
    )
    if scaled or before.changed is None or _counts(state) != _counts(before):
        state = replace(state, changed=draft.now.replace(microsecond=0))
    state = _judged(draft, template, state, fault or service_fault)
    _tell(draft, before, state)
    draft.templates[template.name] = state


def _create(draft: Draft, template: ExperimentTemplate) -> tuple[bool, str]:
    """Create the set with its pods at once; the reference makes it without, and scales it in another write."""
    body = new_replica_set(draft.experiment, template, template.replicas)
    name = body["metadata"]["name"]
    refusal = draft.snapshot.refused.get(name)
    if refusal is not None:
        return False, f"Failed to create ReplicaSet for template '{template.name}': {refusal}"
    draft.effects.append(CreateReplicaSet(body, name, template.replicas))
    if template.replicas:
        draft.emit(
            "ScalingReplicaSet", f"Scaled up ReplicaSet {name} from 0 to {template.replicas}"
        )
    return True, ""


def _keep(draft: Draft, template: ExperimentTemplate, found: ReplicaSet) -> bool:
    if found.has_deadline:
        # of an earlier attempt: a person has it run once more
        draft.effects.append(PatchReplicaSet(found.name, {names.SCALE_DOWN_DEADLINE: None}))
    return _scale(draft, found, template.replicas)


def _take_away(draft: Draft, found: ReplicaSet) -> bool:
    """Pods go after the delay, and not before requests of the Rollout have found another way."""
    if found.replicas == 0:
        return False
    deadline = _deadline(draft, found)
    if deadline > draft.now:
        draft.due(deadline)
        return False
    if not is_drained(draft):
        return False
    return _scale(draft, found, 0)


def _deadline(draft: Draft, found: ReplicaSet) -> datetime:
    """The end of the delay, which begins now unless it has begun."""
    if found.has_deadline:
        # one that cannot be read is over
        return found.deadline or draft.now
    seconds = draft.experiment.scale_down_delay
    if seconds <= 0:
        return draft.now
    deadline = later(draft.now, seconds).replace(microsecond=0)
    mark = {names.SCALE_DOWN_DEADLINE: format_time(deadline)}
    draft.effects.append(PatchReplicaSet(found.name, mark))
    return deadline


def _scale(draft: Draft, found: ReplicaSet, replicas: int) -> bool:
    if found.replicas == replicas:
        return False
    way = "up" if replicas > found.replicas else "down"
    draft.effects.append(ScaleReplicaSet(found.name, found.replicas, replicas))
    text = f"Scaled {way} ReplicaSet {found.name} from {found.replicas} to {replicas}"
    draft.emit("ScalingReplicaSet", text)
    return True


def _counts(state: TemplateState) -> tuple[int, ...]:
    return (state.replicas, state.updated, state.ready, state.available)


def _judged(
    draft: Draft, template: ExperimentTemplate, state: TemplateState, fault: str
) -> TemplateState:
    """The state with its phase. A completed one stays what it is."""
    if state.status.is_completed:
        return state
    if fault:
        return replace(state, status=TemplatePhase.ERROR, message=fault)
    if draft.is_ending:
        return replace(state, status=TemplatePhase.SUCCESSFUL)
    if state.available == template.replicas:
        over = _has_run_its_time(draft)
        return replace(state, status=TemplatePhase.SUCCESSFUL if over else TemplatePhase.RUNNING)
    seconds = draft.experiment.progress_deadline
    deadline = later(state.changed or draft.now, seconds)
    if draft.now > deadline:
        text = f"Template '{template.name}' exceeded its progressDeadlineSeconds ({seconds})"
        return replace(state, status=TemplatePhase.FAILED, message=text)
    draft.due(later(deadline, _AFTER))
    return replace(state, status=TemplatePhase.PROGRESSING)


def _has_run_its_time(draft: Draft) -> bool:
    experiment = draft.experiment
    if experiment.available_at is None or experiment.duration is None:
        return False
    end = later(experiment.available_at, experiment.duration)
    if draft.now > end:
        return not draft.is_held
    draft.due(later(end, _AFTER))
    return False


def _tell(draft: Draft, before: TemplateState, after: TemplateState) -> None:
    if before.status == after.status:
        return
    text = f"Template '{after.name}' transitioned from {before.status} -> {after.status}"
    if after.message:
        text += f": {after.message}"
    draft.declare(f"Template{after.status}", text, is_bad=after.status.is_bad)
