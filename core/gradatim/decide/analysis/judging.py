"""What a provider's answer means for its metric.

In: a metric with its arguments put in, the answer, and `now`. Out: a phase, and a message where there is one.
The measuring calls it while it still knows the secrets, because a condition may hold one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from gradatim.expr import ExprError, FloatList, compile_condition, explain_error
from gradatim.judge import Comparison
from gradatim.model.analysis import Metric
from gradatim.model.analysisrun import Phase
from gradatim.plugin import Measurement, Numbers, Verdict

from .comparing import compared
from .silence import is_no_data, is_nothing


@dataclass(frozen=True, slots=True)
class Judgement:
    """The phase of a measurement, and the sentence that goes with it.

    Attributes:
        text: what is kept as the value.
        metadata: what is kept beside the answer's own.
        no_data: the provider answered, and there was nothing to judge.
    """

    phase: Phase
    message: str = ""
    text: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    no_data: bool = False


def judge(
    metric: Metric, answer: Measurement, now: datetime, comparison: Comparison | None = None
) -> Judgement:
    """The phase that the answer gives its measurement; RUNNING while there is no answer yet.

    A provider's own verdict stands. A value is judged by the metric's conditions, and is Successful without any; with
    a `comparison` its series are judged by that instead.
    """
    if comparison is not None and not answer.running and answer.verdict is None:
        found = compared(answer, comparison)
        return Judgement(
            found.phase, found.message, found.text, found.metadata, no_data=not found.has_data
        )
    found_by = _by_conditions(metric, answer, now)
    return replace(found_by, text=answer.text, no_data=is_no_data(answer))


def _by_conditions(metric: Metric, answer: Measurement, now: datetime) -> Judgement:
    if answer.running:
        return Judgement(Phase.RUNNING, answer.message)
    if answer.verdict is not None:
        return _by_verdict(answer)
    try:
        success = _holds(metric, "successCondition", answer, now)
        failure = _holds(metric, "failureCondition", answer, now)
    except _UnansweredError as error:
        return Judgement(Phase.ERROR, str(error))
    return Judgement(outcome(success, failure), answer.message)


def _by_verdict(answer: Measurement) -> Judgement:
    try:
        return Judgement(Phase(Verdict(str(answer.verdict))), answer.message)
    except ValueError:
        return Judgement(Phase.ERROR, f"the provider gave the unknown verdict {answer.verdict!r}")


def outcome(success: bool | None, failure: bool | None) -> Phase:
    """What two conditions say together; None for a condition that is not there."""
    if failure or (failure is None and success is False):
        return Phase.FAILED
    if success is False:
        return Phase.INCONCLUSIVE
    return Phase.SUCCESSFUL


class _UnansweredError(ValueError):
    """A condition could not be evaluated for this value."""


def _holds(metric: Metric, kind: str, answer: Measurement, now: datetime) -> bool | None:
    is_success = kind == "successCondition"
    source = metric.success_condition if is_success else metric.failure_condition
    if not source:
        return None
    # an empty list stays one: `len(result) == 0` is how authors ask for it (docs of Argo Rollouts, for Prometheus)
    value = answer.value if is_nothing(answer.value) or not answer.no_data else None
    if isinstance(value, Numbers):
        value = FloatList(value)
    try:
        return compile_condition(source).evaluate(value, now=now)
    except ExprError as error:
        raise _UnansweredError(explain_error(source, value, error, field=kind)) from error
