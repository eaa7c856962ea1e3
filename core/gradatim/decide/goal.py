"""Which weight and which managed routes a routed canary wants now.

In: the draft of a pass. Out: a `Goal`, and whether stable's pods can carry what it leaves to them. §5.0 of the
reference. Asked by `traffic.py`, which brings it about, and by whoever must know what traffic is about to do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..plugin import Destination
from .draft import Draft
from .experiments import destinations, has_dead_destination
from .managedroutes import KEPT_ROUTES, NO_ROUTES, ManagedRoutes, routes_at
from .progress import current_weight, is_promoted, max_weight, step_index, weight_at
from .routed_scale import is_at_counts, meets
from .shares import stable_share
from .takeover import earlier_canary, followed_canary


@dataclass(frozen=True, slots=True)
class Goal:
    """The weight that is wanted now.

    Attributes:
        weight: the canary's.
        routes: the header and mirror routes to it.
        additional: further destinations, those of an Experiment.
    """

    weight: int
    routes: ManagedRoutes = NO_ROUTES
    additional: tuple[Destination, ...] = ()

    @property
    def taken(self) -> int:
        """All that stable does not get."""
        return self.weight + sum(each.weight for each in self.additional)


def wanted_goal(draft: Draft) -> Goal:
    """What the canary is to get by its steps, and beside it the sets of pods of an Experiment."""
    goal, more = _canary_goal(draft), destinations(draft)
    if not more:
        return goal
    left = max_weight(draft.canary) - sum(each.weight for each in more)
    return replace(goal, weight=min(goal.weight, left), additional=more)


def _canary_goal(draft: Draft) -> Goal:
    """The first rule that applies, in the reference's order."""
    rollout, new = draft.rollout, draft.revisions.new
    if is_promoted(rollout) or draft.is_aborted:
        return Goal(0)
    if new is None or new.answering == 0:
        return Goal(0)
    if rollout.status.promote_full:
        return Goal(_promoted_weight(draft, new.answering))
    index = step_index(rollout)
    counts = draft.step_counts(aborted=False)
    if index is None or counts.canary == 0:
        # where the step wants no canary pods: whatever weight it has, traffic leaves before they do
        return Goal(0)
    if followed_canary(draft) is not None:
        # the canary's side is an earlier one's: it gets no more, and no routes, until the new one has it
        return Goal(min(_step_weight(draft, index, arrived=False), _written(draft)))
    arrived = is_at_counts(rollout, draft.revisions, counts)
    return Goal(_step_weight(draft, index, arrived=arrived), _step_routes(draft, index, arrived))


def _written(draft: Draft) -> int:
    """The weight that the status says was written last."""
    weights = draft.status.weights
    return weights.canary.weight if weights else 0


def _promoted_weight(draft: Draft, available: int) -> int:
    """The weight on the way of a full promotion: what it is, or with a dynamic stable what the pods can carry.

    Others answer for the canary's side until the new pods can carry what it has.
    """
    present, total, replicas = _written(draft), max_weight(draft.canary), draft.rollout.replicas
    # there may be more pods than replicas (row 8)
    carried = min(total, total * available // replicas) if replicas else present
    if _is_side_of_others(draft):
        return min(present, carried)
    # pods that are lost take no traffic back with them
    return max(present, carried) if draft.canary.dynamic_stable_scale else present


def _is_side_of_others(draft: Draft) -> bool:
    """Pods of an earlier canary answer on the canary's side, or those of stable: it was theirs in their own release."""
    weights = draft.status.weights
    written = weights.canary if weights is not None else None
    if written is not None and written.weight > 0 and written.pod_hash == draft.status.stable_hash:
        return True
    return earlier_canary(draft) is not None


def _step_routes(draft: Draft, index: int, arrived: bool) -> ManagedRoutes:
    """The routes of the steps so far; none for the first revision, which has nobody to be compared with."""
    new = draft.revisions.new
    if new is None or new.revision <= 1 or draft.rolls_back:
        return NO_ROUTES
    if index >= len(draft.canary.steps) and not arrived:
        # who skips all steps gets the routes of the skipped ones only to pods that can take all requests
        return KEPT_ROUTES
    return routes_at(draft.canary, index)


def _step_weight(draft: Draft, index: int, *, arrived: bool) -> int:
    rollout = draft.rollout
    weight = current_weight(rollout, aborted=False)
    if arrived:
        return weight
    # the pods for this step's weight are not there yet: the weight before it stays, unless it is higher,
    # for then it is pods that are to go, and they go after their traffic. And it does stay: where a
    # person skipped a step, or pods were lost, the reference raises it to what nobody can carry
    before = weight_at(rollout, index - 1) if index > 0 else 0
    return min(weight, before, _written(draft))


def stable_can_carry(draft: Draft, taken: int) -> bool:
    """Stable's pods suffice for what the weight of all others leaves to them, or it is better off than now.

    That is where nobody else answers at all, and where others take more of its load: the reference keeps the requests
    with a stable that is short of pods.
    """
    stable, total = draft.revisions.stable, max_weight(draft.canary)
    needed = (total - taken) * draft.rollout.replicas // total
    available = stable.answering if stable else 0
    if available >= needed or meets(draft.canary.threshold, available, needed):
        # a small weight of few replicas needs no whole pod, but somebody has to be there for any more of it
        return available > 0 or not _gives_back(draft, taken)
    before = draft.status.weights
    present = before.canary.weight + sum(w.weight for w in before.additional) if before else taken
    if present <= taken:
        return present < taken and not _gives_back(draft, taken)
    return others_are_dead(draft) or (available > 0 and has_dead_destination(draft))


def _gives_back(draft: Draft, taken: int) -> bool:
    """Stable is to get a greater weight than it has at some router, where somebody is to answer at all."""
    least, _ = stable_share(draft)
    return draft.rollout.replicas > 0 and max_weight(draft.canary) - taken > least


def others_are_dead(draft: Draft) -> bool:
    """Nobody answers but stable: traffic that leaves the rest is better off with whatever stable has."""
    stable = draft.revisions.stable
    if stable is None or stable.answering == 0:
        return False
    others = (*draft.revisions.all, *draft.snapshot.experiment_sets)
    return all(r.answering == 0 for r in others if r is not stable)
