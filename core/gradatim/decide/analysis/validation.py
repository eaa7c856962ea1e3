"""The rules that the metrics of a template or a run must keep.

In: views of metrics and the path where they stand. Out: Problems, in the order in which Argo Rollouts looks.
The run's decision ends a run over the first one; `validate/` reports all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from gradatim.model.analysis import IntOrText, Metric, int_value
from gradatim.model.duration import DurationError, parse_duration
from gradatim.plugin import FieldPath, Problem

_TAG: Final = "{{"

#: A broken rule: the field it is about ("" for the metric itself), and the sentence.
Fault = tuple[str, str]


def metric_problems(metrics: Sequence[Metric], path: FieldPath) -> Iterator[Problem]:
    """What is wrong with these metrics; `path` is that of their list.

    Numbers that are still `{{args.…}}` are taken on trust.
    """
    if not metrics:
        yield Problem(path, "no metrics specified")
    for index, field, message in _faults(metrics):
        where = path / index
        yield Problem(where / field if field else where, message)


def first_fault(metrics: Sequence[Metric]) -> str:
    """The first broken rule as an AnalysisRun's message says it; "" when all are kept."""
    if not metrics:
        return "no metrics specified"
    return next((f"metrics[{index}]: {message}" for index, _, message in _faults(metrics)), "")


def _faults(metrics: Sequence[Metric]) -> Iterator[tuple[int, str, str]]:
    seen = set()
    for index, metric in enumerate(metrics):
        if metric.name in seen:
            yield index, "name", f"duplicate name '{metric.name}'"
        seen.add(metric.name)
        for rule in (_limits, _counts, _times, _provider):
            for field, message in rule(metric):
                yield index, field, message


def _limits(metric: Metric) -> Iterator[Fault]:
    failures, successes = _number(metric.failure_limit), _number(metric.consecutive_success_limit)
    if successes is not None and successes < 0:
        yield "consecutiveSuccessLimit", "consecutiveSuccessLimit must be >= 0"
    if failures is not None and failures < -1:
        yield "failureLimit", "failureLimit must be >= 0, or -1 to be disabled"
    if failures == -1 and successes == 0:
        yield "failureLimit", "failureLimit and consecutiveSuccessLimit cannot both be disabled"
    if (limit := _number(metric.inconclusive_limit)) is not None and limit < 0:
        yield "inconclusiveLimit", "inconclusiveLimit must be >= 0"
    if (limit := _number(metric.consecutive_error_limit)) is not None and limit < 0:
        yield "consecutiveErrorLimit", "consecutiveErrorLimit must be >= 0"


def _counts(metric: Metric) -> Iterator[Fault]:
    count = _number(metric.count)
    if count is None or count <= 0:
        return
    failures, successes = _number(metric.failure_limit), _number(metric.consecutive_success_limit)
    if failures is not None and successes is not None and successes >= 0:
        if failures >= 0 and count < failures + successes:
            yield (
                "count",
                f"count ({count}) must be >= failureLimit + consecutiveSuccessLimit "
                f"({failures} + {successes}) if both >= 0",
            )
        if failures < 0 and count < successes:
            yield "count", "count must be >= consecutiveSuccessLimit"
    inconclusive = _number(metric.inconclusive_limit)
    if inconclusive is not None and count < inconclusive:
        yield "count", "count must be >= inconclusiveLimit"


def _times(metric: Metric) -> Iterator[Fault]:
    count = _number(metric.count)
    if count is not None and count > 1 and not metric.interval:
        yield "interval", "interval must be specified when count > 1"
    yield from _duration("interval", "interval", metric.interval)
    # Argo Rollouts calls the field by a name that it never had.
    yield from _duration("initialDelay", "startDelay", metric.initial_delay)


def _duration(field: str, called: str, text: str) -> Iterator[Fault]:
    if text and _TAG not in text:
        try:
            parse_duration(text)
        except DurationError as error:
            yield field, f"invalid {called} string: {error}"


def _provider(metric: Metric) -> Iterator[Fault]:
    match len(provider_keys(metric)):
        case 0:
            yield "provider", "no provider specified"
        case 1:
            pass
        case _:
            yield "provider", "multiple providers specified"


def provider_keys(metric: Metric) -> list[str]:
    """The keys of the metric's providers: the CRD's own fields, and the names under `plugin`."""
    keys = [key for key, block in metric.provider.items() if block is not None and key != "plugin"]
    plugins = metric.provider.get("plugin")
    return keys + (list(plugins) if isinstance(plugins, dict) else [])


def provider_block(metric: Metric) -> tuple[str, object]:
    """The key and the block of the metric's one provider; ("", None) where there is not just one."""
    match provider_keys(metric):
        case [key]:
            plugins = metric.provider.get("plugin")
            named = isinstance(plugins, dict) and key in plugins
            return key, plugins[key] if named and isinstance(plugins, dict) else metric.provider[
                key
            ]
        case _:
            return "", None


def _number(value: IntOrText) -> int | None:
    """The number, 0 where there is none; None while it is still a tag."""
    if isinstance(value, str) and _TAG in value:
        return None
    return int_value(value)
