"""The rules of a step that runs an Experiment.

In: a Rollout, the step, its routers. Out: Problems: S44 to S46 of the reference, then what it finds out in the middle
of a rollout or never. Called by `steps.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from gradatim.model.duration import DurationError, parse_duration
from gradatim.model.reading import Reader
from gradatim.model.rollout import Rollout
from gradatim.model.selector import selects
from gradatim.model.steps import Step
from gradatim.plugin import Capability, FieldPath, Problem

from .fields import argument_problems
from .labels import selector_problems
from .routing import Routing
from .wording import duplicate, invalid, not_negative, required, unsupported

_SPEC_REFS: Final = ("canary", "stable")
_LONGEST_SERVICE: Final = 63
#: Letters of a name that nobody chooses: the hash, a revision of three digits, the step, and dashes between them.
_OF_OURS: Final = 10 + 3 + 1 + 4


def experiment_step_problems(
    rollout: Rollout, step: Step, routing: Routing, path: FieldPath
) -> Iterator[Problem]:
    """What is wrong with the step's `experiment`, which is at `path`."""
    block = Reader(step.experiment)
    templates = list(block.objects("templates"))
    if step.experiment is None:
        return
    yield from _weight_problems(templates, routing, path / "templates")
    for index, analysis in enumerate(block.objects("analyses")):
        yield from argument_problems(rollout, dict(analysis.raw), path / "analyses" / index)
    yield from _template_problems(templates, path / "templates")
    yield from _selector_problems(rollout, templates, path / "templates")
    for index, template in enumerate(templates):
        if not template.has("weight") or not routing.lacks(Capability.EXPERIMENTS):
            yield from _service_problems(rollout, template, path / "templates" / index)
    yield from _analysis_problems(list(block.objects("analyses")), path / "analyses")
    yield from _number_problems(block, path)


def _weight_problems(
    templates: Sequence[Reader], routing: Routing, path: FieldPath
) -> Iterator[Problem]:
    """S44 and S45; and weights that no router can give."""
    total = 0
    for index, template in enumerate(templates):
        weight, where = template.maybe_number("weight"), path / index / "weight"
        if weight is None:
            continue
        total += weight
        if not routing.is_on:
            detail = "Experiment template weight cannot be set unless TrafficRouting is enabled"
            yield invalid(where, weight, detail)
        elif routing.lacks(Capability.EXPERIMENTS):
            detail = (
                "Experiment template weight is only available for TrafficRouting with SMI, ALB, Istio and "
                "Plugins at this time"
            )
            yield invalid(where, weight, detail)
        yield from not_negative(where, weight)
    if total > routing.total:
        yield invalid(path, total, f"the weights are more than {routing.total} together")


def _template_problems(templates: Sequence[Reader], path: FieldPath) -> Iterator[Problem]:
    if not templates:
        yield required(path, "must have at least one template")
    seen: set[str] = set()
    for index, template in enumerate(templates):
        name, where = template.text("name"), path / index
        if not name:
            yield required(where / "name")
        elif name in seen:
            yield duplicate(where / "name", name)
        seen.add(name)
        ref = template.text("specRef")
        if ref and ref not in _SPEC_REFS:
            yield unsupported(where / "specRef", ref, _SPEC_REFS)
        yield from not_negative(where / "replicas", template.number("replicas"))


def _selector_problems(
    rollout: Rollout, templates: Sequence[Reader], path: FieldPath
) -> Iterator[Problem]:
    """A selector of the step's own must select the pods, or the Experiment never begins."""
    own = Reader(rollout.template).object("metadata").texts("labels")
    for index, template in enumerate(templates):
        if not template.has("selector"):
            continue
        selector, where = template.json("selector"), path / index / "selector"
        unsound = list(selector_problems(selector, where))
        yield from unsound
        labels = {**own, **template.object("metadata").texts("labels")}
        if not unsound and rollout.template and not selects(selector, labels):
            detail = "it does not select the pods of the template"
            yield invalid(where, selector, detail)


def _service_problems(rollout: Rollout, template: Reader, path: FieldPath) -> Iterator[Problem]:
    """A set that gets requests, or asks for a Service, needs one that can be made."""
    if not template.has("weight") and not template.has("service"):
        return
    field = "weight" if template.has("weight") else "service"
    if rollout.template and not _has_ports(rollout):
        detail = "no container of the pods names a port, so that there is no Service for them"
        yield invalid(path / field, template.raw[field], detail)
    length = len(rollout.name) + _OF_OURS + len(template.text("name"))
    if not template.object("service").text("name") and length > _LONGEST_SERVICE:
        detail = f"the Service would have a name of {length} letters, of which it may have {_LONGEST_SERVICE}"
        yield required(path / "service" / "name", detail)


def _has_ports(rollout: Rollout) -> bool:
    containers = Reader(rollout.template).object("spec").objects("containers")
    return any(container.list("ports") for container in containers)


def _analysis_problems(analyses: Sequence[Reader], path: FieldPath) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, analysis in enumerate(analyses):
        name, where = analysis.text("name"), path / index
        if not name:
            yield required(where / "name")
        elif name in seen:
            yield duplicate(where / "name", name)
        seen.add(name)
        if not analysis.text("templateName"):
            yield required(where / "templateName")


def _number_problems(block: Reader, path: FieldPath) -> Iterator[Problem]:
    yield from not_negative(path / "scaleDownDelaySeconds", block.number("scaleDownDelaySeconds"))
    duration = block.text("duration")
    try:
        parse_duration(duration or "0")
    except DurationError as error:
        yield invalid(path / "duration", duration, str(error))
