"""Deleting: grace periods, finalizers and propagation.

In: the options of a DELETE. Out: the object as it stands afterwards, and whether it is gone.
Called by `api.py` and by the controllers of this room. What depends on the object is the garbage collector's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from gradatim.sim import failure
from gradatim.sim.clock import stamp
from gradatim.sim.document import Json, dig
from gradatim.sim.resources import Resource
from gradatim.sim.verbs import Target, Verbs

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"
_OPTIONS = Resource(group="meta.k8s.io", versions=("v1",), kind="DeleteOptions", plural="")
_FINALIZER = {"Foreground": FOREGROUND, "Orphan": ORPHAN}
_POLICIES = ("Foreground", "Background", "Orphan")


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """How to delete. None stands for the resource's own default; `grace` is in seconds."""

    grace: int | None = None
    policy: str | None = None
    uid: str = ""
    version: str = ""
    dry_run: bool = False

    def check(self) -> None:
        """Refuse options that mean nothing.

        Raises:
            ApiError: 422.
        """
        if self.policy is not None and self.policy not in _POLICIES:
            known = ", ".join(f'"{policy}"' for policy in (*_POLICIES, "nil"))
            why = f'Unsupported value: "{self.policy}": supported values: {known}'
            cause = failure.Cause("propagationPolicy", "FieldValueNotSupported", why)
            raise failure.invalid(_OPTIONS, "", [cause])


def delete(verbs: Verbs, target: Target, options: DeleteOptions) -> tuple[Json, bool]:
    """Delete an object: mark it while something holds it, else remove it. Return it, and whether it is gone.

    Raises:
        ApiError: 404 or 409 (a precondition does not hold).
    """
    old = verbs.get(target)
    _check_preconditions(target, old, options)
    if target.resource.name == "namespaces":
        return _terminate_namespace(verbs, target, old, options), False
    grace = _grace(target, old, options)
    finalizers = _finalizers(target, old, options)
    held = bool(finalizers) or grace > 0
    marked = _marked(verbs, old, finalizers, grace)
    if options.dry_run:
        return (marked if held else old), not held
    if held:
        return old if marked == old else verbs.store.put(target.resource.name, marked), False
    # the last that is heard of a pod says when it was deleted, as a graceful end does
    last = marked if target.resource.name == "pods" else old
    return verbs.remove(target, last["metadata"]), True


def _check_preconditions(target: Target, old: Json, options: DeleteOptions) -> None:
    metadata = old["metadata"]
    if options.uid and options.uid != metadata["uid"]:
        why = (
            f"the UID in the precondition ({options.uid}) does not match the UID in record "
            f"({metadata['uid']}). The object might have been deleted and then recreated"
        )
        raise failure.conflict(target.resource, target.name, why)
    if options.version and options.version != metadata["resourceVersion"]:
        why = (
            f"the ResourceVersion in the precondition ({options.version}) does not match the "
            f"ResourceVersion in record ({metadata['resourceVersion']}). "
            "The object might have been modified"
        )
        raise failure.conflict(target.resource, target.name, why)


def _grace(target: Target, old: Json, options: DeleteOptions) -> int:
    """Return how many seconds the object has to end; only pods have any."""
    if target.resource.name != "pods":
        return 0
    if not dig(old, "spec", "nodeName") or dig(old, "status", "phase") in ("Succeeded", "Failed"):
        return 0
    own = int(dig(old, "spec", "terminationGracePeriodSeconds") or 0)
    grace = own if options.grace is None else max(0, options.grace)
    before = old["metadata"].get("deletionGracePeriodSeconds")
    return grace if before is None else min(grace, before)


def _finalizers(target: Target, old: Json, options: DeleteOptions) -> list[str]:
    """Return the finalizers after the propagation policy: they hold the object until the collector is through."""
    before: list[str] = list(old["metadata"].get("finalizers") or ())
    policy = options.policy
    if policy is None:
        if FOREGROUND in before or ORPHAN in before:
            return before
        # Jobs kept their pods before there was a collector, and batch/v1 still does so
        policy = "Orphan" if target.resource.name == "jobs.batch" else "Background"
    wanted = _FINALIZER.get(policy)
    kept = [name for name in before if name not in (FOREGROUND, ORPHAN)]
    return [*kept, wanted] if wanted else kept


def _marked(verbs: Verbs, old: Json, finalizers: list[str], grace: int) -> Json:
    metadata = {**old["metadata"], "finalizers": finalizers}
    if not finalizers:
        del metadata["finalizers"]
    begun = "deletionTimestamp" in metadata
    if not begun or grace < metadata.get("deletionGracePeriodSeconds", 0):
        ends = verbs.clock.now() + timedelta(seconds=grace)
        metadata["deletionTimestamp"] = stamp(ends)
        metadata["deletionGracePeriodSeconds"] = grace
    if not begun and metadata.get("generation"):
        metadata["generation"] += 1
    return {**old, "metadata": metadata}


def _terminate_namespace(verbs: Verbs, target: Target, old: Json, options: DeleteOptions) -> Json:
    if options.dry_run or "deletionTimestamp" in old["metadata"]:
        return old
    metadata = {**old["metadata"], "deletionTimestamp": verbs.clock.stamp()}
    return verbs.store.put(
        target.resource.name, {**old, "metadata": metadata, "status": {"phase": "Terminating"}}
    )
