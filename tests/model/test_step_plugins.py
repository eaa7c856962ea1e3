"""`stepPluginStatuses` as they are read, and written again."""

from __future__ import annotations

from typing import Any

import pytest

from gradatim.model.reading import Reader
from gradatim.model.stepplugins import StepPluginStatus, changed, read_step_plugins
from gradatim.model.steps import PluginStep, plugin_of

WHOLE = {
    "index": 2,
    "name": "org/gate",
    "operation": "Run",
    "phase": "Running",
    "message": "half way",
    "startedAt": "2026-01-01T00:00:00Z",
    "updatedAt": "2026-01-01T00:01:00Z",
    "backoff": "1m30s",
    "executions": 4,
    "status": {"job": 7},
    "later": "a field of a newer version",
}


def read(*entries: object) -> tuple[StepPluginStatus, ...]:
    return read_step_plugins(Reader({"stepPluginStatuses": list(entries)}))


def test_an_entry_is_written_as_it_was_read() -> None:
    (entry,) = read(WHOLE)
    assert (entry.backoff, entry.executions, entry.status) == (90.0, 4, {"job": 7})
    assert entry.json() == WHOLE


def test_a_changed_entry_has_what_is_not_empty() -> None:
    (entry,) = read(WHOLE)
    written = changed(entry, phase="Successful", message="", backoff=0.0, status=None).json()
    assert written == {
        "index": 2,
        "name": "org/gate",
        "operation": "Run",
        "phase": "Successful",
        "startedAt": "2026-01-01T00:00:00Z",
        "updatedAt": "2026-01-01T00:01:00Z",
        "executions": 4,
    }
    assert changed(entry, status={}).json()["status"] == {}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", 0.0),
        ("30s", 30.0),
        ("1h0m0s", 3600.0),
        ("-5s", 0.0),
        ("soon", 30.0),
        ("9" * 200 + "s", 30.0),
    ],
)
def test_a_backoff_is_seconds_whatever_is_written(text: str, seconds: float) -> None:
    (entry,) = read({**WHOLE, "backoff": text})
    assert entry.backoff == seconds


@pytest.mark.parametrize(
    "entry",
    [None, 7, [], {}, {"index": "x", "name": 1, "status": [], "executions": "3", "startedAt": "x"}],
)
def test_a_broken_entry_is_read_as_an_empty_one(entry: object) -> None:
    (found,) = read(entry)
    assert (found.index, found.name, found.status) == (0, "", None) or found.status == {}
    assert not found.is_open
    assert not found.is_pending


@pytest.mark.parametrize(
    ("step", "plugin"),
    [
        ({}, None),
        ({"plugin": None}, None),
        ({"plugin": "x"}, None),
        ({"plugin": {"config": {}}}, None),
        ({"plugin": {"name": 7}}, None),
        ({"plugin": {"name": "a/b"}}, PluginStep("a/b", {})),
        ({"plugin": {"name": "a/b", "config": [1]}}, PluginStep("a/b", {})),
        ({"plugin": {"name": "a/b", "config": {"c": 1}}}, PluginStep("a/b", {"c": 1})),
    ],
)
def test_the_plugin_of_a_step(step: Any, plugin: PluginStep | None) -> None:
    assert plugin_of(step) == plugin
