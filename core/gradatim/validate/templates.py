"""The rules of AnalysisTemplates and AnalysisRuns.

In: views, and the installed plugins. Out: Problems and Advice.
Called by `gradatim validate`, and for the templates that a Rollout refers to.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from gradatim.model import names
from gradatim.model.analysis import Argument, Metric, Template, TemplateRef
from gradatim.model.analysisrun import AnalysisRun
from gradatim.model.reading import Fault
from gradatim.plugin import FieldPath, Problem

from .advice import Advice
from .analysis import (
    gathered,
    judge_blocks,
    judged_metrics,
    metric_problems,
    planned,
    setting_problems,
)
from .metrics import (
    arguments_used,
    comparison_problems,
    condition_problems,
    metric_advice,
    metrics_problems,
    provider_problems,
    tags,
)
from .plugins import Plugins
from .wording import duplicate, required

_SPEC: Final = FieldPath("spec")
_ANNOTATIONS: Final = FieldPath("metadata", "annotations")


def template_problems(
    template: Template,
    plugins: Plugins,
    *,
    others: Mapping[TemplateRef, Template] | None = None,
) -> Iterator[Problem]:
    """What is wrong with a template, whatever arguments it will get.

    Args:
        template: an AnalysisTemplate or a ClusterAnalysisTemplate.
        plugins: the installed plugins.
        others: the templates around it, to follow its `templates`. An argument that one of them declares
            may be used here too: runs are often made of several templates.
    """
    around = others or {}
    yield from _faults(template.faults)
    yield from setting_problems(template.meta.annotations, _ANNOTATIONS)
    if not template.metrics and not template.templates and not template.faults:
        yield required(_SPEC / "metrics", "must have metrics or templates")
    yield from metrics_problems(template.metrics, _SPEC / "metrics", plugins)
    yield from comparison_problems(template.metrics, template.meta.annotations, _SPEC / "metrics")
    yield from _argument_problems(template.args)
    declared = {arg.name for each in (template, *around.values()) for arg in each.args}
    yield from _undeclared(template.metrics, declared)
    yield from _undeclared_by_judge(template, declared)
    look_up = {**around, template.ref: template}
    for ref in gathered([template.ref], look_up.get).cycles:
        yield Problem(_SPEC / "templates", f"{ref} refers back to itself")


def run_problems(run: AnalysisRun, plugins: Plugins) -> Iterator[Problem]:
    """What is wrong with an AnalysisRun; its arguments are put in first."""
    yield from _faults(run.faults)
    settings = list(setting_problems(run.meta.annotations, _ANNOTATIONS))
    yield from settings
    if settings or any(fault.path[:1] == ("spec",) for fault in run.faults):
        return
    yield from comparison_problems(run.metrics, run.meta.annotations, _SPEC / "metrics")
    plan = planned(run)
    rules = list(metric_problems(run.metrics, _SPEC / "metrics"))
    if isinstance(plan, str):
        yield from rules or [Problem(_SPEC, plan)]
        return
    secret = {arg.name for arg in run.args if arg.from_secret}
    for index, (metric, written) in enumerate(zip(plan.metrics, run.metrics, strict=True)):
        # the text of a secret is not known here
        judged = written if arguments_used(written) & secret else metric
        yield from condition_problems(judged, _SPEC / "metrics" / index)
        yield from provider_problems(judged, _SPEC / "metrics" / index, plugins)


def template_advice(template: Template) -> Iterator[Advice]:
    """What is allowed in a template and most likely not meant."""
    for index, metric in enumerate(template.metrics):
        is_judged = metric.name in judged_metrics(template.meta.annotations)
        yield from metric_advice(metric, _SPEC / "metrics" / index, judged=is_judged)


def run_advice(run: AnalysisRun) -> Iterator[Advice]:
    """What is allowed in a run and most likely not meant."""
    for index, metric in enumerate(run.metrics):
        is_judged = metric.name in judged_metrics(run.meta.annotations)
        yield from metric_advice(metric, _SPEC / "metrics" / index, judged=is_judged)


def _faults(faults: Sequence[Fault]) -> Iterator[Problem]:
    for fault in faults:
        if fault.path[:1] != ("status",):
            yield Problem(FieldPath(*fault.path), fault.message)


def _argument_problems(args: Sequence[Argument]) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, arg in enumerate(args):
        path = _SPEC / "args" / index
        if not arg.name:
            yield required(path / "name")
        elif arg.name in seen:
            yield duplicate(path / "name", arg.name)
        seen.add(arg.name)
        if arg.value is not None and arg.has_source:
            yield Problem(path, f"arg '{arg.name}' has both Value and ValueFrom fields")


def _undeclared(metrics: Sequence[Metric], declared: Collection[str]) -> Iterator[Problem]:
    for index, metric in enumerate(metrics):
        for name in sorted(arguments_used(metric)):
            if name not in declared:
                message = (
                    f"failed to resolve {{{{args.{name}}}}}: spec.args declares no such argument"
                )
                yield Problem(_SPEC / "metrics" / index, message)


def _undeclared_by_judge(template: Template, declared: Collection[str]) -> Iterator[Problem]:
    for metric, block in judge_blocks(template.meta.annotations).items():
        for tag in sorted(tags(block)):
            name = tag.removeprefix("args.")
            if name == tag or name not in declared:
                message = (
                    f"failed to resolve {{{{{tag[:64]}}}}}: spec.args declares no such argument"
                )
                yield Problem(_ANNOTATIONS / names.JUDGE / metric[:64], message)
