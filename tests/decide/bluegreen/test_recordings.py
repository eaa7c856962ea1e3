"""Blue-green scenarios that Argo Rollouts played on a real API server: ours reach the same states by the same words.

`recorded.json` has what it left at rest: the status, conditions, ReplicaSets, selectors, runs and events.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from switchworld import ACTIVE, PREVIEW, SwitchWorld, blue_green

from gradatim.model.analysisrun import AnalysisRun
from gradatim.model.reading import Json

RECORDED: dict[str, Json] = json.loads(
    Path(__file__).with_name("recorded.json").read_text(encoding="utf-8")
)
#: Whether a run was seen running before it ended depended on the moment.
VARYING = re.compile(r"Status New: '(Running|Failed)'")
FAILED = 'Metric "value" assessed Failed due to failed (1) > failureLimit (0)'


class Player:
    """Plays one scenario."""

    def __init__(self, scenario: Json) -> None:
        block = {k: v for k, v in scenario["block"].items() if not k.endswith("Service")}
        preview = "previewService" in scenario["block"]
        self.world: SwitchWorld = blue_green(scenario["replicas"], preview=preview, **block)

    def step(self, verb: str, argument: Any) -> None:
        match verb:
            case "wait":
                self.wait(argument)
            case "serve":
                self.world.verdict = self.verdict(argument["value"])
            case "sleep":
                self.world.run(argument)
            case _:
                action = getattr(self.world, verb)
                action() if argument is None else action(argument)
                self.world.carry_out(self.world.decide())

    def wait(self, phase: str) -> None:
        for _ in range(60):
            if self.world.phase[0] == phase:
                return
            self.world.run(1)
        raise AssertionError(f"waited for {phase}, is {self.world.phase}")

    @staticmethod
    def verdict(value: int) -> Any:
        def said(run: AnalysisRun) -> tuple[str, str]:
            return ("Successful", "") if value < 2 else ("Failed", FAILED)

        return said

    def look(self) -> Json:
        """What is there, in the form of the recordings."""
        world = self.world
        fields = {k: v for k, v in world.status.items() if k != "observedGeneration"}
        del fields["conditions"]
        fields["duration"] = fields["duration"].get("completionStatus", "")
        if "pauseConditions" in fields:
            fields["pauseConditions"] = [p["reason"] for p in fields["pauseConditions"]]
        if "abortedAt" in fields:
            fields["abortedAt"] = "<time>"
        sets = world.snapshot.replica_sets
        services = world.snapshot.services.items()
        found: Json = {
            "status": fields,
            "conditions": {k: list(v) for k, v in world.conditions().items()},
            "sets": {
                str(r.revision): [r.replicas, r.ready, *(["deadline"] if r.has_deadline else [])]
                for r in sets
            },
            "selectors": {name: service.pod_hash for name, service in services},
            "events": sorted(set(world.events)),
        }
        if world.snapshot.runs:
            found["runs"] = {r.meta.name: str(r.phase) for r in world.snapshot.runs}
        text = json.dumps(found)
        for each in sets:
            text = text.replace(each.pod_hash, f"<hash:{each.revision}>")
        result: Json = json.loads(text)
        return result


def same(want: list[str], have: list[str]) -> bool:
    return {e for e in want if not VARYING.search(e)} == {e for e in have if not VARYING.search(e)}


@pytest.mark.parametrize("name", RECORDED)
def test_a_scenario_goes_as_it_went_there(name: str) -> None:
    scenario = RECORDED[name]
    player, records = Player(scenario), iter(scenario["records"])
    for verb, argument in scenario["script"]:
        if verb != "record":
            player.step(verb, argument)
            continue
        player.world.run(3)
        want, have = next(records), player.look()
        for part in ("status", "conditions", "sets", "selectors"):
            assert have[part] == want[part], f"{want['at']}: {part}"
        assert have.get("runs") == want.get("runs"), want["at"]
        assert same(want["events"], have["events"]), (want["events"], have["events"])
    assert next(records, None) is None


def test_the_scenarios_are_about_both_services_and_without_a_preview() -> None:
    named = {frozenset(r["selectors"]) for s in RECORDED.values() for r in s["records"]}
    assert named == {frozenset({ACTIVE, PREVIEW}), frozenset({ACTIVE})}
