"""What is allowed in a Rollout and most likely not meant.

In: a Rollout. Out: Advice. Called by `gradatim validate`.
Argo Rollouts runs all of these, so none may stop a release that comes over from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gradatim.model.canary import Canary
from gradatim.model.duration import DurationError, parse_duration
from gradatim.model.reading import Reader
from gradatim.model.rollout import Rollout
from gradatim.model.steps import Step
from gradatim.plugin import FieldPath

from .advice import Advice
from .analyses import analyses_of

_CANARY: Final = FieldPath("spec", "strategy", "canary")
_HASHES: Final = ("Stable", "Latest")
_THRESHOLDS: Final = ("Percent", "Pods")


def rollout_advice(rollout: Rollout) -> Iterator[Advice]:
    """One piece of advice for each field that does something else than it seems to say."""
    yield from _hash_advice(rollout)
    canary = rollout.canary
    if canary is None:
        return
    yield from _delay_advice(canary)
    yield from _routing_advice(canary)
    yield from _threshold_advice(canary)
    for index, step in enumerate(canary.steps):
        yield from _step_advice(step, _CANARY / "steps" / index)


def _hash_advice(rollout: Rollout) -> Iterator[Advice]:
    for analysis in analyses_of(rollout):
        for index, arg in enumerate(analysis.args):
            which = Reader(arg).object("valueFrom").raw.get("podTemplateHashValue")
            if which is not None and which not in _HASHES:
                path = analysis.path / "args" / index / "valueFrom" / "podTemplateHashValue"
                instead = "the argument's value" if arg.get("value") else "an empty text"
                yield Advice(path, f"{which!r} is none of Stable and Latest: {instead} is taken")


def _delay_advice(canary: Canary) -> Iterator[Advice]:
    delays = {
        "scaleDownDelaySeconds": canary.scale_down_delay,
        "abortScaleDownDelaySeconds": canary.abort_scale_down_delay,
    }
    for name, delay in delays.items():
        if delay is not None and delay < 0:
            yield Advice(_CANARY / name, f"{delay} is no delay: pods go at once")
    if canary.abort_scale_down_delay == 0:
        message = "0 keeps the pods of an aborted release for ever"
        yield Advice(_CANARY / "abortScaleDownDelaySeconds", message)


def _routing_advice(canary: Canary) -> Iterator[Advice]:
    path = _CANARY / "trafficRouting"
    least, routing = canary.min_pods, canary.routing
    if least is not None and (least < 1 or routing is None):
        why = "it is less than 1" if least < 1 else "there is no trafficRouting"
        yield Advice(_CANARY / "minPodsPerReplicaSet", f"has no effect: {why}")
    if routing is None:
        return
    if not routing.routers:
        yield Advice(path, "has no router: weights are noted in the status, and no traffic moves")
    seen: set[str] = set()
    for index, name in enumerate(routing.managed_routes):
        if name in seen:
            yield Advice(path / "managedRoutes" / index, f"{name!r} is listed already")
        seen.add(name)


def _threshold_advice(canary: Canary) -> Iterator[Advice]:
    threshold, path = canary.threshold, _CANARY / "replicaProgressThreshold"
    if threshold is None:
        return
    if threshold.kind not in _THRESHOLDS:
        message = f"{threshold.kind!r} is none of Percent and Pods, and is taken for Pods"
        yield Advice(path / "type", message)
    if threshold.value < 0:
        yield Advice(path / "value", "is less than 0: all pods must be available, as without it")
    elif threshold.value == 0:
        yield Advice(path / "value", "0 lets the release go on before any pod is available")


def _step_advice(step: Step, path: FieldPath) -> Iterator[Advice]:
    scale = step.canary_scale
    if scale is not None:
        given = {
            "replicas": scale.replicas is not None,
            "weight": scale.weight is not None,
            "matchTrafficWeight": scale.match_traffic_weight,
        }
        used = [key for key, is_given in given.items() if is_given]
        if len(used) > 1:
            message = f"has several of replicas, weight and matchTrafficWeight; {used[0]} counts"
            yield Advice(path / "setCanaryScale", message)
    duration = Reader(step.raw.get("pause")).raw.get("duration")
    if isinstance(duration, str) and (step.pause_seconds or 0) < 0:
        yield Advice(path / "pause" / "duration", _why_no_duration(duration))


def _why_no_duration(text: str) -> str:
    try:
        parse_duration(text)
    except DurationError as error:
        return f"{error}; write 30s, 5m or 1h30m, or a number of seconds"
    return f"{text!r} is negative or too long"
