"""The blue-green strategy and its part of the status: parsed once, defaults as Argo Rollouts has them.

In: `spec.strategy.blueGreen` and `status.blueGreen`. Out: frozen `BlueGreen` and `BlueGreenStatus`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .reading import Json, Reader
from .runstatus import RunStatus, read_run_status


@dataclass(frozen=True, slots=True, kw_only=True)
class BlueGreen:
    """`spec.strategy.blueGreen`.

    Attributes:
        preview_count: pods of a new revision before it is promoted; None: as many as `spec.replicas`.
        auto_promotion: it is promoted without anybody's word, after `auto_promotion_seconds`.
        pre_promotion, post_promotion: the analyses before and after the switch, as they are written.
        max_unavailable: pods that a restart may take at once; a release takes none.
        abort_scale_down_delay: seconds; 0 keeps the pods of an aborted release for ever.
    """

    raw: Json = field(repr=False, default_factory=dict)
    active_service: str = ""
    preview_service: str = ""
    preview_count: int | None = None
    auto_promotion: bool = True
    auto_promotion_seconds: int = 0
    pre_promotion: Json | None = None
    post_promotion: Json | None = None
    scale_down_delay: int | None = None
    scale_down_delay_revision_limit: int | None = None
    abort_scale_down_delay: int | None = None
    max_unavailable: int | str | None = None

    @property
    def pauses(self) -> bool:
        """There is a pause before the switch."""
        return not self.auto_promotion or self.auto_promotion_seconds > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BlueGreenStatus:
    """`status.blueGreen`.

    Attributes:
        checkpoint: the preview was accepted at its smaller size, and is on its way to the whole one.
    """

    preview: str = ""
    active: str = ""
    checkpoint: bool = False
    pre_run: RunStatus | None = None
    post_run: RunStatus | None = None


def read_blue_green(reader: Reader) -> BlueGreen:
    """The view of a `blueGreen` block."""
    return BlueGreen(
        raw=dict(reader.raw),
        active_service=reader.text("activeService"),
        preview_service=reader.text("previewService"),
        preview_count=reader.maybe_number("previewReplicaCount"),
        auto_promotion=reader.maybe_flag("autoPromotionEnabled") is not False,
        auto_promotion_seconds=reader.number("autoPromotionSeconds"),
        pre_promotion=_analysis(reader, "prePromotionAnalysis"),
        post_promotion=_analysis(reader, "postPromotionAnalysis"),
        scale_down_delay=reader.maybe_number("scaleDownDelaySeconds"),
        scale_down_delay_revision_limit=reader.maybe_number("scaleDownDelayRevisionLimit"),
        abort_scale_down_delay=reader.maybe_number("abortScaleDownDelaySeconds"),
        max_unavailable=reader.int_or_text("maxUnavailable"),
    )


def _analysis(reader: Reader, key: str) -> Json | None:
    return reader.json(key) if reader.has(key) else None


def read_blue_green_status(reader: Reader) -> BlueGreenStatus:
    """The view of `status.blueGreen`."""
    return BlueGreenStatus(
        preview=reader.text("previewSelector"),
        active=reader.text("activeSelector"),
        checkpoint=reader.flag("scaleUpPreviewCheckPoint"),
        pre_run=read_run_status(reader, "prePromotionAnalysisRunStatus"),
        post_run=read_run_status(reader, "postPromotionAnalysisRunStatus"),
    )
