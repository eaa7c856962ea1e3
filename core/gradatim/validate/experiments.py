"""The rules of an Experiment.

In: the object's JSON. Out: Problems: Argo Rollouts' own sentences at the fields that they are about.
Called by `gradatim validate`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gradatim.model.duration import DurationError, parse_duration
from gradatim.model.reading import Fault, Json, Reader
from gradatim.model.selector import is_empty
from gradatim.plugin import FieldPath, Problem

from .labels import selector_problems
from .pods import pod_template_problems
from .wording import duplicate, invalid, not_negative, required

_SPEC: Final = FieldPath("spec")
_DEFAULT_DEADLINE: Final = 600


def experiment_problems(experiment: Json) -> Iterator[Problem]:
    """What is wrong with an Experiment, each fault once. Never raises."""
    faults: list[Fault] = []
    root = Reader(experiment, faults=faults)
    spec = root.object("spec")
    found = list(_spec_problems(spec, root.object("metadata").text("name")))
    yield from (Problem(FieldPath(*fault.path), fault.message) for fault in dict.fromkeys(faults))
    yield from dict.fromkeys(found)


def _spec_problems(spec: Reader, name: str) -> Iterator[Problem]:
    duration, deadline = spec.text("duration"), spec.number("progressDeadlineSeconds")
    templates = list(spec.objects("templates"))
    if not templates:
        yield required(_SPEC / "templates", "must have at least one template")
    yield from _template_list_problems(templates, name, deadline or _DEFAULT_DEADLINE)
    if duration:
        try:
            parse_duration(duration)
        except DurationError as error:
            yield invalid(_SPEC / "duration", duration, str(error))
    yield from not_negative(_SPEC / "scaleDownDelaySeconds", spec.number("scaleDownDelaySeconds"))
    yield from _analysis_problems(spec)


def _template_list_problems(
    templates: list[Reader], experiment: str, deadline: int
) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, template in enumerate(templates):
        path, name = _SPEC / "templates" / index, template.text("name")
        yield from _selection_problems(template, index, path)
        if template.number("minReadySeconds") > deadline:
            detail = (
                "MinReadySeconds cannot be longer than ProgressDeadlineSeconds. "
                f"Check template index {index}"
            )
            yield invalid(path / "minReadySeconds", template.number("minReadySeconds"), detail)
        if not name:
            detail = f"Experiment {experiment} has empty template name at index {index}"
            yield required(path / "name", detail)
        elif name in seen:
            detail = f"Experiment {experiment} has repeated template name '{name}' in templates"
            yield invalid(path / "name", name, detail)
        seen.add(name)
        yield from not_negative(path / "replicas", template.number("replicas"))


def _selection_problems(template: Reader, index: int, path: FieldPath) -> Iterator[Problem]:
    if not template.has("selector"):
        missing = f".Spec.Templates[{index}].Selector"
        yield required(path / "selector", f"Experiment has missing field '{missing}'")
        return
    selector = template.json("selector")
    if is_empty(selector):
        detail = f"This experiment is selecting all pods at index {index}. A non-empty selector is required."
        yield invalid(path / "selector", selector, detail)
    unsound = list(selector_problems(selector, path / "selector"))
    yield from unsound
    if not unsound:
        yield from pod_template_problems(template.json("template"), selector, path / "template")


def _analysis_problems(spec: Reader) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, analysis in enumerate(spec.objects("analyses")):
        path, name = _SPEC / "analyses" / index, analysis.text("name")
        if not name:
            yield required(path / "name")
        elif name in seen:
            yield duplicate(path / "name", name)
        seen.add(name)
        if not analysis.text("templateName"):
            yield required(path / "templateName")
