"""The rules of `antiAffinity`, which both strategies have.

In: the block. Out: Problems, in Argo Rollouts' words. Called by the rules of the strategies.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gradatim.model.reading import Reader
from gradatim.plugin import FieldPath, Problem

from .wording import invalid

_PREFERRED: Final = "preferredDuringSchedulingIgnoredDuringExecution"
_REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
_WEIGHTS: Final = range(1, 101)


def anti_affinity_problems(block: Reader, path: FieldPath) -> Iterator[Problem]:
    """S16 and S17: exactly one of two kinds, and a weight that the scheduler knows."""
    preferred, is_required = block.has(_PREFERRED), block.has(_REQUIRED)
    if preferred == is_required:
        shown = " ".join(
            f"antiAffinity.{name[0].upper()}{name[1:]}: {str(given).lower()}"
            for name, given in ((_PREFERRED, preferred), (_REQUIRED, is_required))
        )
        yield invalid(path, shown, "AntiAffinity must have exactly one strategy listed")
    if preferred:
        weight = block.object(_PREFERRED).number("weight")
        if weight not in _WEIGHTS:
            where = path / _PREFERRED / "weight"
            yield invalid(where, weight, "AntiAffinity weight must be between 1-100")
