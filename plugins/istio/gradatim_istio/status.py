"""What Istio itself says about an object: whether its proxies have taken the change over.

In: VirtualServices and DestinationRules with their status. Out: True, False, or None for "it does not say". Pure.
Called by the router's `verify`.

Older versions of Istio, up to about 1.22, write a condition of type Reconciled when both PILOT_ENABLE_STATUS and
PILOT_ENABLE_CONFIG_DISTRIBUTION_TRACKING are set; later versions only analyse. A status that is not about
the object's present generation says nothing, and is not waited for: it may be left from a version of
Istio that is gone, and some versions never moved `observedGeneration` on (istio/istio#31931).
"""

from __future__ import annotations

from collections.abc import Iterable

from gradatim.plugin import Json


def taken_over(objects: Iterable[Json]) -> bool | None:
    """True: by every proxy, for each object. False: not yet, for at least one. None: cannot say."""
    said = [_reconciled(obj) for obj in objects]
    if False in said:
        return False
    return None if None in said or not said else True


def _reconciled(obj: Json) -> bool | None:
    status = _object(obj.get("status"))
    conditions = status.get("conditions")
    for condition in map(_object, conditions if isinstance(conditions, list) else ()):
        if condition.get("type") != "Reconciled":
            continue
        observed = condition.get("observedGeneration", status.get("observedGeneration"))
        generation = _object(obj.get("metadata")).get("generation")
        # Protobuf's JSON has 64-bit numbers as strings.
        if generation is None or str(observed) != str(generation):
            return None
        return {"True": True, "False": False}.get(str(condition.get("status")))
    return None


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}
