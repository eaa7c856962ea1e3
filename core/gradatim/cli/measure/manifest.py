"""The AnalysisRun that a file and the command line describe, made as the controller would make it.

In: the text of a file, and what was asked for. Out: the run as JSON. Pure, but for the plugins that validate it.
Called by the command, before anything is asked of anybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ...decide.analysis import Identity, analysis_run, flatten, gather
from ...errors import SetupError
from ...model import names
from ...model.analysis import Template, parse_template
from ...plugin import Json
from ...validate.documents import Document, read_documents

_GROUP: Final = "argoproj.io/"
_TEMPLATES: Final = ("AnalysisTemplate", "ClusterAnalysisTemplate")
_RUN: Final = "AnalysisRun"
#: What a metric is without for one measurement: it ends with the first answer, whatever that is.
_REPEATS: Final = ("interval", "initialDelay", "count", "consecutiveSuccessLimit")
_LIMITS: Final = ("failureLimit", "inconclusiveLimit", "consecutiveErrorLimit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the command line says of the run.

    Attributes:
        name: of the object in the file; "": there is one only.
        metrics: names of those to measure; none: all.
        args: values of arguments, which win over those in the file.
        namespace: of the run; "": the object's own.
        as_run: True: with intervals, counts and limits. False: one measurement of each metric.
    """

    name: str = ""
    metrics: tuple[str, ...] = ()
    args: Mapping[str, str] = field(default_factory=dict)
    namespace: str = ""
    as_run: bool = False


def pairs(texts: Iterable[str]) -> dict[str, str]:
    """`NAME=VALUE` as names and values.

    Raises:
        SetupError: one is something else.
    """
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise SetupError(f"--arg {text}: must be NAME=VALUE")
        found[name] = value
    return found


def run_of(text: str, wanted: Wanted, file: str) -> Json:
    """The run.

    Raises:
        SetupError: the file holds no such object, or no run can be made of it; all that is wrong with it, in one line.
    """
    objects = _objects(text, file)
    chosen = _chosen(objects, wanted.name, file)
    made = (
        _of_run(chosen, wanted)
        if chosen.get("kind") == _RUN
        else _of_template(chosen, objects, wanted, file)
    )
    spec = {**made["spec"], "metrics": _metrics(made["spec"].get("metrics"), wanted)}
    metadata: Json = {"name": "measure", "uid": "", **made["metadata"]}
    metadata["namespace"] = wanted.namespace or metadata.get("namespace") or "default"
    metadata.pop("ownerReferences", None)
    run = {"apiVersion": f"{_GROUP}v1alpha1", "kind": _RUN, "metadata": metadata, "spec": spec}
    return run if wanted.as_run else _once(run)


def _objects(text: str, file: str) -> list[Json]:
    found: list[Any] = []
    for item in read_documents(text):
        if not isinstance(item, Document):
            raise SetupError(f"{file}: line {item.line}: {item.message}")
        value = item.value
        items = (
            value.get("items") if isinstance(value, dict) and value.get("kind") == "List" else None
        )
        found += items if isinstance(items, list) else [value]
    return [
        each
        for each in found
        if isinstance(each, dict)
        and str(each.get("apiVersion", "")).startswith(_GROUP)
        and each.get("kind") in (*_TEMPLATES, _RUN)
    ]


def _chosen(objects: list[Json], name: str, file: str) -> Json:
    """The one of that name; without a name the one that no other refers to."""
    inner = {ref for each in objects for ref in parse_template(each).templates}
    named = [
        each
        for each in objects
        if (_name(each) == name if name else parse_template(each).ref not in inner)
    ]
    match named:
        case [one]:
            return one
        case []:
            what = (
                f"no AnalysisTemplate or AnalysisRun {name!r}"
                if name
                else ("no AnalysisTemplate, ClusterAnalysisTemplate or AnalysisRun")
            )
            raise SetupError(f"{file}: there is {what} in it")
        case _:
            shown = ", ".join(f"{each['kind']} {_name(each)}" for each in named)
            raise SetupError(f"{file}: which one? --object NAME, of {shown}")


def _name(raw: Json) -> str:
    return parse_template(raw).meta.name


def _of_template(chosen: Json, objects: list[Json], wanted: Wanted, file: str) -> Json:
    known = {
        parse_template(each).ref: parse_template(each)
        for each in objects
        if each["kind"] in _TEMPLATES
    }
    template = parse_template(chosen)
    gathered = gather([template.ref], known.get)
    if gathered.missing or gathered.cycles:
        refs = ", ".join(map(str, gathered.missing or gathered.cycles))
        raise SetupError(
            f"{file}: {refs} {'is not in it' if gathered.missing else 'refers back to itself'}"
        )
    _check_names(wanted.args, _declared(gathered.templates))
    provided = [{"name": name, "value": value} for name, value in wanted.args.items()]
    spec = flatten(gathered.templates, provided, (), ())
    if isinstance(spec, list):
        raise SetupError("; ".join(_advised(problem.message) for problem in spec))
    identity = Identity(
        name=template.meta.name, namespace=template.meta.namespace, owner={"metadata": {}}
    )
    return analysis_run(identity, spec)


def _declared(templates: Iterable[Template]) -> list[str]:
    return [arg.name for template in templates for arg in template.args]


def _advised(message: str) -> str:
    """`args.x was not resolved`, with what to do about it."""
    name = message.removeprefix("args.").removesuffix(" was not resolved")
    return f"argument {name!r} has no value: --arg {name}=…" if name != message else message


def _of_run(chosen: Json, wanted: Wanted) -> Json:
    spec = dict(chosen["spec"]) if isinstance(chosen.get("spec"), dict) else {}
    args = spec.get("args")
    told = [dict(arg) for arg in args if isinstance(arg, dict)] if isinstance(args, list) else []
    _check_names(wanted.args, [str(arg.get("name", "")) for arg in told])
    for arg in told:
        if arg.get("name") in wanted.args:
            arg.pop("valueFrom", None)
            arg["value"] = wanted.args[str(arg["name"])]
    metadata = chosen.get("metadata")
    spec.pop("terminate", None)
    return {
        "metadata": dict(metadata) if isinstance(metadata, dict) else {},
        "spec": {**spec, "args": told},
    }


def _check_names(args: Mapping[str, str], declared: list[str]) -> None:
    for name in args:
        if name not in declared:
            known = f"there are {', '.join(declared)}" if declared else "there are none"
            raise SetupError(f"--arg {name}: no such argument; {known}")


def _metrics(metrics: object, wanted: Wanted) -> list[Json]:
    found = (
        [each for each in metrics if isinstance(each, dict)] if isinstance(metrics, list) else []
    )
    told = [str(each.get("name", "")) for each in found]
    for name in wanted.metrics:
        if name not in told:
            raise SetupError(
                f"--metric {name}: no such metric; there are {', '.join(told) or 'none'}"
            )
    return [each for each in found if not wanted.metrics or each.get("name") in wanted.metrics]


def _once(run: Json) -> Json:
    """The run with one measurement of each metric, all of which count."""
    metrics = [
        {key: value for key, value in metric.items() if key not in (*_REPEATS, *_LIMITS)}
        | {"count": 1, "consecutiveErrorLimit": 0}
        for metric in run["spec"]["metrics"]
    ]
    spec = {"metrics": metrics, "args": run["spec"].get("args") or []}
    metadata = dict(run["metadata"])
    annotations = metadata.get("annotations")
    if isinstance(annotations, dict):
        metadata["annotations"] = {
            key: value for key, value in annotations.items() if not _asks_again(key, value)
        }
    return {**run, "metadata": metadata, "spec": spec}


def _asks_again(annotation: str, value: object) -> bool:
    """One answer, or none, is all that is wanted here."""
    if annotation == names.ON_PROVIDER_ERROR:
        return True
    return annotation == names.ON_NO_DATA and "retry" in str(value)
