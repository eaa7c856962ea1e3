"""What a Job has come to.

In: a Job, its pods, and the present. Out: a Measurement: a verdict, or when to look again. Pure; the provider calls it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from math import sqrt
from typing import Any, Final

from gradatim.plugin import Json, Measurement, Verdict

#: Why a container that waits will wait for ever.
_NEVER_STARTS: Final = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName")
_SOONEST: Final = 1.0


def outcome(
    job: Json, pods: Sequence[Json], now: datetime, metadata: Mapping[str, str]
) -> Measurement:
    """A verdict when the Job is over or can never begin; else still running, and looked at less and less often."""
    for kind, verdict in (("Complete", Verdict.SUCCESSFUL), ("Failed", Verdict.FAILED)):
        if _condition(job, kind) is not None:
            return Measurement(verdict=verdict, metadata=metadata)
    for container, waiting in _waiting(pods):
        reason = waiting.get("reason")
        if reason in _NEVER_STARTS:
            # of no fault of the release: an image that cannot be had says nothing about it
            return Measurement(
                verdict=Verdict.INCONCLUSIVE,
                message=f"container {container} cannot start: {reason}: {_short(waiting.get('message'))}",
                metadata=metadata,
            )
    return Measurement(running=True, resume_at=next_look(job, now), metadata=metadata)


def next_look(job: Json, now: datetime) -> datetime:
    """Soon for a Job that has just begun, later for one that has been running for long."""
    created = _moment(_of(job, "metadata").get("creationTimestamp"))
    elapsed = max(0.0, (now - created).total_seconds()) if created else 0.0
    return now + timedelta(seconds=max(_SOONEST, sqrt(2 * elapsed)))


def _condition(job: Json, kind: str) -> Json | None:
    conditions = _of(job, "status").get("conditions")
    for condition in conditions if isinstance(conditions, list) else ():
        if (
            isinstance(condition, dict)
            and condition.get("type") == kind
            and condition.get("status") == "True"
        ):
            return condition
    return None


def _waiting(pods: Iterable[Json]) -> Iterator[tuple[str, Json]]:
    for pod in pods:
        status = _of(pod, "status")
        for field in ("initContainerStatuses", "containerStatuses"):
            statuses = status.get(field)
            for each in statuses if isinstance(statuses, list) else ():
                if isinstance(each, dict):
                    yield str(each.get("name", "")), _of(_of(each, "state"), "waiting")


def _of(value: Mapping[str, Any], key: str) -> Json:
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _short(text: object) -> str:
    return " ".join(str(text or "").split())[:256]
