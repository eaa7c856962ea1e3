"""The lab: an embedded cluster, a real Envoy in front of real pods, the controller as a process, and steady load.

In: how late Envoy learns of things, and a folder. Out: what a scenario does and waits for, and what came of every
request.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from meshobjects import NAME, PRIMARY

from gradatim.crds import custom_resource_definitions
from gradatim.sim import Sim, SimSettings
from gradatim.sim.envoy import Lag, RealMesh, Reply, Visitors
from gradatim.sim.kubeconfig import write_kubeconfig

Json = dict[str, Any]

#: Requests a second of the steady load.
RATE = 400.0
#: Seconds that anything may take to become so.
WITHIN = 60.0
#: Percentage points by which a split may differ from its weight.
TOLERANCE = 2.0
#: What a developer's shell knows of outside services is none of the lab's business.
FOREIGN = ("DD_", "ARGO_", "KUBE", "POD_", "HTTP_", "HTTPS_", "http_", "https_")


@dataclass(frozen=True)
class Conditions:
    """How the mesh and the pods are; seconds.

    `lag`: until Envoy learns. `delay`: what the controller is told of that. `stays`: how long a pod that is
    deleted still answers, as its grace has it.
    """

    lag: Lag = field(default_factory=Lag)
    delay: float = 0.5
    ready_after: float = 0.4
    stays: float = 0.3


#: Envoy learns of all within milliseconds.
PROMPT = Conditions()
#: All comes two seconds late, in the order in which it was written. Pods get the grace that any cluster gives them.
LATE = Conditions(Lag(rules=2, endpoints=2), delay=3, stays=3)
#: Rules come two seconds late, and endpoints at once: a pod that goes before its traffic is missed for two seconds.
RULES_LATE = Conditions(Lag(rules=2), delay=3)

#: Endpoints come two seconds late, and rules at once.
ENDPOINTS_LATE = Conditions(Lag(endpoints=2), delay=3, stays=3)


class Lab:
    """`async with Lab(conditions, folder) as lab:`; at its end nothing is left, and everything was understood."""

    def __init__(
        self,
        conditions: Conditions,
        folder: Path,
        host: str = f"{NAME}.example.com",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._tls = tls
        self.conditions = conditions
        self.deviations: list[float] = []
        self.notes: list[tuple[float, str]] = []
        self._host = host
        self._folder = folder
        self._stack = AsyncExitStack()
        self._controllers: list[asyncio.subprocess.Process] = []

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            stays, ready = self.conditions.stays, self.conditions.ready_after
            self.sim = Sim(SimSettings(ready_after=ready, gone_after=stays))
            await stack.enter_async_context(self.sim)
            for definition in custom_resource_definitions():
                self.sim.create_object(definition)
            self.mesh = RealMesh(self.sim, self.conditions.lag, tls=self._tls)
            await stack.enter_async_context(self.mesh)
            write_kubeconfig(self._folder / "kubeconfig", await self.sim.serve())
            stack.push_async_callback(self._end_controllers)
            self.visitors = self.others()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                await self.mesh.check()
                assert "Traceback" not in self.log, self.log
        finally:
            await self._stack.aclose()

    # Given

    async def open(self, *objects: Json) -> None:
        """The Rollout among these objects has been released by a controller, and its visitors come."""
        self.create(*objects)
        await self.start_controller()
        await self.then(phase="Healthy")
        await self.visitors_come()

    def create(self, *objects: Json) -> None:
        """These objects are there."""
        for each in objects:
            self.sim.create_object(each)

    async def visitors_come(self) -> None:
        """From the first moment on at which all are answered, there is steady load until the scenario ends."""
        async with asyncio.timeout(WITHIN):
            while True:
                replies = await self.others().crowd(20, RATE)
                if not any(reply.is_lost for reply in replies):
                    break
        visiting = asyncio.create_task(self.visitors.visit(RATE))
        self._stack.push_async_callback(_ended, visiting)

    def others(self, headers: dict[str, str] | None = None) -> Visitors:
        """Visitors besides the steady ones, with these headers."""
        return Visitors(self.mesh.port, self._host, headers=headers or {})

    async def start_controller(self) -> None:
        """One more process of the controller."""
        arguments = ["--kubeconfig", str(self._folder / "kubeconfig"), "--healthz-port", "0"]
        arguments += ["--leader-elect=false", "--qps", "0"]
        arguments += ["--traffic-propagation-delay", f"{self.conditions.delay}s"]
        with (self._folder / "log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "gradatim.cli", "run", *arguments),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)},
            )
        self._controllers.append(process)

    # When

    def release(self, image: str) -> None:
        """Somebody releases another image."""
        self.change({"template": {"spec": {"containers": [{"name": NAME, "image": image}]}}})

    def change(self, spec: Json) -> None:
        """Somebody changes the spec."""
        self.sim.patch("Rollout", NAME, {"spec": spec})

    def abort(self) -> None:
        """`kubectl argo rollouts abort`."""
        self.sim.patch("Rollout", NAME, {"status": {"abort": True}})

    def retry(self) -> None:
        """`kubectl argo rollouts retry rollout`."""
        self.sim.patch("Rollout", NAME, {"status": {"abort": False}})

    def promote(self) -> None:
        """`kubectl argo rollouts promote`, out of a pause."""
        self.sim.patch("Rollout", NAME, {"status": {"pauseConditions": None}})

    def promote_full(self) -> None:
        """`kubectl argo rollouts promote --full`."""
        self.sim.patch("Rollout", NAME, {"status": {"promoteFull": True}})

    async def kill_controller(self) -> None:
        """`kill -9`: it can do nothing about it."""
        process = self._controllers.pop()
        process.kill()
        await process.wait()

    # Then

    async def then(self, *, phase: str, step: int | None = None, within: float = WITHIN) -> None:
        """The Rollout gets there, with the present generation of its spec seen."""

        def stands() -> bool:
            at_step = step is None or self.status.get("currentStepIndex") == step
            return bool(self._is_seen() and at_step and self.status.get("phase") == phase)

        await self.until(
            stands, f"{NAME} is {phase}" + ("" if step is None else f" at {step}"), within
        )

    async def until(self, is_so: Callable[[], object], what: str, within: float = WITHIN) -> None:
        """It becomes so."""
        try:
            await self.sim.until(is_so, within)
        except TimeoutError:
            raise AssertionError(f"not within {within} s: {what}\n{self.report()}") from None

    async def is_seen(self) -> None:
        """The controller has seen the spec as it is."""
        await self.until(self._is_seen, "the spec is seen")

    def _is_seen(self) -> bool:
        generation = self.sim.get("Rollout", NAME)["metadata"]["generation"]
        return bool(self.status.get("observedGeneration") == str(generation))

    async def has_pods(self, **images: int) -> None:
        """The versions' ReplicaSets are to have so many pods: `v1=4` for shop:1."""
        wanted = {f"{NAME}:{name[1:]}": count for name, count in images.items()}

        def has() -> bool:
            return {image: self.pods(image) for image in wanted} == wanted

        await self.until(has, f"pods: {wanted}")

    async def weighs(self, percent: int) -> None:
        """The canary's weight is so much, or more."""
        await self.until(lambda: self.weight >= percent, f"{percent} %")

    async def arrived(self) -> None:
        """What is written now has reached Envoy."""
        await asyncio.sleep(max(self.conditions.lag.rules, self.conditions.lag.endpoints) + 0.3)

    async def passes(self, seconds: float) -> None:
        """Time passes under load."""
        await asyncio.sleep(seconds)

    async def splits(
        self, count: int, headers: dict[str, str] | None = None, **shares: float
    ) -> None:
        """Of `count` more requests each version gets its share, in per cent, to within the tolerance."""
        self.shares(await self._crowd(count, headers), **shares)

    def shares(self, replies: Sequence[Reply], **shares: float) -> None:
        """Of these replies each version gave its share, in per cent, to within the tolerance."""
        count, found = len(replies), Counter(reply.version for reply in replies)
        wanted = {f"{NAME}:{name[1:]}": share for name, share in shares.items()}
        off = {v: abs(found[v] * 100 / count - wanted.get(v, 0)) for v in {*found, *wanted}}
        self.deviations.append(max(off.values()))
        assert max(off.values()) <= TOLERANCE, f"{dict(found)} of {count}, wanted {wanted}"

    async def mirrors(self, count: int, percent: float) -> None:
        """Of `count` requests and those of the steady load at the same time, so many are copied to the canary."""
        asked, copied = self.mesh.backends.asked, self.mesh.backends.mirrored
        before = asked.total(), copied.total()
        found = Counter(reply.version for reply in await self._crowd(count))
        assert len(found) == 1, f"somebody was answered by a mirror: {found}"
        share = (copied.total() - before[1]) * 100 / (asked.total() - before[0])
        self.deviations.append(abs(share - percent))
        assert abs(share - percent) <= TOLERANCE, f"{share:.1f} % were mirrored, wanted {percent}"

    async def _crowd(self, count: int, headers: dict[str, str] | None = None) -> list[Reply]:
        replies = await self.others(headers).crowd(count)
        self.visitors.replies += replies
        return replies

    # what there is to see

    def note(self, what: str) -> None:
        """Keep what is done now, for the report."""
        self.notes.append((asyncio.get_running_loop().time(), what))

    @property
    def status(self) -> Json:
        """The Rollout's status."""
        status: Json = self.sim.get("Rollout", NAME).get("status") or {}
        return status

    @property
    def weight(self) -> int:
        """The canary's weight in the VirtualService."""
        http = self.sim.get("VirtualService", NAME)["spec"]["http"]
        (route,) = (route for route in http if route.get("name") == PRIMARY)
        return int(route["route"][1].get("weight", 0))

    def pods(self, image: str) -> int:
        """How many pods the image's ReplicaSets are to have."""
        return sum(
            each["spec"]["replicas"]
            for each in self.sim.list("ReplicaSet")
            if each["spec"]["template"]["spec"]["containers"][0]["image"] == image
        )

    @property
    def replies(self) -> list[Reply]:
        """What came of all requests so far."""
        return self.visitors.replies

    @property
    def lost(self) -> list[Reply]:
        """The requests that no pod answered."""
        return [reply for reply in self.replies if reply.is_lost]

    @property
    def log(self) -> str:
        """What the controllers have said."""
        path = self._folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def told(self, words: str) -> list[str]:
        """Warnings about the Rollout with these words."""
        found = self.sim.list("Event")
        return [e["message"] for e in found if e["type"] == "Warning" and words in e["message"]]

    def report(self) -> str:
        """All that helps to see what went wrong."""
        events = sorted(self.sim.list("Event"), key=lambda e: int(e["metadata"]["resourceVersion"]))
        told = [f"  {e['reason']}: {e['message']}" for e in events[-25:]]
        now = asyncio.get_running_loop().time()
        stamp = self.sim.clock.now()
        lost = Counter((f"{stamp - timedelta(seconds=now - r.at):%X}", r.why) for r in self.lost)
        done = [f"  {stamp - timedelta(seconds=now - at)} {what}" for at, what in self.notes]
        tail = self.log.splitlines()[-60:]
        return "\n".join([f"lost: {dict(lost)}", f"status: {self.status}", *done, *told, *tail])

    async def _end_controllers(self) -> None:
        for process in self._controllers:
            if process.returncode is None:
                process.terminate()
        for process in self._controllers:
            try:
                async with asyncio.timeout(20):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


#: The fixture `lab`: opens one under these conditions.
Open = Callable[..., AbstractAsyncContextManager[Lab]]


def percentile(seconds: Sequence[float], share: float) -> float:
    """The value that this share of all does not exceed."""
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
