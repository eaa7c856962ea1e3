"""What Argo Rollouts does, and this version of Gradatim does not yet.

In: a Rollout. Out: a Problem for each such field that it uses, so that nothing is passed over in silence.
Called with the other rules for the InvalidSpec condition and by `gradatim validate`. Rows go as features come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from gradatim.model.canary import Canary
from gradatim.model.rollout import Rollout
from gradatim.plugin import FieldPath, Problem

_SPEC: Final = FieldPath("spec")
_CANARY: Final = _SPEC / "strategy" / "canary"

#: Path and name of each field, and whether a Rollout uses it.
_OF_CANARY: Final[tuple[tuple[FieldPath, str, Callable[[Canary], bool]], ...]] = (
    (_CANARY / "dynamicStableScale", "dynamicStableScale", lambda c: c.dynamic_stable_scale),
)
_STEPS: Final = {
    "experiment": "a step with an experiment",
}


def unsupported_problems(rollout: Rollout) -> Iterator[Problem]:
    """The fields that this version cannot carry out."""
    canary = rollout.canary
    if canary is None:
        return
    for path, name, is_used_by in _OF_CANARY:
        if is_used_by(canary):
            yield _problem(path, name)
    for index, step in enumerate(canary.steps):
        for key, name in _STEPS.items():
            if step.raw.get(key) is not None:
                yield _problem(_CANARY / "steps" / index / key, name)


def _problem(path: FieldPath, name: str) -> Problem:
    return Problem(path, f"{name} is not supported by this version of Gradatim yet")
