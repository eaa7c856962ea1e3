"""The AnalysisRuns of an Experiment: made once all pods are there, followed, and ended with it.

In: the draft of a pass. Out: runs to create or end, and the next state of each analysis. §3.8 of the reference.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ...model import names
from ...model.analysis import TemplateRef
from ...model.analysisrun import AnalysisRun, Phase
from ...model.experiment import AnalysisState, ExperimentAnalysis
from ...model.reading import Reader
from ..analysis import (
    Identity,
    RunSpec,
    analysis_run,
    collision_names,
    flatten,
    gather,
    same_spec,
)
from ..effects import CreateRun, TerminateRun
from .arguments import resolved
from .draft import Draft, later
from .effects import TellRollout

#: Seconds after its creation in which an Experiment waits for analysis templates that are not there.
_ON_THE_WAY: Final = 10.0

_BAD = frozenset({Phase.FAILED, Phase.ERROR, Phase.INCONCLUSIVE})


def reconcile_analysis(draft: Draft, analysis: ExperimentAnalysis) -> None:
    """Bring one analysis in line with where the Experiment stands."""
    before = draft.experiment.analysis_state(analysis.name)
    after = _next(draft, analysis, before)
    if after.phase is not before.phase:
        _tell(draft, before, after)
    draft.analyses[analysis.name] = after


def _next(draft: Draft, analysis: ExperimentAnalysis, before: AnalysisState) -> AnalysisState:
    if before.phase.is_completed:
        return before
    if before.run:
        return _followed(draft, analysis, before)
    if draft.experiment.available_at is None:
        missing = _missing(draft, analysis)
        return _in_error(before, missing) if missing and not _may_come(draft) else before
    return before if draft.is_ending else _begun(draft, analysis, before)


def _in_error(state: AnalysisState, message: str) -> AnalysisState:
    return replace(state, phase=Phase.ERROR, message=message)


def _may_come(draft: Draft) -> bool:
    """Files are applied one after the other: what the first refers to may be in the second."""
    end = later(draft.experiment.meta.created, _ON_THE_WAY)
    if draft.is_ending or draft.now >= end:
        return False
    draft.awaits_templates = True
    draft.due(end)
    return True


def _missing(draft: Draft, analysis: ExperimentAnalysis) -> str:
    """What is said of a template that is not there: before pods are up, so that nobody waits for them in vain."""
    found = gather([analysis.ref], draft.snapshot.templates.get)
    kind = "ClusterAnalysisTemplate" if analysis.ref.cluster_scope else "AnalysisTemplate"
    begin = f"{kind} verification failed for analysis '{analysis.name}'"
    if found.missing:
        return f"{begin}: {_not_found(found.missing[0])}"
    return f"{begin}: {found.cycles[0]} refers back to itself" if found.cycles else ""


def _not_found(ref: TemplateRef) -> str:
    """As the API server says it."""
    kind = "clusteranalysistemplate" if ref.cluster_scope else "analysistemplate"
    return f'{kind}.argoproj.io "{ref.name}" not found'


def _begun(draft: Draft, analysis: ExperimentAnalysis, before: AnalysisState) -> AnalysisState:
    spec = _spec(draft, analysis)
    begin = f"Failed to create AnalysisRun for analysis '{analysis.name}'"
    if isinstance(spec, str):
        return _in_error(before, f"{begin}: {spec}")
    name = _create(draft, analysis, spec)
    refusal = draft.snapshot.refused.get(name)
    if refusal is not None:
        return _in_error(before, f"{begin}: {refusal}")
    return replace(before, run=name, phase=Phase.PENDING)


def _spec(draft: Draft, analysis: ExperimentAnalysis) -> RunSpec | str:
    found = gather([analysis.ref], draft.snapshot.templates.get)
    if found.missing:
        return _not_found(found.missing[0])
    args = resolved(draft, analysis.args)
    if isinstance(args, str):
        return args
    spec = Reader(draft.experiment.raw).object("spec")
    dry_run, retention = spec.list("dryRun"), spec.list("measurementRetention")
    made = flatten(found.templates, args, dry_run, retention)
    return made[0].message if isinstance(made, list) else made


def _create(draft: Draft, analysis: ExperimentAnalysis, spec: RunSpec) -> str:
    """The name of the run: one that an unfinished pass of this attempt has made, or a new one."""
    experiment = draft.experiment
    metadata = Reader(experiment.raw).object("spec").object("analysisRunMetadata")
    known = {run.meta.name: run for run in draft.snapshot.runs}
    base = name = f"{experiment.name}-{analysis.name}"
    for name in collision_names(base):
        if name in known and _is_of_this_attempt(draft, known[name], spec):
            return name
        if name not in known and name not in draft.snapshot.taken:
            break
    instance = experiment.meta.labels.get(names.INSTANCE_ID)
    identity = Identity(
        name=name,
        namespace=experiment.namespace,
        owner={**experiment.raw, "kind": "Experiment"},
        labels={**({names.INSTANCE_ID: instance} if instance else {}), **metadata.texts("labels")},
        annotations=metadata.texts("annotations"),
    )
    if name not in draft.snapshot.refused:
        draft.effects.append(CreateRun(name, analysis_run(identity, spec)))
    return name


def _is_of_this_attempt(draft: Draft, run: AnalysisRun, spec: RunSpec) -> bool:
    """Made by a pass that could not note it, and perhaps at its end by now.

    One that ended before the pods were up is of an attempt before, that a person has begun anew.
    """
    began = draft.experiment.available_at
    is_new = (
        not run.phase.is_completed
        or run.meta.name in draft.snapshot.unnoted
        or (began is not None and run.meta.created >= began)
    )
    return is_new and not run.terminate and same_spec(run.raw, spec)


def _followed(draft: Draft, analysis: ExperimentAnalysis, before: AnalysisState) -> AnalysisState:
    run = next((r for r in draft.snapshot.runs if r.meta.name == before.run), None)
    if run is None and draft.is_ending:
        return before
    if run is None:
        return _in_error(before, f'analysisrun.argoproj.io "{before.run}" not found')
    if draft.is_ending and not run.phase.is_completed and not run.terminate:
        draft.emit("AnalysisRunTerminating", f"Terminating {analysis.name} ({before.run})")
        draft.effects.append(TerminateRun(before.run))
    if run.phase is Phase.NONE:
        return before
    return replace(before, phase=run.phase, message=run.message)


def _tell(draft: Draft, before: AnalysisState, after: AnalysisState) -> None:
    text = f"AnalysisRun '{after.name}' transitioned from {before.phase} -> {after.phase}"
    if after.message:
        text += f": {after.message}"
    reason = f"AnalysisRun{after.phase}"
    draft.declare(reason, text, is_bad=after.phase in _BAD)
    if draft.snapshot.rollout is not None:
        draft.effects.append(TellRollout(reason, text))
