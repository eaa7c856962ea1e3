"""The Experiments around one Rollout, and the pods of the current one.

In: a Rollout, the caches, a client. Out: views for its snapshot. Called by `gather.py`.
"""

from __future__ import annotations

from ..decide.experiments import is_named
from ..kube.client import Client
from ..kube.errors import NotFound
from ..kube.resources import EXPERIMENTS
from ..model.analysisrun import AnalysisRun
from ..model.experiment import Experiment, parse_experiment
from ..model.rollout import Rollout
from ..model.workload import ReplicaSet
from .world import BY_OWNER, World


async def experiments_of(rollout: Rollout, world: World, client: Client) -> tuple[Experiment, ...]:
    """Its Experiments, and others that have names which its own could get.

    The current one is asked for where the cache does not show it: to take it for gone would take its weights
    away and begin another one (`spec/users.md` row 36).

    Raises:
        KubeError: it could not be asked for.
    """
    current = rollout.status.current_experiment
    steps = rollout.canary.steps if rollout.canary else ()
    owned = world.experiments.by(BY_OWNER, rollout.meta.uid)
    if not (owned or current or any(step.experiment is not None for step in steps)):
        return ()
    begin = f"{rollout.name}-"
    found = {
        e.name: e.view
        for e in world.experiments.all(rollout.namespace)
        if e.view is not None
        and (e.name.startswith(begin) or e.view.meta.owner_uid == rollout.meta.uid)
    }
    if current and current not in found:
        read = await _read(client, rollout.namespace, current)
        if read is not None:
            found[current] = read
    return tuple(found.values())


async def _read(client: Client, namespace: str, name: str) -> Experiment | None:
    try:
        return parse_experiment(await client.get(EXPERIMENTS.at(namespace, name)))
    except NotFound:
        return None


def runs_of(
    rollout: Rollout, experiments: tuple[Experiment, ...], world: World
) -> tuple[AnalysisRun, ...]:
    """The AnalysisRuns that the current Experiment names."""
    name, uid = rollout.status.current_experiment, rollout.meta.uid
    current = next((e for e in experiments if e.name == name and e.meta.owner_uid == uid), None)
    if not name or current is None:
        return ()
    named = {state.run for state in current.analysis_states}
    found = world.runs.by(BY_OWNER, current.meta.uid)
    return tuple(each.view for each in found if each.view is not None and each.name in named)


def sets_of(
    rollout: Rollout, experiments: tuple[Experiment, ...], world: World
) -> tuple[ReplicaSet, ...]:
    """The sets of pods of the current Experiment, and of one that still has weights."""
    named = [e for e in experiments if is_named(rollout, e)]
    found = [each for e in named for each in world.replica_sets.by(BY_OWNER, e.meta.uid)]
    return tuple(each.view for each in found if each.view is not None)
