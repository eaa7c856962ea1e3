"""The scheduler and the kubelet of one node that is large enough.

In: the change feed of pods, and how long things take. Out: pods scheduled, running, ready, finished, gone.
One of the cluster's own controllers. No command is ever executed: what a container's words say decides its fate.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from gradatim.sim.agenda import Agenda
from gradatim.sim.deletion import DeleteOptions, delete
from gradatim.sim.document import Json, dig, named
from gradatim.sim.pods import controller_of, is_deleted, is_finished
from gradatim.sim.store import Event
from gradatim.sim.subresources import assign
from gradatim.sim.verbs import Target, Verbs

#: An image with one of these in its name is never pulled.
UNPULLABLE = ("bad", "nonexistent", "does-not-exist", "error")
#: An annotation with a name that ends so says after how many seconds this pod is ready.
READY_AFTER = "/ready-after"

_FAILS = re.compile(r"\bexit\s+[1-9]|\bfalse\b|bad")
_SLEEPS = re.compile(r"\bsleep\s+(\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """How long pods take, in seconds, and which images fail; `lost`: the node does nothing any more."""

    ready_after: float = 0.2
    gone_after: float = 0.1
    job_lasts: float = 0.1
    failing: frozenset[str] = frozenset()
    lost: bool = False
    name: str = "node-1"


class Kubelet:
    """Plays the life of every pod. `settings` may be replaced at any time."""

    def __init__(self, verbs: Verbs, agenda: Agenda, settings: NodeSettings) -> None:
        self.settings = settings
        self._verbs = verbs
        self._agenda = agenda
        self._resource = verbs.catalogue["pods"]
        self._broken: set[str] = set()
        verbs.store.subscribe(["pods"], self._changed)

    def lose_node(self) -> None:
        """Stop: pods become unready, new ones stay pending, deleted ones stay until they are deleted by force."""
        self.settings = replace(self.settings, lost=True)
        for pod in self._verbs.store.listed("pods"):
            if dig(pod, "status", "phase") == "Running":
                self._report(pod, ready=False)

    def recover_node(self) -> None:
        """Take up the work again."""
        self.settings = replace(self.settings, lost=False)
        for pod in self._verbs.store.listed("pods"):
            self._look(pod)
            if dig(pod, "status", "phase") == "Running" and not is_deleted(pod):
                self._later(pod, "ready", self._ready_after(pod))

    def break_pod(self, pod: Json) -> None:
        """Make a running pod unready, as a failing readiness probe does, until `mend_pod`."""
        self._broken.add(pod["metadata"]["uid"])
        self._report(pod, ready=False)

    def mend_pod(self, pod: Json) -> None:
        """Let the pod's readiness probe succeed again."""
        self._broken.discard(pod["metadata"]["uid"])
        self._later(pod, "ready", 0.0)

    def _changed(self, event: Event) -> None:
        if event.type != "DELETED":
            self._look(event.new)
            return
        uid = event.new["metadata"]["uid"]
        self._broken.discard(uid)
        for step in ("start", "ready", "gone", "ended"):
            self._agenda.forget((step, uid))

    def _look(self, pod: Json) -> None:
        """Decide what comes next in the life of the pod."""
        if self.settings.lost:
            return
        uid = pod["metadata"]["uid"]
        if is_deleted(pod):
            if dig(pod, "metadata", "deletionGracePeriodSeconds") and not self._agenda.has(
                ("gone", uid)
            ):
                self._later(pod, "gone", self._gone_after(pod))
        elif is_finished(pod):
            return
        elif not dig(pod, "status", "startTime"):
            self._agenda.now(("start", uid), lambda: self._step(uid, "start"))
        elif _gates_opened(pod):
            self._agenda.now(("ready", uid), lambda: self._step(uid, "ready"))

    def _later(self, pod: Json, step: str, seconds: float) -> None:
        uid = pod["metadata"]["uid"]
        self._agenda.later(seconds, (step, uid), lambda: self._step(uid, step))

    def _step(self, uid: str, step: str) -> None:
        found = self._verbs.store.find_uid(uid)
        if not found or self.settings.lost:
            return
        pod = found[1]
        match step:
            case "start" if not is_deleted(pod) and not dig(pod, "status", "startTime"):
                self._start(pod)
            case "ready" if not is_finished(pod):
                self._report(pod, ready=uid not in self._broken)
            case "ended" if not is_finished(pod):
                self._finish(pod)
            case "gone":
                delete(self._verbs, self._target(pod), DeleteOptions(grace=0))
            case _:
                pass

    def _target(self, pod: Json) -> Target:
        return Target(self._resource, pod["metadata"]["namespace"], pod["metadata"]["name"])

    def _start(self, pod: Json) -> None:
        if not dig(pod, "spec", "nodeName"):
            pod = assign(self._verbs, self._target(pod), self.settings.name)
        trouble = self._trouble(pod)
        if trouble:
            self._report(pod, ready=False, trouble=trouble)
            return
        self._report(pod, ready=False)
        if _runs_to_an_end(pod):
            self._later(pod, "ended", self.settings.job_lasts + _slept(_words(pod)))
        else:
            self._later(pod, "ready", self._ready_after(pod))

    def _trouble(self, pod: Json) -> str:
        for container in pod["spec"]["containers"]:
            image = container.get("image", "")
            if image in self.settings.failing or any(word in image for word in UNPULLABLE):
                return "ErrImagePull"
            if not _runs_to_an_end(pod) and any("bad" in w for w in container.get("command") or ()):
                return "CrashLoopBackOff"
        return ""

    def _ready_after(self, pod: Json) -> float:
        for name, value in (pod["metadata"].get("annotations") or {}).items():
            if name.endswith(READY_AFTER):
                return float(value)
        containers = pod["spec"]["containers"]
        delays = [dig(c, "readinessProbe", "initialDelaySeconds") or 0 for c in containers]
        return float(max(self.settings.ready_after, *delays, _hook_sleep(pod, "postStart")))

    def _gone_after(self, pod: Json) -> float:
        stopping = _hook_sleep(pod, "preStop") if dig(pod, "status", "startTime") else 0.0
        grace = float(pod["metadata"].get("deletionGracePeriodSeconds") or 0)
        return min(max(self.settings.gone_after, stopping), grace)

    def _report(self, pod: Json, ready: bool, trouble: str = "") -> None:
        """Write the status of a pod whose containers run, or never will."""
        before = pod.get("status") or {}
        gates = pod["spec"].get("readinessGates") or ()
        opened = all(_is_true(before, gate["conditionType"]) for gate in gates)
        now = self._verbs.clock.stamp()
        flags = {
            "PodScheduled": True,
            "Initialized": True,
            "ContainersReady": ready,
            "Ready": ready and opened,
        }
        kept = [c for c in before.get("conditions") or () if c["type"] not in flags]
        conditions = [_condition(before, kind, on, now) for kind, on in flags.items()]
        status = {
            **before,
            "phase": "Pending" if trouble == "ErrImagePull" else "Running",
            "startTime": before.get("startTime") or now,
            "podIP": before.get("podIP") or self._verbs.identity.pod_address(),
            "conditions": [*conditions, *kept],
            "containerStatuses": [
                _container_status(c, ready, _state(trouble, before, now))
                for c in pod["spec"]["containers"]
            ],
        }
        status["podIPs"] = [{"ip": status["podIP"]}]
        self._verbs.set_status(self._target(pod), status)

    def _finish(self, pod: Json) -> None:
        fails = bool(_FAILS.search(_words(pod)))
        now = self._verbs.clock.stamp()
        ended = {
            "exitCode": 1 if fails else 0,
            "reason": "Error" if fails else "Completed",
            "finishedAt": now,
        }
        before = pod["status"]
        conditions = [_condition(before, kind, False, now) for kind in ("ContainersReady", "Ready")]
        kept = [c for c in before["conditions"] if c["type"] not in ("ContainersReady", "Ready")]
        containers = pod["spec"]["containers"]
        statuses = [_container_status(c, False, {"terminated": ended}) for c in containers]
        self._verbs.set_status(
            self._target(pod),
            {
                **before,
                "phase": "Failed" if fails else "Succeeded",
                "conditions": [*kept, *conditions],
                "containerStatuses": statuses,
            },
        )


def _is_true(status: Json, kind: str) -> bool:
    return (named(status.get("conditions"), "type", kind) or {}).get("status") == "True"


def _condition(status: Json, kind: str, on: bool, now: str) -> Json:
    before = named(status.get("conditions"), "type", kind)
    if before and before["status"] == str(on):
        return before
    return {"type": kind, "status": str(on), "lastTransitionTime": now}


def _state(trouble: str, before: Json, now: str) -> Json:
    if trouble:
        return {"waiting": {"reason": trouble}}
    return {"running": {"startedAt": before.get("startTime") or now}}


def _container_status(container: Json, ready: bool, state: Json) -> Json:
    crashes = dig(state, "waiting", "reason") == "CrashLoopBackOff"
    return {
        "name": container["name"],
        "image": container.get("image", ""),
        "imageID": container.get("image", ""),
        "ready": ready,
        "started": ready,
        "restartCount": 3 if crashes else 0,
        "state": state,
    }


def _gates_opened(pod: Json) -> bool:
    """Tell whether a pod lacks nothing but the word of the kubelet: its gates were opened after its containers."""
    gates = pod["spec"].get("readinessGates") or ()
    status = pod.get("status") or {}
    return (
        bool(gates)
        and _is_true(status, "ContainersReady")
        and all(_is_true(status, gate["conditionType"]) for gate in gates)
        is not _is_true(status, "Ready")
    )


def _runs_to_an_end(pod: Json) -> bool:
    owner = controller_of(pod)
    return (owner or {}).get("kind") == "Job" or pod["spec"].get("restartPolicy") == "Never"


def _words(pod: Json) -> str:
    containers = pod["spec"]["containers"]
    words = [*(containers[0].get("command") or ()), *(containers[0].get("args") or ())]
    return " ".join(map(str, words))


def _slept(words: str) -> float:
    return sum(float(seconds) for seconds in _SLEEPS.findall(words))


def _hook_sleep(pod: Json, hook: str) -> float:
    """Return how long the containers' lifecycle hooks of that name sleep at most."""
    seconds = [0.0]
    for container in pod["spec"]["containers"]:
        action = dig(container, "lifecycle", hook) or {}
        seconds.append(float(dig(action, "sleep", "seconds") or 0))
        seconds.append(_slept(" ".join(dig(action, "exec", "command") or ())))
    return max(seconds)
