"""A Rollout: what is wanted, and where the release stands.

In: the object's JSON. Out: a frozen `Rollout` with Argo Rollouts' defaults put in (§0.2 of its behaviour).
Parsed by the cache and by `gradatim validate`; read by every decision.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from .bluegreen import BlueGreen, read_blue_green
from .canary import Canary, read_canary
from .meta import Meta, read_meta
from .reading import Fault, Json, Reader
from .status import Status, read_status

DEFAULT_REPLICAS: Final = 1
DEFAULT_REVISION_HISTORY_LIMIT: Final = 10
DEFAULT_PROGRESS_DEADLINE: Final = 600
DEFAULT_RUN_HISTORY_LIMIT: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """One Rollout.

    Attributes:
        replicas: pods wanted; 1 where `spec.replicas` is absent.
        replicas_given: `spec.replicas` is there.
        canary: the canary strategy, if that is the one.
        blue_green: the block of the blue-green strategy, if there is one.
        blue_green_view: what that block means.
    """

    meta: Meta
    raw: Json = field(repr=False, default_factory=dict)
    replicas: int = DEFAULT_REPLICAS
    replicas_given: bool = True
    selector: Json = field(default_factory=dict)
    template: Json = field(repr=False, default_factory=dict)
    workload_ref: Json | None = None
    min_ready_seconds: int = 0
    revision_history_limit: int = DEFAULT_REVISION_HISTORY_LIMIT
    paused: bool = False
    progress_deadline: int = DEFAULT_PROGRESS_DEADLINE
    progress_deadline_abort: bool = False
    restart_at: datetime | None = None
    rollback_window: int | None = None
    successful_run_limit: int = DEFAULT_RUN_HISTORY_LIMIT
    unsuccessful_run_limit: int = DEFAULT_RUN_HISTORY_LIMIT
    canary: Canary | None = None
    blue_green: Json | None = None
    blue_green_view: BlueGreen | None = None
    status: Status = field(default_factory=Status)
    faults: tuple[Fault, ...] = ()

    @property
    def name(self) -> str:
        """Its name."""
        return self.meta.name

    @property
    def namespace(self) -> str:
        """Its namespace."""
        return self.meta.namespace


def parse_rollout(raw: Json) -> Rollout:
    """The view of a Rollout. Never raises; wrong types are in `faults`."""
    root = Reader(raw)
    meta = read_meta(root)
    spec = root.object("spec")
    strategy, analysis = spec.object("strategy"), spec.object("analysis")
    window = spec.object("rollbackWindow")
    return Rollout(
        meta=meta,
        raw=raw,
        replicas=spec.number("replicas", DEFAULT_REPLICAS),
        replicas_given=spec.has("replicas"),
        selector=spec.json("selector"),
        template=spec.json("template"),
        workload_ref=spec.json("workloadRef") if spec.has("workloadRef") else None,
        min_ready_seconds=spec.number("minReadySeconds"),
        revision_history_limit=spec.number("revisionHistoryLimit", DEFAULT_REVISION_HISTORY_LIMIT),
        paused=spec.flag("paused"),
        progress_deadline=spec.number("progressDeadlineSeconds", DEFAULT_PROGRESS_DEADLINE),
        progress_deadline_abort=spec.flag("progressDeadlineAbort"),
        restart_at=spec.moment("restartAt"),
        rollback_window=window.maybe_number("revisions"),
        successful_run_limit=analysis.number(
            "successfulRunHistoryLimit", DEFAULT_RUN_HISTORY_LIMIT
        ),
        unsuccessful_run_limit=analysis.number(
            "unsuccessfulRunHistoryLimit", DEFAULT_RUN_HISTORY_LIMIT
        ),
        canary=read_canary(strategy.object("canary")) if strategy.has("canary") else None,
        blue_green=strategy.json("blueGreen") if strategy.has("blueGreen") else None,
        blue_green_view=read_blue_green(strategy.object("blueGreen"))
        if strategy.has("blueGreen")
        else None,
        status=read_status(root.object("status")),
        faults=tuple(root.faults),
    )
