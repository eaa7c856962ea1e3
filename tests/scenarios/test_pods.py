"""Restarts and metadata of pods, on an embedded cluster with the whole controller."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from livecluster import AGENT, Live, play, rollout

from gradatim.model.reading import format_time

STEPS: list[dict[str, Any]] = [{"setWeight": 50}, {"pause": {}}]


def pods(live: Live) -> dict[str, dict[str, Any]]:
    """The pods that are not going, by name."""
    found = live.sim.list("Pod", "default")
    alive = (pod for pod in found if not pod["metadata"].get("deletionTimestamp"))
    return {pod["metadata"]["name"]: pod["metadata"] for pod in alive}


async def restart(live: Live) -> set[str]:
    """Ask for a restart, and give the pods that there were."""
    await asyncio.sleep(2)
    before = set(pods(live))
    live.edit({"spec": {"restartAt": format_time(live.sim.clock.now())}})
    return before


def budget(least: int) -> dict[str, Any]:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "web"},
        "spec": {"minAvailable": least, "selector": {"matchLabels": {"app": "web"}}},
    }


def test_pods_are_followed_only_when_somebody_needs_them() -> None:
    async def story(live: Live) -> None:
        live.apply(rollout(replicas=2, steps=STEPS))
        await live.until("Healthy")
        assert len(live.controller.world.pods) == 0
        await restart(live)
        await live.sim.until(lambda: len(live.controller.world.pods) == 2, within=10)
        entry = next(iter(live.controller.world.pods.all()))
        assert set(entry.object) == {"metadata", "status"}

    play(story)


def test_a_restart_replaces_all_pods_one_after_the_other() -> None:
    async def story(live: Live) -> None:
        live.apply(rollout(replicas=3, steps=STEPS))
        await live.until("Healthy")
        before = await restart(live)
        fewest = [3]

        def is_done() -> bool:
            ready = sum(
                each["status"].get("availableReplicas", 0)
                for each in live.sim.list("ReplicaSet", "default")
            )
            fewest.append(ready)
            return not set(pods(live)) & before and live.phase() == "Healthy"

        await live.sim.until(is_done, within=60)
        assert min(fewest) == 2
        assert live.status()["restartedAt"] == live.sim.get("Rollout", "web")["spec"]["restartAt"]
        assert live.writes()["create pods/eviction"] == 3
        # no revision was made of it
        assert live.sets() == {"app:v1": 3}

    play(story)


def test_a_restart_waits_for_a_disruption_budget_and_goes_on_by_itself() -> None:
    async def story(live: Live) -> None:
        live.apply(budget(3), rollout(replicas=3, steps=STEPS))
        await live.until("Healthy")
        before = await restart(live)
        await asyncio.sleep(100)
        # When the budget lets no pod go, then none goes, and the Rollout says what it is at
        assert set(pods(live)) == before
        assert (live.phase(), live.message()) == ("Progressing", "rollout is restarting")
        assert "ReconciliationError" not in live.reasons()
        # When it lets one go, then all are restarted in the end
        live.sim.patch("PodDisruptionBudget", "web", {"spec": {"minAvailable": 2}})
        await live.sim.until(lambda: not set(pods(live)) & before, within=300)
        await live.until("Healthy")

    play(story)


def test_a_controller_that_is_killed_in_a_restart_is_gone_on_from() -> None:
    async def story(live: Live) -> None:
        live.apply(rollout(replicas=4, steps=STEPS))
        await live.until("Healthy")
        before = await restart(live)
        await live.sim.until(lambda: len(set(pods(live)) & before) < 4, within=30)
        await live.kill()
        live.start()
        await live.sim.until(lambda: not set(pods(live)) & before, within=60)
        await live.until("Healthy")
        assert live.writes()["create pods/eviction"] == 4

    play(story)


def test_metadata_follows_the_part_that_pods_have() -> None:
    async def story(live: Live) -> None:
        blocks = {
            "canaryMetadata": {"labels": {"role": "canary"}, "annotations": {"team": "a"}},
            "stableMetadata": {"labels": {"role": "stable"}},
        }
        live.apply(rollout(replicas=2, steps=STEPS, **blocks))
        await live.until("Healthy")
        live.image("app:v2")
        await live.until("Paused")
        roles = sorted(meta["labels"]["role"] for meta in pods(live).values())
        assert roles == ["canary", "stable"]
        canary = {n for n, meta in pods(live).items() if meta["labels"]["role"] == "canary"}
        live.promote()
        await live.until("Healthy")
        # Then the canary's pod is stable's without having been replaced, and only what was injected is gone
        assert canary < set(pods(live))
        assert [meta["labels"]["role"] for meta in pods(live).values()] == ["stable"] * 2
        assert not any("team" in meta.get("annotations", {}) for meta in pods(live).values())
        patches = live.writes()["patch pods"]
        assert patches == 2
        live.edit({"metadata": {"annotations": {"note": "a change that is none"}}})
        await asyncio.sleep(60)
        assert live.writes()["patch pods"] == patches

    play(story)


class Refusing:
    """A transport that may not follow pods, as with the rights of an earlier version."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def send(self, method: str, path: str, **options: Any) -> Any:
        if path.endswith("/pods"):
            body = {"message": 'pods is forbidden: User "x" cannot list', "reason": "Forbidden"}
            return 403, {}, body
        return await self._inner.send(method, path, **options)

    def stream(
        self, path: str, *, query: Mapping[str, str], idle: float
    ) -> AbstractAsyncContextManager[tuple[int, AsyncIterator[dict[str, Any]]]]:
        stream: AbstractAsyncContextManager[tuple[int, AsyncIterator[dict[str, Any]]]]
        stream = self._inner.stream(path, query=query, idle=idle)
        return stream

    async def aclose(self) -> None:
        await self._inner.aclose()


def test_without_a_right_for_pods_releases_go_on_and_the_restart_says_why_it_waits() -> None:
    async def story(live: Live) -> None:
        transport = Refusing(live.sim.transport(AGENT))
        live.start(transport)
        live.apply(rollout(replicas=2, steps=STEPS))
        await live.until("Healthy")
        before = await restart(live)
        await asyncio.sleep(30)
        assert live.message() == "rollout is restarting"
        said = [event for event in live.events() if "cannot watch its pods" in event]
        assert len(said) == 1
        assert live.controller.faults == []
        live.image("app:v2")
        await live.until("Paused")
        live.promote()
        await live.until("Healthy")
        assert not set(pods(live)) & before

    play(story, started=False)
