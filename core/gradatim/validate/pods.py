"""Pod templates of Rollouts and Experiments.

In: a pod template's JSON and the selector that must select its pods. Out: Problems in Kubernetes' words.
Called by the rules of both kinds. It holds the rules that every Kubernetes has for the template of a ReplicaSet.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gradatim.model.reading import Fault, Json, Reader
from gradatim.model.selector import selects
from gradatim.plugin import FieldPath, Problem

from .containers import container_problems
from .labels import dns_label_problems, label_problems
from .wording import duplicate, forbidden, invalid, required, unsupported

_RESTART_POLICY: Final = "Always"


def pod_template_problems(template: Json, selector: Json, path: FieldPath) -> Iterator[Problem]:
    """What is wrong with a template; `selector` is a sound one."""
    faults: list[Fault] = []
    reader = Reader(template, faults=faults)
    metadata, spec = reader.object("metadata"), reader.object("spec")
    labels = metadata.texts("labels")
    if not selects(selector, labels):
        yield invalid(
            path / "metadata" / "labels",
            labels or None,
            "`selector` does not match template `labels`",
        )
    yield from label_problems(labels, path / "metadata" / "labels")
    yield from _pod_problems(spec, path / "spec")
    # whoever reads the template notes the wrong types on the way
    yield from (Problem(FieldPath(*path.parts, *f.path), f.message) for f in dict.fromkeys(faults))


def _pod_problems(spec: Reader, path: FieldPath) -> Iterator[Problem]:
    names: set[str] = set()
    for index, volume in enumerate(spec.objects("volumes")):
        name, where = volume.text("name"), path / "volumes" / index / "name"
        if not name:
            yield required(where)
        else:
            yield from dns_label_problems(name, where)
        if name and name in names:
            yield duplicate(where, name)
        names.add(name)
    yield from container_problems(spec, frozenset(names), path)
    policy = spec.text("restartPolicy")
    if policy and policy != _RESTART_POLICY:
        yield unsupported(path / "restartPolicy", policy, [_RESTART_POLICY])
    if spec.has("activeDeadlineSeconds"):
        detail = "activeDeadlineSeconds in ReplicaSet is not Supported"
        yield forbidden(path / "activeDeadlineSeconds", detail)
    if spec.list("ephemeralContainers"):
        detail = "ephemeral containers not allowed in pod template"
        yield forbidden(path / "ephemeralContainers", detail)
