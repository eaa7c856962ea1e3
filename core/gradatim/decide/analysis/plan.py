"""A run's specification made ready: arguments put in, rules checked, rules of names carried out.

In: a run as it is stored. Out: a `Plan`, or the message with which the run ends.
Called at the begin of every decision about a run; secrets are stand-ins here.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from gradatim.expr import ExprError
from gradatim.expr.limits import Budget
from gradatim.expr.regex import compile_pattern
from gradatim.model.analysis import Metric, MetricRule
from gradatim.model.analysisrun import AnalysisRun
from gradatim.plugin import FieldPath

from .policy import Policy, read_policy, setting_problems
from .substitution import UnresolvedError, argument_values, resolve_metric
from .validation import first_fault

#: Measurements that the status keeps of each metric, where no rule says otherwise.
DEFAULT_RETENTION: Final = 10
_AS_THE_REFERENCE: Final = Policy()
_NONE: Final = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run measures.

    Attributes:
        metrics: in their order, with arguments put in.
        dry_run: names of those whose outcome does not count.
        retention: how many measurements the status keeps, for those that a rule names.
        policies: how silence is taken, for those that do not take it as Argo Rollouts does.
        offsets: how long after its whole second each measurement of a metric but the first is due.
    """

    metrics: tuple[Metric, ...]
    dry_run: frozenset[str] = frozenset()
    retention: Mapping[str, int] = field(default_factory=dict)
    policies: Mapping[str, Policy] = field(default_factory=dict)
    offsets: Mapping[str, timedelta] = field(default_factory=dict)

    def policy(self, metric: str) -> Policy:
        """How that metric takes silence."""
        return self.policies.get(metric, _AS_THE_REFERENCE)

    def offset(self, metric: str) -> timedelta:
        """The part of a second by which its measurements are moved."""
        return self.offsets.get(metric, _NONE)

    def kept(self, metric: str) -> int:
        """How many measurements the status keeps of that metric."""
        limit = self.retention.get(metric, 0)
        return limit if limit > 0 else DEFAULT_RETENTION


def plan_of(run: AnalysisRun, spread: timedelta = _NONE) -> Plan | str:
    """The run's plan, or the message of phase Error that it ends with.

    The status keeps whole seconds, so all that is due in one second is due at its very beginning. `spread` is the part
    of the second over which it is moved apart, equal questions together: they are asked once.
    """
    if fault := next((fault for fault in run.faults if fault.path[:1] == ("spec",)), None):
        return f"Analysis spec invalid: {FieldPath(*fault.path[1:])}: {fault.message}"
    annotations = run.meta.annotations
    for problem in setting_problems(annotations, FieldPath("metadata", "annotations")):
        return f"Analysis spec invalid: {problem}"
    try:
        values = argument_values(run.args) if run.metrics else {}
        metrics = tuple(resolve_metric(metric, values) for metric in run.metrics)
    except UnresolvedError as error:
        return f"Unable to resolve metric arguments: {error}"
    names = [metric.name for metric in metrics]
    dry, retention = _matches(run.dry_run, names), _matches(run.retention, names)
    fault_text = (
        first_fault(metrics)
        or _unmatched("dryRun", dry)
        or _unmatched("measurementRetention", retention)
    )
    if fault_text:
        return f"Analysis spec invalid: {fault_text}"
    return Plan(
        metrics=metrics,
        dry_run=frozenset(name for _, matched in dry for name in matched),
        retention={name: rule.limit for rule, matched in retention for name in matched},
        policies=_policies(run, names),
        offsets={metric.name: _offset(metric, spread) for metric in metrics} if spread else {},
    )


def _offset(metric: Metric, spread: timedelta) -> timedelta:
    asked = json.dumps(metric.provider, sort_keys=True, default=str)
    return spread * (zlib.crc32(asked.encode(errors="replace")) / 2**32)


def _policies(run: AnalysisRun, names: Sequence[str]) -> dict[str, Policy]:
    """By name of the metric; the annotations may name it as it is written, with its arguments still open."""
    written = [metric.name for metric in run.metrics]
    annotations = run.meta.annotations
    found = {name: read_policy(annotations, raw) for name, raw in zip(names, written, strict=True)}
    return {name: policy for name, policy in found.items() if policy != _AS_THE_REFERENCE}


def _matches(
    rules: Sequence[MetricRule], names: Sequence[str]
) -> list[tuple[MetricRule, list[str]]]:
    return [(rule, _matching(rule.metric_name, names)) for rule in rules]


def _matching(expression: str, names: Sequence[str]) -> list[str]:
    """The names in which the regular expression matches somewhere; none if it is not one.

    The matcher takes linear time: a rule such as `(a+)+$` must not stop the controller.
    """
    try:
        pattern, budget = compile_pattern(expression), Budget()
        return [name for name in names if pattern.search(name, budget)]
    except ExprError:
        return []


def _unmatched(field_name: str, matches: Sequence[tuple[MetricRule, list[str]]]) -> str:
    for index, (_, matched) in enumerate(matches):
        if not matched:
            return f"{field_name}[{index}]: Rule didn't match any metric name(s)"
    return ""
