"""The hashes by which ReplicaSets and canary steps are known.

In: a pod template or a list of canary steps, as JSON. Out: at most ten letters and digits, as Argo Rollouts has them.
`decide/` calls it for names, labels and for telling whether the steps changed. A cluster that changes over from Argo
Rollouts keeps its ReplicaSets and its place in a running rollout only because these are the same to the last byte.
"""

from __future__ import annotations

import json
from hashlib import blake2b
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

#: Hashes by kind, digest of the JSON text and collision count. All of them are forgotten when there are too many.
_known: Final[dict[tuple[str, bytes, int | None], str]] = {}
_MOST_KNOWN: Final = 8192

_template = Canonical(POD_TEMPLATE).of("PodTemplateSpec")
_step = Canonical(STEP).of("CanaryStep")


def pod_template_hash(template: Json, collision_count: int | None = None) -> str:
    """The hash in a ReplicaSet's name and in its `rollouts-pod-template-hash` label.

    `collision_count` is `status.collisionCount`, by which a hash is changed that another template already had.
    Unknown fields do not count. A value of the wrong type counts as the plain JSON that it is; nothing raises.
    """
    return _remembered("template", template, collision_count)


def _template_hash(template: Json, collision_count: int | None) -> str:
    data = go_json(_template(template))
    if collision_count is not None:
        data += (collision_count & _MASK).to_bytes(4, "little") + bytes(4)
    return _safe_hash(data)


def step_hash(steps: list[Any] | None) -> str:
    """The hash of `spec.strategy.canary.steps`, kept in `status.currentStepHash`.

    None and an empty list differ. Unknown fields of a step do not count.
    """
    return _remembered("steps", steps, None)


def _steps_hash(steps: list[Any] | None) -> str:
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


def _remembered(kind: str, value: Any, collision_count: int | None) -> str:
    """The hash of a template or of steps, computed once for each text that their JSON has.

    A controller hashes the same template in every pass, and the plain JSON text of it takes a thirtieth of the time
    that its normal form does. Only a digest of the text is kept.
    """
    try:
        text = json.dumps(value, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        # no JSON at all: there is no text to know it by
        return _hash(kind, value, collision_count)
    key = (kind, blake2b(text.encode(), digest_size=16).digest(), collision_count)
    known = _known.get(key)
    if known is None:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        known = _known[key] = _hash(kind, value, collision_count)
    return known


def _hash(kind: str, value: Any, collision_count: int | None) -> str:
    return _steps_hash(value) if kind == "steps" else _template_hash(value, collision_count)


def _safe_hash(data: bytes) -> str:
    """32-bit FNV-1a of the bytes, in decimal, in the safe alphabet."""
    value = _FNV_OFFSET
    for byte in data:
        value = (value ^ byte) * _FNV_PRIME & _MASK
    return str(value).translate(_SAFE_DIGITS)
