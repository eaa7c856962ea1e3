"""One namespace in which a test's story happens: what is given, what somebody does, and what is then so.

In: the API server, a journal of the namespace, and the controllers of the test. Out: waiting with deadlines, for
changes and not for time; what is told when a deadline passes is the Rollouts, their sets, the events and the logs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
import yaml
from apiserver import ApiServer, Json
from controllers import Controllers
from journal import Journal

T = TypeVar("T")

HASH = "rollouts-pod-template-hash"
INSTANCE = "argo-rollouts.argoproj.io/controller-instance-id"
#: Seconds that something may take to become so.
WITHIN = 45.0
#: Seconds after which it is looked at although nothing has changed: not all is in the journal.
LOOK_ANYWAY = 0.25
#: Seconds between two looks at what changes all the time, or must not change.
LOOK_EVERY = 0.05


@dataclass(frozen=True)
class Scene:
    """A namespace, and what goes on in it."""

    api: ApiServer
    namespace: str
    controllers: Controllers
    journal: Journal
    #: whose objects are looked after: a controller's instance id
    instance: str = ""

    # Given

    def given(self, *objects: Json) -> None:
        """These objects are in the namespace; Rollouts and runs are the scene's controller's."""
        for each in objects:
            metadata = each["metadata"]
            if self.instance and each["kind"] in ("Rollout", "AnalysisRun", "Experiment"):
                labels = {INSTANCE: self.instance, **metadata.get("labels", {})}
                metadata = {**metadata, "labels": labels}
            self.api.create({**each, "metadata": metadata}, self.namespace)

    def given_released(self, *objects: Json, name: str = "web") -> None:
        """The Rollout among these objects has been released, and all is well."""
        self.given(*objects)
        self.then(phase="Healthy", name=name)

    # When

    def when_a_second_has_passed(self) -> None:
        """What is made from here on is younger, in the whole seconds of a creationTimestamp, than all that is there."""
        time.sleep(1.0 - time.time() % 1.0)

    def when_image(self, image: str, name: str = "web") -> None:
        """Somebody releases another image."""
        first, *others = self.rollout(name)["spec"]["template"]["spec"]["containers"]
        containers = [{**first, "image": image}, *others]
        self.when_spec({"template": {"spec": {"containers": containers}}}, name)

    def when_spec(self, change: Json, name: str = "web") -> None:
        """Somebody changes the spec."""
        self.api.patch("rollouts", self.namespace, name, {"spec": change})

    def when_status(self, change: Json, name: str = "web") -> None:
        """Somebody uses the kubectl plugin: its commands are patches of the status."""
        self.api.patch("rollouts", self.namespace, name, {"status": change}, "status")

    def when_scaled(self, replicas: int, name: str = "web") -> None:
        """An autoscaler writes the scale subresource."""
        self.api.patch("rollouts", self.namespace, name, {"spec": {"replicas": replicas}}, "scale")

    def when_promoted(self, name: str = "web") -> None:
        """`kubectl argo rollouts promote`."""
        if self.rollout(name)["spec"].get("paused"):
            self.when_spec({"paused": False}, name)
        status = self.status(name)
        if status.get("pauseConditions"):
            self.when_status({"pauseConditions": None}, name)
        else:
            following = status.get("currentStepIndex", 0) + 1
            self.when_status({"pauseConditions": None, "currentStepIndex": following}, name)

    # Then

    def then(
        self,
        *,
        phase: str,
        step: int | None = None,
        message: str = "",
        name: str = "web",
        within: float = WITHIN,
    ) -> Json:
        """The Rollout gets there, with the present generation of its spec seen: its status."""

        def stands() -> Json | None:
            found = self.rollout(name)
            status: Json = found.get("status") or {}
            seen = status.get("observedGeneration") == str(found["metadata"]["generation"])
            right = status.get("phase") == phase and message in status.get("message", "")
            right = right and (step is None or status.get("currentStepIndex") == step)
            return status if seen and right else None

        what = f"{name} is {phase}" + (f" at step {step}" if step is not None else "")
        return self.eventually(what + (f": {message}" if message else ""), stands, within)

    def eventually(self, what: str, look: Callable[[], T], within: float = WITHIN) -> T:
        """Look until there is something to see."""
        limit = time.monotonic() + within
        while True:
            changes = len(self.journal)
            try:
                seen = look()
            except httpx.TransportError:
                # the server is away, as some of the stories want it
                seen = None  # type: ignore[assignment] # nothing seen is falsy whatever T is
            if seen:
                return seen
            if time.monotonic() > limit:
                raise AssertionError(f"not within {within} s: {what}\n{self.report()}")
            time.sleep(LOOK_EVERY)
            self.journal.grows(changes, LOOK_ANYWAY)

    def holds(self, what: str, claim: Callable[[], object], seconds: float) -> None:
        """It is so now, and stays so."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            assert claim(), f"no longer: {what}\n{self.report()}"
            time.sleep(LOOK_EVERY)

    # what there is to see

    def rollout(self, name: str = "web") -> Json:
        """The Rollout."""
        found = self.api.get("rollouts", self.namespace, name)
        assert found is not None, f"no Rollout {name}"
        return found

    def status(self, name: str = "web") -> Json:
        """The Rollout's status."""
        status: Json = self.rollout(name).get("status") or {}
        return status

    def weight(self, name: str = "web") -> int:
        """The canary's weight in the VirtualService."""
        found = self.api.get("virtualservices", self.namespace, name)
        assert found is not None, f"no VirtualService {name}"
        weights = [each.get("weight", 0) for each in found["spec"]["http"][0]["route"]]
        assert sum(weights) == 100, weights
        return int(weights[1])

    def sets(self, app: str = "web") -> dict[str, int]:
        """How many pods each image's ReplicaSet is to have."""
        return {
            image_of(each["spec"]["template"]["spec"]): each["spec"]["replicas"]
            for each in self.api.list("replicasets", self.namespace, f"app={app}")
        }

    def pods(self, image: str, app: str = "web") -> set[str]:
        """The uids of an image's pods that are not being deleted."""
        return {
            each["metadata"]["uid"]
            for each in self.api.list("pods", self.namespace, f"app={app}")
            if image_of(each["spec"]) == image and not each["metadata"].get("deletionTimestamp")
        }

    def replica_set(self, image: str, app: str = "web") -> Json:
        """The ReplicaSet of an image."""
        found = self.api.list("replicasets", self.namespace, f"app={app}" if app else "")
        return next(each for each in found if image_of(each["spec"]["template"]["spec"]) == image)

    def images(self) -> dict[str, str]:
        """The image of each pod template hash."""
        return {
            each["metadata"]["labels"].get(HASH, ""): image_of(each["spec"]["template"]["spec"])
            for each in self.api.list("replicasets", self.namespace)
        }

    def pointed(self, service: str) -> str:
        """The image that a Service selects; `all` where it selects every pod."""
        found = self.api.get("services", self.namespace, service)
        assert found is not None, f"no Service {service}"
        return self.images().get(found["spec"]["selector"].get(HASH, ""), "all")

    def runs(self) -> list[Json]:
        """The AnalysisRuns, oldest first."""
        found = self.api.list("analysisruns", self.namespace)
        return sorted(found, key=lambda run: run["metadata"]["creationTimestamp"])

    def condition(self, kind: str, name: str = "web") -> Json:
        """A condition of the Rollout; empty where it has none of that type."""
        conditions = self.status(name).get("conditions") or []
        return next((c for c in conditions if c["type"] == kind), {})

    def events(self) -> list[str]:
        """Events, oldest first: type, reason, object and message."""
        found = self.api.list("events", self.namespace)
        found.sort(key=lambda event: event.get("lastTimestamp") or "")
        return [
            f"{e['type']} {e['reason']} {e['involvedObject'].get('name')}: {e['message']}"
            for e in found
        ]

    def report(self) -> str:
        """All that helps to see what went wrong."""
        try:
            return f"{yaml.safe_dump(self._state())}\n{self.controllers.report()}"
        except (AssertionError, httpx.HTTPError) as error:
            return f"the cluster cannot be asked: {error}\n{self.controllers.report()}"

    def _state(self) -> dict[str, Any]:
        names = [r["metadata"]["name"] for r in self.api.list("rollouts", self.namespace)]
        mesh = self.api.list("virtualservices", self.namespace)
        return {
            "rollouts": {name: self.status(name) for name in names},
            "sets": {name: self.sets(name) for name in names},
            "runs": {r["metadata"]["name"]: r.get("status") for r in self.runs()},
            "routes": {v["metadata"]["name"]: v["spec"].get("http") for v in mesh},
            "events": self.events()[-20:],
        }


def image_of(pod_spec: Json) -> str:
    """The image of a pod's first container: tests know revisions by it."""
    return str(pod_spec["containers"][0]["image"])
