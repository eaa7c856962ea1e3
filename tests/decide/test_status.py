"""What a status says: its phase row by row, its conditions, its selector, and the patch that writes it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from world import START, World, istio, manifest

from gradatim.decide.attempt import begun, ended, labelled, turned_back
from gradatim.decide.conditions import Conditions
from gradatim.decide.next_status import NextStatus
from gradatim.decide.phase import phase_of
from gradatim.decide.selector import selector_text
from gradatim.decide.statuspatch import merge_patch
from gradatim.model.reading import Json
from gradatim.model.rollout import parse_rollout
from gradatim.model.status import Condition, PauseCondition, Status

DECIDE = settings.get_profile("decide")
ABORTED = Condition(type="Progressing", reason="RolloutAborted", message="bad")
LATE = Condition(type="Progressing", reason="ProgressDeadlineExceeded", message="late")
INVALID = Condition(type="InvalidSpec", reason="InvalidSpec", message="wrong")
DONE: dict[str, Any] = {
    "updated_replicas": 3,
    "available_replicas": 3,
    "replicas": 3,
    "stable_hash": "a",
    "pod_hash": "a",
}


@pytest.mark.parametrize(
    ("spec", "status", "wanted"),
    [
        ({}, {"conditions": (INVALID, ABORTED)}, ("Degraded", "InvalidSpec: wrong")),
        ({}, {"conditions": (ABORTED, INVALID)}, ("Degraded", "RolloutAborted: bad")),
        (
            {"paused": True},
            {"conditions": (LATE,)},
            ("Degraded", "ProgressDeadlineExceeded: late"),
        ),
        (
            {"paused": True},
            {"pause_conditions": (PauseCondition("CanaryPauseStep"),)},
            ("Paused", "manually paused"),
        ),
        (
            {"restartAt": "2026-01-01T00:00:00Z"},
            {
                "pause_conditions": (
                    PauseCondition("InconclusiveAnalysisRun"),
                    PauseCondition("CanaryPauseStep"),
                )
            },
            ("Paused", "InconclusiveAnalysisRun"),
        ),
        (
            {"restartAt": "2026-01-01T00:00:00Z"},
            {"updated_replicas": 1},
            ("Progressing", "rollout is restarting"),
        ),
        ({}, {"updated_replicas": 2}, ("Progressing", "more replicas need to be updated")),
        (
            {},
            {"available_replicas": 2},
            ("Progressing", "updated replicas are still becoming available"),
        ),
        (
            {},
            {"replicas": 4, "stable_hash": "b"},
            ("Progressing", "old replicas are pending termination"),
        ),
        ({}, {"stable_hash": "b"}, ("Progressing", "waiting for all steps to complete")),
        ({}, {"stable_hash": ""}, ("Progressing", "waiting for all steps to complete")),
        ({}, {}, ("Healthy", "")),
    ],
)
def test_the_phase_is_the_first_row_that_fits(
    spec: Json, status: dict[str, Any], wanted: tuple[str, str]
) -> None:
    raw = manifest(3)
    raw["spec"] |= spec
    assert phase_of(parse_rollout(raw), NextStatus(before=Status(), **{**DONE, **status})) == wanted


def test_pods_of_older_revisions_do_not_hold_up_a_routed_canary() -> None:
    rollout = parse_rollout(manifest(3, **istio()))
    status = NextStatus(before=Status(), **{**DONE, "replicas": 6})
    assert phase_of(rollout, status) == ("Healthy", "")


def test_a_condition_whose_message_alone_changes_stays_as_it_was() -> None:
    conditions = Conditions((), START)
    assert conditions.set("Progressing", "True", "A", "one")
    assert not conditions.set("Progressing", "True", "A", "two")
    assert conditions.all()[0].message == "one"
    conditions.refresh("Progressing", "True", "A", "three")
    assert conditions.all()[0].message == "three"


def test_a_condition_that_changes_goes_to_the_end_and_keeps_its_time_of_transition() -> None:
    early = START.replace(year=2025)
    before = (
        Condition(type="Progressing", status="True", reason="A", changed=early),
        Condition(type="Available", status="True", reason="B", changed=early),
    )
    conditions = Conditions(before, START)
    conditions.set("Progressing", "True", "C", "")
    conditions.set("Available", "False", "B", "")
    assert [(c.type, c.changed) for c in conditions.all()] == [
        ("Progressing", early),
        ("Available", START),
    ]
    conditions.remove("Available")
    assert conditions.get("Available") is None


@pytest.mark.parametrize(
    ("selector", "text"),
    [
        ({}, ""),
        ({"matchLabels": {"b": "2", "a": "1"}}, "a=1,b=2"),
        (
            {
                "matchLabels": {"app": "web"},
                "matchExpressions": [
                    {"key": "tier", "operator": "In", "values": ["b", "a"]},
                    {"key": "zone", "operator": "NotIn", "values": ["x"]},
                    {"key": "here", "operator": "Exists"},
                    {"key": "gone", "operator": "DoesNotExist"},
                    {"key": "odd", "operator": "Near"},
                ],
            },
            "app=web,!gone,here,tier in (a,b),zone notin (x)",
        ),
    ],
    ids=["none", "labels in order", "expressions"],
)
def test_a_selector_as_one_line(selector: Json, text: str) -> None:
    assert selector_text(selector) == text


values = st.recursive(
    st.one_of(st.booleans(), st.integers(0, 3), st.sampled_from(["", "a"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=6,
)
statuses = st.dictionaries(st.sampled_from("abcd"), values, max_size=4)


def merged(target: Any, patch: Any) -> Any:
    """RFC 7386, section 2."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def full(value: Any) -> Any:
    """Without fields that are empty: they mean the same as none."""
    if not isinstance(value, dict):
        return value
    items = ((key, full(item)) for key, item in value.items())
    return {key: item for key, item in items if item not in (None, False, 0, "", [], {})}


@DECIDE
@given(before=statuses, after=statuses)
def test_the_patch_makes_the_status_what_it_shall_be(before: Json, after: Json) -> None:
    patch = merge_patch(before, after)
    assert full(merged(before, patch)) == full(after)
    assert merge_patch(after, after) == {}


def test_the_patch_leaves_alone_what_tools_wrote_empty() -> None:
    before = {"abort": False, "pauseConditions": None, "phase": "Paused", "message": "m"}
    assert merge_patch(before, {"phase": "Paused"}) == {"message": None}


def test_an_attempt_ends_once_and_as_it_was_labelled() -> None:
    later = START.replace(day=2)
    assert ended(begun(START), "Promoted", later).completion == "Promoted"
    assert ended(labelled(begun(START), "FastPromoted"), "Promoted", later).completion == (
        "FastPromoted"
    )
    back = ended(turned_back(begun(START)), "Promoted", later)
    assert back.completion == "FastRolledBack"
    assert ended(back, "Aborted", later.replace(day=3)) == back
    assert turned_back(back) == back
    assert labelled(back, "Promoted") == back


def test_an_observed_generation_is_a_string() -> None:
    world = World.of(manifest(1))
    world.run()
    assert world.status["observedGeneration"] == "1"


def test_a_verdict_on_weights_that_is_gone_is_taken_from_the_status() -> None:
    before = {"abort": False, "canary": {"weights": {"verified": False, "canary": {"weight": 0}}}}
    after = {"canary": {"weights": {"canary": {"weight": 0}}}}
    assert merge_patch(before, after) == {"canary": {"weights": {"verified": None}}}
