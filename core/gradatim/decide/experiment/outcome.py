"""What the states of pods and analyses come to: the Experiment's phase, message, conditions, and when it was available.

In: the draft of a pass. Out: the whole status as JSON, computed once, last. §3.8 of the reference.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from ...model.analysisrun import Phase
from ...model.experiment import AnalysisState, Experiment, TemplatePhase, TemplateState
from ...model.reading import Json, format_time
from ..conditions import INVALID_SPEC, PROGRESSING, REPLICA_FAILURE, Conditions, conditions_json
from .draft import Draft, has_what_it_requires

_REQUIRED_DONE: Final = "Required AnalysisRuns completed"

#: From best to worst.
_TEMPLATES: Final = (
    TemplatePhase.SUCCESSFUL,
    TemplatePhase.RUNNING,
    TemplatePhase.PROGRESSING,
    TemplatePhase.ERROR,
    TemplatePhase.FAILED,
)
_RUNS: Final = (
    Phase.SUCCESSFUL,
    Phase.RUNNING,
    Phase.PENDING,
    Phase.INCONCLUSIVE,
    Phase.ERROR,
    Phase.FAILED,
)
_PHASE_OF: Final = {
    TemplatePhase.PROGRESSING: Phase.PENDING,
    TemplatePhase.RUNNING: Phase.RUNNING,
    TemplatePhase.SUCCESSFUL: Phase.SUCCESSFUL,
    TemplatePhase.FAILED: Phase.FAILED,
    TemplatePhase.ERROR: Phase.ERROR,
}
_BAD: Final = frozenset({Phase.FAILED, Phase.ERROR, Phase.INCONCLUSIVE})

Verdict = tuple[Phase, str]


def concluded(draft: Draft) -> Json:
    """The status after a pass."""
    experiment = draft.experiment
    phase, message, available_at = experiment.phase, experiment.message, experiment.available_at
    if phase is Phase.NONE:
        phase = Phase.PENDING
    elif not phase.is_completed:
        pods, runs = _templates(draft), _analyses(draft)
        if pods[0] is Phase.RUNNING and available_at is None:
            available_at = draft.now
        phase, message = _together(experiment, pods, runs)
    if phase is not experiment.phase:
        text = f"Experiment transitioned from {experiment.phase} -> {phase}"
        draft.declare(f"Experiment{phase}", text, is_bad=phase in _BAD)
    return _json(draft, phase, message, available_at)


def _templates(draft: Draft) -> Verdict:
    """The worst of the sets."""
    worst = max(draft.templates.values(), key=lambda s: _TEMPLATES.index(s.status))
    return _PHASE_OF[worst.status], worst.message


def _analyses(draft: Draft) -> Verdict:
    """The worst of the analyses; one that has not begun counts for nothing."""
    states = [state for state in draft.analyses.values() if state.phase]
    worst = max(states, key=lambda s: _RUNS.index(s.phase), default=AnalysisState(name=""))
    phase = worst.phase or Phase.SUCCESSFUL
    if phase in _BAD:
        return phase, worst.message
    if has_what_it_requires(draft.experiment, tuple(draft.analyses.values())):
        return Phase.SUCCESSFUL, _REQUIRED_DONE
    return (Phase.RUNNING if phase is Phase.PENDING else phase), worst.message


def _together(experiment: Experiment, pods: Verdict, runs: Verdict) -> Verdict:
    if pods[0] in _BAD or runs[0] in _BAD:
        return pods if pods[0] in _BAD else runs
    requires = any(analysis.is_required for analysis in experiment.analyses)
    if pods[0] is Phase.SUCCESSFUL:
        # the pods have had their time: what is required is waited for, and what is not is not
        return runs if requires or runs[0].is_completed else pods
    return runs if requires and runs[1] == _REQUIRED_DONE else pods


def _json(draft: Draft, phase: Phase, message: str, available_at: datetime | None) -> Json:
    experiment = draft.experiment
    known = {state.name: state for state in experiment.template_states} | draft.templates
    runs = {state.name: state for state in experiment.analysis_states} | draft.analyses
    owned = ("phase", "message", "templateStatuses", "availableAt", "conditions", "analysisRuns")
    status: Json = {k: v for k, v in experiment.status.items() if k not in owned}
    status["phase"] = str(phase)
    if message:
        status["message"] = message
    if available_at is not None:
        status["availableAt"] = format_time(available_at)
    status["templateStatuses"] = [_template_json(state) for state in known.values()]
    if runs:
        status["analysisRuns"] = [_analysis_json(state) for state in runs.values()]
    status["conditions"] = conditions_json(_conditions(draft, phase).all())
    return status


def _conditions(draft: Draft, phase: Phase) -> Conditions:
    experiment = draft.experiment
    conditions = Conditions(experiment.conditions, draft.now)
    conditions.remove(INVALID_SPEC)
    name = f'Experiment "{experiment.name}"'
    if phase is Phase.SUCCESSFUL:
        done = f"{name} has successfully ran and completed."
        conditions.set(PROGRESSING, "False", "ExperimentCompleted", done)
    elif phase is Phase.RUNNING:
        conditions.set(PROGRESSING, "True", "NewReplicaSetAvailable", f"{name} is running.")
    elif phase is Phase.PENDING and _has_progressed(draft):
        text = f"{name} is progressing."
        conditions.refresh(PROGRESSING, "True", "ReplicaSetUpdated", text)
    _copy_failure(draft, conditions)
    return conditions


def _has_progressed(draft: Draft) -> bool:
    return any(
        state != draft.experiment.template_state(name) for name, state in draft.templates.items()
    )


def _copy_failure(draft: Draft, conditions: Conditions) -> None:
    """A set that cannot make its pods says why: a quota, an admission webhook."""
    failure = next((r.failure for r in draft.snapshot.replica_sets if r.failure), None)
    if failure is None or draft.is_ending:
        conditions.remove(REPLICA_FAILURE)
        return
    said = (str(failure.get(key, "")) for key in ("reason", "message"))
    conditions.set(REPLICA_FAILURE, str(failure.get("status", "True")), *said)


def _template_json(state: TemplateState) -> Json:
    optional: Json = {
        "collisionCount": state.collision_count,
        "message": state.message,
        "lastTransitionTime": format_time(state.changed) if state.changed else "",
        "serviceName": state.service,
        "podTemplateHash": state.pod_hash,
    }
    return {
        "name": state.name,
        "replicas": state.replicas,
        "updatedReplicas": state.updated,
        "readyReplicas": state.ready,
        "availableReplicas": state.available,
        "status": str(state.status),
        **{key: value for key, value in optional.items() if value not in (None, "")},
    }


def _analysis_json(state: AnalysisState) -> Json:
    told = {"name": state.name, "analysisRun": state.run, "phase": str(state.phase)}
    return {**told, "message": state.message} if state.message else told
