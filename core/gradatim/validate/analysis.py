"""Templates made into runs, as the controller will do it: the only module of this room that knows `decide`.

In: a Rollout, templates, arguments. Out: the run that would be made, or what stands against it.
Called by the rules of templates, runs and the analyses of Rollouts, so that they judge by the very same code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from gradatim.decide.analysis import RunSpec, UnresolvedError, flatten, gather, metric_problems
from gradatim.decide.analysis import resolve_arguments as resolve
from gradatim.decide.analysis.comparing import blocks_of as judge_blocks
from gradatim.decide.analysis.comparing import judged_metrics
from gradatim.decide.analysis.plan import Plan, plan_of
from gradatim.decide.analysis.policy import setting_problems
from gradatim.decide.analysis.substitution import resolve_metric
from gradatim.decide.analysis.templates import Gathered
from gradatim.decide.analysis.validation import provider_block
from gradatim.model.analysis import Metric, Template, TemplateRef
from gradatim.model.analysisrun import AnalysisRun, parse_analysis_run
from gradatim.model.reading import Json
from gradatim.model.rollout import Rollout
from gradatim.plugin import Problem

__all__ = [
    "Gathered",
    "Plan",
    "RunSpec",
    "gathered",
    "judge_blocks",
    "judged_metrics",
    "metric_problems",
    "planned",
    "provider_block",
    "resolved_arguments",
    "resolved_metric",
    "run_of",
    "run_spec",
    "setting_problems",
]

#: Hashes that stand for those of a release that has not begun.
_STABLE: Final = "dummy-stable-hash"
_LATEST: Final = "dummy-new-hash"


def resolved_arguments(rollout: Rollout, args: Iterable[Json]) -> tuple[list[Json], list[Problem]]:
    """The values that a Rollout gives to its analysis' arguments, and what cannot be resolved."""
    metadata = {
        "name": rollout.meta.name,
        "namespace": rollout.meta.namespace,
        "uid": rollout.meta.uid,
        "labels": dict(rollout.meta.labels),
        "annotations": dict(rollout.meta.annotations),
    }
    return resolve({**rollout.raw, "metadata": metadata}, args, _STABLE, _LATEST)


def gathered(
    refs: Iterable[TemplateRef], look_up: Callable[[TemplateRef], Template | None]
) -> Gathered:
    """The templates that references lead to, those that are missing, and those that lead in a circle."""
    return gather(refs, look_up)


def run_spec(
    templates: Sequence[Template],
    args: Sequence[Json],
    dry_run: Sequence[Json] = (),
    retention: Sequence[Json] = (),
) -> RunSpec | list[Problem]:
    """The run that templates without faults make; or what stands against it."""
    return flatten(templates, args, dry_run, retention)


def run_of(spec: RunSpec) -> AnalysisRun:
    """The run of a specification."""
    return parse_analysis_run({"spec": spec.json()})


def planned(run: AnalysisRun) -> Plan | str:
    """What the run measures, its arguments put in; or the message with which it would end at once."""
    return plan_of(run)


def resolved_metric(metric: Metric, values: Mapping[str, str]) -> Metric | str:
    """The metric with its arguments put in, or why that cannot be."""
    try:
        return resolve_metric(metric, values)
    except UnresolvedError as error:
        return str(error)
