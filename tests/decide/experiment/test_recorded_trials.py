"""What Argo Rollouts left of Experiments on a real API server: ours reach the same states by the same words.

`recorded.json` has it as it was at rest, times masked. Its passes see their own writes late and tell some transitions
twice, from the phase before the one before; those events are left out here.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from stepworld import StepWorld
from trialworld import Trial, analysis_template
from world import manifest as rollout_manifest
from world import with_template

Json = dict[str, Any]

RECORDED: dict[str, Json] = json.loads(
    Path(__file__).with_name("recorded.json").read_text(encoding="utf-8")
)
ALONE = ("experiment", "experiment-bad-image")
STEPS = ("experiment-step", "experiment-step-fails")

#: Told there by passes that had not seen what the one before had written.
STALE = re.compile(r"AnalysisRun 'one' transitioned from (|Pending) -> (Successful|Failed)")
FAILED = 'Metric "value" assessed Failed due to failed (1) > failureLimit (0)'
TIMES = re.compile(r"^\d{4}-\d\d-\d\dT.*Z$")


def masked(value: Any) -> Any:
    match value:
        case dict():
            return {key: masked(item) for key, item in value.items() if item not in (None, "", [])}
        case list():
            return [masked(item) for item in value]
        case str() if TIMES.match(value):
            return "<time>"
        case _:
            return value


def plain(status: Json) -> Json:
    """A status with what varies left out: which of two names a run has, and empty fields."""
    shown: Json = masked(status)
    for run in shown.get("analysisRuns", []):
        run.pop("analysisRun", None)
    return shown


def events(told: list[str], kind: str) -> set[str]:
    """Events of one kind of object, in the form of the recordings."""
    return {
        f"{line.partition(' (')[0]}: {line.partition('): ')[2]}"
        for line in told
        if f"({kind}): " in line and not STALE.search(line)
    }


def assert_told(ours: list[str], wanted: set[str]) -> None:
    said = {line for line in ours if not line.startswith("Rollout ") and not STALE.search(line)}
    assert said == wanted


@pytest.mark.parametrize("name", ALONE)
def test_alone_it_goes_as_it_went_there(name: str) -> None:
    scenario = RECORDED[name]
    raw = {
        "kind": "Experiment",
        "metadata": {"name": "trial", "namespace": "default", "uid": "u-1"},
        "spec": bad_images(scenario["spec"]),
    }
    trial = Trial.of(raw, analysis_template())
    # two measurements there: the run is seen running before it ends
    told = iter(["Running"])
    trial.verdict = lambda _: (next(told, "Successful"), "")
    trial.run(seconds=29)
    (*_, record) = scenario["records"]
    assert plain(trial.status) == plain(record["experiment"])
    assert_told(trial.events, events(record["events"], "Experiment"))


def bad_images(spec: Json) -> Json:
    """This world's kubelet knows a bad image by another word."""
    text = json.dumps(spec).replace("nonexistent", "bad")
    found: Json = json.loads(text)
    return found


@pytest.mark.parametrize("name", STEPS)
def test_as_a_step_it_goes_as_it_went_there(name: str) -> None:
    scenario = RECORDED[name]
    spec = scenario["spec"]
    raw = rollout_manifest(spec["replicas"], **spec["strategy"]["canary"])
    args = [{"name": "h"}] if name == "experiment-step" else []
    world = StepWorld.of(raw)
    world = StepWorld.from_world(with_template(world, args=args))
    if scenario["value"] == 9:
        world.verdict = lambda _: ("Failed", FAILED)
    world.run(5)
    world.image("app:v2")
    world.run(25)
    (*_, record) = scenario["records"]
    new = world.of_revision(2).pod_hash
    (made,) = world.snapshot.experiments
    ours = json.loads(json.dumps(plain(made.status)).replace(f"web-{new}", "web-2"))
    assert ours == plain(record["experiment"])
    assert made.meta.labels == {"rollouts-pod-template-hash": new}
    status = {key: world.status[key] for key in record["rollout"] if key in world.status}
    assert status == record["rollout"]
    wanted = {line for line in events(record["events"], "Rollout") if "xperiment" in line}
    told = {line.replace(f"web-{new}", "web-2") for line in world.events}
    assert wanted <= told
