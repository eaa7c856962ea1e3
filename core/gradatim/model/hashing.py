"""The hashes by which ReplicaSets and canary steps are known.

In: a pod template or a list of canary steps, as JSON. Out: at most ten letters and digits, as Argo Rollouts has them.
`decide/` calls it for names, labels and for telling whether the steps changed. A cluster that changes over from Argo
Rollouts keeps its ReplicaSets and its place in a running rollout only because these are the same to the last byte.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from gradatim.model.gojson import go_json
from gradatim.model.podspec import POD_TEMPLATE, STEP
from gradatim.model.podspec.canonical import Canonical, Json

_FNV_OFFSET: Final = 2166136261
_FNV_PRIME: Final = 16777619
_MASK: Final = 0xFFFFFFFF

#: Kubernetes' alphabet for generated names: no vowels, so no words. Digits "0" to "9" have the codes 48 to 57.
_SAFE_LETTERS: Final = "bcdfghjklmnpqrstvwxz2456789"
_SAFE_DIGITS: Final = {code: _SAFE_LETTERS[code % 27] for code in range(ord("0"), ord("9") + 1)}

_template = Canonical(POD_TEMPLATE).of("PodTemplateSpec")
_step = Canonical(STEP).of("CanaryStep")


def pod_template_hash(template: Json, collision_count: int | None = None) -> str:
    """The hash in a ReplicaSet's name and in its `rollouts-pod-template-hash` label.

    `collision_count` is `status.collisionCount`, by which a hash is changed that another template already had.
    Unknown fields do not count. A value of the wrong type counts as the plain JSON that it is; nothing raises.
    """
    data = go_json(_template(template))
    if collision_count is not None:
        data += (collision_count & _MASK).to_bytes(4, "little") + bytes(4)
    return _safe_hash(data)


def step_hash(steps: list[Any] | None) -> str:
    """The hash of `spec.strategy.canary.steps`, kept in `status.currentStepHash`.

    None and an empty list differ. Unknown fields of a step do not count.
    """
    if steps is None:
        return _safe_hash(b"null")
    return _safe_hash(go_json([_step({} if step is None else step) for step in steps]))


def normalized_template(template: Json) -> Json:
    """The pod template in the one form that is hashed; two templates with equal forms mean the same.

    Fields stand in Go's order, quantities are canonical, unknown fields and empty values are gone. What Go writes
    even when it is empty is there: `metadata`, `spec`, a container's `resources`. Server defaults are not filled in.
    """
    result: Json = _template(template)
    return result


@lru_cache(maxsize=1024)
def _safe_hash(data: bytes) -> str:
    """32-bit FNV-1a of the bytes, in decimal, in the safe alphabet.

    Cached because a controller hashes the same template in every pass.
    """
    value = _FNV_OFFSET
    for byte in data:
        value = (value ^ byte) * _FNV_PRIME & _MASK
    return str(value).translate(_SAFE_DIGITS)
