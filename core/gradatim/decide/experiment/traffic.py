"""Whether the Rollout whose step an Experiment is may still send requests to its pods.

In: the snapshot of an Experiment. Out: the instant from which its pods may go, as far as traffic is concerned.
Called by `sets.py` and `services.py` before anything is taken away: rule 3 of the safety plan, `spec/users.md` row 13.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from .draft import Draft
from .snapshot import ExperimentSnapshot

#: When to ask again whether a Rollout still sends requests. Mostly a change of the Rollout comes first.
_ASK_AGAIN: Final = timedelta(seconds=10)

_EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


def drained_at(snapshot: ExperimentSnapshot) -> datetime | None:
    """The instant from which no proxy sends it requests; None while one may, or while nobody knows.

    The Rollout names the Experiment in its status before it sends anything there, and takes the name away together
    with the weights once it has seen the end. The status is written after the routes: so a name that is gone there
    is gone in the routes, and only their way to the proxies has to be waited for.
    """
    experiment, rollout = snapshot.experiment, snapshot.rollout
    if rollout is None or rollout.canary is None or rollout.canary.routing is None:
        return _EVER
    if not any(template.has_service for template in experiment.templates):
        return _EVER
    if rollout.status.current_experiment == experiment.name:
        return None
    services = {service.meta.name for service in snapshot.services}
    weights = rollout.status.weights
    if weights is not None and any(w.service in services for w in weights.additional):
        return None
    changed = snapshot.traffic_changed
    return None if changed is None else changed + snapshot.propagation_delay


def is_drained(draft: Draft) -> bool:
    """No proxy sends it requests now. If that is not yet so, a pass is asked for when it may be."""
    moment = drained_at(draft.snapshot)
    if moment is None:
        draft.due(draft.now + _ASK_AGAIN)
        return False
    if moment > draft.now:
        draft.due(moment)
    return moment <= draft.now
