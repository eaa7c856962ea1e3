"""Views of templates and runs: what is read, and what a wrong type comes to."""

from __future__ import annotations

from typing import Any

import pytest

from gradatim.model.analysis import (
    Metric,
    TemplateRef,
    effective_count,
    int_value,
    parse_metric,
    parse_template,
)
from gradatim.model.analysisrun import Phase, parse_analysis_run

STAMP = "2026-01-02T03:04:05Z"


def test_a_template_is_read() -> None:
    template = parse_template(
        {
            "kind": "ClusterAnalysisTemplate",
            "metadata": {"name": "t"},
            "spec": {
                "args": [
                    {"name": "a", "value": "1"},
                    {"name": "b"},
                    {"name": "c", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
                ],
                "metrics": [
                    {"name": "m", "count": "{{args.a}}", "provider": {"web": {"url": "x"}}}
                ],
                "dryRun": [{"metricName": "m"}],
                "measurementRetention": [{"metricName": "m", "limit": 3}],
                "templates": [{"templateName": "other", "clusterScope": True}],
            },
        }
    )
    assert template.ref == TemplateRef("t", cluster_scope=True)
    assert str(template.ref) == "ClusterAnalysisTemplate 't'"
    assert [arg.value for arg in template.args] == ["1", None, None]
    assert [arg.has_source for arg in template.args] == [False, False, True]
    assert template.args[2].from_secret == ("s", "k")
    assert template.metrics[0].count == "{{args.a}}"
    assert template.retention[0].limit == 3
    assert template.templates == (TemplateRef("other", cluster_scope=True),)
    assert template.faults == ()


def test_a_run_is_read() -> None:
    run = parse_analysis_run(
        {
            "metadata": {"name": "r", "namespace": "n", "uid": "u"},
            "spec": {
                "metrics": [{"name": "m"}],
                "terminate": True,
                "ttlStrategy": {"secondsAfterSuccess": 3},
            },
            "status": {
                "phase": "Running",
                "startedAt": STAMP,
                "metricResults": [
                    {
                        "name": "m",
                        "phase": "Running",
                        "count": 2,
                        "measurements": [
                            {"phase": "Successful", "finishedAt": STAMP},
                            {"phase": "Running"},
                        ],
                    }
                ],
            },
        }
    )
    assert run.terminate
    assert run.ttl is not None
    assert (run.ttl.after_success, run.ttl.after_failure) == (3, None)
    result = run.result("m")
    assert result is not None
    assert result.is_measuring
    assert result.count == 2
    assert run.result("other") is None
    assert run.faults == ()


@pytest.mark.parametrize(
    "raw", [{}, {"spec": None}, {"spec": []}, {"status": 7}, {"metadata": "x"}]
)
def test_nothing_raises(raw: dict[str, Any]) -> None:
    assert parse_analysis_run(raw).phase is Phase.NONE
    assert parse_template(raw).metrics == ()


def test_wrong_types_are_named_with_their_path() -> None:
    run = parse_analysis_run(
        {"spec": {"metrics": [{"name": 3, "count": 1.5}]}, "status": {"phase": 1}}
    )
    assert [".".join(map(str, fault.path)) for fault in run.faults] == [
        "spec.metrics.0.name",
        "spec.metrics.0.count",
        "status.phase",
    ]


def test_an_unknown_phase_is_none() -> None:
    assert parse_analysis_run({"status": {"phase": "Perhaps"}}).phase is Phase.NONE


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (3, 3),
        ("3", 3),
        ("-1", -1),
        ("+2", 2),
        ("", 0),
        ("ten", 0),
        ("1.5", 0),
        ("9" * 40, 0),
        (None, 7),
    ],
)
def test_numbers_that_may_be_text(value: int | str | None, number: int) -> None:
    assert int_value(value, 7) == number


@pytest.mark.parametrize(
    ("metric", "count"),
    [
        (Metric(), 1),
        (Metric(interval="1s"), None),
        (Metric(count=0, interval="1s"), None),
        (Metric(count="0"), 1),
        (Metric(count="3", interval="1s"), 3),
    ],
)
def test_effective_count(metric: Metric, count: int | None) -> None:
    assert effective_count(metric) == count


def test_a_metric_that_is_none() -> None:
    metric, faults = parse_metric("x")
    assert metric == Metric()
    assert faults[0].message == "must be an object, not a string"
