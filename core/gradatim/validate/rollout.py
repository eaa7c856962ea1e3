"""The rules that a Rollout must keep by itself, whatever it refers to.

In: a Rollout's view and the installed plugins. Out: Problems, first those of Argo Rollouts, in its order and words.
Called for the InvalidSpec condition and by `gradatim validate`. S-numbers are those of the reference's rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gradatim.model.reading import Json, Reader
from gradatim.model.rollout import Rollout
from gradatim.model.selector import is_empty
from gradatim.model.workloadref import read_workload_ref
from gradatim.plugin import FieldPath, Problem

from .analysis import setting_problems
from .blue_green import blue_green_problems
from .canary import canary_problems
from .labels import selector_problems
from .plugins import Plugins
from .pods import pod_template_problems
from .wording import invalid, not_negative, required

_SPEC: Final = FieldPath("spec")


def rollout_problems(rollout: Rollout, plugins: Plugins) -> Iterator[Problem]:
    """What is wrong with the Rollout's spec, each fault once. Never raises."""
    yield from dict.fromkeys(_problems(rollout, plugins))


def _problems(rollout: Rollout, plugins: Plugins) -> Iterator[Problem]:
    yield from fault_problems(rollout)
    yield from setting_problems(rollout.meta.annotations, FieldPath("metadata", "annotations"))
    yield from not_negative(_SPEC / "replicas", rollout.replicas)
    if rollout.workload_ref is None:
        yield from _selector_problems(rollout)
    yield from _workload_problems(rollout)
    yield from _template_problems(rollout)
    yield from _number_problems(rollout)
    yield from _strategy_problems(rollout, plugins)


def fault_problems(rollout: Rollout) -> Iterator[Problem]:
    """Values of a wrong type. Those of the status are not the author's, and do not stop a release."""
    for fault in rollout.faults:
        if fault.path[:1] != ("status",):
            yield Problem(FieldPath(*fault.path), fault.message)


def _written(rollout: Rollout) -> Reader:
    """`spec` as its author wrote it, without what a reference brought in."""
    return Reader(rollout.raw).object("spec")


def _selector_problems(rollout: Rollout) -> Iterator[Problem]:
    path = _SPEC / "selector"
    if not rollout.selector and not _written(rollout).has("selector"):
        yield required(path, "Rollout has missing field '.spec.selector'")
        return
    yield from selector_problems(rollout.selector, path)
    if is_empty(rollout.selector):
        # the reference names the wrong kind here, and tools know the sentence
        yield invalid(path, rollout.selector, "empty selector is invalid for deployment")


def _workload_problems(rollout: Rollout) -> Iterator[Problem]:
    ref = read_workload_ref(rollout.workload_ref or {})
    if ref.written_version and not ref.api_version:
        kinds = '"Deployment", "ReplicaSet", "PodTemplate"'
        detail = f'Unsupported value: "{ref.kind[:64]}": supported values: {kinds}'
        yield Problem(_SPEC / "workloadRef" / "kind", detail)


def _template_problems(rollout: Rollout) -> Iterator[Problem]:
    path, written = _SPEC / "template", _written(rollout).json("template")
    if rollout.workload_ref is not None:
        if _has_metadata(written):
            detail = "template must be empty for workload reference rollout"
            yield Problem(path, f"Internal error: {detail}")
            return
        if not rollout.template or rollout.template == written:
            # what it refers to is not known here
            return
    if any(selector_problems(rollout.selector, _SPEC / "selector")):
        return
    yield from pod_template_problems(rollout.template, rollout.selector, path)


def _has_metadata(template: Json) -> bool:
    metadata = Reader(template).object("metadata")
    return bool(metadata.json("labels") or metadata.json("annotations"))


def _number_problems(rollout: Rollout) -> Iterator[Problem]:
    deadline, least = rollout.progress_deadline, rollout.min_ready_seconds
    yield from not_negative(_SPEC / "minReadySeconds", least)
    yield from not_negative(_SPEC / "revisionHistoryLimit", rollout.revision_history_limit)
    path = _SPEC / "progressDeadlineSeconds"
    yield from not_negative(path, deadline)
    if deadline <= least:
        yield invalid(path, deadline, "must be greater than minReadySeconds")


def _strategy_problems(rollout: Rollout, plugins: Plugins) -> Iterator[Problem]:
    path = _SPEC / "strategy"
    if rollout.blue_green is None and rollout.canary is None:
        missing = ".spec.strategy.canary or .spec.strategy.blueGreen"
        yield required(path, f"Rollout has missing field '{missing}'")
    elif rollout.blue_green is not None and rollout.canary is not None:
        both = "blueGreen: true canary: true"
        yield invalid(path, both, "Multiple Strategies can not be listed")
    elif rollout.blue_green is not None:
        yield from blue_green_problems(rollout, rollout.blue_green, path / "blueGreen")
    elif rollout.canary is not None:
        yield from canary_problems(rollout, rollout.canary, plugins)
