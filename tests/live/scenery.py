"""What the guard knows of pods, sets and Rollouts: now, and the best of the last moments.

In: the change feed. Out: pods that answer and are to stay, what is asked for, and what a Rollout wants, by revision.
Called by `guard.py` and `rules.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from ways import HASH, ROLLOUTS, Json, Way

from gradatim.sim.store import Event, Store

#: A revision: its namespace, and the hash of its template.
Key = tuple[str, str]

_SETS: Final = "replicasets.apps"


class Recent:
    """A number, and the greatest and least that it was in the last `window` seconds."""

    __slots__ = ("_seen", "_window")

    def __init__(self, window: float) -> None:
        self._window = window
        self._seen: list[tuple[float, int]] = []

    def note(self, at: float, number: int) -> None:
        if not self._seen or self._seen[-1][1] != number:
            self._seen.append((at, number))
            self._trim(at)

    @property
    def now(self) -> int:
        return self._seen[-1][1] if self._seen else 0

    def greatest(self, at: float) -> int:
        self._trim(at)
        return max((number for _, number in self._seen), default=0)

    def least(self, at: float) -> int:
        self._trim(at)
        return min((number for _, number in self._seen), default=0)

    def _trim(self, at: float) -> None:
        while len(self._seen) > 1 and self._seen[1][0] < at - self._window:
            del self._seen[0]


class Scenery:
    """Pods, ReplicaSets and Rollouts of one cluster."""

    def __init__(self, store: Store, clock: Callable[[], float], slack: float) -> None:
        self._store = store
        self._clock = clock
        self._slack = slack
        self._pods: dict[str, Key] = {}
        self._available: dict[Key, Recent] = {}
        self._asked: dict[Key, Recent] = {}
        #: by set: Experiments of one Rollout may have several of one revision
        self._sizes: dict[Key, dict[str, int]] = {}
        self._replicas: dict[Key, Recent] = {}
        self.served: set[Key] = set()

    def note(self, event: Event) -> None:
        """Take a change in."""
        match event.resource:
            case "pods":
                self._note_pod(event)
            case "replicasets.apps":
                self._note_set(event)
            case "rollouts.argoproj.io":
                key = _place(event.new)
                self._recent(self._replicas, key, _replicas(event.new))

    def alive(self, key: Key) -> int:
        """Pods that answer now, and are to stay."""
        found = self._available.get(key)
        return min(found.now, self.asked(key)) if found else 0

    def able(self, key: Key) -> int:
        """The most pods that the controller may believe to answer, of those that are to stay."""
        found = self._available.get(key)
        return min(found.greatest(self._clock()), self.asked(key)) if found else 0

    def asked(self, key: Key) -> int:
        """Pods that the ReplicaSets of a revision are to have."""
        found = self._asked.get(key)
        return found.now if found else 0

    def least_replicas(self, namespace: str, rollout: str) -> int:
        """`spec.replicas`, the least of the last moments."""
        found = self._replicas.get((namespace, rollout))
        return found.least(self._clock()) if found else 0

    def most_replicas(self, namespace: str, rollout: str) -> int:
        """`spec.replicas`, the greatest of the last moments."""
        found = self._replicas.get((namespace, rollout))
        return found.greatest(self._clock()) if found else 0

    def rollout(self, namespace: str, name: str) -> Json:
        """The Rollout as it is."""
        return self._store.find(ROLLOUTS, namespace, name) or {}

    def is_settled(self, namespace: str, name: str) -> bool:
        """There is a stable revision; before that nobody need answer."""
        return bool((self.rollout(namespace, name).get("status") or {}).get("stableRS"))

    def sets(self, namespace: str, rollout: str) -> list[Json]:
        """The ReplicaSets of a Rollout."""
        uid = self.rollout(namespace, rollout).get("metadata", {}).get("uid", "")
        return [obj for place, obj in self._store.dependents(uid) if place.resource == _SETS]

    def all_may_go(self, namespace: str, way: Way) -> bool:
        """The author said that without routing nobody need answer."""
        return not way.whole and unavailable(self.rollout(namespace, way.rollout)) is None

    def lines(self, namespace: str) -> Iterator[str]:
        """The objects, as a message shows them."""
        for rollout in self._store.listed(ROLLOUTS, namespace):
            status = rollout.get("status") or {}
            shown = {
                k: status.get(k)
                for k in ("phase", "message", "stableRS", "currentStepIndex", "abort")
            }
            weights = (status.get("canary") or {}).get("weights")
            yield f"  Rollout {rollout['metadata']['name']}: {_replicas(rollout)} replicas, {shown}, {weights}"
        for each in self._store.listed(_SETS, namespace):
            key = (namespace, hash_of(each))
            yield (
                f"  ReplicaSet {each['metadata']['name']}: {each['spec'].get('replicas')} asked, "
                f"{self.alive(key)} answer"
            )

    def _note_pod(self, event: Event) -> None:
        pod, uid = event.new, event.new["metadata"]["uid"]
        key = (pod["metadata"]["namespace"], hash_of(pod))
        if not key[1]:
            return
        is_ready = event.type != "DELETED" and _is_ready(pod)
        if is_ready == (uid in self._pods):
            return
        if is_ready:
            self._pods[uid] = key
            self.served.add(key)
        else:
            key = self._pods.pop(uid)
        count = self._available[key].now if key in self._available else 0
        self._recent(self._available, key, count + (1 if is_ready else -1))

    def _note_set(self, event: Event) -> None:
        namespace = event.new["metadata"]["namespace"]
        asked = 0 if event.type == "DELETED" else int(event.new["spec"].get("replicas") or 0)
        key = (namespace, hash_of(event.new))
        sizes = self._sizes.setdefault(key, {})
        sizes[event.new["metadata"]["name"]] = asked
        self._recent(self._asked, key, sum(sizes.values()))

    def _recent(self, known: dict[Key, Recent], key: Key, number: int) -> None:
        if key not in known:
            known[key] = Recent(self._slack)
        known[key].note(self._clock(), number)


def hash_of(obj: Json) -> str:
    """The label that names the revision."""
    return str((obj["metadata"].get("labels") or {}).get(HASH, ""))


def unavailable(rollout: Json) -> int | None:
    """Pods of a canary without routing that may be missing; None: all of them."""
    canary: Any = (rollout.get("spec", {}).get("strategy") or {}).get("canary")
    replicas = _replicas(rollout)
    if canary is None:
        return None
    surge = _share(canary.get("maxSurge", "25%"), replicas, up=True)
    missing = min(_share(canary.get("maxUnavailable", "25%"), replicas, up=False), replicas)
    if surge == missing == 0:
        missing = 1
    return None if missing >= replicas else missing


def _share(given: Any, replicas: int, *, up: bool) -> int:
    if isinstance(given, str) and given.endswith("%"):
        part = replicas * int(given[:-1])
        return -(-part // 100) if up else part // 100
    return int(given)


def _is_ready(pod: Json) -> bool:
    if "deletionTimestamp" in pod["metadata"]:
        return False
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _place(obj: Json) -> Key:
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


def _replicas(rollout: Json) -> int:
    found = rollout.get("spec", {}).get("replicas")
    return 1 if found is None else int(found)
