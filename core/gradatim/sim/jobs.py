"""The Job controller.

In: the change feed of Jobs and their pods. Out: pods, and the Jobs' status up to Complete or Failed.
One of the cluster's own controllers; the pods' fates are the kubelet's.
"""

from __future__ import annotations

from gradatim.sim.agenda import Agenda
from gradatim.sim.clock import moment
from gradatim.sim.deletion import DeleteOptions, delete
from gradatim.sim.document import Json, dig
from gradatim.sim.pods import condition, controller_of, from_template, is_active, is_ready
from gradatim.sim.store import Event
from gradatim.sim.verbs import Target, Verbs

#: Seconds before a failed pod is replaced; they double with each failure.
_BACKOFF = 10.0
_LONGEST_BACKOFF = 600.0


class Jobs:
    """Runs pods until enough have succeeded or too many have failed."""

    def __init__(self, verbs: Verbs, agenda: Agenda) -> None:
        self._verbs = verbs
        self._agenda = agenda
        self._resource = verbs.catalogue["jobs.batch"]
        self._pods = verbs.catalogue["pods"]
        verbs.store.subscribe(["jobs.batch"], self._changed)
        verbs.store.subscribe(["pods"], self._pod_changed)

    def _changed(self, event: Event) -> None:
        if event.type != "DELETED":
            metadata = event.new["metadata"]
            self._look(metadata["namespace"], metadata["name"])

    def _pod_changed(self, event: Event) -> None:
        owner = controller_of(event.new)
        if owner and owner["kind"] == "Job":
            self._look(event.new["metadata"]["namespace"], owner["name"])

    def _look(self, namespace: str, name: str, after: float | None = None) -> None:
        key = ("job", namespace, name)
        if after is None:
            self._agenda.now(key, lambda: self.reconcile(namespace, name))
        else:
            self._agenda.later(after, key, lambda: self.reconcile(namespace, name), background=True)

    def reconcile(self, namespace: str, name: str) -> None:
        """Bring one Job closer to its end, and say in its status how far it is."""
        target = Target(self._resource, namespace, name)
        job = self._verbs.find(target)
        if job is None or "deletionTimestamp" in job["metadata"]:
            return
        if is_over(job):
            self._expire(target, job)
            return
        outcome = self._outcome(job)
        if outcome is None:
            self._run(job)
        else:
            for pod in self._active(job):
                delete(self._verbs, self._target(pod), DeleteOptions())
        self._verbs.set_status(target, self._status(self._verbs.get(target), outcome))

    def _owned(self, job: Json) -> list[Json]:
        dependents = self._verbs.store.dependents(job["metadata"]["uid"])
        return [pod for place, pod in dependents if place.resource == "pods"]

    def _active(self, job: Json) -> list[Json]:
        return [pod for pod in self._owned(job) if is_active(pod)]

    def _count(self, job: Json, phase: str) -> int:
        return sum(dig(pod, "status", "phase") == phase for pod in self._owned(job))

    def _target(self, pod: Json) -> Target:
        return Target(self._pods, pod["metadata"]["namespace"], pod["metadata"]["name"])

    def _outcome(self, job: Json) -> tuple[str, str, str] | None:
        """Return the condition that ends the Job, its reason and its message."""
        spec = job["spec"]
        if self._count(job, "Succeeded") >= int(spec["completions"]):
            return "Complete", "CompletionsReached", "Reached expected number of succeeded pods"
        if self._count(job, "Failed") > int(spec["backoffLimit"]):
            return "Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit"
        deadline = spec.get("activeDeadlineSeconds")
        started = dig(job, "status", "startTime")
        if deadline is None or started is None or spec["suspend"]:
            return None
        left = deadline - (self._verbs.clock.now() - moment(started)).total_seconds()
        if left <= 0:
            message = "Job was active longer than specified deadline"
            return "Failed", "DeadlineExceeded", message
        metadata = job["metadata"]
        self._agenda.later(
            left,
            ("deadline", metadata["uid"]),
            lambda: self.reconcile(metadata["namespace"], metadata["name"]),
            background=True,
        )
        return None

    def _run(self, job: Json) -> None:
        spec, metadata = job["spec"], job["metadata"]
        active = self._active(job)
        wanted = min(
            int(spec["parallelism"]), int(spec["completions"]) - self._count(job, "Succeeded")
        )
        if spec["suspend"]:
            for pod in active:
                delete(self._verbs, self._target(pod), DeleteOptions())
            return
        wait = self._backoff(job)
        if wait > 0:
            key = ("job", metadata["namespace"], metadata["name"])
            name, namespace = metadata["name"], metadata["namespace"]
            self._agenda.later(wait, key, lambda: self.reconcile(namespace, name))
            return
        for _ in range(wanted - len(active)):
            self._verbs.create(Target(self._pods, metadata["namespace"]), from_template(job))

    def _backoff(self, job: Json) -> float:
        """Return in how many seconds the next pod may start."""
        failed = [p for p in self._owned(job) if dig(p, "status", "phase") == "Failed"]
        if not failed:
            return 0.0
        delay: float = min(_BACKOFF * 2.0 ** (len(failed) - 1), _LONGEST_BACKOFF)
        last = max(_ended_at(pod) for pod in failed)
        return delay - (self._verbs.clock.now() - moment(last)).total_seconds()

    def _status(self, job: Json, outcome: tuple[str, str, str] | None) -> Json:
        before = job.get("status") or {}
        active = self._active(job)
        now = self._verbs.clock.stamp()
        counts = {
            "active": len(active),
            "succeeded": self._count(job, "Succeeded"),
            "failed": self._count(job, "Failed"),
        }
        status: Json = {key: count for key, count in counts.items() if count}
        status["ready"] = sum(is_ready(pod) for pod in active)
        if not job["spec"]["suspend"]:
            status["startTime"] = before.get("startTime") or now
        if outcome:
            kind, reason, message = outcome
            status["conditions"] = [
                {
                    "type": kind,
                    "status": "True",
                    "reason": reason,
                    "message": message,
                    "lastProbeTime": now,
                    "lastTransitionTime": now,
                }
            ]
            if kind == "Complete":
                status["completionTime"] = now
        return status

    def _expire(self, target: Target, job: Json) -> None:
        """Delete a finished Job when its time to live is over."""
        lives = job["spec"].get("ttlSecondsAfterFinished")
        if lives is None:
            return
        ended = job["status"]["conditions"][0]["lastTransitionTime"]
        left = lives - (self._verbs.clock.now() - moment(ended)).total_seconds()
        if left > 0:
            self._look(target.namespace, target.name, after=left)
        else:
            delete(self._verbs, target, DeleteOptions(policy="Foreground"))


def is_over(job: Json) -> bool:
    """Tell whether the Job has ended, either way."""
    found = [condition(job, kind) for kind in ("Complete", "Failed")]
    return any(c is not None and c["status"] == "True" for c in found)


def _ended_at(pod: Json) -> str:
    for status in dig(pod, "status", "containerStatuses") or ():
        ended = dig(status, "state", "terminated", "finishedAt")
        if ended:
            return str(ended)
    return str(pod["metadata"]["creationTimestamp"])
