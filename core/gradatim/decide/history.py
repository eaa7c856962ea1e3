"""Which ReplicaSets of old revisions are deleted.

In: the draft of a pass. Out: deletions, oldest first, of sets that have no pods and none to come. §2.11.
"""

from __future__ import annotations

from ..model import names
from .draft import Draft
from .effects import DeleteReplicaSet, DeleteRun
from .experiments import delete_experiment, own_experiments


def clean_history(draft: Draft) -> None:
    """Keep `revisionHistoryLimit` of the sets that are neither new nor stable; what was made for the rest goes, too."""
    alive = [r for r in draft.revisions.others if not r.meta.deleting]
    surplus = len(alive) - max(0, draft.rollout.revision_history_limit)
    if surplus <= 0:
        return
    for old in sorted(alive, key=lambda r: (r.revision, r.meta.created))[:surplus]:
        seen = old.observed_generation >= old.meta.generation
        if old.replicas or old.current or not seen:
            continue
        draft.effects.append(DeleteReplicaSet(old.name, old.meta.uid))
        for run in draft.snapshot.runs:
            if run.meta.labels.get(names.POD_HASH) == old.pod_hash and not run.meta.deleting:
                draft.effects.append(DeleteRun(run.meta.name, run.meta.uid))
        for experiment in own_experiments(draft):
            if experiment.meta.labels.get(names.POD_HASH) == old.pod_hash:
                delete_experiment(draft, experiment)
