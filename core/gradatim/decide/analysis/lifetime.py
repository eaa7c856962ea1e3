"""How long a completed run stays.

In: a completed run and `now`. Out: the seconds that it has left.
Called by the run's decision.
"""

from __future__ import annotations

from datetime import datetime

from gradatim.model.analysisrun import AnalysisRun, Phase


def seconds_to_live(run: AnalysisRun, now: datetime) -> float | None:
    """Seconds until the run is to be deleted, 0 when it is time; None: it stays."""
    limit = _limit(run)
    if limit is None:
        return None
    # The age is counted in whole seconds and must be greater than the limit, as in Argo Rollouts.
    age = (now - _completed(run)).total_seconds()
    return max(0.0, limit + 1 - age)


def _limit(run: AnalysisRun) -> int | None:
    if run.ttl is None:
        return None
    own = {Phase.SUCCESSFUL: run.ttl.after_success, Phase.FAILED: run.ttl.after_failure}
    limit = own.get(run.phase)
    return run.ttl.after_completion if limit is None else limit


def _completed(run: AnalysisRun) -> datetime:
    """When it was completed, or the last that is known to have happened to it.

    A run that ends over its specification has no `completedAt`; with Argo Rollouts such runs stay for ever.
    """
    if run.completed is not None:
        return run.completed
    moments = [run.meta.created, run.started]
    moments += [result.last.finished for result in run.results if result.last]
    return max(moment for moment in moments if moment is not None)
