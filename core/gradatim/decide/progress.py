"""Where a canary stands: which step it is at, and which weight that means.

In: the Rollout's view. Out: the index, the step, the weights. Read by everything else in this room.
"""

from __future__ import annotations

from ..model.canary import Canary
from ..model.rollout import Rollout
from ..model.steps import CanaryScale, Step

#: What the weights of a plain canary add up to.
FULL_WEIGHT = 100


def max_weight(canary: Canary) -> int:
    """What all weights add up to."""
    routing = canary.routing
    if routing is not None and routing.max_weight is not None and routing.max_weight > 0:
        return routing.max_weight
    return FULL_WEIGHT


def is_promoted(rollout: Rollout) -> bool:
    """The current template is the stable one."""
    status = rollout.status
    return status.stable_hash != "" and status.stable_hash == status.pod_hash


def step_index(rollout: Rollout) -> int | None:
    """The index of the current step, within 0…len(steps); None where there are no steps."""
    steps = rollout.canary.steps if rollout.canary else ()
    if not steps:
        return None
    index = rollout.status.step_index
    if index is None:
        # a Rollout that got its first steps: the reference starts at the beginning
        return 0
    return max(0, min(index, len(steps)))


def current_step(rollout: Rollout) -> Step | None:
    """The step that has not completed yet; None when all have."""
    index = step_index(rollout)
    if index is None or rollout.canary is None or index >= len(rollout.canary.steps):
        return None
    return rollout.canary.steps[index]


def weight_at(rollout: Rollout, index: int | None) -> int:
    """The weight that the steps up to and with `index` ask for: the nearest setWeight, 0 before the first."""
    canary = rollout.canary
    if canary is None or index is None:
        return FULL_WEIGHT
    if index >= len(canary.steps):
        return max_weight(canary)
    for step in reversed(canary.steps[: index + 1]):
        if step.set_weight is not None:
            return step.set_weight
    return 0


def current_weight(rollout: Rollout, *, aborted: bool) -> int:
    """The weight that the Rollout is at by its steps."""
    if rollout.canary is None:
        return FULL_WEIGHT
    if aborted:
        return 0
    index = step_index(rollout)
    return max_weight(rollout.canary) if index is None else weight_at(rollout, index)


def canary_scale(rollout: Rollout, *, aborted: bool) -> CanaryScale | None:
    """The setCanaryScale in effect, if one is: the nearest at or before the current step."""
    canary, index = rollout.canary, step_index(rollout)
    if canary is None or index is None or index >= len(canary.steps):
        return None
    if aborted and canary.abort_scale_down_delay != 0:
        # with a delay of exactly 0 the canary is kept after an abort, so its scale still counts
        return None
    for step in reversed(canary.steps[: index + 1]):
        if step.canary_scale is not None:
            return None if step.canary_scale.match_traffic_weight else step.canary_scale
    return None
