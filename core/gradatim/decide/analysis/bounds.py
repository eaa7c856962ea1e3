"""Keeps an AnalysisRun small enough to be stored, however long it goes on.

In: a run with its newest measurements. Out: the same with less of the older ones, if it is too large.
Called by the run's decision after outcomes were counted. What is newest stays longest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from gradatim.model.analysisrun import AnalysisRun, MeasurementStatus, MetricResult
from gradatim.plugin import Json

from .record import RECORD, SAMPLES, without_record
from .status import measurement_json, result_json

#: The whole object, as JSON. The API server stores up to 1.5 MB, and sends every change to everybody who watches.
LARGEST: Final = 256 * 1024
#: Left for what others write into the object: managed fields, labels, conditions of tools.
_MARGIN: Final = 16 * 1024
#: However large its specification is, that much is for what was found.
_LEAST: Final = 32 * 1024
#: What is left of texts when nothing else helps.
_SHORT: Final = 256
#: A list's comma, and the change of a count.
_EACH: Final = 8

Cut = Callable[[MeasurementStatus], MeasurementStatus | None]


def bounded(run: AnalysisRun) -> AnalysisRun:
    """The run, its measurements cut until it fits."""
    room = max(_LEAST, LARGEST - _MARGIN - _size({**run.raw, "status": {}}))
    results = list(run.results)
    excess = sum(_size(result_json(result)) + _EACH for result in results) - room
    for cut, spares_newest in _CUTS:
        if excess <= 0:
            break
        excess = _cut(results, excess, cut, spares_newest=spares_newest)
    return replace(run, results=tuple(results)) if results != list(run.results) else run


def _cut(results: list[MetricResult], excess: int, cut: Cut, *, spares_newest: bool) -> int:
    """Cut measurements, the oldest first, until there is no excess left; gives what is left of it."""
    for which, age in _oldest_first(results, spares_newest=spares_newest):
        if excess <= 0:
            break
        result = results[which]
        index = len(result.measurements) - 1 - age
        known = result.measurements[index]
        left = cut(known)
        if left == known:
            continue
        kept = () if left is None else (left,)
        before, after = result.measurements[:index], result.measurements[index + 1 :]
        results[which] = replace(result, measurements=(*before, *kept, *after))
        excess -= _size(measurement_json(known)) - (
            0 if left is None else _size(measurement_json(left))
        )
    return excess


def _oldest_first(results: list[MetricResult], *, spares_newest: bool) -> Iterator[tuple[int, int]]:
    """Places of measurements: the metric's, and how many of it are newer."""
    longest = max((len(result.measurements) for result in results), default=0)
    for age in range(longest - 1, 0 if spares_newest else -1, -1):
        for which, result in enumerate(results):
            # cut from the old end, so that ages of those that stay do not change
            if age < len(result.measurements):
                yield which, age


def _without_samples(measurement: MeasurementStatus) -> MeasurementStatus:
    return replace(measurement, metadata=without_record(measurement.metadata, SAMPLES))


def _without_record(measurement: MeasurementStatus) -> MeasurementStatus:
    return replace(measurement, metadata=without_record(measurement.metadata, *RECORD))


def _dropped(measurement: MeasurementStatus) -> None:
    del measurement


def _shortened(measurement: MeasurementStatus) -> MeasurementStatus:
    return replace(
        measurement,
        value=_short(measurement.value),
        message=_short(measurement.message),
        metadata={
            _short(key): _short(value) for key, value in list(measurement.metadata.items())[:4]
        },
        raw={},
    )


def _short(text: str) -> str:
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"


#: What is done, in order, and whether the newest measurement of each metric is spared.
_CUTS: Final[tuple[tuple[Cut, bool], ...]] = (
    (_without_samples, True),
    (_without_record, True),
    (_dropped, True),
    (_without_samples, False),
    (_without_record, False),
    (_shortened, False),
)


def _size(value: Json) -> int:
    return len(json.dumps(value, ensure_ascii=False, default=str).encode(errors="replace"))
