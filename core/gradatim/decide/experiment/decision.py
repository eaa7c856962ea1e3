"""The decision on an Experiment: passes that each see the world as the one before will leave it.

In: a snapshot and the present. Out: an `ExperimentDecision`. The room's only entrance.
So a second decision at the same instant has nothing to do, and one status write carries many transitions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ...model.reading import Json
from ..conditions import INVALID_SPEC, Conditions, conditions_json
from .analyses import reconcile_analysis
from .draft import Draft
from .effects import ExperimentEffect
from .outcome import concluded
from .predict import predicted
from .sets import reconcile_template
from .snapshot import ExperimentSnapshot

#: Passes that one decision may take: far more than any Experiment needs from its beginning to its end.
_MOST_PASSES: Final = 16


@dataclass(frozen=True, slots=True)
class ExperimentDecision:
    """What to do now.

    Attributes:
        effects: in the order they must be carried out; the first that fails ends the pass.
        status: the whole status afterwards, to be written last.
        look_again_in: when to decide again if nothing happens before; None: only when something does.
    """

    effects: tuple[ExperimentEffect, ...]
    status: Json
    look_again_in: timedelta | None = None


def decide_experiment(snapshot: ExperimentSnapshot, now: datetime) -> ExperimentDecision:
    """Decide. Pure and total: the same snapshot at the same instant gives the same decision."""
    experiment = snapshot.experiment
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)
    if experiment.meta.deleting:
        return ExperimentDecision((), experiment.status)
    if (snapshot.problems or not experiment.templates) and not experiment.phase.is_completed:
        return ExperimentDecision((), _invalid(snapshot, now))
    effects: list[ExperimentEffect] = []
    status, again = experiment.status, None
    for _ in range(_MOST_PASSES):
        draft = Draft(snapshot=snapshot, now=now)
        status, again = _pass(draft), draft.look_again
        effects += draft.effects
        if not draft.effects and status == snapshot.experiment.status:
            break
        snapshot = predicted(snapshot, draft.effects, status, now)
    return ExperimentDecision(tuple(effects), status, again)


def _pass(draft: Draft) -> Json:
    # analyses first: for one that can never be made no pods are brought up
    for analysis in draft.experiment.analyses:
        reconcile_analysis(draft, analysis)
    for template in draft.experiment.templates:
        reconcile_template(draft, template)
    return concluded(draft)


def _invalid(snapshot: ExperimentSnapshot, now: datetime) -> Json:
    """One that cannot be carried out: said in its status, and nothing else touched."""
    experiment = snapshot.experiment
    conditions = Conditions(experiment.conditions, now)
    said = "; ".join(str(problem) for problem in snapshot.problems) or "spec.templates: Required"
    message = f'The Experiment "{experiment.name}" is invalid: {said}'
    before = conditions.get(INVALID_SPEC)
    if before is not None and before.message != message:
        conditions.remove(INVALID_SPEC)
    conditions.set(INVALID_SPEC, "True", INVALID_SPEC, message)
    return {**experiment.status, "conditions": conditions_json(conditions.all())}
