"""The rules of the steps of a canary.

In: a Rollout, its canary, a step's index, and its routers. Out: Problems, in Argo Rollouts' order and words.
Called by `canary.py` for each step. S-numbers are those of the reference's rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from gradatim.model.canary import Canary
from gradatim.model.reading import Json, Reader
from gradatim.model.rollout import Rollout
from gradatim.model.steps import Step
from gradatim.plugin import Capability, FieldPath, Problem

from .experimentsteps import experiment_step_problems
from .fields import argument_problems
from .routing import Routing
from .wording import invalid, required

_CANARY: Final = FieldPath("spec", "strategy", "canary")
_ROUTES: Final = {
    "setHeaderRoute": (
        Capability.HEADER,
        "SetHeaderRoute requires TrafficRouting, supports Istio and ALB and Apisix",
    ),
    "setMirrorRoute": (
        Capability.MIRROR,
        "SetMirrorRoute requires TrafficRouting, supports Istio and Plugins",
    ),
}
#: The keys of which a step may have only one, in the order in which the reference prints them.
_EXCLUSIVE: Final = ("experiment", "pause", "setWeight", "analysis")
_KEYS: Final = (*_EXCLUSIVE, "setCanaryScale", "setHeaderRoute", "setMirrorRoute", "plugin")
_ONE_KEY: Final = "Step must have one of the following set: experiment, setWeight, setCanaryScale, plugin or pause"
_MATCH_KINDS: Final = ("exact", "prefix", "regex")
_PERCENTAGES: Final = range(101)


def step_problems(
    rollout: Rollout, canary: Canary, index: int, routing: Routing
) -> Iterator[Problem]:
    """S31 to S46 for one step."""
    step, path = canary.steps[index], _CANARY / "steps" / index
    yield from _key_problems(step, path)
    yield from _value_problems(step, routing, path)
    if step.canary_scale is not None and canary.routing is None:
        detail = "SetCanaryScale requires TrafficRouting to be set"
        yield required(_CANARY / "trafficRouting", detail)
    yield from _header_problems(step, routing, path / "setHeaderRoute")
    yield from _mirror_problems(step, routing, path / "setMirrorRoute")
    yield from _managed_problems(step, canary, routing, path)
    yield from experiment_step_problems(rollout, step, routing, path / "experiment")
    if step.analysis is not None:
        yield from argument_problems(rollout, step.analysis, path / "analysis")


def _has(step: Step, key: str) -> bool:
    return step.raw.get(key) is not None


def _key_problems(step: Step, path: FieldPath) -> Iterator[Problem]:
    given = {key: _has(step, key) for key in _KEYS}
    if sum(given[key] for key in _EXCLUSIVE) > 1:
        yield invalid(path, _flags({key: given[key] for key in _EXCLUSIVE}), _ONE_KEY)
    if not any(given.values()):
        # the reference prints true for what is missing
        yield invalid(path, _flags({key: not given[key] for key in _KEYS}), _ONE_KEY)


def _flags(given: dict[str, bool]) -> str:
    return " ".join(
        f"step.{key[0].upper()}{key[1:]}: {str(flag).lower()}" for key, flag in given.items()
    )


def _value_problems(step: Step, routing: Routing, path: FieldPath) -> Iterator[Problem]:
    weight, seconds = step.set_weight, step.pause_seconds
    if weight is not None and not 0 <= weight <= routing.total:
        detail = f"SetWeight needs to be between 0 and {routing.total}"
        yield invalid(path / "setWeight", weight, detail)
    if step.is_pause and seconds is not None and seconds < 0:
        detail = "Duration needs to be greater than 0"
        yield invalid(path / "pause" / "duration", seconds, detail)
    scale = step.canary_scale
    if scale is None:
        return
    where = path / "setCanaryScale"
    for key, number in (("replicas", scale.replicas), ("weight", scale.weight)):
        if number is not None and number < 0:
            yield invalid(where / key, number, "must be greater than or equal to 0")


def _route(step: Step, key: str) -> Json:
    """The block as the reference prints it."""
    block = Reader(step.raw).json(key)
    return {name: block[name] for name in ("name", "match", "percentage") if block.get(name)}


def _header_problems(step: Step, routing: Routing, path: FieldPath) -> Iterator[Problem]:
    if not _has(step, "setHeaderRoute"):
        return
    capability, detail = _ROUTES["setHeaderRoute"]
    if routing.lacks(capability):
        yield invalid(path, _route(step, "setHeaderRoute"), detail)
        return
    for index, match in enumerate(Reader(step.raw).object("setHeaderRoute").objects("match")):
        value = match.raw.get("headerValue")
        if "alb" in routing.blocks:
            yield from _alb_match_problems(value, path / "match" / index)
        else:
            yield from _match_problems(value, path / "match" / index)


def _mirror_problems(step: Step, routing: Routing, path: FieldPath) -> Iterator[Problem]:
    if not _has(step, "setMirrorRoute"):
        return
    capability, detail = _ROUTES["setMirrorRoute"]
    if routing.lacks(capability):
        yield invalid(path, _route(step, "setMirrorRoute"), detail)
    block = Reader(step.raw).object("setMirrorRoute")
    for index, match in enumerate(block.objects("match")):
        for key in ("method", "path"):
            if match.has(key):
                yield from _match_problems(match.raw[key], path / "match" / index)
    percentage = block.maybe_number("percentage")
    if percentage is not None and percentage not in _PERCENTAGES:
        # every mesh refuses it, but only when the step is reached
        yield invalid(path / "percentage", percentage, "must be between 0 and 100")


def _kinds(value: object) -> dict[str, Any]:
    """The kinds of match that are not empty; `{}` for what is no object."""
    block = Reader(value).raw
    return {kind: block[kind] for kind in _MATCH_KINDS if block.get(kind)}


def _match_problems(value: object, path: FieldPath) -> Iterator[Problem]:
    kinds = _kinds(value)
    shown = None if value is None else kinds
    if not kinds:
        detail = "StringMatch value missed, match value must have one of the following: exact, regex, prefix"
        yield invalid(path, shown, detail)
    if len(kinds) > 1:
        detail = (
            "StringMatch match value must have exactly one of the following: exact, regex, prefix"
        )
        yield invalid(path, shown, detail)


def _alb_match_problems(value: object, path: FieldPath) -> Iterator[Problem]:
    kinds = _kinds(value)
    if value is None:
        yield from _match_problems(value, path)
    elif list(kinds) != ["exact"]:
        detail = "SetHeaderRoute match value invalid. ALB supports 'exact' value only"
        yield invalid(path, kinds, detail)


def _managed_problems(
    step: Step, canary: Canary, routing: Routing, path: FieldPath
) -> Iterator[Problem]:
    keys = [key for key in _ROUTES if _has(step, key)]
    if not keys or canary.routing is None:
        return
    where = "spec.strategy.canary.trafficRouting.managedRoutes"
    if not Reader(canary.raw).object("trafficRouting").has("managedRoutes"):
        managed = _CANARY / "trafficRouting" / "managedRoutes"
        yield required(managed, f"Rollout has missing field '{where}'")
        return
    for key in keys:
        name = Reader(step.raw).object(key).text("name")
        if name not in routing.managed:
            yield invalid(path / key, name, f"Steps define a route that does not exist in {where}")
