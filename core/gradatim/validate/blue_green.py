"""The rules of `spec.strategy.blueGreen`.

In: the block and its Rollout. Out: Problems, in Argo Rollouts' order and words. Called by `rollout.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradatim.model.reading import Json, Reader
from gradatim.model.rollout import Rollout
from gradatim.plugin import FieldPath, Problem

from .affinity import anti_affinity_problems
from .fields import argument_problems
from .metadata import metadata_problems
from .wording import invalid

_SAME_SERVICE = (
    "This rollout uses the same service for the active and preview services, "
    "but two different services are required."
)
_TOO_MANY = (
    "This rollout's revision history limit can not be smaller than the rollout's scale down limit"
)


def blue_green_problems(rollout: Rollout, block: Json, path: FieldPath) -> Iterator[Problem]:
    """S14 to S17, and the fields that an analysis' arguments name."""
    reader = Reader(block)
    active, limit = reader.text("activeService"), reader.maybe_number("scaleDownDelayRevisionLimit")
    if active == reader.text("previewService"):
        yield invalid(path / "activeService", active, _SAME_SERVICE)
    if limit is not None and limit > rollout.revision_history_limit:
        yield invalid(path / "scaleDownDelayRevisionLimit", limit, _TOO_MANY)
    if reader.has("antiAffinity"):
        yield from anti_affinity_problems(reader.object("antiAffinity"), path / "antiAffinity")
    for field in ("previewMetadata", "activeMetadata"):
        yield from metadata_problems(rollout, Reader(block), field, path)
    for key in ("prePromotionAnalysis", "postPromotionAnalysis"):
        yield from argument_problems(rollout, reader.json(key), path / key)
