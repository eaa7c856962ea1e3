"""What Argo Rollouts does, and this version of Gradatim does not yet.

In: a Rollout. Out: a Problem for each such field that it uses, so that nothing is passed over in silence.
Called with the other rules for the InvalidSpec condition and by `gradatim validate`. Rows go as features come.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gradatim.model.rollout import Rollout
from gradatim.plugin import FieldPath, Problem

_SPEC: Final = FieldPath("spec")
_CANARY: Final = _SPEC / "strategy" / "canary"

_STEPS: Final = {
    "experiment": "a step with an experiment",
}


def unsupported_problems(rollout: Rollout) -> Iterator[Problem]:
    """The fields that this version cannot carry out."""
    canary = rollout.canary
    if canary is None:
        return
    for index, step in enumerate(canary.steps):
        for key, name in _STEPS.items():
            if step.raw.get(key) is not None:
                yield _problem(_CANARY / "steps" / index / key, name)


def _problem(path: FieldPath, name: str) -> Problem:
    return Problem(path, f"{name} is not supported by this version of Gradatim yet")
