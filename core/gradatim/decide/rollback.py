"""Whether a release goes back to a revision that is recent enough to be trusted without its steps.

In: the Rollout and its revisions. Out: a yes or no, and how such a release ends. `spec.rollbackWindow`, §2.14 of the
reference; both strategies ask it, once a pass.
"""

from __future__ import annotations

from ..model import names
from ..model.rollout import Rollout
from .attempt import FAST_ROLLED_BACK, ROLLED_BACK
from .revisions import Revisions


def is_within_window(rollout: Rollout, revisions: Revisions) -> bool:
    """The new ReplicaSet is older than stable, and few enough were made between them.

    Ages count and not revision numbers: a set that is used again gets a new number and keeps its age.
    """
    new, stable, window = revisions.new, revisions.stable, rollout.rollback_window
    if new is None or stable is None or window is None:
        return False
    if new.meta.created >= stable.meta.created:
        return False
    between = [
        r
        for r in revisions.all
        if new.meta.created < r.meta.created < stable.meta.created
        and not r.meta.annotations.get(names.EXPERIMENT_NAME)
    ]
    return len(between) < window


def way_back(revisions: Revisions, *, quickly: bool) -> str:
    """How an attempt ends that goes back to a revision older than stable; "" if that is not where it goes."""
    new, stable = revisions.new, revisions.stable
    if new is None or stable is None or new.meta.created >= stable.meta.created:
        return ""
    return FAST_ROLLED_BACK if quickly else ROLLED_BACK
