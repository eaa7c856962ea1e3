"""The Experiments of a release: the one of the current step, what its end means, and where its pods get requests.

In: the draft of a pass. Out: Experiments to create, end or delete; pauses and aborts; further destinations. §3.8, §5.0.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from ..model import names
from ..model.analysisrun import Phase
from ..model.experiment import Experiment
from ..model.reading import Reader
from ..model.rollout import Rollout
from ..model.steps import Step
from ..plugin import Destination
from .conditions import INVALID_SPEC
from .delays import settled_at
from .draft import INCONCLUSIVE_EXPERIMENT, INCONCLUSIVE_RUN, Draft
from .effects import CreateExperiment, DeleteExperiment, TerminateExperiment
from .experimentbody import experiment_body, same_experiment
from .progress import current_step, is_promoted, max_weight, step_index

_BAD = frozenset({Phase.FAILED, Phase.ERROR})
_BLAME = "Experiment analysis phase is error/failed"


def own_experiments(draft: Draft) -> list[Experiment]:
    """Those that this Rollout controls."""
    uid = draft.rollout.meta.uid
    return [e for e in draft.snapshot.experiments if uid and e.meta.owner_uid == uid]


def is_named(rollout: Rollout, experiment: Experiment) -> bool:
    """The status names it: as the current one, or with the weight that its Services were given."""
    status, own = rollout.status, {s.service for s in experiment.template_states if s.service}
    if experiment.meta.owner_uid != rollout.meta.uid:
        return False
    has_weight = status.weights and any(w.service in own for w in status.weights.additional)
    return status.current_experiment == experiment.name or bool(has_weight)


def current_experiment(draft: Draft) -> Experiment | None:
    """The one that the status names, if it is there."""
    name = draft.status.current_experiment
    return next((e for e in own_experiments(draft) if name and e.name == name), None)


def reconcile_experiments(draft: Draft) -> None:
    """Bring the step's Experiment in line with where the release stands."""
    current, step = current_experiment(draft), current_step(draft.rollout)
    if draft.is_aborted or draft.status.promote_full or draft.rolls_back:
        for each in own_experiments(draft):
            _terminate(draft, each)
        return
    if draft.status.is_paused_for(INCONCLUSIVE_RUN):
        draft.experiment = draft.status.current_experiment
        return
    if step is None or step.experiment is None:
        if current is not None:
            _terminate(draft, current)
        return
    if current is None:
        draft.experiment = _created(draft, step)
        return
    _judge(draft, current)


def _judge(draft: Draft, current: Experiment) -> None:
    """What the Experiment's end demands; while there is none, or until the step is complete, it is the current one."""
    if current.phase is Phase.INCONCLUSIVE:
        draft.paused_for.append(INCONCLUSIVE_EXPERIMENT)
    elif current.phase in _BAD:
        draft.abort(f"{_BLAME}: {current.message}" if current.message else _BLAME)
    elif invalid := _invalid(current):
        # it will never begin, and nobody would look for the reason there
        draft.abort(f"{_BLAME}: {invalid}")
    else:
        draft.experiment = current.name


def _invalid(current: Experiment) -> str:
    """What keeps it from beginning at all; "" for nothing."""
    told = (c for c in current.conditions if c.type == INVALID_SPEC and c.status == "True")
    return next((c.message for c in told), "") if not current.phase else ""


def has_succeeded(draft: Draft) -> bool:
    """The current step's Experiment is at its good end."""
    current = current_experiment(draft)
    return current is not None and current.phase is Phase.SUCCESSFUL


def _created(draft: Draft, step: Step) -> str:
    """Create the step's Experiment, or take the one that an unfinished pass has made. Its name; "" while it waits."""
    new, stable, index = draft.revisions.new, draft.revisions.stable, step_index(draft.rollout)
    if draft.status.is_paused_for(INCONCLUSIVE_EXPERIMENT):
        # a person saw that nobody knows; when they say "go on" it is tried anew
        return ""
    if new is None or stable is None or index is None or not (new.meta.uid and stable.meta.uid):
        # its pods are those of the server's ReplicaSets, with the defaults that are filled in there
        return ""
    body = experiment_body(draft, Reader(step.experiment), stable, new, index)
    taken = {each.name: each for each in draft.snapshot.experiments}
    for name in _names(body["metadata"]["name"]):
        if name in draft.snapshot.taken_names:
            continue
        there = taken.get(name)
        if there is None:
            body["metadata"]["name"] = name
            draft.effects.append(CreateExperiment(name, body))
            draft.emit("ExperimentCreated", f"Created Experiment '{name}'")
            return name
        goes_on = not there.phase.is_completed and not there.terminate and not there.meta.deleting
        is_ours = there.meta.owner_uid == draft.rollout.meta.uid
        if is_ours and goes_on and same_experiment(there.raw, body):
            return name
    return ""


def _names(base: str) -> Iterator[str]:
    yield base
    yield from (f"{base}-{number}" for number in count(1))


def _terminate(draft: Draft, experiment: Experiment) -> None:
    if not experiment.terminate and not experiment.phase.is_completed:
        draft.effects.append(TerminateExperiment(experiment.name))


# requests


def destinations(draft: Draft) -> tuple[Destination, ...]:
    """Where the current Experiment gets requests: each of its sets with a weight, a Service, and pods to answer.

    Only one that the status names already: so that whoever looks at the status knows of all that may get requests
    (`experiment/traffic.py`). The weights are never more than there is to give.
    """
    if not draft.snapshot.experiments:
        return ()
    status, step = draft.status, current_step(draft.rollout)
    if draft.is_aborted or status.promote_full or draft.rolls_back or is_promoted(draft.rollout):
        return ()
    current = current_experiment(draft)
    if current is None or step is None or step.experiment is None:
        return ()
    if current.phase is not Phase.RUNNING or current.terminate:
        return ()
    return tuple(_weighed(draft, current, Reader(step.experiment)))


def _weighed(draft: Draft, current: Experiment, step: Reader) -> Iterator[Destination]:
    left = max_weight(draft.canary)
    wanted = {t.text("name"): t.maybe_number("weight") or 0 for t in step.objects("templates")}
    for state in current.template_states:
        weight = min(left, max(0, wanted.get(state.name, 0)))
        if not weight or not state.service or not pods_of(draft, current, state.name):
            continue
        left -= weight
        yield Destination(state.service, state.pod_hash, weight)


def pods_of(draft: Draft, experiment: Experiment, template: str) -> int:
    """Pods of one set of an Experiment that can answer, and are to stay."""
    return sum(
        min(r.available, r.replicas)
        for r in draft.snapshot.experiment_sets
        if r.meta.owner_uid == experiment.meta.uid
        and r.meta.annotations.get(names.EXPERIMENT_TEMPLATE) == template
    )


def has_dead_destination(draft: Draft) -> bool:
    """A set of an Experiment that had a weight lost its pods, so that its requests fail until they go elsewhere."""
    before, after = draft.status.weights, destinations(draft)
    if before is None:
        return False
    alive = {r.pod_hash for r in draft.snapshot.experiment_sets if min(r.available, r.replicas) > 0}
    kept = {each.service for each in after}
    return any(
        w.weight and w.service not in kept and w.pod_hash not in alive for w in before.additional
    )


# history


def tidy_experiments(draft: Draft) -> None:
    """End Experiments that are not current, and delete what nobody needs (history limits of the spec).

    Only in a pass that has nothing else to do, as for AnalysisRuns.
    """
    if not draft.snapshot.experiments:
        return
    others = [
        e for e in own_experiments(draft) if e.name != draft.experiment and not e.meta.deleting
    ]
    for each in others:
        _terminate(draft, each)
    hashes = {r.pod_hash for r in draft.revisions.all if not r.meta.deleting}
    left = {True: draft.rollout.successful_run_limit, False: draft.rollout.unsuccessful_run_limit}
    for each in sorted(others, key=lambda e: (e.meta.created, e.name), reverse=True):
        if each.phase.is_completed:
            left[each.phase is Phase.SUCCESSFUL] -= 1
        stays = left[each.phase is Phase.SUCCESSFUL] >= 0 or not each.phase.is_completed
        if not stays or each.meta.labels.get(names.POD_HASH, "") not in hashes:
            delete_experiment(draft, each)


def delete_experiment(draft: Draft, experiment: Experiment) -> None:
    """Delete an Experiment, and with it its pods, unless requests may still come to those."""
    has_service = any(state.service for state in experiment.template_states)
    if draft.canary.routing is not None and has_service:
        moment = settled_at(draft)
        if moment is None or is_named(draft.rollout, experiment):
            return
        if moment > draft.now:
            draft.due(moment)
            return
    draft.effects.append(DeleteExperiment(experiment.name, experiment.meta.uid))
