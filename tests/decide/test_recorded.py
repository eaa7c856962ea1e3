"""Scenarios that Argo Rollouts played on a real API server: ours reach the same states by the same words.

`recorded.json` has what it left at rest, revisions in place of hashes; events are those since the record before.
Its spam filter dropped events, so ours may say more: each that it does is of a kind that it says elsewhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from world import START, World, manifest, routed, service, with_template

from gradatim.model.analysisrun import AnalysisRun
from gradatim.model.reading import Json
from gradatim.model.workload import parse_service

RECORDED: dict[str, Json] = json.loads(
    Path(__file__).with_name("recorded.json").read_text(encoding="utf-8")
)

#: Events that we leave out on purpose, or that depend on which pod was quicker there: why, and a pattern.
NOT_OURS: dict[str, tuple[str, str]] = {
    "canary-superseded": ("we scale in one step what is available at once", "Scaled down .*web-1"),
    "canary-no-steps": ("we scale in one step what is available at once", "Scaled down .*web-1"),
    "canary-surge-percent": (
        "we scale in one step what is available at once",
        "Scaled down .*web-2",
    ),
    "canary-undo": ("a revision that came back has another number", r"web-5|\(5\)"),
    "istio-abort": (
        "the canary Service stays with the canary while its pods stay, it flips to and fro there",
        "SwitchService: .* from '2' to '1'",
    ),
    "istio-dynamic-stable-scale": (
        "stable's pods become available one by one there, and at once in this world",
        "from 40 to 20|desiredWeight '20'|Scaled down .*web-2 .* from 2 to 1",
    ),
    "analysis-step-inconclusive": (
        "our metric source is seen running before it ends",
        "AnalysisRunInconclusive: .* Previous: ''",
    ),
}

#: Fields that the reference writes as false, and we leave out.
VALUES = {"1": ("Successful", ""), "9": ("Failed", ""), "5": ("Inconclusive", "")}


class Player:
    """Plays one scenario."""

    def __init__(self, scenario: Json) -> None:
        raw = manifest(**scenario["canary"])
        raw["spec"] |= scenario["spec"]
        self.value = ""
        if "http" in scenario:
            self.world = routed(raw, *scenario["http"], lag=2)
        else:
            self.world = World.of(raw)
            services = {n: parse_service(service(n)) for n in scenario.get("services", ())}
            self.world.snapshot = replace(self.world.snapshot, services=services)
        if "template" in scenario:
            with_template(self.world, **scenario["template"])
        self.world.verdict = self.verdict
        self.seen: set[str] = set()

    def verdict(self, run: AnalysisRun) -> tuple[str, str]:
        if self.value == "1" and run.metrics[0].count is None:
            return "Running", ""
        return {
            "1": ("Successful", ""),
            "5": (
                "Inconclusive",
                'Metric "value" assessed Inconclusive due to inconclusive (1) > inconclusiveLimit (0)',
            ),
            "9": ("Failed", self._failed(run)),
            "text": (
                "Error",
                'Metric "value" assessed Error due to consecutiveErrors (5) > consecutiveErrorLimit '
                '(4): "Error Message: could not evaluate successCondition "result < 2": invalid '
                'operation: < (mismatched types string and int)"',
            ),
        }[self.value]

    @staticmethod
    def _failed(run: AnalysisRun) -> str:
        limit = run.metrics[0].failure_limit or 0
        return (
            f'Metric "value" assessed Failed due to failed ({limit + 1}) > failureLimit ({limit})'
        )

    def wait(self, phase: str) -> None:
        for _ in range(8):
            self.world.run(20)
            if self.world.phase[0] == phase:
                return
        raise AssertionError(f"waited for {phase}, is {self.world.phase}")

    def serve(self, values: Json) -> None:
        self.value = str(values["value"])

    def patch(self, spec: Json) -> None:
        self.world.edit(lambda before: _merged(before, spec))

    def step(self, verb: str, argument: Any) -> None:
        own: dict[str, Callable[[Any], None]] = {
            "wait": self.wait,
            "serve": self.serve,
            "patch": self.patch,
        }
        if verb in own:
            own[verb](argument)
            return
        action = getattr(self.world, verb.replace("-", "_"))
        action() if argument is None else action(argument)
        self.world.run(3)

    def look(self) -> Json:
        """What is there, in the form of the recordings."""
        world, status = self.world, self.world.status
        left_out = ("conditions", "observedGeneration", "selector", "HPAReplicas", "canary")
        fields = {k: v for k, v in status.items() if k not in left_out}
        fields["duration"] = fields["duration"].get("completionStatus", "")
        if canary := status.get("canary"):
            fields["canary"] = canary
        if "pauseConditions" in fields:
            fields["pauseConditions"] = [p["reason"] for p in fields["pauseConditions"]]
        if "abortedAt" in fields:
            fields["abortedAt"] = "<time>"
        found: Json = {
            "status": fields,
            "conditions": {k: list(v) for k, v in world.conditions().items()},
            "sets": {
                str(r.revision): [
                    r.replicas,
                    r.ready,
                    *(["deadline"] if r.has_deadline else []),
                ]
                for r in world.snapshot.replica_sets
            },
        }
        if world.snapshot.services:
            found["selectors"] = world.selectors()
        if world.snapshot.routes:
            (raw,) = world.snapshot.routes[0].objects.values()
            http = raw["spec"]["http"]
            found["weights"] = [[d.get("weight") for d in route["route"]] for route in http]
        if world.snapshot.runs:
            found["runs"] = {
                r.meta.name: r.phase + (" terminated" if r.terminate else "")
                for r in world.snapshot.runs
            }
        found["events"] = sorted(set(world.events) - self.seen)
        self.seen |= set(world.events)
        return self._by_revision(found)

    def _by_revision(self, found: Json) -> Json:
        text = json.dumps(found)
        for replica_set in self.world.snapshot.replica_sets:
            text = text.replace(replica_set.pod_hash, f"<hash:{replica_set.revision}>")
        result: Json = json.loads(text)
        return result


def _merged(before: Json, patch: Json) -> Json:
    merged = dict(before)
    for key, value in patch.items():
        old = merged.get(key)
        both = isinstance(value, dict) and isinstance(old, dict)
        merged[key] = _merged(old, value) if both else value
    return merged


def _plain(events: list[str]) -> set[str]:
    return {re.sub(r"<hash:(\d+)>", r"\1", event) for event in events}


def assert_same(name: str, want: Json, have: Json) -> None:
    for part in ("sets", "selectors", "weights", "runs"):
        assert have.get(part) == want.get(part), f"{want['at']}: {part}"
    assert have["status"] == {**want["status"]}, want["at"]
    for kind, condition in want["conditions"].items():
        assert have["conditions"][kind] == condition, want["at"]
    _, pattern = NOT_OURS.get(name, ("", "(?!)"))
    missing = {
        event
        for event in _plain(want["events"]) - _plain(have["events"])
        if not re.search(pattern, event)
    }
    assert not missing, f"{want['at']}: {missing}"


@pytest.mark.parametrize("name", RECORDED)
def test_a_scenario_goes_as_it_went_there(name: str) -> None:
    scenario = RECORDED[name]
    player, records = Player(scenario), iter(scenario["records"])
    assert player.world.now == START
    for verb, argument in scenario["script"]:
        if verb == "record":
            player.world.run(3)
            assert_same(name, next(records), player.look())
        else:
            player.step(verb, argument)


def test_every_kind_of_event_is_one_that_the_reference_has() -> None:
    known = {
        re.split("[ :]", event, maxsplit=1)[1].split(":")[0]
        for scenario in RECORDED.values()
        for record in scenario["records"]
        for event in record["events"]
    }
    said: set[str] = set()
    for scenario in RECORDED.values():
        player = Player(scenario)
        for verb, argument in scenario["script"]:
            if verb != "record":
                player.step(verb, argument)
        said |= {re.split("[ :]", e, maxsplit=1)[1].split(":")[0] for e in player.world.events}
    assert said <= known
