"""The AnalysisRuns of a release: which are wanted, what their results mean, which are ended and deleted.

In: the draft of a pass. Out: runs to create, terminate or delete; pauses and aborts that results demand. §3.1.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from ..model import names
from ..model.analysis import read_template_refs
from ..model.analysisrun import AnalysisRun, Phase
from ..model.reading import Json, Reader
from ..model.runstatus import RunStatus
from ..model.status import Status
from .analysis import (
    Identity,
    RunSpec,
    analysis_run,
    collision_names,
    flatten,
    gather,
    is_same_run,
    resolve_arguments,
)
from .draft import BLUE_GREEN_PAUSE, CANARY_PAUSE, INCONCLUSIVE_RUN, Draft
from .effects import CreateRun, DeleteRun, TerminateRun
from .progress import current_step, is_promoted, step_index
from .snapshot import Snapshot

_BAD: Final = frozenset({Phase.FAILED, Phase.ERROR})


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the kinds of run that a release has.

    Attributes:
        label: value of the label `rollout-type`; also the first word of events.
        blame: how the message of an abort begins.
        noted: what the status says of the current one.
    """

    label: str
    blame: str
    noted: Callable[[Status], RunStatus | None]


STEP: Final = Kind("Step", "Step-based analysis phase error/failed", lambda s: s.step_run)
BACKGROUND: Final = Kind(
    "Background", "Background analysis phase error/failed", lambda s: s.background_run
)


def reconcile_runs(draft: Draft) -> None:
    """Bring the runs in line with where the release stands."""
    draft.has_settled_runs = True
    if _needs_none(draft):
        for status in (draft.status.step_run, draft.status.background_run):
            terminate(draft, current_run(draft.snapshot, status))
        if not draft.is_aborted:
            draft.step_run, draft.background_run = (
                draft.status.step_run,
                draft.status.background_run,
            )
        return
    step, background = _step_run(draft), _background_run(draft)
    # a verdict of this very pass may have aborted the release: then there are no current runs any more
    draft.step_run = None if draft.is_aborted else step
    draft.background_run = None if draft.is_aborted else background


def _needs_none(draft: Draft) -> bool:
    status, new = draft.status, draft.revisions.new
    return (
        draft.is_aborted
        or status.promote_full
        or draft.rolls_back
        or status.stable_hash == ""
        or (new is not None and new.has_deadline)
    )


def _step_run(draft: Draft) -> RunStatus | None:
    rollout, status = draft.rollout, draft.status
    current = current_run(draft.snapshot, status.step_run)
    if status.pause_conditions or status.abort:
        return status.step_run if current is None else seen(draft, STEP, current)
    step, index = current_step(rollout), step_index(rollout)
    if step is None or step.analysis is None or step.kind != "analysis" or index is None:
        terminate(draft, current)
        return None
    if current is not None and current.meta.labels.get(names.STEP_INDEX) != str(index):
        terminate(draft, current)
        current = None
    if needs_new(draft, current):
        labels = {names.ROLLOUT_TYPE: STEP.label, names.STEP_INDEX: str(index)}
        return create(draft, STEP, step.analysis, infix=str(index), labels=labels)
    return None if current is None else judged(draft, STEP, current)


def _background_run(draft: Draft) -> RunStatus | None:
    rollout, status, background = draft.rollout, draft.status, draft.canary.background
    current = current_run(draft.snapshot, status.background_run)
    index = step_index(rollout)
    if (
        background is None
        or is_promoted(rollout)
        or status.stable_hash == ""
        or (index is not None and index < background.starting_step)
    ):
        terminate(draft, current)
        return None
    if status.is_paused_for(INCONCLUSIVE_RUN):
        return status.background_run
    if needs_new(draft, current):
        labels = {names.ROLLOUT_TYPE: BACKGROUND.label}
        return create(draft, BACKGROUND, background.raw, infix="", labels=labels)
    return None if current is None else judged(draft, BACKGROUND, current)


def needs_new(draft: Draft, current: AnalysisRun | None) -> bool:
    """There is none yet, or what it measured does not count any more."""
    if current is None:
        return True
    status = draft.status
    waits = status.is_paused_for(CANARY_PAUSE) or status.is_paused_for(BLUE_GREEN_PAUSE)
    if status.controller_pause and not waits and current.phase is Phase.INCONCLUSIVE:
        # a person saw the inconclusive result and wants to go on: measure anew
        return True
    return status.aborted_at is not None


def judged(draft: Draft, kind: Kind, run: AnalysisRun) -> RunStatus:
    """Like `seen`; and what the result demands: a pause, or an abort."""
    if run.phase is Phase.INCONCLUSIVE:
        draft.paused_for.append(INCONCLUSIVE_RUN)
    elif run.phase in _BAD:
        draft.abort(f"{kind.blame}: {run.message}" if run.message else kind.blame)
    return seen(draft, kind, run)


def seen(draft: Draft, kind: Kind, run: AnalysisRun) -> RunStatus:
    """The run's status for the Rollout's; a change of phase is told in an event."""
    before = kind.noted(draft.status)
    known = before.phase if before is not None and before.name == run.meta.name else ""
    if run.phase and run.phase != known:
        draft.declare(
            f"AnalysisRun{run.phase}",
            f"{kind.label} Analysis Run '{run.meta.name}' "
            f"Status New: '{run.phase}' Previous: '{known}'",
            "Warning" if run.phase in _BAD else "Normal",
        )
    return RunStatus(name=run.meta.name, phase=run.phase, message=run.message)


def create(
    draft: Draft, kind: Kind, block: Json, *, infix: str, labels: Mapping[str, str]
) -> RunStatus | None:
    """Create a run of the analysis in `block`, or take the one that an unfinished pass has made."""
    spec = run_spec(draft, block)
    new = draft.revisions.new
    if spec is None or new is None:
        return None
    rollout = draft.rollout
    base = "-".join(filter(None, [rollout.name, draft.pod_hash, str(new.revision), infix]))
    taken = {run.meta.name: run for run in draft.snapshot.runs}
    name = base
    for name in collision_names(base):
        if name in draft.snapshot.taken_names:
            continue
        run = taken.get(name)
        if run is None:
            break
        # made by a pass that did not live to note it, and perhaps at its end by now
        is_ours = name in draft.snapshot.unnoted_runs
        if (is_ours or is_same_run(run, spec, rollout.meta.uid)) and not run.terminate:
            return seen(draft, kind, run)
    metadata = Reader(block.get("analysisRunMetadata"))
    identity = Identity(
        name=name,
        namespace=rollout.namespace,
        owner=rollout.raw,
        labels={
            names.POD_HASH: draft.pod_hash,
            **labels,
            **_instance(draft),
            **metadata.texts("labels"),
            **Reader(rollout.selector).texts("matchLabels"),
        },
        annotations={names.REVISION: str(new.revision), **metadata.texts("annotations")},
    )
    draft.effects.append(CreateRun(name, analysis_run(identity, spec)))
    return RunStatus(name=name)


def run_spec(draft: Draft, block: Json) -> RunSpec | None:
    """What a run of this analysis measures; None if it cannot be made, which validation has said."""
    reader, stable = Reader(block), draft.revisions.stable
    found = gather(read_template_refs(reader), draft.snapshot.templates.get)
    args, problems = resolve_arguments(
        draft.rollout.raw,
        [a for a in reader.list("args") if isinstance(a, dict)],
        stable.pod_hash if stable else "",
        draft.pod_hash,
    )
    spec = flatten(
        found.templates, args, reader.list("dryRun"), reader.list("measurementRetention")
    )
    if found.missing or found.cycles or problems or isinstance(spec, list):
        return None
    return spec


def _instance(draft: Draft) -> dict[str, str]:
    instance = draft.rollout.meta.labels.get(names.INSTANCE_ID)
    return {names.INSTANCE_ID: instance} if instance else {}


def current_run(snapshot: Snapshot, status: RunStatus | None) -> AnalysisRun | None:
    """The run that the status names, if it is there."""
    if status is None:
        return None
    return next((r for r in snapshot.runs if r.meta.name == status.name), None)


def terminate(draft: Draft, run: AnalysisRun | None) -> None:
    """Ask a run to end, unless it has or was asked."""
    if run is not None and not run.terminate and not run.phase.is_completed:
        draft.effects.append(TerminateRun(run.meta.name))


def tidy_runs(draft: Draft) -> None:
    """End runs that are not current, and delete what nobody needs any more (history limits of the spec).

    Only in a pass that has nothing else to do: a run that a pass made and did not live to note would
    else be ended before the step that it is for is reached again.
    """
    if _needs_none(draft) or not draft.has_settled_runs:
        return
    current = {run.name for run in (draft.step_run, draft.background_run) if run is not None}
    tidy(draft, current)


def tidy(draft: Draft, current: Collection[str]) -> None:
    """End and delete as described, but for the runs of these names."""
    others = [r for r in draft.snapshot.runs if r.meta.name not in current and not r.meta.deleting]
    for run in others:
        terminate(draft, run)
    hashes = {r.pod_hash for r in draft.revisions.all if not r.meta.deleting}
    left = {
        Phase.SUCCESSFUL: draft.rollout.successful_run_limit,
        Phase.FAILED: draft.rollout.unsuccessful_run_limit,
    }
    for run in sorted(others, key=lambda r: r.meta.created, reverse=True):
        if not run.meta.labels.get(names.ROLLOUT_TYPE):
            # made by a person who named the Rollout as its owner: not ours to delete
            continue
        if run.meta.labels.get(names.POD_HASH, "") not in hashes:
            draft.effects.append(DeleteRun(run.meta.name, run.meta.uid))
        elif run.phase.is_completed:
            which = Phase.SUCCESSFUL if run.phase is Phase.SUCCESSFUL else Phase.FAILED
            left[which] -= 1
            if left[which] < 0:
                draft.effects.append(DeleteRun(run.meta.name, run.meta.uid))
