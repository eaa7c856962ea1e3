"""An Experiment: several ReplicaSets side by side for a while, and what was found.

In: the object's JSON. Out: a frozen `Experiment`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .meta import Meta, read_meta
from .reading import Fault, Json, Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """One Experiment, as far as its Rollout and the printer need it."""

    meta: Meta
    raw: Json = field(repr=False, default_factory=dict)
    terminate: bool = False
    duration: str = ""
    templates: tuple[str, ...] = ()
    phase: str = ""
    message: str = ""
    faults: tuple[Fault, ...] = ()


def parse_experiment(raw: Json) -> Experiment:
    """The view of an Experiment. Never raises."""
    root = Reader(raw)
    meta, spec, status = read_meta(root), root.object("spec"), root.object("status")
    return Experiment(
        meta=meta,
        raw=raw,
        terminate=spec.flag("terminate"),
        duration=spec.text("duration"),
        templates=tuple(t.text("name") for t in spec.objects("templates")),
        phase=status.text("phase"),
        message=status.text("message"),
        faults=tuple(root.faults),
    )
