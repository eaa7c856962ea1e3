"""Plays a history on an embedded cluster with the whole controller, and holds its end to what must be so.

In: a `Setup` and events. Out: nothing, or an AssertionError; `script` gives the history as Python that can be pasted
into a test. Every instant is watched by `guard.py` meanwhile.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pprint import pformat
from typing import Any

from faults import Fault, Faulty
from guard import patient
from livecluster import AGENT, Json, Live, answering, play, stepping
from setups import Setup

from gradatim.model.reading import format_time
from gradatim.plugin import StepCall, StepError, StepPhase, StepResult
from gradatim.sim import Line, SimSettings
from gradatim.sim.api import Request

Event = tuple[Any, ...]

#: Few bookmarks: a history rests for most of its time, and they would be most of what happens then.
QUICK = {"ready_after": 0.5, "gone_after": 0.3, "bookmark_every": 600.0}
#: Within so many seconds without a write a Rollout is at rest: longer than any delay, deadline or request.
REST = 200.0
VERDICTS: dict[str, Any] = {"good": 1, "bad": 9, "unclear": 3, "error": RuntimeError("no answer")}


def play_history(setup: Setup, events: Sequence[Event]) -> None:
    """Play it. All the rules hold at every instant, it comes to rest, and a good release ends it."""
    player = Player(setup)

    async def story(live: Live) -> None:
        player.live = live
        await player.play(events)

    sim = SimSettings(mesh_lag=setup.lag, history=2000, **QUICK)
    # writes take their time, too: what was decided may be carried out after some of them were refused
    with patient(setup.stale + 3), _seldom_collected():
        asked = (answering(lambda _: VERDICTS[player.verdict]), stepping(player.step))
        play(story, *asked, sim=sim, started=False)


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """A cluster lives for moments and is full of references: looking for garbage in it takes a seventh of the time."""
    before = gc.get_threshold()
    gc.set_threshold(200_000, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def script(setup: Setup, events: Iterable[Event]) -> str:
    """The history as a test."""
    lines = [f"        {event!r}," for event in events]
    shown = pformat(setup, width=90).replace("\n", "\n        ")
    return "\n".join(
        [
            "def test_what_happened() -> None:",
            "    play_history(",
            f"        {shown},",
            "        [",
            *(f"    {line}" for line in lines),
            "        ],",
            "    )",
        ]
    )


@dataclass
class Player:
    """Carries events out."""

    setup: Setup
    verdict: str = "good"
    lines: list[Faulty] = field(default_factory=list)
    #: writes until the controller is killed; None: it lives on
    doom: int | None = None
    sick: list[Json] = field(default_factory=list)
    later: list[asyncio.Task[None]] = field(default_factory=list)
    #: calls of the step plugin under way
    stepping: int = 0
    live: Live = field(init=False)

    async def play(self, events: Sequence[Event]) -> None:
        """The first deployment, the history, and its end."""
        self._start()
        self.live.apply(*self.setup.objects())
        for gap, name, *given in events:
            await asyncio.sleep(gap)
            await getattr(self, name)(*given)
        await self._heal()
        await self._rest()
        self._ended_as_it_must()
        await self._at_rest_nothing_is_written()
        await self._a_good_release_ends_it()

    # the controller

    def _start(self) -> None:
        line = Line(watch_latency=self.setup.stale)
        faulty = Faulty(self.live.sim.transport(AGENT, line), before_write=self._before_write)
        self.lines.append(faulty)
        self.live.start(faulty)

    def _before_write(self, number: int) -> None:
        if self.doom is None:
            return
        if self.doom == 0:
            self.live.running[-1][0].cancel()
            raise ConnectionResetError("the process is gone")
        self.doom -= 1

    @property
    def writes(self) -> int:
        return sum(line.writes for line in self.lines)

    async def kill(self, writes: int) -> None:
        """Killed before the write after so many, or after two seconds."""
        self.doom = writes
        task = self.live.running[-1][0]
        await asyncio.wait([task], timeout=2)
        self.doom = None
        await self.live.kill()
        self._start()

    async def fail(self, kind: Any, times: int) -> None:
        line = self.lines[-1]
        line.faults.append(Fault(kind, line.writes, times))

    async def step(self, operation: str, call: StepCall) -> StepResult:
        """What the step plugin does: it is through the second time, unless the verdict is another one."""
        assert not self.stepping, "the step plugin is called twice at once"
        entries = self.live.status().get("canary", {}).get("stepPluginStatuses", [])
        assert (call.index, operation) in [(e["index"], e["operation"].lower()) for e in entries]
        self.stepping += 1
        try:
            await asyncio.sleep(3)
        finally:
            self.stepping -= 1
        if operation != "run":
            return StepResult(phase=StepPhase.SUCCESSFUL)
        match self.verdict:
            case "bad":
                return StepResult(phase=StepPhase.FAILED, message="by the test")
            case "error":
                raise StepError("no answer")
        phase = StepPhase.SUCCESSFUL if call.executions else StepPhase.RUNNING
        return StepResult(phase=phase, requeue_after=10, status={"runs": call.executions + 1})

    # people and pipelines

    async def image(self, image: str) -> None:
        spec = {"template": {"spec": {"containers": self.setup.containers(image)}}}
        kind, name = ("Deployment", "old") if self.setup.kind == "workload" else ("Rollout", "web")
        self.live.sim.patch(kind, name, {"spec": spec})

    async def undo(self) -> None:
        """Go back to the revision before."""
        sets = sorted(self._sets(), key=_revision)
        if len(sets) > 1:
            await self.image(_image(sets[-2]))

    async def steps(self, steps: list[Json]) -> None:
        self.live.steps(*steps)

    async def scale(self, replicas: int) -> None:
        self.live.edit({"spec": {"replicas": replicas}})

    async def scale_as_hpa(self, replicas: int) -> None:
        path = "/apis/argoproj.io/v1alpha1/namespaces/default/rollouts/web/scale"
        media = "application/merge-patch+json"
        body = {"spec": {"replicas": replicas}}
        self.live.sim.api.answer(Request("PATCH", path, {}, body, media, "autoscaler"))

    async def abort(self) -> None:
        self.live.status_is(abort=True)

    async def retry(self) -> None:
        self.live.status_is(abort=False)

    async def promote(self) -> None:
        """As the command line does: end the pause, or skip the step."""
        status = self.live.status()
        found = self.live.sim.get("Rollout", "web")["spec"]
        steps = (found["strategy"].get("canary") or {}).get("steps") or ()
        index = status.get("currentStepIndex")
        if found.get("paused"):
            self.live.edit({"spec": {"paused": False}})
        if status.get("pauseConditions"):
            self.live.status_is(pauseConditions=None)
        elif index is not None and index < len(steps):
            self.live.status_is(
                pauseConditions=None, controllerPause=False, currentStepIndex=index + 1
            )

    async def promote_full(self) -> None:
        status = self.live.status()
        if status.get("currentPodHash") != status.get("stableRS"):
            self.live.status_is(promoteFull=True)

    async def pause(self) -> None:
        self.live.edit({"spec": {"paused": True}})

    async def resume(self) -> None:
        self.live.edit({"spec": {"paused": False}})

    async def restart_pods(self) -> None:
        self.live.edit({"spec": {"restartAt": format_time(self.live.sim.clock.now())}})

    async def revert(self) -> None:
        """What GitOps does with drift: routes and subsets are as they were in the beginning."""
        for each in self.setup.objects():
            if each["kind"] in ("VirtualService", "DestinationRule"):
                self.live.sim.patch(each["kind"], each["metadata"]["name"], {"spec": each["spec"]})

    async def revert_services(self) -> None:
        """The same with Services: their selectors name no revision."""
        for each in self.live.sim.list("Service"):
            selector = {"rollouts-pod-template-hash": None}
            self.live.sim.patch(
                "Service", each["metadata"]["name"], {"spec": {"selector": selector}}
            )

    # the cluster and the metrics

    async def verdict_is(self, verdict: str) -> None:
        self.verdict = verdict

    async def lose(self, which: str, number: int) -> None:
        self.live.sim.kill_pods(p["metadata"]["name"] for p in self._pods(which)[:number])

    async def lose_tried(self, number: int) -> None:
        """Pods of Experiments."""
        of = [e["metadata"]["name"] for e in self._sets("Experiment")]
        found = (p["metadata"] for p in self.live.sim.list("Pod"))
        names = [m["name"] for m in found if m["ownerReferences"][0]["name"] in of]
        self.live.sim.kill_pods(names[:number])

    async def end_experiment(self) -> None:
        """Somebody says that it is to end."""
        for each in self.live.sim.list("Experiment"):
            self.live.sim.patch(
                "Experiment", each["metadata"]["name"], {"spec": {"terminate": True}}
            )

    async def sicken(self, which: str, number: int) -> None:
        for pod in self._pods(which)[:number]:
            if "bad" in pod["spec"]["containers"][0]["image"]:
                # it is ill already, and no cure of ours may mend it
                continue
            self.sick.append(pod)
            self.live.sim.kubelet.break_pod(pod)

    async def cure(self) -> None:
        for pod in self.sick:
            self.live.sim.kubelet.mend_pod(pod)
        self.sick.clear()

    async def node_away(self, seconds: float) -> None:
        self.live.sim.kubelet.lose_node()

        async def come_back() -> None:
            await asyncio.sleep(seconds)
            self.live.sim.kubelet.recover_node()

        self.later.append(asyncio.create_task(come_back()))

    # what can be seen

    def _sets(self, owner: str = "Rollout") -> list[Json]:
        found = self.live.sim.list("ReplicaSet")
        owned = (each for each in found if each["metadata"].get("ownerReferences"))
        return [e for e in owned if e["metadata"]["ownerReferences"][0]["kind"] == owner]

    def _pods(self, which: str) -> list[Json]:
        status = self.live.status()
        pod_hash = status.get("stableRS" if which == "stable" else "currentPodHash") or "none"
        return self.live.sim.list("Pod", **{"rollouts-pod-template-hash": pod_hash})

    # the end

    async def _heal(self) -> None:
        """No more trouble from outside; what people have asked for stays."""
        for task in self.later:
            task.cancel()
        self.live.sim.kubelet.recover_node()
        await self.cure()
        self.verdict = "good"
        self.lines[-1].faults.clear()

    async def _rest(self) -> None:
        writes = -1
        for _ in range(40):
            if writes == (writes := self.writes):
                return
            await asyncio.sleep(REST)
        raise AssertionError(f"it writes for ever: {self.lines[-1].seen[-6:]}")

    def _ended_as_it_must(self) -> None:
        found = self.live.sim.get("Rollout", "web")
        status, phase = found["status"], found["status"]["phase"]
        assert phase in self._possible(found), f"{phase}: {status.get('message')}, {status}"
        if self.setup.kind != "bluegreen":
            available = sum(e["status"].get("availableReplicas", 0) for e in self._sets())
            assert status.get("availableReplicas", 0) == available, "the status counts other pods"
        # while a person holds it nothing is scaled, as in the reference
        is_over = status.get("abort") and status.get("stableRS") and not found["spec"].get("paused")
        if phase == "Healthy" or is_over:
            self._stable_answers_all(found)

    def _stable_answers_all(self, found: Json) -> None:
        """After a release or an abort stable is whole, and all requests go to it."""
        stable = found["status"]["stableRS"]
        (replicas,) = (
            e["spec"]["replicas"]
            for e in self._sets()
            if e["metadata"]["labels"]["rollouts-pod-template-hash"] == stable
        )
        assert replicas == found["spec"]["replicas"], f"stable is to have {replicas} pods"
        for name in self.setup.routers:
            assert sorted(self.live.weights(name)) == [0, 100], f"weights of {name}"

    def _possible(self, found: Json) -> set[str]:
        status = found["status"]
        if status.get("abort"):
            return {"Degraded"}
        if found["spec"].get("paused") or status.get("pauseConditions"):
            # one that waits for bad pods is late, too
            return {"Paused", "Degraded"}
        newest = max(self._sets(), key=_revision)
        if "bad" in _image(newest) and found["spec"]["replicas"]:
            return {"Degraded"}
        return {"Healthy"}

    async def _at_rest_nothing_is_written(self) -> None:
        writes, status = self.writes, self.live.status()
        await asyncio.sleep(1000)
        assert self.live.status() == status
        assert self.writes == writes, self.lines[-1].seen[writes - self.writes :]

    async def _a_good_release_ends_it(self) -> None:
        await self.resume()
        await self.image("app:v4")
        await self._rest()
        await self.retry()
        await self.promote_full()
        await self._rest()
        status = self.live.status()
        assert status["phase"] == "Healthy", status
        self._only_the_newest_has_pods()
        self._all_requests_go_to_it()

    def _only_the_newest_has_pods(self) -> None:
        sets = {e["metadata"]["name"]: e["spec"]["replicas"] for e in self._sets()}
        newest = max(self._sets(), key=_revision)
        wanted = self.live.sim.get("Rollout", "web")["spec"]["replicas"]
        assert sets.pop(newest["metadata"]["name"]) == wanted, sets
        assert newest["status"].get("availableReplicas", 0) == wanted, newest["status"]
        assert not any(sets.values()), sets
        tried = {e["metadata"]["name"]: e["spec"]["replicas"] for e in self._sets("Experiment")}
        assert not any(tried.values()), tried

    def _all_requests_go_to_it(self) -> None:
        for name in self.setup.routers:
            assert sorted(self.live.weights(name)) == [0, 100]
        label = "rollouts-pod-template-hash"
        stable = self.live.status()["stableRS"]
        for each in self.live.sim.list("Service"):
            bound = each["spec"]["selector"].get(label)
            if (
                self.setup.kind != "subsets"
                and self.live.sim.get("Rollout", "web")["spec"]["replicas"]
            ):
                assert bound == stable, (each["metadata"]["name"], bound, stable)


def _revision(replica_set: Json) -> int:
    return int(replica_set["metadata"]["annotations"]["rollout.argoproj.io/revision"])


def _image(replica_set: Json) -> str:
    return str(replica_set["spec"]["template"]["spec"]["containers"][0]["image"])
