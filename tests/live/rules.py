"""The traffic-safety rules on the live objects: what is wrong with one write of the controller.

In: what is known of the cluster, the write, and the ways that requests take before, after, and in proxies that are
late. Out: a sentence for each breach. Called by `guard.py`. The rules of `gradatim.decide.safety`, which judges plans.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from scenery import Scenery, hash_of, unavailable
from ways import Json, Way

from gradatim.sim.store import Event

Ways = Collection[Way]


def judged(
    scenery: Scenery, event: Event, before: tuple[Way, ...], after: tuple[Way, ...], late: Ways
) -> Iterator[str]:
    """Every breach of the rules by one write. `late` are the ways of all proxies."""
    namespace = event.new["metadata"].get("namespace", "")
    match event.resource:
        case "replicasets.apps":
            yield from _resized(scenery, event, late)
        case "virtualservices.networking.istio.io":
            yield from _sums(event.new)
            yield from _moved(scenery, namespace, before, after)
        case "services" | "destinationrules.networking.istio.io":
            yield from _moved(scenery, namespace, before, after)
            yield from _taken_early(scenery, namespace, before, after, late)
        case "pods":
            yield from _evicted(scenery, namespace, event, late)


def _sums(service: Json) -> Iterator[str]:
    """Rule 4: weights are 0 to 100 and add up."""
    spec = service.get("spec") or {}
    for protocol in ("http", "tcp", "tls"):
        for route in spec.get(protocol) or ():
            found = [d["weight"] for d in route.get("route") or () if "weight" in d]
            if found and (sum(found) != 100 or min(found) < 0):
                yield f"rule 4: weights {found} of route {route.get('name', protocol)}"


def _moved(scenery: Scenery, namespace: str, before: Ways, after: Ways) -> Iterator[str]:
    """Rules 1 and 2: what gets requests, or more of them, has pods for them."""
    known = {(way.entry, way.target): way for way in before}
    for way in after:
        old = known.get((way.entry, way.target))
        rebound = old is None or old.pod_hash != way.pod_hash
        if not way.pod_hash or scenery.least_replicas(namespace, way.rollout) == 0:
            continue
        pods = scenery.able((namespace, way.pod_hash))
        if rebound and pods == 0:
            yield f"rule 2: {way.target} is bound to {way.pod_hash}, which has no available pod"
        elif way.weight and _takes_over(scenery, namespace, way, old, before):
            needed = _needed(scenery, namespace, way)
            if way.whole and old is not None and way.entry.startswith("Service"):
                needed = min(needed, scenery.able((namespace, old.pod_hash)))
            if pods < max(1, needed) and not _others_are_dead(scenery, namespace, way, after):
                yield f"rule 1: {way.target} gets {way.weight} % with {pods} of {needed} pods"


def _taken_early(
    scenery: Scenery, namespace: str, before: Ways, after: Ways, late: Ways
) -> Iterator[str]:
    """A newer canary gets an earlier one's name when no proxy sends more there than is written."""
    known = {(way.entry, way.target): way for way in before}
    for way in after:
        old = known.get((way.entry, way.target))
        if old is None or way.pod_hash in ("", old.pod_hash):
            continue
        status = scenery.rollout(namespace, way.rollout).get("status") or {}
        stable, replicas = status.get("stableRS"), scenery.least_replicas(namespace, way.rollout)
        answers = scenery.alive((namespace, old.pod_hash)) and old.pod_hash
        if not answers or not stable or stable in (way.pod_hash, old.pod_hash) or not replicas:
            continue
        sent = max(w.weight for w in late if (w.entry, w.target) == (way.entry, way.target))
        pods = scenery.able((namespace, way.pod_hash))
        enough = _relaxed(scenery.rollout(namespace, way.rollout), replicas)
        if sent > way.weight and pods < enough:
            yield f"{way.target} goes to {way.pod_hash} while some proxy may send {sent} % there"


def _takes_over(scenery: Scenery, namespace: str, way: Way, old: Way | None, before: Ways) -> bool:
    """It gets requests that others have answered until now."""
    mates = [w for w in before if w.entry == way.entry]
    if mates and all(w.pod_hash == way.pod_hash for w in mates):
        return False
    if old is None or old.pod_hash == way.pod_hash:
        return old is None or way.weight > old.weight
    return scenery.alive((namespace, old.pod_hash)) > 0


def _others_are_dead(scenery: Scenery, namespace: str, way: Way, after: Ways) -> bool:
    mates = [w for w in after if w.entry == way.entry and w != way]
    return bool(mates) and not any(scenery.alive((namespace, w.pod_hash)) for w in mates)


def _resized(scenery: Scenery, event: Event, late: Ways) -> Iterator[str]:
    """Rules 3 and 5: no pods go while requests may come; and never more than are wanted come."""
    if event.old is None:
        return
    name, namespace = event.new["metadata"]["name"], event.new["metadata"]["namespace"]
    was, is_now = (int(each["spec"].get("replicas") or 0) for each in (event.old, event.new))
    if event.type == "DELETED":
        if was or (event.old.get("status") or {}).get("replicas"):
            yield f"rule 3: {name} is deleted while it has pods"
        return
    owner = next(iter(event.new["metadata"].get("ownerReferences") or ()), {})
    if owner.get("kind") not in ("Rollout", "Experiment") or is_now >= was:
        return
    yield from _shrunk(scenery, event.new, (was, is_now), late)
    rollout = scenery.rollout(namespace, owner["name"]) if owner["kind"] == "Rollout" else {}
    if _is_basic(rollout) and scenery.least_replicas(namespace, owner["name"]) > 0:
        yield from _unavailable(scenery, rollout, event.new, (was, is_now))


def _shrunk(scenery: Scenery, found: Json, change: tuple[int, int], late: Ways) -> Iterator[str]:
    name, namespace = found["metadata"]["name"], found["metadata"]["namespace"]
    told = f"{name} is scaled from {change[0]} to {change[1]}"
    left = scenery.asked((namespace, hash_of(found)))
    for way in sorted(late):
        if way.pod_hash != hash_of(found) or scenery.all_may_go(namespace, way):
            continue
        if scenery.least_replicas(namespace, way.rollout) == 0:
            continue
        if way.weight and left < (needed := max(1, _needed(scenery, namespace, way))):
            yield f"rule 3: {told} while {way.target} gets {way.weight} %, for {needed} pods"


def _unavailable(
    scenery: Scenery, rollout: Json, found: Json, change: tuple[int, int]
) -> Iterator[str]:
    """Without routing: so many pods answer as the author wants."""
    namespace, name = rollout["metadata"]["namespace"], rollout["metadata"]["name"]
    missing = unavailable(rollout)
    if missing is None or change[1] >= _ready(found):
        return
    left = sum(scenery.able((namespace, hash_of(each))) for each in scenery.sets(namespace, name))
    needed = scenery.least_replicas(namespace, name) - missing
    if left < needed:
        yield f"{found['metadata']['name']} goes to {change[1]}, and {left} of {needed} pods answer"


def _evicted(scenery: Scenery, namespace: str, event: Event, late: Ways) -> Iterator[str]:
    """A restart leaves somebody who answers, where there is more than one pod, as far as it can know of pods lost."""
    key = (namespace, pod_hash := hash_of(event.new))
    is_alone = scenery.asked(key) < 2
    if is_alone or scenery.alive(key) or scenery.able(key) > 1 or not _ready_now(event.old):
        return
    for way in sorted(late):
        if way.pod_hash == pod_hash and way.weight and not scenery.all_may_go(namespace, way):
            yield f"the last pod of {pod_hash} is evicted while {way.target} gets {way.weight} %"


def _needed(scenery: Scenery, namespace: str, way: Way) -> int:
    """Pods without which a way cannot be carried; its part of the replicas, rounded down.

    A canary that a step gives another number of pods needs that number only, and with a threshold for progress its part
    of it: both are the author's word that so many pods suffice.
    """
    if not way.whole:
        return 1
    replicas = scenery.least_replicas(namespace, way.rollout)
    rollout = scenery.rollout(namespace, way.rollout)
    needed = replicas * way.weight // 100
    canary: Any = rollout["spec"]["strategy"].get("canary") or {}
    if (rollout.get("status") or {}).get("stableRS") != way.pod_hash:
        for step in canary.get("steps") or ():
            scale = step.get("setCanaryScale") or {}
            if scale and not scale.get("matchTrafficWeight"):
                share = replicas * scale.get("weight", 0) // 100
                needed = min(needed, scale.get("replicas", share))
    return _relaxed(rollout, needed)


def _relaxed(rollout: Json, needed: int) -> int:
    """So many of the pods suffice by the author's threshold for progress."""
    canary: Any = rollout["spec"]["strategy"].get("canary") or {}
    threshold = canary.get("replicaProgressThreshold")
    if not threshold or threshold["value"] < 0:
        return needed
    value = threshold["value"]
    return min(needed, -(-needed * value // 100) if threshold["type"] == "Percent" else value)


def _is_basic(rollout: Json) -> bool:
    canary = (rollout.get("spec", {}).get("strategy") or {}).get("canary")
    return canary is not None and not canary.get("trafficRouting")


def _ready(found: Json) -> int:
    return int((found.get("status") or {}).get("availableReplicas") or 0)


def _ready_now(pod: Json | None) -> bool:
    conditions = ((pod or {}).get("status") or {}).get("conditions") or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
