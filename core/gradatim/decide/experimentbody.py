"""The Experiment that a step of a canary asks for, as the object to create.

In: the step and the revisions that its templates name. Out: the object's JSON. Called by `experiments.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..model import names
from ..model.reading import Json, Reader
from ..model.workload import ReplicaSet
from .analysis import resolve_arguments
from .analysis.creation import plain
from .analysis.policy import run_settings
from .creation import owner_reference
from .draft import Draft

#: What `specRef` of a template can be.
STABLE, CANARY = "stable", "canary"


def experiment_body(
    draft: Draft, step: Reader, stable: ReplicaSet, new: ReplicaSet, index: int
) -> Json:
    """The Experiment of a step, under the first name that it may have."""
    rollout, revision = draft.rollout, str(new.revision)
    spec: Json = {
        "templates": list(_templates(step, {STABLE: stable, CANARY: new})),
        "analyses": list(_analyses(draft, step, stable)),
        "progressDeadlineSeconds": Reader(rollout.raw)
        .object("spec")
        .raw.get("progressDeadlineSeconds"),
    }
    for key in ("duration", "dryRun", "analysisRunMetadata", "scaleDownDelaySeconds"):
        spec[key] = step.raw.get(key)
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Experiment",
        "metadata": {
            "name": f"{rollout.name}-{draft.pod_hash}-{revision}-{index}",
            "namespace": rollout.namespace,
            "labels": {**rollout.meta.labels, names.POD_HASH: draft.pod_hash},
            "annotations": {**run_settings(rollout.meta.annotations, ()), names.REVISION: revision},
            "ownerReferences": [owner_reference(rollout)],
        },
        "spec": {key: value for key, value in spec.items() if value not in (None, [], {}, "")},
    }


def same_experiment(there: Json, body: Json) -> bool:
    """Both run just the same. Whether one was told to end does not count."""
    specs = [
        {key: value for key, value in Reader(each).json("spec").items() if key != "terminate"}
        for each in (there, body)
    ]
    return bool(plain(specs[0]) == plain(specs[1]))


def _templates(step: Reader, sets: dict[str, ReplicaSet]) -> Iterator[Json]:
    for wanted in step.objects("templates"):
        found = sets.get(wanted.text("specRef"))
        if found is not None:
            yield _template(wanted, found)


def _template(wanted: Reader, of: ReplicaSet) -> Json:
    """One set of pods: those of a revision, with what the step changes in labels, annotations and selector."""
    metadata, own = wanted.object("metadata"), Reader(of.template).object("metadata")
    labels = metadata.texts("labels")
    selector = wanted.json("selector") or Reader(of.raw).object("spec").json("selector")
    matched = {**Reader(selector).texts("matchLabels"), **labels}
    texts = {
        "labels": {**own.texts("labels"), **labels},
        "annotations": {**own.texts("annotations"), **metadata.texts("annotations")},
    }
    result: Json = {
        "name": wanted.text("name"),
        "selector": {**selector, "matchLabels": matched} if matched else selector,
        "template": {**of.template, "metadata": {k: v for k, v in texts.items() if v}},
    }
    if wanted.has("replicas"):
        result["replicas"] = wanted.number("replicas")
    if of.min_ready_seconds:
        result["minReadySeconds"] = of.min_ready_seconds
    if wanted.has("service") or wanted.has("weight"):
        # a weight is a router's, and that sends to Services
        name = wanted.object("service").text("name")
        result["service"] = {"name": name} if name else {}
    return result


def _analyses(draft: Draft, step: Reader, stable: ReplicaSet) -> Iterator[Json]:
    for wanted in step.objects("analyses"):
        args, _ = resolve_arguments(
            draft.rollout.raw, _objects(wanted.list("args")), stable.pod_hash, draft.pod_hash
        )
        fields: Json = {
            "name": wanted.text("name"),
            "templateName": wanted.text("templateName"),
            "clusterScope": wanted.flag("clusterScope"),
            "requiredForCompletion": wanted.flag("requiredForCompletion"),
            "args": args,
        }
        yield {key: value for key, value in fields.items() if value not in (False, [])}


def _objects(items: Iterable[object]) -> list[Json]:
    return [item for item in items if isinstance(item, dict)]
