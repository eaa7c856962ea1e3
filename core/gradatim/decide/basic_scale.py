"""How many canary and stable pods without traffic routing: the numbers of pods are the weight.

In: counts, the wanted weight and the limits of surge and unavailability. Out: the next counts of both.
Pure arithmetic, after §2.7 of the reference's behaviour; its reference points are tests.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from ..model.workload import ReplicaSet
from .limits import Limits


class Counts(NamedTuple):
    """Pods wanted of the canary, and of stable."""

    canary: int
    stable: int


@dataclass(frozen=True, slots=True)
class Pods:
    """Pods of one ReplicaSet: asked for, and available."""

    wanted: int = 0
    available: int = 0

    @staticmethod
    def of(replica_set: ReplicaSet | None) -> Pods:
        """Those of a ReplicaSet; none for None."""
        if replica_set is None:
            return Pods()
        return Pods(replica_set.replicas, replica_set.available)

    def capacity(self, *, count_unavailable: bool) -> int:
        """Pods that count when asking how many may go."""
        if self.wanted < self.available or count_unavailable:
            return self.wanted
        return self.available


@lru_cache(maxsize=4096)
def target_counts(replicas: int, weight: int, total: int, *, surge: bool) -> Counts:
    """The split that comes nearest to `weight` of `total`, over `replicas` pods or, with surge, one more."""
    if replicas == 0:
        return Counts(0, 0)
    best: Counts | None = None
    best_error: Fraction | None = None
    for canary, everyone in _candidates(replicas, weight, total, surge=surge):
        error = abs(Fraction(canary * total, everyone) - weight)
        if best_error is None or error < best_error:
            best, best_error = Counts(canary, everyone - canary), error
    return best or Counts(0, replicas)


def _candidates(
    replicas: int, weight: int, total: int, *, surge: bool
) -> Iterator[tuple[int, int]]:
    """(canary, all pods), in the order in which equally good ones are preferred."""
    share = Fraction(replicas * weight, total)
    up, down = math.ceil(share), math.floor(share)
    may_empty = weight in (0, total) or (replicas == 1 and not surge)
    half = Fraction(1, 2)
    if up < replicas or may_empty:
        yield up, replicas
    if share - down != half and (down != 0 or may_empty):
        yield down, replicas
    if not surge:
        return
    yield up, replicas + 1
    surged = Fraction((replicas + 1) * weight, total)
    if surged - math.floor(surged) != half and (down != 0 or may_empty):
        yield down, replicas + 1


def next_counts(
    *, replicas: int, target: Counts, limits: Limits, canary: Pods, stable: Pods, others: int
) -> Counts:
    """The counts to ask for now, on the way to `target`.

    Never more than the surge allows in all, never fewer available than the limit of unavailability,
    and nothing else shrinks while the pods of other revisions (`others`, as asked for) are there.
    """
    most, least = replicas + limits.surge, replicas - limits.unavailable
    room = most - (others + canary.wanted + stable.wanted)
    next_stable, next_canary = stable.wanted, canary.wanted
    if next_stable < target.stable and room > 0:
        next_stable = min(target.stable, stable.wanted + room)
        room -= next_stable - stable.wanted
    if next_canary < target.canary and room > 0:
        next_canary = min(target.canary, canary.wanted + room)
    if others > 0:
        stuck = next_canary == canary.wanted < target.canary
        if stuck and next_stable > target.stable:
            # only the others answer, and stable is broken: its dead pods make the room, or a release that
            # mends it could never begin (argo-rollouts #1774, #3110)
            next_stable = max(target.stable, min(next_stable, stable.available))
        return Counts(next_canary, next_stable)
    growing = target.canary >= canary.wanted
    capacity = canary.capacity(count_unavailable=not growing) + stable.capacity(
        count_unavailable=growing
    )
    if capacity <= least:
        return Counts(next_canary, next_stable)
    may_go = capacity - least
    if growing:
        if stable.wanted > target.stable:
            next_stable = max(target.stable, stable.wanted - may_go)
        next_canary, next_stable = _clamped(
            next_canary, next_stable, canary, stable, most=most, least=least
        )
    else:
        if canary.wanted > target.canary:
            next_canary = max(target.canary, canary.wanted - may_go)
        next_stable, next_canary = _clamped(
            next_stable, next_canary, stable, canary, most=most, least=least
        )
    return Counts(next_canary, next_stable)


def _clamped(
    kept: int, drained: int, kept_pods: Pods, drained_pods: Pods, *, most: int, least: int
) -> tuple[int, int]:
    """Both counts, corrected so that they neither exceed `most` nor lose available pods below `least`."""
    kept -= max(0, kept + drained - most)
    remaining = min(drained_pods.available, drained) + min(kept_pods.available, kept)
    needed = max(0, least - remaining)
    lost = max(0, kept_pods.available - kept)
    kept += min(lost, needed)
    drained -= max(0, kept + drained - most)
    return kept, drained
