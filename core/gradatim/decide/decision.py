"""`decide`: from a snapshot and the present to effects, a status, and when to look again.

In: a `Snapshot` and `now`. Out: a `Decision`. Called by `run/` for each pass, and by simulations.
A decision is the closure of small passes: each sees the world as the one before it will leave it, until one changes
nothing. So a second decision at the same instant has nothing to do, by construction.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from ..model.hashing import step_hash
from ..model.reading import Json, Reader
from ..model.rollout import Rollout
from ..model.status import read_status
from .bluegreen import blue_green_pass
from .canary import canary_pass
from .claims import claims
from .draft import Settled
from .effects import CreateReplicaSet, Effect, Emit, PatchReplicaSet, ScaleReplicaSet
from .handover import generation_note, handover, observed_status
from .netscale import without_detours
from .outcome import Pass, invalid_pass
from .plugincall import PluginAsk
from .predict import predicted
from .recognition import recognised_hash
from .snapshot import Snapshot
from .stepplugins import asked_plugin

#: Passes that one decision may take beyond those for its steps. A release needs far fewer; the bound makes a
#: mistake of ours a decision that goes on in the next pass, and not a loop.
_SPARE_PASSES: Final = 24

#: How often the passes are taken up again after a detour was cut out of their plan.
_MOST_ROUNDS: Final = 4

#: When to decide again on a template whose defaults were not known.
_UNRECOGNISED_RETRY: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do now.

    Attributes:
        effects: in the order they must be carried out; the first that fails ends the pass.
        status: the whole status afterwards, to be written last.
        look_again_in: when to decide again if nothing happens before; None: only when something does.
        plugin: the call of a step plugin that the release waits for. It is made after the status is written.
    """

    effects: tuple[Effect, ...]
    status: Json
    look_again_in: timedelta | None = None
    plugin: PluginAsk | None = None

    @property
    def is_quiet(self) -> bool:
        """Nothing is to be done in the cluster."""
        return not self.effects


def decide(snapshot: Snapshot, now: datetime) -> Decision:
    """Decide. Pure and total: the same snapshot at the same instant gives the same decision."""
    rollout = snapshot.rollout
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)
    if rollout.meta.deleting:
        return Decision((), rollout.status.raw)
    if snapshot.problems or (rollout.canary is None and rollout.blue_green_view is None):
        last = invalid_pass(snapshot, now)
        held = asked_plugin(rollout, now, held=True)
        return Decision(tuple(last.effects), last.status, last.look_again, held)
    effects: list[Effect] = [*claims(snapshot), *generation_note(snapshot)]
    status = observed_status(snapshot)
    if effects or status is not rollout.status.raw:
        snapshot = predicted(snapshot, effects, status, now)
    pod_hash = recognised_hash(snapshot)
    if pod_hash is None:
        held = asked_plugin(rollout, now, held=True)
        return Decision(tuple(effects), rollout.status.raw, _UNRECOGNISED_RETRY, held)
    last = _closed(snapshot, now, pod_hash)
    effects += last.effects
    if snapshot.workload is not None:
        effects += handover(predicted(snapshot, effects, last.status, now))
    plugin = _plugin(rollout, last.status, now)
    again = _sooner(last.look_again, plugin, now)
    return Decision(tuple(joined(effects)), last.status, again, plugin)


def _plugin(rollout: Rollout, status: Json, now: datetime) -> PluginAsk | None:
    """The call that the release will wait for, once the status is written."""
    canary = status.get("canary")
    if rollout.canary is None or not isinstance(canary, dict) or "stepPluginStatuses" not in canary:
        return None
    return asked_plugin(replace(rollout, status=read_status(Reader(status))), now)


def _sooner(again: timedelta | None, plugin: PluginAsk | None, now: datetime) -> timedelta | None:
    if plugin is None or plugin.due is None or plugin.may_begin:
        return again
    wait = plugin.due - now
    return wait if again is None or wait < again else again


def _closed(snapshot: Snapshot, now: datetime, pod_hash: str) -> Pass:
    """All passes as one. A way down and up again is no way at all, and leaves pods that the passes thought gone."""
    effects: list[Effect] = []
    begun, last = snapshot, Pass([], snapshot.rollout.status.raw, None)
    for _ in range(_MOST_ROUNDS):
        for last in _passes(snapshot, now, pod_hash):
            effects += last.effects
        shorter = without_detours(effects)
        if len(shorter) == len(effects):
            break
        effects = shorter
        snapshot = predicted(begun, effects, last.status, now)
    return replace(last, effects=effects)


def _passes(snapshot: Snapshot, now: datetime, pod_hash: str) -> Iterator[Pass]:
    canary = snapshot.rollout.canary
    steps_hash = step_hash(canary.raw_steps if canary else None)
    bound = _SPARE_PASSES + 4 * len(canary.steps if canary else ())
    settled: Settled = {}
    for _ in range(bound):
        if canary is None:
            done = blue_green_pass(snapshot, now, pod_hash)
        else:
            done = canary_pass(snapshot, now, pod_hash, steps_hash, settled)
        yield done
        if done.is_last or (not done.effects and done.status == snapshot.rollout.status.raw):
            return
        snapshot = predicted(snapshot, done.effects, done.status, now)


def joined(effects: list[Effect]) -> list[Effect]:
    """The same effects with fewer writes.

    A ReplicaSet is created with the pods it is scaled to next, as long as no other set is scaled in between: then the
    order keeps surge within its limit. What comes right after one another on one set is one patch.
    """
    result: list[Effect] = []
    for effect in _created_at_scale(effects):
        place = next((i for i, e in _from_behind(result) if not isinstance(e, Emit)), None)
        merged = None if place is None else _merged(result[place], effect)
        if place is None or merged is None:
            result.append(effect)
        else:
            result[place] = merged
    return result


def _from_behind(effects: list[Effect]) -> Iterator[tuple[int, Effect]]:
    return reversed(list(enumerate(effects)))


def _merged(first: Effect, second: Effect) -> Effect | None:
    """One write that does what both do; None where they are not on the same ReplicaSet."""
    if not isinstance(first, PatchReplicaSet) or first.min_ready_seconds is not None:
        return None
    if isinstance(second, PatchReplicaSet | ScaleReplicaSet) and second.name == first.name:
        return replace(second, annotations={**first.annotations, **second.annotations})
    return None


def _created_at_scale(effects: list[Effect]) -> list[Effect]:
    result = list(effects)
    for position, effect in enumerate(result):
        if not isinstance(effect, CreateReplicaSet):
            continue
        for later in range(position + 1, len(result)):
            scaling = result[later]
            if not isinstance(scaling, ScaleReplicaSet):
                continue
            if scaling.name == effect.name:
                result[position] = _with_replicas(effect, scaling.replicas)
                del result[later]
            break
    return result


def _with_replicas(effect: CreateReplicaSet, replicas: int) -> CreateReplicaSet:
    body = {**effect.body, "spec": {**effect.body["spec"], "replicas": replicas}}
    return CreateReplicaSet(body, effect.name, replicas, effect.at)
