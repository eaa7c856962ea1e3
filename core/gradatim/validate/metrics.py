"""What can be said of a metric before it is measured: its conditions, its provider, its tags.

In: views of metrics and the installed plugins. Out: Problems and Advice.
Called by the rules of templates, runs and the analyses of Rollouts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Final

from gradatim.expr import ExprError, FloatList, check, check_time, lint, misfit
from gradatim.model import names
from gradatim.model.analysis import Metric
from gradatim.plugin import FieldPath, Problem

from .advice import Advice
from .analysis import judged_metrics, metric_problems, provider_block
from .plugins import Plugins

_TAG: Final = re.compile(r"\{\{\s*(.*?)\s*\}\}", re.DOTALL)
_ARGUMENT: Final = "args."
#: What a tag may stand for: a value, a number, a comparison, a conjunction.
_STAND_INS: Final = ("result", "1", "==", "&&", "true", "x")
#: Providers that judge by themselves, or that have conditions of their own.
_WITHOUT_CONDITIONS: Final = frozenset({"job", "kayenta"})
#: Values of each type that these providers measure.
_MEASURED: Final[Mapping[str, tuple[object, ...]]] = {
    "prometheus": (FloatList(), 0.0),
    "datadog": (0.0, FloatList(), None),
}


def tags(value: object) -> frozenset[str]:
    """What stands in `{{…}}` anywhere in a JSON document, without the braces and blanks."""
    found: set[str] = set()
    todo: list[object] = [value]
    while todo:
        match todo.pop():
            case str() as text if "{{" in text:
                found.update(_TAG.findall(text))
            case dict() as block:
                todo += [*block, *block.values()]
            case list() as items:
                todo += items
    return frozenset(found)


def arguments_used(metric: Metric) -> frozenset[str]:
    """Names of the arguments that a metric refers to."""
    return frozenset(
        tag.removeprefix(_ARGUMENT) for tag in tags(metric.raw) if tag.startswith(_ARGUMENT)
    )


def metrics_problems(
    metrics: Sequence[Metric], path: FieldPath, plugins: Plugins
) -> Iterator[Problem]:
    """What is wrong with these metrics, arguments still open; `path` is that of their list."""
    if metrics:
        yield from metric_problems(metrics, path)
    for index, metric in enumerate(metrics):
        yield from condition_problems(metric, path / index)
        yield from provider_problems(metric, path / index, plugins)


def _conditions(metric: Metric) -> Iterator[tuple[str, str]]:
    yield "successCondition", metric.success_condition
    yield "failureCondition", metric.failure_condition


def condition_problems(metric: Metric, path: FieldPath) -> Iterator[Problem]:
    """Conditions that cannot be read. Those that still have tags are not judged: their text is not known yet."""
    for field, source in _conditions(metric):
        if not source or "{{" in source:
            continue
        error = check(source)
        if error is not None:
            yield Problem(path / field, _explained(source, error))


def _explained(source: str, error: ExprError) -> str:
    shown = " ".join(source.split())
    place = "" if error.position is None else f" (line {error.line}, column {error.column})"
    return f'could not evaluate "{shown[:256]}": {" ".join(error.message.split())}{place}'


def provider_problems(metric: Metric, path: FieldPath, plugins: Plugins) -> Iterator[Problem]:
    """What is wrong with the block of the metric's one provider, and that nobody serves its key."""
    key, block = provider_block(metric)
    if not key:
        return
    under = metric.provider.get("plugin")
    where = path / "provider"
    where = where / "plugin" / key if isinstance(under, dict) and key in under else where / key
    if not isinstance(block, dict):
        yield Problem(where, "must be an object")
    else:
        yield from plugins.validate_metric(key, block, where)
        yield from _time_problems(plugins.times(key, block), where)


def _time_problems(times: Mapping[FieldPath, str], path: FieldPath) -> Iterator[Problem]:
    """Expressions of points of time that cannot be read; `path` is that of the provider's block."""
    for place, source in times.items():
        error = check_time(source) if "{{" not in source else None
        if error is not None:
            yield Problem(FieldPath(*path.parts, *place.parts), _explained(source, error))


def comparison_problems(
    metrics: Sequence[Metric], annotations: Mapping[str, str], path: FieldPath
) -> Iterator[Problem]:
    """Metrics that `gradatim.dev/judge` names and that are not there, or whose conditions would not be looked at."""
    judged = judged_metrics(annotations)
    for index, metric in enumerate(metrics):
        for field, source in _conditions(metric):
            if source and metric.name in judged:
                message = (
                    f"is not looked at, as {names.JUDGE} has this metric compared with a baseline"
                )
                yield Problem(path / index / field, message)
    there = {metric.name for metric in metrics}
    for name in sorted(judged - there):
        near = get_close_matches(name, there, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        where = FieldPath("metadata", "annotations") / names.JUDGE / name[:64]
        yield Problem(where, f"there is no metric of that name{hint}")


def metric_advice(metric: Metric, path: FieldPath, *, judged: bool = False) -> Iterator[Advice]:
    """What is allowed in a metric and most likely not meant; `judged`: by comparison, and not by conditions."""
    key, _ = provider_block(metric)
    for field, source in _conditions(metric):
        for message in _condition_advice(source, key) if source else ():
            yield Advice(path / field, message)
    judged_here = bool(key) and key not in _WITHOUT_CONDITIONS and "/" not in key
    if judged_here and not judged and not metric.success_condition and not metric.failure_condition:
        yield Advice(path, "has no condition: every measurement that gets an answer succeeds")
    if metric.interval and metric.count is None:
        yield Advice(
            path,
            "has an interval and no count: it measures until the analysis is ended, so it is for background "
            "analysis; a Rollout with it in a step is refused",
        )


def _condition_advice(source: str, key: str) -> Iterator[str]:
    """`key` is that of the provider whose values the condition is asked about."""
    shown = " ".join(source.split())[:256]
    has_tags = "{{" in source
    if has_tags and not _can_be_read(source):
        yield f'"{shown}" is no condition, whatever stands for its arguments'
    yield from lint(source)
    error = None if has_tags else misfit(source, _MEASURED.get(key, ()))
    if error is not None:
        yield f"is an error whatever {key} measures: {_explained(source, error)}"


def _can_be_read(source: str) -> bool:
    """Some text for its tags makes it a condition."""
    return any(check(_replaced(source, stand_in)) is None for stand_in in _STAND_INS)


def _replaced(source: str, stand_in: str) -> str:
    return _TAG.sub(lambda _: stand_in, source)
