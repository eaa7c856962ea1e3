"""Takes out of a plan what a ReplicaSet would lose only to get it back.

In: the effects of all passes of a decision, in order. Out: the same without such detours. Called by `decide`.
Where a status was lost after its effects, the next decision walks from the step before: it would scale a canary to that
step's size, and up again to the next one's. Between the two writes the ReplicaSet controller ends a good pod.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from .effects import Effect, Emit, PatchReplicaSet, ScaleReplicaSet


@dataclass(frozen=True, slots=True)
class _Detour:
    """A set goes down, and comes up next: both effects, and their places."""

    down: int
    first: ScaleReplicaSet
    up: int
    second: ScaleReplicaSet


def without_detours(effects: Sequence[Effect]) -> list[Effect]:
    """The effects with each "down, and up again" of one ReplicaSet as its sum; the end is the same."""
    result = list(effects)
    while detour := _detour(result):
        result = _summed(result, detour)
    return result


def _detour(effects: Sequence[Effect]) -> _Detour | None:
    last: dict[str, tuple[int, ScaleReplicaSet]] = {}
    for place, effect in enumerate(effects):
        if not isinstance(effect, ScaleReplicaSet):
            continue
        before = last.get(effect.name)
        if before is not None and _goes_down(before[1]) and not _goes_down(effect):
            return _Detour(*before, place, effect)
        last[effect.name] = (place, effect)
    return None


def _goes_down(effect: ScaleReplicaSet) -> bool:
    return effect.replicas < effect.before


def _summed(effects: list[Effect], detour: _Detour) -> list[Effect]:
    """Both as one: what is still a way down stays at the place of the first, a way up at that of the second.

    The first was found safe for fewer pods than are left now, and every weight between the two for as few.
    """
    first, second = detour.first, detour.second
    annotations = {**first.annotations, **second.annotations}
    whole = replace(first, replicas=second.replicas, annotations=annotations)
    stays = detour.down if _goes_down(whole) else detour.up
    result: list[Effect | None] = list(effects)
    for place, scaled in ((detour.down, first), (detour.up, second)):
        told = _told(effects, place)
        result[place] = _write(whole) if place == stays else None
        if told is not None:
            result[told] = _retold(effects[told], scaled, whole) if place == stays else None
    return [effect for effect in result if effect is not None]


def _write(whole: ScaleReplicaSet) -> Effect | None:
    if whole.replicas != whole.before:
        return whole
    return PatchReplicaSet(whole.name, whole.annotations) if whole.annotations else None


def _told(effects: Sequence[Effect], place: int) -> int | None:
    """Where the event of a scaling is: right behind it."""
    if place + 1 < len(effects):
        following = effects[place + 1]
        if isinstance(following, Emit) and following.reason == "ScalingReplicaSet":
            return place + 1
    return None


def _retold(event: Effect, scaled: ScaleReplicaSet, whole: ScaleReplicaSet) -> Effect | None:
    if not isinstance(event, Emit) or whole.replicas == whole.before:
        return None
    was = f"from {scaled.before} to {scaled.replicas}"
    return replace(
        event, message=event.message.replace(was, f"from {whole.before} to {whole.replicas}")
    )
