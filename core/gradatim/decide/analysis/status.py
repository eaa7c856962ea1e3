"""A run's status as JSON.

In: a run whose results, phase and times are the new ones. Out: plain JSON; zeros and empty texts are left out.
Called at the end of a run's decision, which makes a merge patch of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gradatim.model.analysisrun import AnalysisRun, MeasurementStatus, MetricResult
from gradatim.model.reading import format_time
from gradatim.plugin import Json


def status_json(run: AnalysisRun, extra: Mapping[str, Json]) -> Json:
    """The whole status; `extra` are the summaries. Fields that we do not know stay as they are."""
    known: Json = {
        "phase": str(run.phase),
        "message": run.message,
        "startedAt": format_time(run.started) if run.started else "",
        "completedAt": format_time(run.completed) if run.completed else "",
        "metricResults": [result_json(result) for result in run.results],
    }
    return {**_overlaid(run.status, known), **extra}


def result_json(result: MetricResult) -> Json:
    """One element of `metricResults`."""
    known: Json = {
        "name": result.name,
        "phase": str(result.phase),
        "measurements": [measurement_json(item) for item in result.measurements],
        "message": result.message,
        "count": result.count,
        "successful": result.successful,
        "failed": result.failed,
        "inconclusive": result.inconclusive,
        "error": result.error,
        "consecutiveError": result.consecutive_error,
        "consecutiveSuccess": result.consecutive_success,
        "dryRun": result.dry_run,
        "metadata": dict(result.metadata),
    }
    return _overlaid(result.raw, known)


def measurement_json(measurement: MeasurementStatus) -> Json:
    """One element of `measurements`."""
    known: Json = {
        "phase": str(measurement.phase),
        "message": measurement.message,
        "startedAt": format_time(measurement.started) if measurement.started else "",
        "finishedAt": format_time(measurement.finished) if measurement.finished else "",
        "resumeAt": format_time(measurement.resume_at) if measurement.resume_at else "",
        "value": measurement.value,
        "metadata": dict(measurement.metadata),
    }
    return _overlaid(measurement.raw, known)


def _overlaid(stored: Mapping[str, Any], known: Json) -> Json:
    """What is stored, with the known fields as they are now. An empty one is absent."""
    unknown = {key: value for key, value in stored.items() if key not in known}
    return unknown | {key: value for key, value in known.items() if value}
