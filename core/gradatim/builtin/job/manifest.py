"""The Job of a measurement: from the metric's block to a manifest, and what is wrong with the block.

In: a `job` block, and for which measurement. Out: a Job's JSON, Problems. Pure; called by the provider and its hooks.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Final

from gradatim.plugin import FieldPath, Json, Problem, Query

#: A Job's name is a label of its pods, and so no longer than one.
LONGEST_NAME: Final = 63
METRIC: Final = "analysisrun.argoproj.io/metric-name"
RUN_NAME: Final = "analysisrun.argoproj.io/name"
RUN_NAMESPACE: Final = "analysisrun.argoproj.io/namespace"

_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_NO_NAME: Final = re.compile(r"[^a-z0-9-]+")
#: Of a digest that tells mended names apart.
_DIGITS: Final = 6
_OPEN: Final = "{{"
_QUANTITY: Final = re.compile(
    r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]+)?", re.ASCII
)
_RESTART_POLICIES: Final = ("Never", "OnFailure")


def job_name(query: Query) -> str:
    """`<uid of the run>.<metric>.<number>`, with a metric's name that no Job could have cut and mended."""
    number = str(query.number + 1)
    room = LONGEST_NAME - len(query.run_uid) - len(number) - 2
    return f"{query.run_uid}.{_part(query.metric, max(room, 1 + _DIGITS))}.{number}"


def _part(metric: str, longest: int) -> str:
    if _NAME.fullmatch(metric) and len(metric) <= longest:
        return metric
    # two metrics that begin alike would else share a Job, and its verdict
    digest = hashlib.sha256(metric.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
    mended = _NO_NAME.sub("-", metric.lower())[: longest - 1 - _DIGITS].strip("-")
    return f"{mended}-{digest}" if mended else digest


def job_of(query: Query) -> Json:
    """The Job that measures. Only what the block says, its name and what it is for."""
    metadata = _block(query.config.get("metadata"))
    notes = {
        RUN_NAME: query.run,
        RUN_NAMESPACE: query.namespace,
        METRIC: query.metric,
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": job_name(query),
            "labels": _block(metadata.get("labels")),
            "annotations": {**_block(metadata.get("annotations")), **notes},
        },
        "spec": query.config.get("spec"),
    }


def _block(value: object) -> Json:
    return dict(value) if isinstance(value, dict) else {}


def problems(config: Json, path: FieldPath) -> Iterator[Problem]:
    """What the API server would refuse of every measurement's Job."""
    spec = config.get("spec")
    if not isinstance(spec, dict):
        yield Problem(path / "spec", "is required: the spec of a Job")
        return
    template = spec.get("template")
    pod = template.get("spec") if isinstance(template, dict) else None
    where = path / "spec" / "template" / "spec"
    if not isinstance(pod, dict):
        yield Problem(where, "is required: the spec of the Job's pods")
        return
    policy = pod.get("restartPolicy")
    if policy not in _RESTART_POLICIES and not (isinstance(policy, str) and _OPEN in policy):
        yield Problem(where / "restartPolicy", "must be Never or OnFailure in a Job")
    yield from _container_problems(pod.get("containers"), where / "containers")
    for field in ("containers", "initContainers"):
        yield from _quantity_problems(pod.get(field), where / field)


def _container_problems(containers: object, path: FieldPath) -> Iterator[Problem]:
    if not isinstance(containers, list) or not containers:
        yield Problem(path, "is required: at least one container")
        return
    for index, container in enumerate(containers):
        for field in ("name", "image"):
            if not isinstance(container, dict) or not container.get(field):
                yield Problem(path / index / field, "is required")


def _quantity_problems(containers: object, path: FieldPath) -> Iterator[Problem]:
    for index, container in enumerate(containers if isinstance(containers, list) else []):
        resources = _block(_block(container).get("resources"))
        for part in ("requests", "limits"):
            for name, amount in _block(resources.get(part)).items():
                if not _is_quantity(amount):
                    where = path / index / "resources" / part / str(name)
                    yield Problem(where, "must be a quantity such as 100m or 1.5Gi")


def _is_quantity(amount: object) -> bool:
    """Also null, and text with arguments in it: what they will be is not known yet."""
    if isinstance(amount, str):
        return _OPEN in amount or _QUANTITY.fullmatch(amount) is not None
    return amount is None or (isinstance(amount, int | float) and not isinstance(amount, bool))
