"""What a status says: its phase row by row, its conditions, its selector, and the patch that writes it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from world import START, World, istio, manifest

from gradatim.decide.attempt import begun, ended, labelled, turned_back
from gradatim.decide.conditions import Conditions
from gradatim.decide.judgement import has_progressed
from gradatim.decide.next_status import NextStatus
from gradatim.decide.phase import phase_of
from gradatim.decide.selector import selector_text
from gradatim.decide.statuspatch import merge_patch
from gradatim.model.reading import Json
from gradatim.model.rollout import parse_rollout
from gradatim.model.status import BlueGreenStatus, Condition, PauseCondition, RunStatus, Status

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


POST = {"postPromotionAnalysis": {"templates": [{"templateName": "t"}]}}
AFTER_SWITCH = {"stable_hash": "b", "blue_green": BlueGreenStatus(active="a")}


def measured(phase: str) -> BlueGreenStatus:
    return BlueGreenStatus(active="a", post_run=RunStatus(name="r", phase=phase))


@pytest.mark.parametrize(
    ("block", "status", "wanted"),
    [
        pytest.param({}, {"updated_replicas": 2}, "more replicas need to be updated", id="pods"),
        pytest.param(
            {},
            {"stable_hash": "b", "blue_green": BlueGreenStatus(active="b")},
            "active service cutover pending",
            id="the Service is at stable",
        ),
        pytest.param({}, {}, "active service cutover pending", id="the Service is nowhere yet"),
        pytest.param(POST, AFTER_SWITCH, "waiting for analysis to complete", id="no run yet"),
        pytest.param(
            POST,
            {**AFTER_SWITCH, "blue_green": measured("Running")},
            "waiting for analysis to complete",
            id="a run that goes on",
        ),
        pytest.param(
            POST,
            {**AFTER_SWITCH, "blue_green": measured("Successful")},
            "waiting for post-promotion verification to complete",
            id="a run that is through",
        ),
        pytest.param(
            {},
            AFTER_SWITCH,
            "waiting for post-promotion verification to complete",
            id="nothing to measure",
        ),
        pytest.param({}, {"blue_green": BlueGreenStatus(active="a")}, "", id="through"),
        pytest.param(
            {},
            {"replicas": 6, "blue_green": BlueGreenStatus(active="a")},
            "",
            id="through, with old pods in their delay",
        ),
    ],
)
def test_the_phase_of_a_blue_green_release(
    block: Json, status: dict[str, Any], wanted: str
) -> None:
    raw = manifest(3)
    raw["spec"]["strategy"] = {"blueGreen": {"activeService": "web", **block}}
    known = {**DONE, "blue_green": BlueGreenStatus(), **status}
    found = phase_of(parse_rollout(raw), NextStatus(before=Status(), **known))
    assert found == (("Progressing", wanted) if wanted else ("Healthy", ""))


BEFORE: dict[str, Any] = {
    "replicas": 2,
    "updated_replicas": 1,
    "ready_replicas": 1,
    "available_replicas": 1,
    "stable_hash": "a",
    "step_index": 1,
    "step_hash": "s",
    "blue_green": BlueGreenStatus(active="a", preview="b"),
}


@pytest.mark.parametrize(
    ("change", "is_progress"),
    [
        pytest.param({}, False, id="nothing"),
        pytest.param({"replicas": 1}, True, id="an old pod fewer"),
        pytest.param({"replicas": 3}, False, id="an old pod more"),
        pytest.param({"replicas": 1, "updated_replicas": 0}, True, id="a new pod fewer"),
        pytest.param({"replicas": 3, "updated_replicas": 2}, True, id="a new pod more"),
        pytest.param({"ready_replicas": 2}, True, id="a pod more that is ready"),
        pytest.param({"ready_replicas": 0}, False, id="a pod fewer that is ready"),
        pytest.param({"available_replicas": 2}, True, id="a pod more that is available"),
        pytest.param({"available_replicas": 0}, False, id="a pod fewer that is available"),
        pytest.param({"stable_hash": "b"}, True, id="another stable revision"),
        pytest.param({"step_index": 2}, True, id="the next step"),
        pytest.param({"step_index": 0}, True, id="a step before"),
        pytest.param({"step_index": None}, False, id="no steps any more"),
        pytest.param({"step_hash": "t"}, True, id="other steps"),
        pytest.param(
            {"blue_green": BlueGreenStatus(active="b", preview="b")}, True, id="the active Service"
        ),
        pytest.param(
            {"blue_green": BlueGreenStatus(active="a", preview="c")}, True, id="the preview Service"
        ),
    ],
)
def test_what_counts_as_progress(change: dict[str, Any], is_progress: bool) -> None:
    after = NextStatus(before=Status(), **{**BEFORE, **change})
    assert has_progressed(Status(**BEFORE), after) is is_progress


def progressing(reason: str) -> dict[str, str]:
    at = "2025-12-31T23:59:50Z"
    return {
        "type": "Progressing",
        "status": "True",
        "reason": reason,
        "message": "",
        "lastUpdateTime": at,
        "lastTransitionTime": at,
    }


@pytest.mark.parametrize(
    ("seconds", "reason", "is_late"),
    [
        pytest.param(30, "ReplicaSetUpdated", False, id="within the deadline"),
        pytest.param(10, "ReplicaSetUpdated", False, id="at it"),
        pytest.param(9, "ReplicaSetUpdated", True, id="after it"),
        pytest.param(9, "RolloutPaused", False, id="a pause is no missing progress"),
        pytest.param(9, "RolloutAborted", False, id="nor is an abort"),
        pytest.param(600, "ProgressDeadlineExceeded", True, id="what was late stays late"),
        pytest.param(9, "", False, id="nothing was said yet"),
    ],
)
def test_when_a_release_is_over_its_deadline(seconds: int, reason: str, is_late: bool) -> None:
    raw = manifest(1, "app:bad")
    raw["spec"]["progressDeadlineSeconds"] = seconds
    world = World.of(raw)
    world.run(1)
    world.now = START
    world.patch_status(conditions=[progressing(reason)] if reason else [])
    world.carry_out(world.decide())
    said = [reason for _, reason, _ in world.conditions().values()]
    assert ("ProgressDeadlineExceeded" in said) is is_late


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
