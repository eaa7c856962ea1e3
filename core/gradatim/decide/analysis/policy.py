"""How silence is taken: our annotations on templates, Rollouts and AnalysisRuns, read.

In: annotations. Out: a `Policy` for each metric, Problems of values that mean nothing, the annotations of a new run.
The run's plan and `creation.py` call it, and `validate/` for the Problems. docs/analysis.md is for its authors.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from typing import Final, TypeVar

from gradatim.model import names
from gradatim.model.analysis import Template
from gradatim.model.duration import DurationError, duration_seconds
from gradatim.plugin import FieldPath, Problem

from .comparing import blocks_of, judge_problems

Settings = Mapping[str, str]


class OnNoData(enum.StrEnum):
    """What a measurement means whose provider answered that there is nothing to judge."""

    RETRY = "retry"
    INCONCLUSIVE = "inconclusive"
    SUCCESS = "success"
    FAIL = "fail"


class OnProviderError(enum.StrEnum):
    """What a measurement means whose provider did not answer."""

    RETRY = "retry"
    PAUSE = "pause"
    FAIL = "fail"


class Broker(enum.StrEnum):
    """Whether equal questions are asked once, and rate limits waited for."""

    ON = "on"
    OFF = "off"


#: A new pod's first data points come within minutes.
DEFAULT_NO_DATA_BUDGET: Final = timedelta(minutes=5)
#: Longer than most outages of a monitoring service, shorter than a release may hang without a word.
DEFAULT_PROVIDER_ERROR_BUDGET: Final = timedelta(minutes=15)

_CHOICES: Final[Mapping[str, type[enum.StrEnum]]] = {
    names.ON_NO_DATA: OnNoData,
    names.ON_PROVIDER_ERROR: OnProviderError,
    names.BROKER: Broker,
}
_BUDGETS: Final = (names.NO_DATA_BUDGET, names.PROVIDER_ERROR_BUDGET)
_KEYS: Final = (*_CHOICES, *_BUDGETS)
_PREFIX: Final = "gradatim.dev/"
_LONGEST: Final = 64

E = TypeVar("E", bound=enum.StrEnum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How one metric takes silence. The defaults are what Argo Rollouts does.

    Attributes:
        on_no_data, on_provider_error: None: as Argo Rollouts.
        no_data_budget: how long `retry` asks again for data.
        provider_error_budget: the same for an answer; None: without end, which is so for `pause` only.
        is_brokered: its questions may be answered together with equal ones, and wait for a rate limit.
    """

    on_no_data: OnNoData | None = None
    no_data_budget: timedelta = DEFAULT_NO_DATA_BUDGET
    on_provider_error: OnProviderError | None = None
    provider_error_budget: timedelta | None = DEFAULT_PROVIDER_ERROR_BUDGET
    is_brokered: bool = True


def read_policy(annotations: Settings, metric: str) -> Policy:
    """The policy of a metric. What means nothing counts as absent; `setting_problems` names it."""
    own = _by_metric(annotations.get(names.BY_METRIC, "")) or {}
    found = {**annotations, **own.get(metric, {})}
    on_error = _choice(OnProviderError, found.get(names.ON_PROVIDER_ERROR))
    endless = on_error is OnProviderError.PAUSE
    budget = _length(found.get(names.PROVIDER_ERROR_BUDGET))
    return Policy(
        on_no_data=_choice(OnNoData, found.get(names.ON_NO_DATA)),
        no_data_budget=_length(found.get(names.NO_DATA_BUDGET)) or DEFAULT_NO_DATA_BUDGET,
        on_provider_error=on_error,
        provider_error_budget=budget or (None if endless else DEFAULT_PROVIDER_ERROR_BUDGET),
        is_brokered=_choice(Broker, found.get(names.BROKER)) is not Broker.OFF,
    )


def setting_problems(annotations: Settings, path: FieldPath) -> Iterator[Problem]:
    """Values of our annotations that mean nothing; `path` is that of the annotations."""
    yield from _misspelt(annotations, path)
    yield from _value_problems(annotations, path)
    yield from judge_problems(annotations, path)
    text = annotations.get(names.BY_METRIC)
    if text is None:
        return
    by_metric, where = _by_metric(text), path / names.BY_METRIC
    if by_metric is None:
        yield Problem(
            where,
            'must be a JSON object of objects of strings: {"METRIC": {"on-no-data": "retry"}}',
        )
        return
    for metric, settings in by_metric.items():
        yield from _value_problems(settings, where / metric)
        for key in settings.keys() - set(_KEYS):
            short = key.removeprefix(_PREFIX)[:_LONGEST]
            yield Problem(where / metric, f'"{short}" is no setting of a metric')


def _misspelt(annotations: Settings, path: FieldPath) -> Iterator[Problem]:
    """Keys that look like one of ours and are none: what they say would not be so, in the middle of a release."""
    known = [key.removeprefix(_PREFIX) for key in (*_KEYS, names.BY_METRIC, names.JUDGE)]
    for key in annotations:
        short = key.removeprefix(_PREFIX)[:_LONGEST]
        if key.startswith(_PREFIX) and short not in known:
            for near in get_close_matches(short, known, n=1, cutoff=0.8):
                yield Problem(path / key, f'is not read; did you mean "{_PREFIX}{near}"?')


def run_settings(owner: Settings, templates: Iterable[Template]) -> dict[str, str]:
    """The annotations that let a new run speak for itself: its owner's for all metrics, each template's for its own.

    A template is nearer to its metrics than a Rollout that uses it, so its word counts for them.
    """
    settings = {key: value for key, value in owner.items() if key in _KEYS}
    templates = tuple(templates)
    if comparisons := _comparisons(owner, templates):
        settings[names.JUDGE] = comparisons
    by_metric = dict(_by_metric(owner.get(names.BY_METRIC, "")) or {})
    for template in templates:
        given = template.meta.annotations
        own = _by_metric(given.get(names.BY_METRIC, "")) or {}
        for metric in template.metrics:
            found = {key: value for key, value in given.items() if key in _KEYS}
            found |= own.get(metric.name, {})
            if found:
                by_metric[metric.name] = {**by_metric.get(metric.name, {}), **found}
    if by_metric:
        settings[names.BY_METRIC] = _written(by_metric)
    return settings


def _comparisons(owner: Settings, templates: Iterable[Template]) -> str:
    """The blocks that say how metrics are compared, of whoever names them; "" where nobody does."""
    blocks = dict(blocks_of(owner))
    for template in templates:
        own = blocks_of(template.meta.annotations)
        blocks |= {m.name: own[m.name] for m in template.metrics if m.name in own}
    return (
        json.dumps(blocks, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        if blocks
        else ""
    )


def _written(by_metric: Mapping[str, Settings]) -> str:
    short = {
        metric: {key.removeprefix(_PREFIX): value for key, value in settings.items()}
        for metric, settings in by_metric.items()
    }
    return json.dumps(short, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _by_metric(text: str) -> dict[str, dict[str, str]] | None:
    """The settings by metric, under the annotations' full keys; None for a text that holds none."""
    try:
        found = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not all(map(_is_block, found.values())):
        return None
    return {
        metric: {_PREFIX + key.removeprefix(_PREFIX): value for key, value in block.items()}
        for metric, block in found.items()
    }


def _is_block(block: object) -> bool:
    return isinstance(block, dict) and all(isinstance(value, str) for value in block.values())


def _value_problems(settings: Settings, path: FieldPath) -> Iterator[Problem]:
    for key, choices in _CHOICES.items():
        value = settings.get(key)
        if value is not None and _choice(choices, value) is None:
            known = ", ".join(choices)
            yield Problem(path / key, f'must be one of {known}, not "{value[:_LONGEST]}"')
    for key in _BUDGETS:
        value = settings.get(key)
        if value is not None and _length(value) is None:
            shown = value[:_LONGEST]
            yield Problem(path / key, f'must be a positive duration such as 15m, not "{shown}"')


def _choice(choices: type[E], value: str | None) -> E | None:
    return next((one for one in choices if one == value), None)


def _length(value: str | None) -> timedelta | None:
    """A positive length; None for anything else."""
    try:
        length = timedelta(seconds=duration_seconds(value)) if value else timedelta()
    except (DurationError, OverflowError):
        return None
    return length if length > timedelta() else None
