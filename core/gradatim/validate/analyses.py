"""The analyses of a Rollout, and the templates that they are made of.

In: a Rollout and the templates that there are. Out: Problems, in Argo Rollouts' order and words.
Called by `references.py`. R-numbers are those of the reference's rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from gradatim.model.analysis import (
    Argument,
    Metric,
    Template,
    TemplateRef,
    effective_count,
    read_template_refs,
)
from gradatim.model.reading import Json, Reader
from gradatim.model.rollout import Rollout
from gradatim.plugin import FieldPath, Problem

from .analysis import (
    Plan,
    gathered,
    planned,
    resolved_arguments,
    resolved_metric,
    run_of,
    run_spec,
    setting_problems,
)
from .metrics import arguments_used, condition_problems, provider_problems
from .plugins import Plugins
from .wording import invalid

_ANNOTATIONS: Final = FieldPath("metadata", "annotations")
_STRATEGY: Final = FieldPath("spec", "strategy")
_ANY_VALUE: Final = "dummy-value"


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """One analysis of a strategy: a step's, the background one, those around a blue-green promotion.

    Or one of an Experiment: that names a single template, and need not come to an end unless it is required to.

    Attributes:
        must_end: one that measures for ever would hold the release for ever.
        named_by: the field that names its templates.
    """

    path: FieldPath
    block: Json = field(repr=False)
    is_background: bool = False
    is_of_experiment: bool = False
    must_end: bool = True
    named_by: str = "templates"

    @property
    def refs(self) -> tuple[TemplateRef, ...]:
        """The templates that it names."""
        return read_template_refs(Reader(self.block))

    @property
    def args(self) -> list[Json]:
        """Its arguments, as written."""
        return _objects(self.block, "args")

    def invalid(self, value: str, detail: str) -> Problem:
        """A Problem of its templates."""
        return invalid(self.path / self.named_by, value, detail)


def _objects(block: Json, key: str) -> list[Json]:
    return [item for item in Reader(block).list(key) if isinstance(item, dict)]


def analyses_of(rollout: Rollout) -> list[Analysis]:
    """The analyses in the order in which the reference looks at them."""
    found = []
    if rollout.blue_green is not None:
        for key in ("prePromotionAnalysis", "postPromotionAnalysis"):
            block = Reader(rollout.blue_green).json(key)
            if block:
                found.append(Analysis(path=_STRATEGY / "blueGreen" / key, block=block))
    elif rollout.canary is not None:
        path = _STRATEGY / "canary"
        for index, step in enumerate(rollout.canary.steps):
            if step.analysis is not None:
                where = path / "steps" / index / "analysis"
                found.append(Analysis(path=where, block=step.analysis))
            where = path / "steps" / index / "experiment"
            found += _of_experiment(Reader(step.experiment), where)
        if rollout.canary.background is not None:
            block = rollout.canary.background.raw
            found.append(Analysis(path=path / "analysis", block=block, is_background=True))
    return found


def _of_experiment(step: Reader, path: FieldPath) -> Iterator[Analysis]:
    for index, analysis in enumerate(step.objects("analyses")):
        block = {
            "templates": [dict(analysis.raw)],
            "args": analysis.list("args"),
            "dryRun": step.list("dryRun"),
            "analysisRunMetadata": step.json("analysisRunMetadata"),
        }
        yield Analysis(
            path=path / "analyses" / index,
            block=block,
            is_of_experiment=True,
            must_end=analysis.flag("requiredForCompletion"),
            named_by="templateName",
        )


def missing_templates(
    analysis: Analysis, templates: Mapping[TemplateRef, Template], unseen: frozenset[str]
) -> Iterator[Problem]:
    """R4: templates that are not there, however deep; and those that lead back to themselves."""
    found = gathered(analysis.refs, templates.get)
    for ref in found.missing:
        if kind_of(ref) not in unseen:
            yield analysis.invalid(ref.name, f"{ref} not found")
    for ref in found.cycles:
        yield analysis.invalid(ref.name, f"{ref} refers back to itself")


def kind_of(ref: TemplateRef) -> str:
    """The kind of what it refers to."""
    return "ClusterAnalysisTemplate" if ref.cluster_scope else "AnalysisTemplate"


def content_problems(
    rollout: Rollout,
    analysis: Analysis,
    templates: Mapping[TemplateRef, Template],
    plugins: Plugins,
) -> Iterator[Problem]:
    """R5 to R10; then what the run would end with at once, and what its metrics could not measure."""
    found = gathered(analysis.refs, templates.get)
    if found.missing or found.cycles:
        return
    faulty = [template for template in found.templates if template.faults]
    for template in faulty:
        for fault in template.faults:
            detail = f"{template.ref}: {FieldPath(*fault.path)}: {fault.message}"
            yield analysis.invalid(template.meta.name, detail)
    for template in found.templates:
        for problem in setting_problems(template.meta.annotations, _ANNOTATIONS):
            yield analysis.invalid(template.meta.name, f"{template.ref}: {problem}")
    given = Reader(analysis.block).object("analysisRunMetadata").texts("annotations")
    where = analysis.path / "analysisRunMetadata" / "annotations"
    yield from setting_problems(given, where)
    if not faulty:
        args, _ = resolved_arguments(rollout, analysis.args)
        yield from _group_problems(analysis, found.templates, args, plugins)


def _group_problems(
    analysis: Analysis, templates: Sequence[Template], args: list[Json], plugins: Plugins
) -> Iterator[Problem]:
    group = f"templateNames: [{' '.join(t.meta.name for t in templates)}]"
    dry_run, retention = (_objects(analysis.block, key) for key in _RULES)
    spec = run_spec(templates, args, dry_run, retention)
    if isinstance(spec, list):
        for problem in spec:
            yield analysis.invalid(group, problem.message)
        return
    found = [each for template in templates for each in _own_problems(analysis, template, args)]
    yield from found
    if found:
        return
    run = run_of(spec)
    unknown = _unknown(analysis, run.args)
    plan = planned(run)
    if isinstance(plan, str):
        if not any(unknown & arguments_used(metric) for metric in run.metrics):
            yield analysis.invalid(group, plan)
        return
    yield from _metric_problems(analysis, templates, plan, plugins, unknown)


_RULES: Final = ("dryRun", "measurementRetention")


def _unknown(analysis: Analysis, args: Sequence[Argument]) -> frozenset[str]:
    """Arguments whose text is known only when the run is made: of Secrets, and of fields that may change."""
    from_fields = {
        str(arg.get("name"))
        for arg in analysis.args
        if Reader(arg).object("valueFrom").has("fieldRef")
    }
    secret = {arg.name for arg in args if arg.from_secret}
    # hashes and times of an Experiment's pods are put in when they are there
    later = {arg.name for arg in args if analysis.is_of_experiment and "{{" in (arg.value or "")}
    return frozenset(from_fields | secret | later)


def _metric_problems(
    analysis: Analysis,
    templates: Sequence[Template],
    plan: Plan,
    plugins: Plugins,
    unknown: frozenset[str],
) -> Iterator[Problem]:
    """What the metrics that count could not measure. Those that are dry decide nothing, whatever is wrong."""
    origins = [(t, index) for t in templates for index in range(len(t.metrics))]
    for (template, index), metric in zip(origins, plan.metrics, strict=False):
        if metric.name in plan.dry_run:
            continue
        written, path = template.metrics[index], FieldPath("spec", "metrics", index)
        is_open = bool(unknown & arguments_used(written))
        judged = written if is_open else metric
        for problem in (
            *condition_problems(judged, path),
            *provider_problems(judged, path, plugins),
        ):
            yield analysis.invalid(template.meta.name, f"{template.ref}: {problem}")


def _own_problems(
    analysis: Analysis, template: Template, args: Sequence[Json]
) -> Iterator[Problem]:
    if analysis.is_background:
        yield from _background_problems(analysis, template, args)
    elif analysis.must_end:
        yield from _inline_problems(analysis, template, args)


def _inline_problems(
    analysis: Analysis, template: Template, args: Sequence[Json]
) -> Iterator[Problem]:
    """R7 and R8: the template's metrics can do with its own arguments, and come to an end."""
    name = template.meta.name
    values: dict[str, str] = {}
    given = {str(arg.get("name")): arg.get("value") for arg in args}
    for arg in template.args:
        if arg.value is not None and arg.has_source:
            detail = f"arg '{arg.name}' has both Value and ValueFrom fields"
            yield analysis.invalid(name, f"AnalysisTemplate {name}: {detail}")
            return
        value = given.get(arg.name) or arg.value
        values[f"args.{arg.name}"] = value if isinstance(value, str) else _ANY_VALUE
    for metric in template.metrics:
        resolved = resolved_metric(metric, values)
        if isinstance(resolved, str):
            yield analysis.invalid(name, f"AnalysisTemplate {name}: {resolved}")
            return
        if effective_count(resolved) is None:
            yield analysis.invalid(name, _endless(name, resolved))


def _endless(name: str, metric: Metric) -> str:
    count = "<nil>" if metric.count is None else metric.count
    return (
        f"AnalysisTemplate {name} has metric {metric.name} which runs indefinitely. "
        f"Invalid value for count: {count}"
    )


def _background_problems(
    analysis: Analysis, template: Template, args: Sequence[Json]
) -> Iterator[Problem]:
    """R9 and R10: the Rollout gives what the template does not have."""
    given = {str(arg.get("name")) for arg in args}
    for arg in template.args:
        if arg.value is not None or arg.has_source or arg.name in given:
            continue
        has_none = analysis.block.get("args") is None
        detail = "missing analysis arguments in rollout spec" if has_none else arg.name
        yield analysis.invalid(template.meta.name, detail)
