"""What is to be measured: analysis templates, and the parts that they share with AnalysisRuns.

In: the JSON of an AnalysisTemplate, a ClusterAnalysisTemplate or a part of one. Out: frozen views.
`analysisrun.py` reads runs with it; `validate/` and `decide/` read templates.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from .meta import Meta, read_meta
from .reading import Fault, Json, Reader

IntOrText = int | str | None

_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,18}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric, as written: limits may still hold `{{args.…}}`.

    Attributes:
        interval, initial_delay: Go durations, "" where there are none.
        count, failure_limit, …: Kubernetes' IntOrString; None where absent.
        provider: the `provider` block; its single key names the provider.
        raw: the metric's own JSON.
    """

    name: str = ""
    interval: str = ""
    initial_delay: str = ""
    count: IntOrText = None
    success_condition: str = ""
    failure_condition: str = ""
    failure_limit: IntOrText = None
    inconclusive_limit: IntOrText = None
    consecutive_error_limit: IntOrText = None
    consecutive_success_limit: IntOrText = None
    provider: Json = field(default_factory=dict)
    raw: Json = field(repr=False, default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """One argument of a template, a run or a Rollout's analysis.

    Attributes:
        value: the text, None where there is none yet.
        from_secret: it comes from a Secret: its name and key.
        has_source: there is a `valueFrom` of whatever kind.
    """

    name: str = ""
    value: str | None = None
    from_secret: tuple[str, str] | None = None
    has_source: bool = False
    raw: Json = field(repr=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class MetricRule:
    """A rule of `dryRun` or `measurementRetention`: a regular expression for names of metrics."""

    metric_name: str
    limit: int = 0


@dataclass(frozen=True, slots=True)
class TemplateRef:
    """A reference to a template: in the same namespace, or one of the cluster's."""

    name: str
    cluster_scope: bool = False

    def __str__(self) -> str:
        kind = "ClusterAnalysisTemplate" if self.cluster_scope else "AnalysisTemplate"
        return f"{kind} '{self.name}'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """An AnalysisTemplate, or with `cluster_scope` a ClusterAnalysisTemplate."""

    meta: Meta
    raw: Json = field(repr=False, default_factory=dict)
    cluster_scope: bool = False
    metrics: tuple[Metric, ...] = ()
    args: tuple[Argument, ...] = ()
    dry_run: tuple[MetricRule, ...] = ()
    retention: tuple[MetricRule, ...] = ()
    templates: tuple[TemplateRef, ...] = ()
    faults: tuple[Fault, ...] = ()

    @property
    def ref(self) -> TemplateRef:
        """How others refer to it."""
        return TemplateRef(self.meta.name, self.cluster_scope)


def parse_template(raw: Json) -> Template:
    """The view of an AnalysisTemplate or a ClusterAnalysisTemplate. Never raises."""
    root = Reader(raw)
    meta, spec = read_meta(root), root.object("spec")
    return Template(
        meta=meta,
        raw=raw,
        cluster_scope=raw.get("kind") == "ClusterAnalysisTemplate",
        metrics=tuple(read_metric(reader) for reader in spec.objects("metrics")),
        args=tuple(read_argument(reader) for reader in spec.objects("args")),
        dry_run=read_rules(spec, "dryRun"),
        retention=read_rules(spec, "measurementRetention"),
        templates=read_template_refs(spec),
        faults=tuple(root.faults),
    )


def read_metric(reader: Reader) -> Metric:
    """The view of one element of `metrics`."""
    return Metric(
        name=reader.text("name"),
        interval=reader.text("interval"),
        initial_delay=reader.text("initialDelay"),
        count=reader.int_or_text("count"),
        success_condition=reader.text("successCondition"),
        failure_condition=reader.text("failureCondition"),
        failure_limit=reader.int_or_text("failureLimit"),
        inconclusive_limit=reader.int_or_text("inconclusiveLimit"),
        consecutive_error_limit=reader.int_or_text("consecutiveErrorLimit"),
        consecutive_success_limit=reader.int_or_text("consecutiveSuccessLimit"),
        provider=reader.json("provider"),
        raw=dict(reader.raw),
    )


def read_argument(reader: Reader) -> Argument:
    """The view of one element of `args`."""
    secret = reader.object("valueFrom").object("secretKeyRef")
    return Argument(
        name=reader.text("name"),
        value=reader.text("value") if reader.has("value") else None,
        from_secret=(secret.text("name"), secret.text("key")) if secret.raw else None,
        has_source=reader.has("valueFrom"),
        raw=dict(reader.raw),
    )


def read_rules(reader: Reader, key: str) -> tuple[MetricRule, ...]:
    """The rules at `dryRun` or `measurementRetention`."""
    return tuple(
        MetricRule(rule.text("metricName"), rule.number("limit")) for rule in reader.objects(key)
    )


def read_template_refs(reader: Reader) -> tuple[TemplateRef, ...]:
    """The references at `templates`: of a template, or of a Rollout's analysis."""
    return tuple(
        TemplateRef(ref.text("templateName"), ref.flag("clusterScope"))
        for ref in reader.objects("templates")
    )


def parse_metric(raw: object) -> tuple[Metric, tuple[Fault, ...]]:
    """The view of one metric that stands alone, such as one whose arguments were put in."""
    reader = Reader(raw)
    metric = read_metric(reader)
    return metric, tuple(reader.faults)


def int_value(value: IntOrText, default: int = 0) -> int:
    """The number that an IntOrString stands for; text that is none counts as 0, as in Kubernetes."""
    if value is None:
        return default
    if isinstance(value, int):
        return value
    return int(value) if _INTEGER.fullmatch(value) else 0


def effective_count(metric: Metric) -> int | None:
    """How many measurements it takes; None without end. A metric without an interval takes one."""
    if count := int_value(metric.count):
        return count
    return None if metric.interval else 1
