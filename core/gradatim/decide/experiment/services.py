"""The Services of an Experiment: one for each set that wants one, made while it runs and deleted after its pods.

In: the draft of a pass and one set of pods. Out: effects, and what the status says of the Service.
Called by `sets.py`.
"""

from __future__ import annotations

from ...model.experiment import ExperimentTemplate
from ...model.workload import ReplicaSet
from .creation import new_service
from .draft import Draft
from .effects import CreateService, DeleteService
from .traffic import is_drained

#: Name of the Service, the hash that it selects, and what went wrong; each "" for none.
Told = tuple[str, str, str]


def reconcile_service(draft: Draft, template: ExperimentTemplate, found: ReplicaSet | None) -> Told:
    """Create or delete the Service of one set, `found`; None: the set is not there yet, or not any more."""
    service = draft.service(template.name)
    if service is not None:
        if _is_left(draft, template, found):
            draft.effects.append(DeleteService(service.meta.name, service.meta.uid))
            return "", "", ""
        return service.meta.name, service.pod_hash, ""
    if found is None or draft.is_ending or not template.has_service:
        return "", "", ""
    return _create(draft, template, found)


def _create(draft: Draft, template: ExperimentTemplate, found: ReplicaSet) -> Told:
    body = new_service(draft.experiment, template, found)
    if body is None:
        return "", "", ""
    name = body["metadata"]["name"]
    refusal = draft.snapshot.refused.get(name)
    if refusal is not None:
        return "", "", f"Failed to create Service {name} for template '{template.name}': {refusal}"
    draft.effects.append(CreateService(name, body))
    return name, found.pod_hash, ""


def _is_left(draft: Draft, template: ExperimentTemplate, found: ReplicaSet | None) -> bool:
    """Nobody answers for it any more, or is to, and nobody asks."""
    has_none = found is None or (found.replicas == 0 and found.current == 0)
    if template.has_service and not (draft.is_ending and has_none):
        return False
    return is_drained(draft)
